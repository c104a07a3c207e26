// Programs that judges start, and their end.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// A free port, of those that no kernel gives to connections by itself: it is still free when it is used.
export async function freePort() {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    const server = createServer();
    const isFree = await new Promise((told) => {
      server.on('error', () => told(false)).listen(port, '127.0.0.1', () => told(true));
    });
    if (!isFree) continue;
    await new Promise((closed) => server.close(closed));
    return port;
  }
}

// Starts a program; what it says is kept for the reason of a failure, and handed to `onLine`.
export function start(command, argument, { env = {}, cwd, onLine = () => {} } = {}) {
  const child = spawn(command, argument, { cwd, env: { ...process.env, ...env } });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      said.push(...lines);
      lines.forEach(onLine);
    });
  }
  const ended = new Promise((resolve) => {
    child.on('error', (error) => said.push(error.message));
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  return {
    ended,
    output: () => said.join('\n'),
    // Sends SIGTERM, then SIGKILL.
    async stop() {
      child.kill('SIGTERM');
      const insisting = setTimeout(() => child.kill('SIGKILL'), 60_000);
      await ended;
      clearTimeout(insisting);
    },
  };
}

// Waits until `attempt` succeeds, for as long as `program` runs.
export async function eventually(program, attempt, seconds = 120) {
  const deadline = Date.now() + seconds * 1000;
  let gone;
  program.ended.then((code) => (gone = code));
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (gone !== undefined) throw new Error(`it ended with ${gone}:\n${program.output()}`);
      if (Date.now() > deadline) throw new Error(`${error.message}\n${program.output()}`);
      await new Promise((passed) => setTimeout(passed, 100));
    }
  }
}
