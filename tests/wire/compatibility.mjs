// Apollo's suite of subgraph compatibility on its own schema, served through our transport.
//
// The suite wants Apollo's router in a container. Its tests only speak GraphQL, so they run here
// against Apollo's gateway in this process, with the suite's own two other subgraphs beside it.
// What is judged is the engine and the transport (examples/compatibility); idgate's own subgraph is
// judged by `composition` and `supergraph`.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { composeServices } from '@apollo/composition';
import { ApolloGateway } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { parse } from 'graphql';

import { eventually, freePort, start } from './processes.mjs';

// So that a version with fewer tests is noticed.
const TESTS = 23;

// What the suite asks for and does not get, with what its failure has to say. A reason that no longer
// holds is a failure, too.
const REFUSED = {
  ftv1: {
    reason: "traces in Apollo's own format; the engine has none, and idgate sends none",
    evidence: /"ftv1": Any<String>/,
  },
  '@link': {
    reason: 'the suite knows Federation up to 2.3 and refuses the 2.5 that the engine declares',
    evidence: /Received string: +"2\.5"/,
  },
};

// The suite's subgraphs listen on every interface unless told otherwise.
const LOOPBACK = `data:text/javascript,${encodeURIComponent(`import net from 'node:net';
  const { listen } = net.Server.prototype;
  net.Server.prototype.listen = function (where, ...rest) {
    return listen.call(this, { ...where, host: '127.0.0.1' }, ...rest);
  };`)}`;

const require = createRequire(import.meta.url);

async function ask(url, query) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { data } = await answer.json();
  assert.ok(data, `${url} answered with ${answer.status}`);
  return data;
}

// Starts one of the suite's subgraphs, and gives what composition needs of it.
async function foreignSubgraph(programs, suite, name) {
  const port = await freePort();
  const place = join(suite, 'dist/subgraphs', name);
  const env = { [`${name.toUpperCase()}_PORT`]: String(port) };
  const program = start('node', ['--import', LOOPBACK, 'index.js'], { cwd: place, env });
  programs.push(program);
  const url = `http://127.0.0.1:${port}/`;
  await eventually(program, () => ask(url, '{ __typename }'));
  return { name, url, typeDefs: parse(await readFile(join(place, `${name}.graphql`), 'utf8')) };
}

async function products(programs) {
  const address = `127.0.0.1:${await freePort()}`;
  const program = start('cargo', ['run', '--locked', '--example', 'compatibility', '--', address]);
  programs.push(program);
  const url = `http://${address}/graphql`;
  // The first start builds it.
  const { _service: service } = await eventually(program, () => ask(url, '{ _service { sdl } }'), 600);
  return { name: 'products', url, typeDefs: parse(service.sdl) };
}

async function gatewayOver(supergraphSdl) {
  const server = new ApolloServer({ gateway: new ApolloGateway({ supergraphSdl }) });
  const listen = { host: '127.0.0.1', port: await freePort() };
  const { url } = await startStandaloneServer(server, { listen });
  return { url, stop: () => server.stop() };
}

// Runs the suite's tests by its own runner, and gives one verdict per test.
async function runSuite(suite, productsUrl, routerUrl) {
  const place = await mkdtemp(join(tmpdir(), 'idgate-suite.'));
  try {
    // The address of the router is a constant of the suite; everything reads it from the module.
    const client = JSON.stringify(join(suite, 'dist/utils/client.js'));
    await writeFile(join(place, 'router.cjs'), `require(${client}).ROUTER_URL = process.env.ROUTER_URL;`);
    const results = join(place, 'results.json');
    const config = JSON.stringify({
      rootDir: join(suite, 'dist'),
      testEnvironment: 'node',
      haste: { retainAllFiles: true },
      testPathIgnorePatterns: [],
      transform: {},
      setupFiles: [join(place, 'router.cjs')],
    });
    const argument = ['--ci', '--json', `--outputFile=${results}`, '--cacheDirectory', place];
    const runner = start('node', [require.resolve('jest/bin/jest'), ...argument, '--config', config], {
      env: { PRODUCTS_URL: productsUrl, ROUTER_URL: routerUrl },
    });
    await runner.ended;
    const text = await readFile(results, 'utf8').catch(() => assert.fail(runner.output()));
    return JSON.parse(text).testResults.flatMap((file) => file.assertionResults);
  } finally {
    await rm(place, { recursive: true });
  }
}

export async function judgeCompatibility({ check }) {
  const found = require.resolve('@apollo/federation-subgraph-compatibility-tests/package.json');
  const suite = dirname(await realpath(found));
  const programs = [];
  try {
    const subgraphs = [
      await products(programs),
      await foreignSubgraph(programs, suite, 'users'),
      await foreignSubgraph(programs, suite, 'inventory'),
    ];
    const composed = composeServices(subgraphs);
    await check('the three subgraphs compose', () =>
      assert.deepEqual((composed.errors ?? []).map(String), []));
    const gateway = await gatewayOver(composed.supergraphSdl);
    programs.push(gateway);
    const tests = await runSuite(suite, subgraphs[0].url, gateway.url);
    await check(`there are ${TESTS} tests`, () => assert.equal(tests.length, TESTS));
    for (const { fullName, status, failureMessages } of tests) {
      const said = failureMessages.join('\n');
      const refused = REFUSED[fullName];
      if (refused === undefined) {
        await check(fullName, () => assert.equal(status, 'passed', said));
      } else {
        await check(`not ${fullName}: ${refused.reason}`, () => assert.match(said, refused.evidence));
      }
    }
  } finally {
    await Promise.all(programs.map((program) => program.stop()));
  }
}
