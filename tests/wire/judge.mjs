// Runs the judges and counts their verdicts: node judge.mjs ADDRESS QUERIES [JUDGE…]
// The router's secret of the gateway is in WIRE_ROUTER_SECRET, an origin that it names in WIRE_PAGE.

import { judgeClients } from './clients.mjs';
import { judgeCompatibility } from './compatibility.mjs';
import { judgeComposition } from './composition.mjs';
import { judgeConformance } from './conformance.mjs';
import { judgeForgery } from './forgery.mjs';
import { judgeGraphiql } from './graphiql.mjs';
import { judgeMigration } from './migration.mjs';
import { judgeRest } from './rest.mjs';
import { judgeStaff } from './staff.mjs';
import { judgeLive } from './live.mjs';
import { judgeSupergraph } from './supergraph.mjs';

const JUDGES = {
  conformance: judgeConformance,
  graphiql: judgeGraphiql,
  staff: judgeStaff,
  forgery: judgeForgery,
  composition: judgeComposition,
  live: judgeLive,
  clients: judgeClients,
  rest: judgeRest,
  migration: judgeMigration,
  compatibility: judgeCompatibility,
  supergraph: judgeSupergraph,
};

const { WIRE_ROUTER_SECRET: routerSecret, WIRE_PAGE: page } = process.env;
const [address, queries, ...named] = process.argv.slice(2);
const wanted = named.length > 0 ? named : Object.keys(JUDGES);
const unknown = wanted.filter((name) => !Object.hasOwn(JUDGES, name));
if (unknown.length > 0) {
  console.error(`no such judge: ${unknown.join(', ')}; there are ${Object.keys(JUDGES).join(', ')}`);
  process.exit(2);
}

let passed = 0;
let failed = 0;

// One verdict: what `judgement` throws is the reason of a failure.
async function check(sentence, judgement) {
  try {
    await judgement();
    passed += 1;
    console.log(`ok      ${sentence}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${sentence}\n        ${String(error.message).replaceAll('\n', '\n        ')}`);
  }
}

for (const name of wanted) {
  console.log(`\n── ${name}`);
  try {
    await JUDGES[name]({ address, queries, check, routerSecret, page });
  } catch (error) {
    // A judge that cannot go on has found something too.
    failed += 1;
    console.log(`FAILED  ${name} came to its end\n        ${error.stack}`);
  }
}

console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
