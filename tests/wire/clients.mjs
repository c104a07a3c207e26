// The clients that front ends are written with, in a page of another origin that the gateway names.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { withBrowser } from './browser.mjs';
import { complaintsOf } from './page.mjs';

const PASSWORD = 'violet harbour 417 kettle';
const EMAIL = 'page@clients.example';

// The page's script, with everything that it imports.
async function bundle() {
  const entry = fileURLToPath(new URL('clients-page.mjs', import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

async function withPage(origin, use) {
  const script = await bundle();
  const server = createServer((request, response) => {
    const isScript = request.url === '/clients.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isScript ? script : '<!doctype html><link rel="icon" href="data:,"><script src="/clients.js"></script>');
  });
  await new Promise((listening) => server.listen(Number(new URL(origin).port), '127.0.0.1', listening));
  try {
    await withBrowser(async (context) => {
      const page = await context.newPage();
      const complaints = await complaintsOf(page);
      await page.goto(origin);
      await use(page, complaints);
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function register(address) {
  const query = `mutation ($input: RegisterInput!) { register(input: $input) { __typename } }`;
  const variables = { input: { email: EMAIL, password: PASSWORD, firstName: 'P' } };
  const answer = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  assert.equal((await answer.json()).data.register.__typename, 'SignedIn');
}

export async function judgeClients({ address, check, page: origin }) {
  await register(address);
  const input = { emailOrPhone: EMAIL, password: PASSWORD };
  await withPage(origin, async (page, complaints) => {
    const run = (name) =>
      page.evaluate(([client, ...values]) => globalThis.clients[client](...values), [name, address, input]);
    for (const [name, sentence] of [
      ['apollo', 'Apollo Client, and graphql-ws'],
      ['apolloByGet', 'Apollo Client with queries by GET, and graphql-ws'],
      ['urql', 'urql, and graphql-ws'],
      ['urqlStreams', 'urql, and event streams of its own'],
      ['request', 'graphql-request, and graphql-sse'],
    ]) {
      await check(`${sentence}: signs in, reads, is refused and listens from another origin`, async () => {
        const found = await run(name);
        assert.deepEqual(found, { email: EMAIL, refused: ['FORBIDDEN'], event: 'SIGNED_IN' });
        assert.deepEqual(complaints.splice(0), []);
      });
    }
    await check('Apollo Client names a document by its digest, and sends the text of one that is not known', async () => {
      assert.deepEqual(await run('apolloPersisted'), { email: EMAIL });
    });
  });
}
