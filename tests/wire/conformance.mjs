// GraphQL over HTTP, as npm's graphql-http audits it: what servers MUST, SHOULD and MAY do.

import assert from 'node:assert/strict';

import { serverAudits } from 'graphql-http';

// So that a version with fewer audits is noticed.
const AUDITS = 61;

export async function judgeConformance({ address, check }) {
  const audits = serverAudits({ url: `${address}/graphql` });
  await check(`there are ${AUDITS} audits`, () => assert.equal(audits.length, AUDITS));
  for (const audit of audits) {
    await check(`${audit.id} ${audit.name}`, async () => {
      const result = await audit.fn();
      // `notice` and `warn` are levels of failure, for MAY and SHOULD.
      assert.equal(result.status, 'ok', `${result.status}: ${result.reason}`);
    });
  }
}
