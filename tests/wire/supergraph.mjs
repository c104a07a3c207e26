// examples/supergraph, started as a person would, and judged through both of its gateways.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';

import { judgeEvents } from './events.mjs';
import { start } from './processes.mjs';
import { elsewhereToken, forgeries, otherwise } from './tokens.mjs';

const PASSWORD = 'violet harbour 417 kettle';
const ROUTER_SECRET = 'the-router-secret-of-the-wire-judges-417';
const FINANCE_SECRET = 'the-finance-secret-of-the-wire-judges-417';
const CUSTOMERS = 100;
const AGENT = 'wire-judge/1.0';

const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { ... on SignedIn { accessToken refreshToken } ... on Problem { code } }
}`;
const REFRESH = `mutation ($input: RefreshSessionInput!) {
  refreshSession(input: $input) { ... on SignedIn { accessToken user { email } } ... on Problem { code } }
}`;
const SET_ROLE = `mutation ($input: SetUserRoleInput!) {
  setUserRole(input: $input) { __typename ... on Problem { code } }
}`;

// No response may contain the secret.
const answers = [];

async function post(url, body, headers = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': AGENT, ...headers },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  answers.push(text);
  return { status: answer.status, ...JSON.parse(text) };
}

/** The running example: its addresses, and what its gateways have asked of the subgraphs. */
async function startExample() {
  const asked = [];
  const places = {};
  let introduced;
  const introduction = new Promise((resolve) => (introduced = resolve));
  const program = start(
    'examples/supergraph/run',
    ['--gateway', 'both', '--customers', String(CUSTOMERS), '--trace'],
    {
      env: { ROUTER_SECRET, FINANCE_SECRET, IDGATE: process.env.WIRE_GATEWAY },
      onLine(line) {
        const [, name, place] = /^(\w+) +(http\S+|\/\S+)$/.exec(line) ?? [];
        if (name) places[name] = place;
        if (line.startsWith('asked ')) asked.push(JSON.parse(line.slice(6)));
        if (line.includes('Ctrl-C')) introduced();
      },
    },
  );
  const early = program.ended.then((code) => {
    throw new Error(`it ended with ${code}:\n${program.output()}`);
  });
  await Promise.race([introduction, early]);
  early.catch(() => {});
  return { places, asked, stop: program.stop, ended: program.ended };
}

/** One gateway, as a client sees it. */
class Gateway {
  constructor(name, { places, asked }) {
    this.name = name;
    this.url = places[name];
    this.asked = asked;
  }

  ask(query, { token, variables, headers } = {}) {
    const authorization = token && { authorization: `Bearer ${token}` };
    return post(this.url, { query, variables }, { ...authorization, ...headers });
  }

  async signIn(name, headers) {
    const input = { emailOrPhone: `${name}@example.com`, password: PASSWORD };
    const { data, errors } = await this.ask(LOGIN, { variables: { input }, headers });
    assert.ok(data?.login?.accessToken, JSON.stringify({ data, errors }));
    return data.login;
  }

  /** What `action` gives, and the requests to subgraphs that it led to. */
  async watch(action) {
    const before = await this.askedUntilNow();
    const result = await action();
    return { ...result, asked: (await this.askedUntilNow()).slice(before.length) };
  }

  // Lines arrive in their order: once that of a request of our own is there, all before it are.
  async askedUntilNow() {
    const mine = () => this.asked.filter(({ gateway }) => gateway === this.name);
    const isMark = ({ fields }) => fields.includes('authConfig');
    const marks = mine().filter(isMark).length;
    await this.ask('{ authConfig { __typename } }');
    while (mine().filter(isMark).length === marks) await new Promise((turn) => setTimeout(turn, 10));
    return mine().filter((request) => !isMark(request));
  }
}

const codes = ({ errors = [] }) => [...new Set(errors.map(({ extensions }) => extensions?.code))];

async function judgeReading(gateway, check) {
  const { name } = gateway;
  await check(`${name}: strangers see who was billed, as far as strangers may`, async () => {
    const { data, errors } = await gateway.ask('{ invoices(first: 2) { customer { firstName role } } }');
    assert.equal(errors, undefined);
    const seen = data.invoices.map(({ customer }) => customer);
    assert.deepEqual(seen, [{ firstName: 'Ada', role: 'CLIENT' }, { firstName: 'Bob', role: 'CLIENT' }]);
  });
  await check(`${name}: strangers see no address, and are told so`, async () => {
    const answer = await gateway.ask('{ invoices(first: 1) { customer { firstName email } } }');
    assert.deepEqual(answer.data.invoices, [{ customer: { firstName: 'Ada', email: null } }]);
    assert.deepEqual(codes(answer), ['FORBIDDEN']);
    assert.deepEqual(answer.errors[0].path, ['invoices', 0, 'customer', 'email']);
  });
  await check(`${name}: ${CUSTOMERS} customers are one request to idgate`, async () => {
    const query = `{ invoices(first: ${CUSTOMERS}) { customer { firstName } } }`;
    const { data, asked } = await gateway.watch(() => gateway.ask(query));
    assert.equal(data.invoices.filter(({ customer }) => customer.firstName).length, CUSTOMERS);
    const ofIdgate = asked.filter(({ subgraph }) => subgraph === 'idgate');
    assert.deepEqual(ofIdgate.map(({ representations }) => representations), [CUSTOMERS]);
  });
  await check(`${name}: neither _service nor _entities are in the graph`, async () => {
    for (const query of ['{ _service { sdl } }', '{ _entities(representations: []) { __typename } }']) {
      const answer = await gateway.ask(query);
      assert.deepEqual([answer.data, codes(answer)], [undefined, ['GRAPHQL_VALIDATION_FAILED']]);
    }
  });
}

async function judgeSession(gateway, check) {
  const { name } = gateway;
  await check(`${name}: a person reads their own across both subgraphs`, async () => {
    const { accessToken } = await gateway.signIn('ada');
    const query = '{ me { email invoices { amount } } myInvoices { customer { email } } }';
    const { data, errors } = await gateway.ask(query, { token: accessToken });
    assert.equal(errors, undefined);
    assert.deepEqual(data.me, { email: 'ada@example.com', invoices: [{ amount: 1000 }] });
    assert.deepEqual(data.myInvoices, [{ customer: { email: 'ada@example.com' } }]);
  });
  await check(`${name}: a session is refreshed, and not by what is no refresh token`, async () => {
    const { refreshToken } = await gateway.signIn('ada');
    const refresh = async (token) => {
      const variables = { input: { refreshToken: token } };
      return (await gateway.ask(REFRESH, { variables })).data.refreshSession;
    };
    const { accessToken, user } = await refresh(refreshToken);
    assert.equal(user.email, 'ada@example.com');
    assert.equal((await gateway.ask('{ me { firstName } }', { token: accessToken })).data.me.firstName, 'Ada');
    assert.equal((await refresh('no such token')).code, 'TOKEN_INVALID');
  });
  await check(`${name}: a wrong password is the refusal that idgate gives, as data`, async () => {
    const input = { emailOrPhone: 'ada@example.com', password: 'not the one' };
    const { data, errors } = await gateway.ask(LOGIN, { variables: { input } });
    assert.deepEqual([data.login.code, errors], ['INVALID_CREDENTIALS', undefined]);
  });
  await check(`${name}: a session shows the person's program and address, and none that they invent`, async () => {
    const { accessToken } = await gateway.signIn('ada', { 'x-forwarded-for': '203.0.113.9' });
    const query = '{ me { sessions { nodes { current userAgent ipAddress } } } }';
    const { data } = await gateway.ask(query, { token: accessToken });
    const { userAgent, ipAddress } = data.me.sessions.nodes.find(({ current }) => current);
    assert.deepEqual([userAgent, ipAddress], [AGENT, '127.0.0.1']);
  });
  await check(`${name}: headers of the gateway that a client forges are dropped`, async () => {
    const ada = await gateway.ask('{ invoices(first: 1) { customer { id } } }');
    const headers = {
      'finance-caller-id': ada.data.invoices[0].customer.id,
      'finance-caller-scope': 'sales:read',
      'idgate-router-secret': 'not the secret',
    };
    const answer = await gateway.ask('{ invoices(first: 1) { amount customer { firstName } } }', { headers });
    assert.deepEqual(answer.data.invoices, [{ amount: null, customer: { firstName: 'Ada' } }]);
    assert.deepEqual(codes(answer), ['FORBIDDEN']);
  });
}

async function judgeMixtures(gateway, example, check) {
  const { name } = gateway;
  await check(`${name}: concurrent identical requests get each user's own data`, async () => {
    const people = ['ada', 'bob', 'grace', 'root'];
    const tokens = await Promise.all(people.map(async (who) => (await gateway.signIn(who)).accessToken));
    for (let round = 0; round < 10; round += 1) {
      const asking = tokens.map((token) => gateway.ask('{ me { email } }', { token }));
      const emails = (await Promise.all(asking)).map(({ data }) => data.me.email);
      assert.deepEqual(emails, people.map((who) => `${who}@example.com`));
    }
  });
  await check(`${name}: many guesses in one request are refused before any subgraph is asked`, async () => {
    const guess = 'login(input: { emailOrPhone: "ada@example.com", password: "a guess" }) { __typename }';
    for (const query of [
      `mutation { a: ${guess} b: ${guess} }`,
      `mutation { ...F ...G } fragment F on Mutation { a: ${guess} } fragment G on Mutation { b: ${guess} }`,
      `mutation { ... on Mutation { a: ${guess} } ... { b: ${guess} } }`,
    ]) {
      const answer = await gateway.watch(() => gateway.ask(query));
      assert.deepEqual([answer.data, answer.asked], [undefined, []]);
    }
  });
  await check(`${name}: without the secret it gets nothing of idgate, and says why`, () =>
    otherwise(name, example.places, { secret: 'x'.repeat(40) }, async (url) => {
      const answer = await post(url, { query: '{ me { firstName } }' });
      assert.deepEqual([answer.data, codes(answer)], [{ me: null }, ['FORBIDDEN']]);
    }));
}

async function judgeScopes(gateway, enforces, check) {
  const { name } = gateway;
  const who = enforces ? `${name} itself` : 'the subgraph';
  // Clients cannot tell who refused; the requests to subgraphs can.
  const refused = async (query, token, code, subgraph) => {
    const answer = await gateway.watch(() => gateway.ask(query, { token }));
    assert.deepEqual(Object.values(answer.data ?? {}).filter(Boolean), []);
    assert.deepEqual(codes(answer), [code]);
    assert.deepEqual(answer.asked.map((request) => request.subgraph), enforces ? [] : [subgraph]);
  };
  await check(`${name}: payouts are refused to a client by ${who}, and given to sales staff`, async () => {
    const query = '{ payouts { amount vendor { name } } }';
    await refused(query, undefined, 'UNAUTHENTICATED', 'finance');
    await refused(query, (await gateway.signIn('ada')).accessToken, 'FORBIDDEN', 'finance');
    const grace = await gateway.ask(query, { token: (await gateway.signIn('grace')).accessToken });
    assert.equal(grace.data.payouts.length, 2, JSON.stringify(grace));
  });
  await check(`${name}: the list of people is refused by ${who} to who may not read it`, async () => {
    const query = '{ users(first: 1) { nodes { email } } }';
    await refused(query, undefined, 'UNAUTHENTICATED', 'idgate');
    await refused(query, (await gateway.signIn('grace')).accessToken, 'FORBIDDEN', 'idgate');
    const root = await gateway.ask(query, { token: (await gateway.signIn('root')).accessToken });
    assert.equal(root.data.users.nodes.length, 1, JSON.stringify(root));
  });
  await check(`${name}: ... however the document is written`, async () => {
    const { accessToken } = await gateway.signIn('ada');
    const field = 'users(first: 1) { nodes { email } }';
    for (const query of [
      `{ people: ${field} }`,
      `{ ...F } fragment F on Query { ${field} }`,
      `{ ... on Query { ... { ${field} } } }`,
      `query ($no: Boolean = false) { ${field.replace(' {', ' @skip(if: $no) {')} }`,
      `query ($yes: Boolean = true) { ... @include(if: $yes) { ${field} } }`,
    ]) {
      await refused(query, accessToken, 'FORBIDDEN', 'idgate');
    }
  });
  await check(`${name}: a client cannot grant a role, refused by ${who}`, async () => {
    const { accessToken } = await gateway.signIn('ada');
    const query = 'mutation { setUserRole(input: { userId: "x", role: ADMIN }) { __typename } }';
    await refused(query, accessToken, 'FORBIDDEN', 'idgate');
  });
  await check(`${name}: a demoted administrator is refused by idgate at once`, async () => {
    const root = (await gateway.signIn('root')).accessToken;
    const bob = (await gateway.ask('{ invoices(first: 2) { customer { id } } }')).data.invoices[1].customer.id;
    const make = async (role) => {
      const variables = { input: { userId: bob, role } };
      const { data, errors } = await gateway.ask(SET_ROLE, { token: root, variables });
      assert.equal(data?.setUserRole?.code, undefined, JSON.stringify(errors ?? data));
    };
    await make('ADMIN');
    const token = (await gateway.signIn('bob')).accessToken;
    const query = '{ users(first: 1) { nodes { email } } }';
    assert.equal((await gateway.ask(query, { token })).data.users.nodes.length, 1);
    await make('CLIENT');
    const answer = await gateway.watch(() => gateway.ask(query, { token }));
    assert.deepEqual(codes(answer), ['UNAUTHENTICATED']);
    assert.deepEqual(answer.asked.map(({ subgraph }) => subgraph), ['idgate']);
    // Who believes the token alone does so until it expires.
    const payouts = await gateway.ask('{ payouts { amount } }', { token });
    assert.equal(payouts.data.payouts.length, 2);
  });
}

async function judgeTokens(gateway, example, check) {
  const { name } = gateway;
  const refused = async (token) => {
    const answer = await gateway.watch(() => gateway.ask('{ invoices(first: 1) { id } }', { token }));
    assert.equal(answer.data, undefined);
    // Hive answers an unknown key with an error of its own and 500.
    assert.ok(answer.status >= 400, `answered with ${answer.status}`);
    assert.deepEqual(answer.asked, []);
  };
  const { accessToken } = await gateway.signIn('ada');
  for (const [kind, forged] of Object.entries(forgeries(accessToken))) {
    await check(`${name}: ${kind} is refused before any subgraph is asked`, () => refused(forged));
  }
  await check(`${name}: a token for another audience is refused before any subgraph is asked`, async () =>
    refused(await elsewhereToken(example.places, PASSWORD)));
  await check(`${name}: a token is refused an hour later`, () =>
    otherwise(name, example.places, { ahead: true }, async (url) => {
      const query = { query: '{ __typename }' };
      assert.equal((await post(url, query)).status, 200);
      const { status, data } = await post(url, query, { authorization: `Bearer ${accessToken}` });
      assert.deepEqual([status, data], [401, undefined]);
    }));
}

async function judgeDoors({ places }, check) {
  const entities = {
    query: 'query ($of: [_Any!]!) { _entities(representations: $of) { __typename } }',
    variables: { of: [{ __typename: 'User', id: '01900000-0000-7000-8000-000000000000' }] },
  };
  const service = { query: '{ _service { sdl } }' };
  await check('the router listener answers callers with the secret', async () => {
    const { data } = await post(places.router, entities, { 'idgate-router-secret': ROUTER_SECRET });
    assert.deepEqual(data, { _entities: [null] });
  });
  for (const [who, headers] of [
    ['without the secret', {}],
    ['with a wrong one', { 'idgate-router-secret': ROUTER_SECRET.toUpperCase() }],
  ]) {
    await check(`the router listener refuses a caller ${who}`, async () => {
      for (const body of [entities, service]) {
        const answer = await post(places.router, body, headers);
        assert.deepEqual([answer.status, answer.data, codes(answer)], [403, undefined, ['FORBIDDEN']]);
      }
    });
  }
  await check('the public listener has neither _service nor _entities', async () => {
    for (const body of [entities, service]) {
      assert.deepEqual(codes(await post(places.idgate, body)), ['GRAPHQL_VALIDATION_FAILED']);
    }
  });
  await check('finance answers only the gateway', async () => {
    const { status, data } = await post(places.finance, service);
    assert.deepEqual([status, data], [403, undefined]);
  });
}

export async function judgeSupergraph({ check }) {
  const example = await startExample();
  try {
    for (const [name, enforces] of [['hive', true], ['apollo', false]]) {
      const gateway = new Gateway(name, example);
      await judgeReading(gateway, check);
      await judgeSession(gateway, check);
      await judgeMixtures(gateway, example, check);
      await judgeScopes(gateway, enforces, check);
      await judgeTokens(gateway, example, check);
    }
    const secrets = { secret: ROUTER_SECRET, finance: FINANCE_SECRET };
    await judgeEvents(new Gateway('hive', example), example, secrets, check);
    await judgeDoors(example, check);
    await check(`the secret is in none of ${answers.length} answers`, () =>
      assert.deepEqual(answers.filter((text) => text.includes(ROUTER_SECRET)), []));
  } finally {
    await example.stop();
  }
  await check('it stops when told to, and leaves nothing behind', async () => {
    assert.equal(await example.ended, 0);
    assert.equal(existsSync(example.places.state), false);
    for (const place of Object.values(example.places).filter((place) => place.startsWith('http'))) {
      await assert.rejects(fetch(place), place);
    }
  });
}
