// Subscriptions with npm's graphql-ws and graphql-sse.

import assert from 'node:assert/strict';

import { createClient as createStreamClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import WebSocket from 'ws';

const PASSWORD = 'violet harbour 417 kettle';
const SIGNED_IN = '__typename ... on SignedIn { accessToken refreshToken user { id } }';
const EVENTS = 'subscription Live { sessionEvents { kind reason session { id } } }';
const DEADLINE = 60_000;

// A queue of what arrives, to be waited for.
export function heard() {
  const arrived = [];
  const waiting = [];
  return {
    add(value) {
      const next = waiting.shift();
      if (next) next(value);
      else arrived.push(value);
    },
    next() {
      if (arrived.length > 0) return Promise.resolve(arrived.shift());
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('nothing was heard in time')), DEADLINE);
        waiting.push((value) => {
          clearTimeout(timer);
          resolve(value);
        });
      });
    },
  };
}

export async function judgeLive({ address, check }) {
  async function ask(query, variables, token) {
    const headers = { 'content-type': 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    const body = JSON.stringify({ query, variables });
    const answer = await fetch(`${address}/graphql`, { method: 'POST', headers, body });
    const { data, errors } = await answer.json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    return Object.values(data)[0];
  }

  const email = (name) => `${name}@live.example`;
  const register = (name) =>
    ask(
      `mutation ($input: RegisterInput!) { register(input: $input) { ${SIGNED_IN} } }`,
      { input: { email: email(name), password: PASSWORD, firstName: 'L', lastName: 'V' } },
    );
  const login = (name) =>
    ask(`mutation ($input: LoginInput!) { login(input: $input) { ${SIGNED_IN} } }`, {
      input: { emailOrPhone: email(name), password: PASSWORD },
    });
  const logout = (token) => ask('mutation { logout { __typename } }', {}, token);
  const refresh = (token) =>
    ask(`mutation ($input: RefreshSessionInput) { refreshSession(input: $input) { ${SIGNED_IN} } }`, {
      input: { refreshToken: token },
    });

  // A client of graphql-ws with what happens to its connection.
  function socketClient(token, options = {}) {
    const connection = heard();
    const client = createSocketClient({
      url: `${address.replace('http', 'ws')}/graphql/ws`,
      webSocketImpl: WebSocket,
      lazy: true,
      retryAttempts: 0,
      connectionParams: () => ({ Authorization: `Bearer ${token()}` }),
      on: {
        connected: () => connection.add('connected'),
        closed: (event) => connection.add(event.code),
      },
      ...options,
    });
    return { client, connection };
  }

  function subscribe(client, query = EVENTS, variables = {}) {
    const events = heard();
    const dispose = client.subscribe(
      { query, variables },
      {
        next: (result) => events.add(result),
        error: (error) => events.add(error),
        complete: () => events.add('complete'),
      },
    );
    return { events, dispose };
  }

  // There is no answer to a subscription: signs in until the first event is heard.
  async function firstEvent(name, events) {
    const first = events.next();
    let found;
    first.then((event) => (found = event), () => {});
    while (found === undefined) {
      await login(name);
      await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 200))]);
    }
    assert.equal(found.data?.sessionEvents?.kind, 'SIGNED_IN', JSON.stringify(found));
  }

  await check('graphql-ws hears a sign-in and is closed with 4401 when its session ends', async () => {
    const { accessToken } = await register('socket');
    const { client, connection } = socketClient(() => accessToken);
    const { events } = subscribe(client);
    assert.equal(await connection.next(), 'connected');
    await firstEvent('socket', events);
    await logout(accessToken);
    assert.equal(await connection.next(), 4401);
    let last = await events.next();
    while (last?.data) last = await events.next();
    assert.equal(last.code, 4401, 'the client gives up');
  });

  await check('graphql-ws is told of a refusal without losing its connection', async () => {
    const { accessToken } = await register('refused');
    const { client } = socketClient(() => accessToken);
    const { events } = subscribe(client, 'subscription { auditEvents { id } }');
    const [error] = await events.next();
    assert.equal(error.extensions.code, 'FORBIDDEN');
    const second = subscribe(client);
    await firstEvent('refused', second.events);
    second.dispose();
    assert.equal(await second.events.next(), 'complete');
    await client.dispose();
  });

  await check('graphql-ws comes back with another token where the first is refused', async () => {
    const { refreshToken } = await register('renewed');
    let token = 'expired';
    const { client, connection } = socketClient(() => token, {
      retryAttempts: 3,
      retryWait: async () => {
        ({ accessToken: token } = await refresh(refreshToken));
      },
      shouldRetry: (event) => event?.code === 4403,
    });
    const { events, dispose } = subscribe(client);
    assert.equal(await connection.next(), 4403);
    assert.equal(await connection.next(), 'connected');
    await firstEvent('renewed', events);
    dispose();
  });

  await check('graphql-sse hears a sign-in, and the end of its session as an error', async () => {
    const { accessToken } = await register('stream');
    const client = createStreamClient({
      url: `${address}/graphql/stream`,
      retryAttempts: 0,
      headers: { authorization: `Bearer ${accessToken}` },
    });
    const { events } = subscribe(client);
    await firstEvent('stream', events);
    await logout(accessToken);
    let last = await events.next();
    while (last?.data) last = await events.next();
    assert.equal(last.errors?.[0]?.extensions?.code, 'UNAUTHENTICATED', JSON.stringify(last));
    assert.equal(await events.next(), 'complete');
  });

  await check('graphql-sse is told of a refusal', async () => {
    const client = createStreamClient({ url: `${address}/graphql/stream`, retryAttempts: 0 });
    const { events } = subscribe(client);
    const refused = await events.next();
    assert.equal(refused.errors?.[0]?.extensions?.code, 'UNAUTHENTICATED');
    assert.equal(await events.next(), 'complete');
  });
}
