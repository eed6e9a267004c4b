// Debian's Chromium, one fresh profile per page under test, and an ear for everything a page does wrong in silence.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];
const HEIGHTS = { 1280: 900, 390: 844 };
/** How long a page may take to show what a test waits for. */
export const PATIENCE = 10_000;

let launched;
// What has gone wrong on each page so far, each as `{ kind, text, status, url }`.
const problems = new WeakMap();
const withoutScripts = new WeakSet();
// The answer that each page shows now.
const documents = new WeakMap();

/** Opens an empty page in a profile of its own. `cookies` carries a sign-in over from another page (see `cookiesOf`). */
export async function openPage(url, { width = 1280, scripts = true, dark = false, cookies = [] } = {}) {
  launched ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: FLAGS,
  });
  const context = await (await launched).newContext({
    baseURL: url,
    viewport: { width, height: HEIGHTS[width] ?? 900 },
    hasTouch: width < 760,
    javaScriptEnabled: scripts,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: 'en-GB',
    storageState: { cookies, origins: [] },
  });
  context.setDefaultTimeout(PATIENCE);
  context.on('page', listen);
  const page = await context.newPage();
  if (!scripts) withoutScripts.add(page);
  return page;
}

export function cookiesOf(page) {
  return page.context().cookies();
}

/** Makes a page as wide as another device. */
export async function resize(page, width) {
  if (page.viewportSize().width !== width) await page.setViewportSize({ width, height: HEIGHTS[width] ?? 900 });
}

export async function closePage(page) {
  await page.context().close();
}

export async function closeBrowser() {
  const browser = await launched;
  launched = undefined;
  await browser?.close();
}

/** Fills in the sign-in form and waits for the page behind it; at the page's own server unless `url` names another. */
export async function signIn(page, account, url = '') {
  await page.goto(`${url}/sign-in`);
  await page.getByLabel('E-mail').fill(account.email);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
}

export function scriptsRun(page) {
  return !withoutScripts.has(page);
}

/** The answer that the page shows, as the server sent it. */
export function documentOf(page) {
  return documents.get(page);
}

/**
 * Fails if the page logged an error, broke its content security policy, lost a request or met an error status.
 * A test that asks for a refusal names its status in `refusals`; 5xx is never forgiven.
 */
export function expectNoProblems(page, { refusals = [] } = {}) {
  const forgiven = ({ status }) => status < 500 && refusals.includes(status);
  const left = problems.get(page).splice(0).filter((problem) => !forgiven(problem));
  expectNone(left.map(({ kind, text, url }) => `${kind}: ${text} (${url})`), `problems at ${page.url()}`);
}

/** Fails with a title and one complaint below the other, if there are any. */
export function expectNone(complaints, title) {
  assert.ok(complaints.length === 0, [title, ...complaints].join('\n'));
}

/** Repeats `check` until it stops throwing, and returns what it returns; after `PATIENCE` its own complaint stands. */
export async function eventually(check) {
  for (const deadline = Date.now() + PATIENCE; ; await pause(50)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** Keeps a picture and the HTML of a page whose test failed, and the server's log, for the person who looks into it. */
export async function keepEvidence(page, name, log) {
  const file = RESULTS + name.replace(/[^\w]+/g, '-').slice(0, 120);
  await mkdir(RESULTS, { recursive: true });
  await writeFile(`${file}.log`, log);
  await writeFile(`${file}.html`, `<!-- ${page.url()} -->\n${await page.content()}`);
  await page.screenshot({ path: `${file}.png`, fullPage: true });
}

function listen(page) {
  const found = [];
  problems.set(page, found);
  const report = (kind, text, url = page.url(), status = 0) => found.push({ kind, text, url, status });
  page.on('console', (message) => {
    // A failed load is reported below, with its status.
    if (message.type() !== 'error' || message.text().startsWith('Failed to load resource')) return;
    report('console', message.text(), message.location().url || page.url());
  });
  page.on('pageerror', (error) => report('script', error.message));
  page.on('requestfailed', (request) => {
    // A page left, or a filter typed further, ends the request before it.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') report('request', request.failure()?.errorText, request.url());
  });
  page.on('response', (response) => {
    const request = response.request();
    if (response.status() >= 400) report('response', `status ${response.status()}`, response.url(), response.status());
    const redirected = response.status() >= 300 && response.status() < 400;
    if (request.isNavigationRequest() && request.frame() === page.mainFrame() && !redirected) documents.set(page, response);
  });
}
