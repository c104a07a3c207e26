// Subscriptions through Hive Gateway, which receives them as an event stream and over a
// WebSocket. Clients are npm's graphql-sse. Apollo Gateway has no subscriptions.

import assert from 'node:assert/strict';

import { createClient } from 'graphql-sse';

import { heard } from './live.mjs';
import { otherwise } from './tokens.mjs';

const OWN = 'subscription { sessionEvents { kind session { id } } }';
const AUDIT = 'subscription { auditEvents { action subject { email invoices { amount } } } }';
const SESSIONS = '{ me { sessions { nodes { id current } } } }';
const LOGOUT = 'mutation { logout { __typename } }';

/** A subscriber at a gateway: the messages in order, then `end`. */
function listen(url, query, token) {
  const client = createClient({ url, retryAttempts: 0, headers: token && { authorization: `Bearer ${token}` } });
  const { add, next } = heard();
  const dispose = client.subscribe(
    { query },
    {
      next: add,
      error(error) {
        add({ errors: [error] });
        add('end');
      },
      complete: () => add('end'),
    },
  );
  return { next, dispose };
}

/** The last message before the end: the codes of its errors, or the errors without codes. */
async function lastOf({ next }) {
  let last;
  for (let said = await next(); said !== 'end'; said = await next()) last = said;
  const codes = (last?.errors ?? []).map(({ extensions }) => extensions?.code).filter(Boolean);
  return codes.length > 0 ? codes : last?.errors;
}

/** The first event. Subscribing is not acknowledged, so `cause` is repeated until one arrives. */
async function first({ next }, cause) {
  const event = next();
  let found;
  event.then((heard) => (found = heard), (error) => (found = error));
  while (found === undefined) {
    await cause();
    await Promise.race([event, new Promise((passed) => setTimeout(passed, 200))]);
  }
  assert.equal(found.errors, undefined, JSON.stringify(found));
  return found.data;
}

async function judgeWay(gateway, url, way, makeRole, check) {
  const says = (sentence) => `hive, over ${way}: ${sentence}`;
  const signIn = (name) => gateway.signIn(name);
  const sessionOf = async (token) => {
    const { data } = await gateway.ask(SESSIONS, { token });
    return data.me.sessions.nodes.find(({ current }) => current).id;
  };

  await check(says('a sign-in elsewhere is told, and the end of the session ends it'), async () => {
    const { accessToken: token } = await signIn('ada');
    const listening = listen(url, OWN, token);
    const { sessionEvents } = await first(listening, () => signIn('ada'));
    assert.equal(sessionEvents.kind, 'SIGNED_IN');
    await gateway.ask(LOGOUT, { token });
    const last = await lastOf(listening);
    // Hive makes an error without words of a socket that is closed.
    assert.ok(way === 'socket' ? last.length > 0 : last[0] === 'UNAUTHENTICATED', JSON.stringify(last));
  });

  await check(says('concurrent subscribers receive only their own events'), async () => {
    const people = ['ada', 'bob', 'grace'];
    const tokens = await Promise.all(people.map(async (who) => (await signIn(who)).accessToken));
    const listening = tokens.map((token) => listen(url, OWN, token));
    for (const [index, who] of people.entries()) {
      const begun = new Set();
      const data = await first(listening[index], async () => {
        begun.add(await sessionOf((await signIn(who)).accessToken));
      });
      assert.ok(begun.has(data.sessionEvents.session.id), `${who} received an event of another user`);
      listening[index].dispose();
    }
  });

  await check(says('an event is joined with what another subgraph knows'), async () => {
    const { accessToken: token } = await signIn('root');
    const listening = listen(url, AUDIT, token);
    const { auditEvents } = await first(listening, () => signIn('ada'));
    assert.deepEqual(Object.keys(auditEvents.subject), ['email', 'invoices']);
    listening.dispose();
  });

  await check(says('a demoted administrator receives no more events'), async () => {
    await makeRole('ADMIN');
    const listening = listen(url, AUDIT, (await signIn('bob')).accessToken);
    await first(listening, () => signIn('ada'));
    await makeRole('CLIENT');
    const last = await lastOf(listening);
    assert.ok(way === 'socket' ? last.length > 0 : last[0] === 'UNAUTHENTICATED', JSON.stringify(last));
  });

  await check(says('anonymous and unauthorized callers are refused'), async () => {
    assert.ok((await lastOf(listen(url, OWN))).includes('UNAUTHENTICATED'));
    const { accessToken } = await signIn('ada');
    assert.ok((await lastOf(listen(url, AUDIT, accessToken))).includes('FORBIDDEN'));
  });
}

export async function judgeEvents(gateway, { places }, secrets, check) {
  const makeRole = async (role) => {
    const { accessToken: token } = await gateway.signIn('root');
    const found = await gateway.ask('{ invoices(first: 2) { customer { id } } }');
    const variables = { input: { userId: found.data.invoices[1].customer.id, role } };
    const query = 'mutation ($input: SetUserRoleInput!) { setUserRole(input: $input) { __typename } }';
    const { errors } = await gateway.ask(query, { token, variables });
    assert.equal(errors, undefined, JSON.stringify(errors));
  };
  for (const events of ['stream', 'socket']) {
    await otherwise('hive', places, { ...secrets, events }, async (url) => {
      await judgeWay(gateway, url, events, makeRole, check);
    });
    // The supergraph for Apollo Gateway has no access directives, so Hive refuses no caller.
    const silent = { ...secrets, events, supergraph: 'apollo' };
    await check(`hive, over ${events}: idgate itself refuses anonymous and unauthorized callers`, () =>
      otherwise('hive', places, silent, async (url) => {
        const { accessToken } = await gateway.signIn('ada');
        const refused = await lastOf(listen(url, AUDIT, accessToken));
        if (events === 'stream') {
          assert.deepEqual(refused, ['FORBIDDEN']);
          assert.deepEqual(await lastOf(listen(url, OWN)), ['UNAUTHENTICATED']);
        } else {
          // Hive hides what a socket says. One that is closed with 4403 it opens again and again,
          // for half a minute, before it gives a stranger up.
          assert.deepEqual(refused, ['INTERNAL_SERVER_ERROR']);
        }
      }));
    await check(`hive, over ${events}: without the secret it hears nothing`, () =>
      otherwise('hive', places, { events, secret: 'x'.repeat(40) }, async (url) => {
        const { accessToken } = await gateway.signIn('ada');
        const last = await lastOf(listen(url, OWN, accessToken));
        assert.ok(last?.length > 0, JSON.stringify(last));
      }));
  }
}
