// Headless Chromium that reaches this machine's loopback and nothing else.

import { chromium } from 'playwright-core';

const FLAGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
  // No other name or address resolves. Playwright's interception would do it too, but it answers
  // the preflights of CORS itself, and so lets through what browsers refuse.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

// The same machine under two names, which browsers take for two sites.
const LOOPBACK = ['127.0.0.1', 'localhost'];

const isLoopback = (url) =>
  url.startsWith('data:') || url.startsWith('blob:') || LOOPBACK.includes(new URL(url).hostname);

// Calls `use` with a fresh profile and the list of what its pages asked of other machines.
export async function withBrowser(use) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    // It needs rights that root and containers lack; the pages are our own.
    chromiumSandbox: false,
    args: FLAGS,
  });
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const strangers = [];
    context.on('request', (request) => {
      if (!isLoopback(request.url())) strangers.push(request.url());
    });
    await use(context, strangers);
  } finally {
    await browser.close();
  }
}
