// The demo as a newcomer starts it: the built binary on a free port, with a data folder of its own.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';

const BINARY = process.env.CAA_BIN ?? fileURLToPath(new URL('../../../target/debug/client-api-access', import.meta.url));
const ROLES = ['staff', 'manager', 'admin'];
const START_SECONDS = 120;

// Servers that run now; none outlives this process.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) {
  process.once(signal, () => process.exit(status));
}

/**
 * Starts a demo, with these settings in its environment, and waits until it serves: its `url`, one account per role as
 * `{ role, email, password }`, the file of its `database`, `log()` for what it has printed, and `stop()`. At a host
 * `localhost` instead of an address, browsers allow passkeys.
 */
export async function startServer(settings = {}, { host } = {}) {
  return start(['demo', '--seed', '7'], (stdout) => {
    const accounts = signInLines(stdout);
    return accounts && { accounts };
  }, settings, host);
}

/** Starts a server that nobody has set up yet, where developers may register clients: `setUp` is the link that it prints. */
export async function startEmptyServer() {
  return start(['serve', '--public-registration', 'on'], (stdout) => {
    const [link] = stdout.match(/http:\S+\/set-up\/\S+/) ?? [];
    return link && { setUp: link };
  });
}

// Starts the program, and waits until `told` finds in what it prints what one needs to know, and it answers.
async function start(args, told, settings = {}, host = undefined) {
  const folder = await mkdtemp(join(tmpdir(), 'caa-browser-'));
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const url = `http://${host ?? '127.0.0.1'}:${port}`;
  const named = host ? ['--public-url', url] : [];
  const child = spawn(BINARY, [...args, ...named, '--listen', address, '--data-dir', join(folder, 'data')], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, RUST_BACKTRACE: '1', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let printed = '';
  let stdout = '';
  let ended = null;
  child.stdout.on('data', (chunk) => { stdout += chunk; printed += chunk; });
  child.stderr.on('data', (chunk) => { printed += chunk; });
  child.on('error', (error) => { ended = `could not be started: ${error.message}`; });
  child.on('exit', (status, signal) => {
    running.delete(child);
    ended ??= `ended with ${signal ?? `status ${status}`}`;
  });

  const stop = async () => {
    child.kill('SIGTERM');
    for (let tenths = 0; !ended && tenths < 100; tenths++) await pause(100);
    if (!ended) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };

  for (const deadline = Date.now() + START_SECONDS * 1000; ; await pause(100)) {
    const known = told(stdout);
    if (known && await answers(`http://${address}`)) {
      return { url, ...known, database: join(folder, 'data', 'client-api-access.db'), log: () => printed, stop };
    }
    const trouble = ended ?? (Date.now() > deadline ? `is not ready after ${START_SECONDS} s` : null);
    if (trouble) {
      await stop();
      throw new Error(`The server (${BINARY}) ${trouble}. It printed:\n${printed || '(nothing)'}`);
    }
  }
}

/** The accounts by role once all are printed: a line each of role, e-mail and password. */
function signInLines(text) {
  const accounts = {};
  for (const line of text.replace(/\x1b\[[\d;]*m/g, '').split('\n')) {
    const [, role, email, password] = line.match(/^\s*(\w+)\s+(\S+@\S+)\s+(\S+)\s*$/) ?? [];
    if (ROLES.includes(role)) accounts[role] = { role, email, password };
  }
  return ROLES.every((role) => accounts[role]) ? accounts : null;
}

function answers(url) {
  return fetch(`${url}/sign-in`).then((response) => response.arrayBuffer()).then(() => true, () => false);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
