// The page at /graphiql in a browser, on a machine without internet.

import assert from 'node:assert/strict';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { withBrowser } from './browser.mjs';
import { complaintsOf, fill, run, storedBy } from './page.mjs';

async function operationsIn(folder) {
  const files = await readdir(folder, { recursive: true });
  const documents = files.filter((file) => file.endsWith('.graphql'));
  return documents.map((file) => path.basename(file, '.graphql')).sort();
}

async function judgeHeaders(address, check) {
  const answer = await fetch(`${address}/graphiql`);
  const html = await answer.text();
  await check('the page forbids framing, sniffing, referrers and inline scripts', () => {
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(answer.headers.get('x-frame-options'), 'DENY');
  });
  await check('everything the page loads is in the gateway, typed and kept by browsers', async () => {
    const paths = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]);
    const files = paths.filter((found) => !found.startsWith('data:'));
    assert.ok(files.length >= 6, `only ${files}`);
    for (const file of files) {
      assert.ok(file.startsWith('/graphiql/'), `${file} is elsewhere: npm was missing in the build`);
      const asset = await fetch(address + file);
      assert.equal(asset.status, 200, file);
      assert.match(asset.headers.get('content-type'), /^text\/(javascript|css|plain)/);
      assert.match(asset.headers.get('cache-control'), /immutable/);
      assert.equal(asset.headers.get('x-content-type-options'), 'nosniff');
    }
    assert.equal((await fetch(`${address}/graphiql/nothing.js`)).status, 404);
  });
}

async function judgeUse({ address, queries, check }, page) {
  await check('the prepared tabs are the documents of queries/', async () => {
    const names = await page.locator('.graphiql-tab-button').allInnerTexts();
    assert.deepEqual(names.toSorted(), await operationsIn(queries));
  });
  await page.locator('.graphiql-tab-add').click();
  // GraphiQL waits for a pause in the typing before it looks for the operation's name.
  await page.waitForTimeout(500);
  await check('{ __typename } is answered in the result pane', () =>
    run(page, '{ __typename }', '"__typename"'));
  await check('{ me { id } } is null for a stranger', () =>
    run(page, '{ me { id } }', '"me": null'));
  await check('the documentation pane knows the schema', async () => {
    await page.getByLabel('Show Documentation Explorer').click();
    await page.locator('.graphiql-doc-explorer').getByText('mutation', { exact: false }).first()
      .waitFor({ timeout: 60_000 });
    await page.getByLabel('Hide Documentation Explorer').click();
  });
  await check('a sign-in on the page authenticates the next operation', async () => {
    const input =
      'email: "wire-page@example.com", password: "violet harbour 417 kettle", ' +
      'firstName: "Wire", lastName: "Page"';
    await run(
      page,
      `mutation { register(input: { ${input} }) { __typename ... on SignedIn { accessToken } } }`,
      '"SignedIn"',
    );
    await page.getByText('Signed in as wire-page@example.com (CLIENT).').waitFor();
    await run(page, '{ me { id } }', '"id": "');
    // There is no answer to a subscription: signs in until the page shows it.
    const credentials = 'emailOrPhone: "wire-page@example.com", password: "violet harbour 417 kettle"';
    const signIn = { query: `mutation { login(input: { ${credentials} }) { __typename } }` };
    const again = setInterval(() => {
      const headers = { 'content-type': 'application/json' };
      fetch(`${address}/graphql`, { method: 'POST', headers, body: JSON.stringify(signIn) });
    }, 500);
    try {
      await run(page, 'subscription { sessionEvents { kind } }', '"SIGNED_IN"');
    } finally {
      clearInterval(again);
    }
    // The same button stops it.
    await page.locator('.graphiql-execute-button').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    await run(page, '{ me { id } }', '"me": null');
  });
  await check('the header editor sets Authorization', async () => {
    await page.getByRole('button', { name: 'Headers' }).click();
    await fill(
      page,
      '.graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror',
      '{ "Authorization": "Bearer nobody" }',
    );
    const sent = page.waitForRequest(`${address}/graphql`);
    await page.locator('.graphiql-execute-button').click();
    assert.equal(await (await sent).headerValue('authorization'), 'Bearer nobody');
  });
  await check('nothing that was typed outlives the page', async () => {
    assert.deepEqual(await storedBy(page), []);
  });
}

export async function judgeGraphiql(court) {
  const { address, check } = court;
  await judgeHeaders(address, check);
  await withBrowser(async (context, strangers) => {
    const page = await context.newPage();
    const complaints = await complaintsOf(page);
    await page.goto(`${address}/graphiql`);
    await page.locator('.graphiql-container').waitFor({ timeout: 60_000 });
    await judgeUse(court, page);
    await check('the page breaks no policy and logs no error', () => {
      // A refused operation is an answer, yet the browser logs its status.
      const real = complaints.filter((text) => !text.startsWith('Failed to load resource'));
      assert.deepEqual(real, []);
    });
    await check('no request leaves this machine', () => assert.deepEqual(strangers, []));
    const screenshot = path.join(await mkdtemp(path.join(tmpdir(), 'idgate-graphiql-')), 'page.png');
    await page.screenshot({ path: screenshot });
    console.log(`        screenshot: ${screenshot}`);
  });
}
