// examples/migration, started as a person would: real Django on the other side, there and back.

import assert from 'node:assert/strict';

import { start } from './processes.mjs';

export async function judgeMigration({ check }) {
  await check('a Django system moves here and back, and everyone can sign in at each step', async () => {
    // The first twenty have every format of password twice; forty have eight kinds of odd rows.
    const run = start('examples/migration/run', ['--people', '40', '--sign-ins', '20'], {
      env: { IDGATE: process.env.WIRE_GATEWAY },
    });
    assert.equal(await run.ended, 0, run.output());
    assert.match(run.output(), /went as the runbook says/);
  });
}
