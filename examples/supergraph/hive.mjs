// Runs Hive Gateway: node hive.mjs PORT SUPERGRAPH.graphql

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';

import { gatewayConfig } from './hive.config.mjs';

const [port, supergraph] = process.argv.slice(2);

const gateway = createGatewayRuntime({
  ...gatewayConfig,
  supergraph: readFileSync(supergraph, 'utf8'),
  landingPage: false,
});
const server = createServer(gateway).listen(Number(port), '127.0.0.1');
// The library listens to signals for itself, and then nothing ends the process.
process.on('SIGTERM', async () => {
  server.close();
  await gateway[Symbol.asyncDispose]();
  process.exit(0);
});
