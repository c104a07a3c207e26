// Invalid access tokens, and misconfigured gateways.

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { cp, rm } from 'node:fs/promises';

import { eventually, freePort, start } from './processes.mjs';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'));

/** Tokens made of a good one, by what is wrong with each. */
export function forgeries(token) {
  const [head, body, signature] = token.split('.');
  const [header, claims] = [decode(head), decode(body)];
  const promoted = encode({ ...claims, role: 'admin', scope: 'sales:read users:read' });
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signed = (ownHeader) => {
    const text = `${encode(ownHeader)}.${promoted}`;
    const key = { key: privateKey, dsaEncoding: 'ieee-p1363' };
    return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
  };
  return {
    'a token whose claims were changed': `${head}.${promoted}.${signature}`,
    'a token without a signature': `${encode({ ...header, alg: 'none' })}.${promoted}.`,
    'a token signed by another key under our key id': signed(header),
    'a token signed by another key under its own key id': signed({ ...header, kid: 'mine' }),
    // RFC 7515 §4.1.3: a key inside the token proves nothing.
    'a token that brings its own key': signed({ ...header, jwk: publicKey.export({ format: 'jwk' }) }),
    'a text that is no token': 'not.a.token',
  };
}

/** A token of the same issuer and the same keys, meant for another audience. */
export async function elsewhereToken(places, password) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/graphql`;
  // Its own copy of the accounts and keys: a data directory has one server.
  const copy = `${places.state}/elsewhere`;
  await cp(`${places.state}/data`, copy, { recursive: true });
  const environment = {
    IDGATE_DATA_DIR: copy,
    IDGATE_SERVER__LISTEN: `127.0.0.1:${port}`,
    IDGATE_TOKENS__ISSUER: new URL(places.idgate).origin,
    IDGATE_TOKENS__AUDIENCE: 'elsewhere',
  };
  const program = start(process.env.WIRE_GATEWAY, ['serve'], { env: environment });
  try {
    const query = `mutation ($input: LoginInput!) {
      login(input: $input) { ... on SignedIn { accessToken } ... on Problem { code } }
    }`;
    const variables = { input: { emailOrPhone: 'ada@example.com', password } };
    const answer = await eventually(program, () =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      }));
    const { data } = await answer.json();
    assert.ok(data.login.accessToken, JSON.stringify(data));
    const claims = decode(data.login.accessToken.split('.')[1]);
    assert.deepEqual([claims.aud, claims.iss], ['elsewhere', new URL(places.idgate).origin]);
    return data.login.accessToken;
  } finally {
    await program.stop();
    await rm(copy, { recursive: true, force: true });
  }
}

// A program that starts with this lives an hour ahead.
const AN_HOUR_AHEAD = `data:text/javascript,${encodeURIComponent(`
  const Now = Date;
  globalThis.Date = class extends Now {
    constructor(...at) { at.length > 0 ? super(...at) : super(Now.now() + 3600000); }
    static now() { return Now.now() + 3600000; }
  };`)}`;

/**
 * Runs `judgement` on one more gateway of the example: an hour ahead, with another secret, with
 * another way to hear events, or with the supergraph of another gateway.
 */
export async function otherwise(name, places, difference, judgement) {
  const { ahead = false, secret = '', events = 'stream', supergraph = name, finance = 'not the secret' } =
    difference;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/graphql`;
  const env = {
    IDENTITY_URL: new URL(places.idgate).origin,
    ROUTER_SECRET: secret,
    FINANCE_SECRET: finance,
    EVENTS: events,
  };
  const clock = ahead ? ['--import', AN_HOUR_AHEAD] : [];
  const argument = [...clock, `${name}.mjs`, port, `${places.state}/${supergraph}.graphql`];
  const program = start(process.execPath, argument, { cwd: places.files, env });
  try {
    await eventually(program, () => fetch(url));
    await judgement(url);
  } finally {
    await program.stop();
  }
}
