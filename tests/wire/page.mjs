// Drives GraphiQL: its editor, results, errors and stored state.

import assert from 'node:assert/strict';

const EDITOR = '.graphiql-query-editor .CodeMirror';
const RESULT = '.result-window';

// Collects a page's errors, from its first script on.
export async function complaintsOf(page) {
  const complaints = [];
  await page.exposeFunction('reportViolation', (text) => complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  return complaints;
}

export async function fill(page, editor, text) {
  await page.locator(editor).click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(text);
}

// Runs a document in the open tab and waits for an answer that holds `expected`.
export async function run(page, document, expected, timeout = 60_000) {
  await fill(page, EDITOR, document);
  await page.locator('.graphiql-execute-button').click();
  const result = page.locator(RESULT);
  try {
    await page.waitForFunction(
      ([selector, text]) => document.querySelector(selector)?.textContent.includes(text),
      [RESULT, expected],
      { timeout },
    );
  } catch {
    assert.fail(`no ${expected} in the result: ${await result.innerText()}`);
  }
}

// What the page stores persistently, except the colour theme.
export async function storedBy(page) {
  const kept = await page.evaluate(async () => [
    ...Object.keys(localStorage),
    ...Object.keys(sessionStorage),
    ...(await indexedDB.databases()).map(({ name }) => name),
    ...(await caches.keys()),
    ...(history.state ? ['history.state'] : []),
    location.search + location.hash,
  ]);
  return kept.filter((key) => key !== '' && key !== 'graphiql:theme');
}
