// Cross-site request forgery: pages of another origin send all that browsers let them send.
//
// The foreign page is on another port of the same host, which is the harder case: to browsers it is
// the same site, so that the cookies of the gateway travel with its requests.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { withBrowser } from './browser.mjs';

const PASSWORD = 'violet harbour 417 kettle';

const register = (email) =>
  `mutation { register(input: { email: "${email}", password: "${PASSWORD}", firstName: "F", ` +
  'lastName: "G" }) { __typename } }';
const LOGIN = (email) =>
  `mutation { login(input: { emailOrPhone: "${email}", password: "${PASSWORD}" }) { __typename } }`;
const LOGOUT = 'mutation { logout { __typename } }';
const REFRESH = 'mutation { refreshSession(input: {}) { __typename } }';

// How a foreign page can send a document. A form's answer is the next page, a fetch's is opaque.
const CHANNELS = {
  'a form as application/x-www-form-urlencoded': (endpoint, document) =>
    form(endpoint, 'POST', 'application/x-www-form-urlencoded', { query: document }),
  'a form as text/plain, written so that its body is JSON': (endpoint, document) =>
    form(endpoint, 'POST', 'text/plain', {
      [`${JSON.stringify({ query: document }).slice(0, -1)},"extensions":{"ignored":"`]: '"}}',
    }),
  'a form as multipart/form-data, an upload': (endpoint, document) =>
    form(endpoint, 'POST', 'multipart/form-data', {
      operations: JSON.stringify({ query: document }),
      map: '{}',
      query: document,
    }),
  'a link with the document in its address': (endpoint, document) =>
    form(endpoint, 'GET', 'application/x-www-form-urlencoded', { query: document }),
  'fetch with text/plain': (endpoint, document) =>
    send(endpoint, { mode: 'no-cors', headers: { 'content-type': 'text/plain' } }, document),
  'fetch with no content type': (endpoint, document) => send(endpoint, { mode: 'no-cors' }, document),
  'fetch with application/json': (endpoint, document) =>
    send(endpoint, { headers: { 'content-type': 'application/json' } }, document),
};

function form(endpoint, method, type, fields) {
  return [
    ([action, how, enctype, values]) => {
      const element = document.createElement('form');
      Object.assign(element, { action, method: how, enctype });
      for (const [name, value] of Object.entries(values)) {
        const field = document.createElement('textarea');
        Object.assign(field, { name, value });
        element.append(field);
      }
      document.body.append(element);
      element.submit();
    },
    [endpoint, method, type, fields],
  ];
}

function send(endpoint, options, document) {
  return [
    ([url, how, query]) => {
      // Bytes, as a text body would name its type by itself.
      const body = new TextEncoder().encode(JSON.stringify({ query }));
      fetch(url, { method: 'POST', credentials: 'include', body, ...how }).catch(() => {});
    },
    [endpoint, options, document],
  ];
}

// What the person's own page does: the same documents, sent as the gateway wants them.
async function ask(page, query, headers = {}) {
  return page.evaluate(
    async ([text, extra]) => {
      const answer = await fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...extra },
        body: JSON.stringify({ query: text }),
      });
      const { data, errors } = await answer.json();
      return Object.values(data ?? {})[0]?.__typename ?? JSON.stringify(errors);
    },
    [query, headers],
  );
}

const keepsSession = async (page) =>
  assert.equal(await ask(page, REFRESH, { 'Idgate-Csrf': '1' }), 'SignedIn', 'the session is gone');

async function mailTo(address, email) {
  const answer = await fetch(`${address}/dev/mailbox.json`);
  assert.equal(answer.status, 200, 'the development mailbox is away');
  return (await answer.json()).filter((message) => message.to === email);
}

// Fills a list with the cookies that leave for `host`. Of a fetch whose answer is opaque, only the
// browser's own protocol tells them.
async function cookiesSentTo(host, session) {
  const cookies = [];
  session.on('Network.requestWillBeSentExtraInfo', ({ headers }) => {
    if (headers.Host === host && headers.Cookie) cookies.push(headers.Cookie);
  });
  await session.send('Network.enable');
  return cookies;
}

// Opens a foreign page, lets it attack, and returns the gateway's answer to it, if there is any.
async function attack(context, foreign, endpoint, [script, argument]) {
  const page = await context.newPage();
  try {
    await page.goto(foreign);
    const cookies = await cookiesSentTo(new URL(endpoint).host, await context.newCDPSession(page));
    const ofAttack = (request) => request.url().startsWith(endpoint) && request.method() !== 'OPTIONS';
    const ended = Promise.race([
      page.waitForEvent('requestfinished', { predicate: ofAttack, timeout: 10_000 }),
      page.waitForEvent('requestfailed', { predicate: ofAttack, timeout: 10_000 }),
    ]);
    await page.evaluate(script, argument);
    const request = await ended;
    const response = await request.response();
    return { status: response?.status(), cookie: cookies.join('; ') };
  } finally {
    await page.close();
  }
}

async function judgeChannel({ address, check }, context, home, foreign, number, [channel, write]) {
  const endpoint = `${address}/graphql`;
  await check(`${channel} registers nobody`, async () => {
    const email = `forged-${number}@example.com`;
    const answer = await attack(context, foreign, endpoint, write(endpoint, register(email)));
    assertRefused(channel, answer);
    assert.deepEqual(await mailTo(address, email), []);
    assert.notEqual(await ask(home, LOGIN(email)), 'SignedIn');
    // The same document is a good one, and its address is still free.
    assert.equal(await ask(home, register(email)), 'SignedIn');
  });
  await check(`${channel} signs nobody out`, async () => {
    const answer = await attack(context, foreign, endpoint, write(endpoint, LOGOUT));
    assertRefused(channel, answer);
    await keepsSession(home);
  });
}

function assertRefused(channel, { status, cookie }) {
  if (channel.endsWith('application/json')) {
    assert.equal(status, undefined, 'the browser was allowed to send it');
  } else {
    assert.ok(status >= 400 && status < 500, `answered with ${status}`);
    assert.match(cookie, /idgate_refresh=/, 'the cookie did not travel, so nothing was judged');
  }
}

export async function judgeForgery(court) {
  const { address, check } = court;
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>a foreign page</title><body>');
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const foreign = `http://127.0.0.1:${server.address().port}/`;
  try {
    await withBrowser(async (context) => {
      const home = await context.newPage();
      await home.goto(`${address}/health/ready`);
      await check('a person signs in with a cookie', async () => {
        const email = 'forgery-victim@example.com';
        assert.equal(await ask(home, register(email)), 'SignedIn');
        assert.equal(await ask(home, LOGIN(email), { 'Idgate-Delivery': 'cookie' }), 'SignedIn');
        await keepsSession(home);
      });
      await check('a page of the same origin needs Idgate-Csrf for what a cookie does', async () => {
        assert.notEqual(await ask(home, REFRESH), 'SignedIn');
        await ask(home, LOGOUT);
        await keepsSession(home);
      });
      for (const [number, channel] of Object.entries(CHANNELS).entries()) {
        await judgeChannel(court, context, home, foreign, number, channel);
      }
    });
  } finally {
    server.close();
  }
}
