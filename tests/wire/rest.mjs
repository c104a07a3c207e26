// The REST API by its OpenAPI document: schemathesis, from PyPI.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eventually, freePort, start } from './processes.mjs';

const PASSWORD = 'violet harbour 417 kettle';

// A gateway of its own: access tokens outlive the run, and a thousand hashes cost little.
async function gateway(state) {
  const address = `127.0.0.1:${await freePort()}`;
  const program = start(process.env.WIRE_GATEWAY, ['serve'], {
    env: {
      IDGATE_DATA_DIR: state,
      IDGATE_SERVER__LISTEN: address,
      IDGATE_THROTTLE__SCALE: '10000',
      IDGATE_TOKENS__ACCESS_SECONDS: '3600',
      IDGATE_HASHING__MEMORY_KIB: '8',
      IDGATE_HASHING__ITERATIONS: '1',
    },
  });
  const url = `http://${address}`;
  await eventually(program, async () => assert.equal((await fetch(`${url}/health/ready`)).status, 200));
  return { program, url };
}

// The access token of a new account.
async function register(url, email) {
  const answer = await fetch(`${url}/api/v1/auth/register/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  const body = await answer.json();
  assert.equal(answer.status, 201, JSON.stringify(body));
  return body.data.access;
}

async function judge(url, state) {
  const document = `${url}/api/v1/openapi.json`;
  const { paths } = await (await fetch(document)).json();
  const operations = Object.values(paths).flatMap((item) => Object.keys(item)).length;
  const config = fileURLToPath(new URL('schemathesis.toml', import.meta.url));
  const run = start(
    process.env.WIRE_SCHEMATHESIS,
    ['--config-file', config, 'run', document, '--checks', 'all', '--no-color'],
    {
      // It leaves notes where it runs.
      cwd: state,
      env: {
        WIRE_REST_TOKEN: await register(url, 'judge@example.com'),
        WIRE_REST_LOGOUT_TOKEN: await register(url, 'leaver@example.com'),
      },
    },
  );
  assert.equal(await run.ended, 0, run.output());
  // A run that tested nothing would pass too.
  assert.match(run.output(), new RegExp(`Tested: ${operations}\\b`));
}

export async function judgeRest({ check }) {
  const state = await mkdtemp(join(tmpdir(), 'idgate-rest-'));
  const { program, url } = await gateway(state);
  try {
    await check('schemathesis finds no answer that the OpenAPI document does not allow', () =>
      judge(url, state));
  } finally {
    await program.stop();
    await rm(state, { recursive: true, force: true });
  }
}
