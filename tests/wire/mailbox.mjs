// The development mailbox.

import assert from 'node:assert/strict';

/** The messages to an address, newest first. */
export async function mailTo(address, email) {
  const answer = await fetch(`${address}/dev/mailbox.json`);
  assert.equal(answer.status, 200, 'the development mailbox is away');
  return (await answer.json()).filter((message) => message.to === email);
}

/** The token in the link of the newest message of this kind, which is sent in the background. */
export async function tokenFrom(address, email, kind) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const message = (await mailTo(address, email)).find((each) => each.kind === kind);
    const [, token] = /token=([\w-]+)/.exec(message?.text) ?? [];
    if (token) return token;
    assert.ok(Date.now() < deadline, `no ${kind} message came for ${email}`);
    await new Promise((passed) => setTimeout(passed, 50));
  }
}
