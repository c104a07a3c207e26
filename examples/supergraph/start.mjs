// Starts everything in order, and stops it together: `run --help` says how it is called.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { compose, described } from './compose.mjs';
import { ADMIN, PASSWORD, settle } from './people.mjs';

const random = () => randomBytes(32).toString('base64url');
const { IDGATE, ROUTER_SECRET = random(), FINANCE_SECRET = random() } = process.env;
const GATEWAYS = { hive: ['hive'], apollo: ['apollo'], both: ['hive', 'apollo'] };
// Which of them enforce `@authenticated` and `@requiresScopes`.
const ENFORCES = { hive: true, apollo: false };

const { values: options } = parseArgs({
  options: {
    gateway: { type: 'string', default: 'hive' },
    port: { type: 'string', default: '0' },
    customers: { type: 'string', default: '1' },
    events: { type: 'string', default: 'stream' },
    trace: { type: 'boolean', default: false },
  },
});

const programs = [];
let stopping = false;
const files = fileURLToPath(new URL('.', import.meta.url));
const state = await mkdtemp(join(tmpdir(), 'idgate-supergraph.'));

async function stop(status) {
  if (stopping) return;
  stopping = true;
  for (const { child } of programs) child.kill('SIGTERM');
  const insisting = setTimeout(() => programs.forEach(({ child }) => child.kill('SIGKILL')), 10_000);
  await Promise.all(programs.map(({ ended }) => ended));
  clearTimeout(insisting);
  await rm(state, { recursive: true, force: true });
  process.exit(status);
}

// A free port: the wanted one, or any.
async function freePort(wanted = 0) {
  const server = createServer();
  await new Promise((listening, failed) => {
    server.on('error', () => failed(new Error(`port ${wanted} is taken; choose another with --port`)));
    server.listen(wanted, '127.0.0.1', listening);
  });
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

// A program that belongs to the whole: when it ends, everything does. It inherits nothing of the
// environment but the path, as idgate refuses names that it does not know.
function start(name, command, argument, env, { input, shown = true } = {}) {
  const child = spawn(command, argument, { cwd: files, env: { PATH: process.env.PATH, ...env } });
  let said = '';
  const ended = new Promise((resolve) => {
    child.on('error', ({ message }) => (said += message));
    child.on('close', (code) => {
      resolve(code);
      if (stopping || input !== undefined) return;
      console.error(`${name} ended with ${code}. What it said last:\n${said.slice(-4000)}`);
      stop(1);
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-8000);
      if (shown && options.trace) process.stdout.write(text);
    });
  }
  if (input === undefined) programs.push({ child, ended });
  else child.stdin.end(input);
  return { ended, said: () => said };
}

async function answering(name, url) {
  const deadline = Date.now() + 60_000;
  // Whatever it says: finance refuses strangers, and that is an answer.
  while (!(await fetch(url).then(({ status }) => status < 500, () => false))) {
    if (stopping || Date.now() > deadline) throw new Error(`${name} does not answer at ${url}`);
    await new Promise((passed) => setTimeout(passed, 50));
  }
}

async function startIdgate() {
  const [port, routerPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    HOME: state,
    IDGATE_DATA_DIR: join(state, 'data'),
    IDGATE_SERVER__LISTEN: `127.0.0.1:${port}`,
    IDGATE_SERVER__PUBLIC_URL: url,
    IDGATE_SERVER__ROUTER_LISTEN: `127.0.0.1:${routerPort}`,
    IDGATE_ROUTER__SECRET: ROUTER_SECRET,
    // The gateway says where its client is; without it all of them would share one budget.
    IDGATE_SERVER__TRUSTED_PROXIES: '127.0.0.1/32',
    // All users of this example share one network address.
    IDGATE_THROTTLE__SCALE: '100',
  };
  start('idgate', IDGATE, ['serve'], environment, { shown: false });
  // The first start makes the keys that the other commands need.
  await answering('idgate', `${url}/health/ready`);
  const argument = ['admin', 'create', '--email', ADMIN, '--password-stdin'];
  const creating = start('idgate admin', IDGATE, argument, environment, { input: `${PASSWORD}\n` });
  if ((await creating.ended) !== 0) throw new Error(creating.said());
  return { url, router: `http://127.0.0.1:${routerPort}/graphql` };
}

async function startFinance(customers) {
  const people = join(state, 'people.json');
  await writeFile(people, JSON.stringify(customers));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  start('finance', process.execPath, ['finance.mjs', port, people], { FINANCE_SECRET });
  await answering('finance', url);
  return url;
}

async function startGateway(name, port, subgraphs, idgate) {
  const supergraph = join(state, `${name}.graphql`);
  await writeFile(supergraph, compose(subgraphs, { security: ENFORCES[name] }));
  const environment = {
    IDENTITY_URL: idgate.url,
    ROUTER_SECRET,
    FINANCE_SECRET,
    EVENTS: options.events,
    ...(options.trace && { TRACE: '1' }),
  };
  start(name, process.execPath, [`${name}.mjs`, port, supergraph], environment);
  const url = `http://127.0.0.1:${port}/graphql`;
  await answering(name, `${url}?query=%7B__typename%7D`);
  return url;
}

async function main() {
  const idgate = await startIdgate();
  const customers = await settle(idgate.url, Number(options.customers));
  const finance = await startFinance(customers);
  const subgraphs = await described([
    { name: 'idgate', url: idgate.router, headers: { 'idgate-router-secret': ROUTER_SECRET } },
    { name: 'finance', url: finance, headers: { 'finance-secret': FINANCE_SECRET } },
  ]);
  const urls = [];
  for (const [index, name] of GATEWAYS[options.gateway].entries()) {
    const wanted = options.port === '0' ? 0 : Number(options.port) + index;
    urls.push([name, await startGateway(name, await freePort(wanted), subgraphs, idgate)]);
  }
  urls.push(['idgate', `${idgate.url}/graphql`], ['router', idgate.router], ['finance', finance]);
  urls.push(['files', files], ['state', state]);
  introduce(urls);
}

function introduce(urls) {
  const [[, gateway]] = urls;
  console.log(`${urls.map(([name, url]) => `${name.padEnd(9)}${url}`).join('\n')}

Sign in through the gateway, and ask both subgraphs at once:

  TOKEN=$(curl -s ${gateway} -H 'content-type: application/json' -d '{
    "query": "mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }",
    "variables": { "input": { "emailOrPhone": "ada@example.com", "password": "${PASSWORD}" } } }' |
    sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')
  curl -s ${gateway} -H 'content-type: application/json' -H "authorization: Bearer $TOKEN" -d '{
    "query": "{ me { firstName email invoices { id amount } } invoices { id customer { firstName } } }" }'

ada and bob @example.com are customers, grace is sales staff, root is the administrator; they share
that password. Ctrl-C stops everything and forgets it.`);
}

process.on('SIGINT', () => stop(0));
process.on('SIGTERM', () => stop(0));
main().catch((error) => {
  if (!stopping) console.error(`supergraph: ${error.message}`);
  stop(1);
});
