// Cross-site request forgery: pages of other origins send all that browsers let them send.
//
// There are two of them. One is on another port of the same host, which is the harder case: to
// browsers it is the same site, so that the cookies of the gateway travel with its requests. The
// other has another name, so that it is another site: there a cookie travels with a link alone.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { withBrowser } from './browser.mjs';
import { CHANNELS, INCLUSIONS } from './forgery-channels.mjs';
import { mailTo } from './mailbox.mjs';

const PASSWORD = 'violet harbour 417 kettle';

const register = (email) =>
  `mutation { register(input: { email: "${email}", password: "${PASSWORD}", firstName: "F", ` +
  'lastName: "G" }) { __typename } }';
const LOGIN = (email) =>
  `mutation { login(input: { emailOrPhone: "${email}", password: "${PASSWORD}" }) { __typename } }`;
const LOGOUT = 'mutation { logout { __typename } }';
const REFRESH = 'mutation { refreshSession(input: {}) { __typename } }';

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

// Each use brings a new cookie: the old one would end the session when it is sent again later.
const OWN = { 'Idgate-Csrf': '1', 'Idgate-Delivery': 'cookie' };
const keepsSession = async (page) =>
  assert.equal(await ask(page, REFRESH, OWN), 'SignedIn', 'the session is gone');

// What really left for `host` and came back. Of a request whose answer the page may not see, only
// the browser's own protocol tells.
async function trafficWith(host, session) {
  const sent = new Map();
  session.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) => {
    const isPreflight = Object.keys(headers).some((name) => /^access-control-request-method$/i.test(name));
    if (headers.Host === host && !isPreflight) sent.set(requestId, { cookie: headers.Cookie ?? '' });
  });
  session.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => {
    if (sent.has(requestId)) sent.get(requestId).status = statusCode;
  });
  await session.send('Network.enable');
  return sent;
}

// Opens a foreign page, lets it attack, and tells what the browser sent for it.
async function attack(context, foreign, endpoint, [script, argument]) {
  const page = await context.newPage();
  try {
    await page.goto(foreign);
    const sent = await trafficWith(new URL(endpoint).host, await context.newCDPSession(page));
    const ofAttack = (request) => request.url().startsWith(endpoint) && request.method() !== 'OPTIONS';
    const ended = Promise.race([
      page.waitForEvent('requestfinished', { predicate: ofAttack, timeout: 60_000 }),
      page.waitForEvent('requestfailed', { predicate: ofAttack, timeout: 60_000 }),
    ]);
    await page.evaluate(script, argument);
    const request = await ended;
    const response = await request.response().catch(() => null);
    const headers = await request.allHeaders().catch(() => ({}));
    // What the protocol tells may come a moment later than the page's own events.
    const patience = response ? 30_000 : 1_000;
    for (let waited = 0; waited < patience && ![...sent.values()][0]?.status; waited += 50) {
      await page.waitForTimeout(50);
    }
    const [seen] = sent.values();
    return {
      status: seen?.status ?? response?.status(),
      cookie: seen?.cookie || headers.cookie || '',
    };
  } finally {
    await page.close();
  }
}

function assertRefused(site, channel, { status, cookie }) {
  if (channel.asks) {
    assert.equal(status, undefined, 'the browser was allowed to send it');
    return;
  }
  assert.ok(status >= 400 && status < 500, `answered with ${status}`);
  const carries = site.carriesCookies || channel.isNavigation;
  if (carries) assert.match(cookie, /idgate_refresh=/, 'no cookie travelled, so nothing was judged');
  else assert.doesNotMatch(cookie, /idgate_refresh=/, 'the cookie travelled to another site');
}

async function judgeChannel({ address, check }, context, home, site, [name, channel]) {
  const endpoint = `${address}/graphql`;
  await check(`${site.name}: ${name} registers no account`, async () => {
    const email = `forged-${(forged += 1)}@example.com`;
    const answer = await attack(context, site.url, endpoint, channel.write(endpoint, register(email)));
    assertRefused(site, channel, answer);
    assert.deepEqual(await mailTo(address, email), []);
    assert.notEqual(await ask(home, LOGIN(email)), 'SignedIn');
    // The same document is a good one, and its address is still free.
    assert.equal(await ask(home, register(email)), 'SignedIn');
  });
  await check(`${site.name}: ${name} ends no session`, async () => {
    const answer = await attack(context, site.url, endpoint, channel.write(endpoint, LOGOUT));
    assertRefused(site, channel, answer);
    await keepsSession(home);
  });
}

let forged = 0;

// What another page includes is not shown, run or read there.
async function judgeInclusions({ address, check }, context, site) {
  for (const [name, { path, write }] of Object.entries(INCLUSIONS)) {
    await check(`${site.name}: ${name}`, async () => {
      const page = await context.newPage();
      try {
        await page.goto(site.url);
        assert.equal(await page.evaluate(write, `${address}${path}`), 'refused');
      } finally {
        await page.close();
      }
    });
  }
  for (const path of ['/graphiql', '/dev/mailbox', '/health/ready']) {
    await check(`${site.name}: ${path} is not shown in a frame`, async () => {
      const page = await context.newPage();
      try {
        await page.goto(site.url);
        await page.setContent(`<iframe src="${address}${path}"></iframe>`);
        const frame = await (await page.waitForSelector('iframe')).contentFrame();
        await page.waitForTimeout(200);
        assert.match(frame.url(), /^(chrome-error:|about:blank)/, `the frame shows ${frame.url()}`);
      } finally {
        await page.close();
      }
    });
  }
}

async function judgeSites(court, context, home, sites) {
  for (const site of sites) {
    for (const channel of Object.entries(CHANNELS)) {
      await judgeChannel(court, context, home, site, channel);
    }
    await judgeInclusions(court, context, site);
  }
}

export async function judgeForgery(court) {
  const { address, check } = court;
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>a foreign page</title><body>');
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  const sites = [
    { name: 'same site', url: `http://127.0.0.1:${port}/`, carriesCookies: true },
    { name: 'other site', url: `http://localhost:${port}/`, carriesCookies: false },
  ];
  try {
    await withBrowser(async (context) => {
      const home = await context.newPage();
      // A page whose own policy lets it ask the gateway.
      await home.goto(`${address}/graphiql`);
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
      await judgeSites(court, context, home, sites);
    });
  } finally {
    server.close();
  }
}
