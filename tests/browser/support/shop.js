// The shop's pages as the tests speak of them: where things are and what they are called. Wording and markup that change,
// change here.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { closeBrowser, closePage, eventually, expectNoProblems, keepEvidence, openPage } from './browser.js';
import { startServer } from './server.js';

export const CLIENTS = 'clients';
export const REFRESH_TOKENS = 'refresh-tokens';
export const API_KEYS = 'api-keys';
export const ACCESS_TOKENS = 'access-tokens';

/** The columns that tests read, by their headings. */
export const COLUMN = {
  employee: /^employee$/i,
  employees: /^employees$/i,
  refreshTokens: /^refresh tokens$/i,
  accessTokens: /keys|access tokens/i,
  status: /^status$/i,
};

const TEST_SECONDS = 120;

/** Every way of looking in which a flow must work. */
const WAYS = [true, false].flatMap((scripts) => [1280, 390].map((width) => ({ scripts, width })));
/** The two that differ most: for flows whose pages the other tests show in every way. */
export const TWO_WAYS = WAYS.filter(({ scripts, width }) => scripts === (width === 1280));

export function nameOf({ scripts, width, dark }) {
  return [`scripts ${scripts === false ? 'off' : 'on'}`, `${width} px`, ...(dark ? ['dark'] : [])].join(', ');
}

/** Gives the tests of the surrounding `describe` a demo shop of their own; `settings` answers its environment. */
export function useShop(settings = async () => ({}), options = {}) {
  const shop = {};
  before(async () => Object.assign(shop, await startServer(await settings(), options)), { timeout: TEST_SECONDS * 1000 });
  after(async () => {
    await closeBrowser();
    await shop.stop?.();
  });
  return shop;
}

const AGE = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=10) as database:
    database.execute('UPDATE sessions SET created_at = created_at - 901, confirmed_at = confirmed_at - 901')
`;

/** As if everybody had signed in a quarter of an hour earlier. */
export const ageSignIns = ({ database }) => promisify(execFile)('python3', ['-c', AGE, database]);

/** One describe for each of two ways of looking, each with a shop of its own: what one of them revokes, the other still has. */
export function inTwoWays(body) {
  for (const way of TWO_WAYS) describe(nameOf(way), () => body({ shop: useShop(), way }));
}

/** A test on a page of its own, which must have made no trouble by the end. */
export function pageTest(name, { shop, way }, body) {
  test(name, { timeout: TEST_SECONDS * 1000 }, async () => {
    await withPage(shop, way, name, body);
  });
}

/** Opens a page, hands it to `body`, and closes it; a failure leaves a picture, the HTML and the server's log behind. */
export async function withPage(shop, way, name, body) {
  const page = await openPage(shop.url, way);
  try {
    const result = await body(page);
    expectNoProblems(page);
    return result;
  } catch (error) {
    await keepEvidence(page, `${name} ${nameOf(way)}`, shop.log()).catch(() => {});
    throw error;
  } finally {
    await closePage(page);
  }
}

/** Follows a link of the settings menu. */
export async function goTo(page, section) {
  await page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: section }).click();
  await expectHeading(page, section);
}

export async function openClients(page) {
  await goTo(page, 'Client API Access');
}

/** Waits for a heading; `text` is the whole of it or its beginning, since badges and counts may follow. */
export async function expectHeading(page, text, options = {}) {
  await page.getByRole('heading', { name: startingWith(text), ...options }).first().waitFor();
}

/** Types into fields by their labels; `fields` holds each label, or its beginning, and the text. */
export async function fillIn(page, fields) {
  for (const [label, text] of Object.entries(fields)) {
    await page.getByLabel(startingWith(label)).fill(text);
  }
}

export function press(page, name) {
  return page.getByRole('button', { name, exact: true }).click();
}

export function startingWith(text) {
  return new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`, 'i');
}

export function panel(page, id) {
  return page.locator(`section.panel#${id}`);
}

export function filterField(page, id, label) {
  return panel(page, id).getByLabel(startingWith(label)).first();
}

export function applyButton(page, id) {
  return panel(page, id).getByRole('button', { name: 'Apply' });
}

/** Filters a panel as a person would: typing is enough where scripts run, elsewhere a button follows. */
export async function filterBy(page, { scripts }, id, label, text) {
  const field = filterField(page, id, label);
  await field.fill('');
  await field.pressSequentially(text, { delay: 30 });
  if (!scripts) await applyButton(page, id).click();
}

/**
 * The rows of a panel's table. Each has `name` and `href` (its first link), `token` (the seven characters, if it shows
 * some), and `text(column)`, `person(column)` and `number(column)`, where a column is matched by its heading.
 */
export async function rowsOf(page, id) {
  const { headings, rows } = await panel(page, id).evaluate((section) => {
    const clean = (node) => node.textContent.replace(/\s+/g, ' ').trim();
    const firstWords = (cell) => {
      const link = cell.querySelector('a');
      if (link) return clean(link);
      const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      while (walk.nextNode()) if (clean(walk.currentNode)) return clean(walk.currentNode);
      return '';
    };
    return {
      headings: [...section.querySelectorAll('thead th')].map((heading) => clean(heading).replace(/[^\p{L})]+$/u, '')),
      rows: [...section.querySelectorAll('tbody tr')].filter((row) => row.querySelector('a[href]')).map((row) => ({
        link: clean(row.querySelector('a[href]')),
        href: row.querySelector('a[href]').getAttribute('href'),
        cells: [...row.cells].map((cell) => ({ text: clean(cell), first: firstWords(cell) })),
      })),
    };
  });
  return rows.map(({ link, href, cells }) => {
    const cell = (column) => {
      const index = headings.findIndex((heading) => column.test(heading));
      assert.notEqual(index, -1, `#${id} has no column ${column}, only ${headings.join(', ')}`);
      return cells[index];
    };
    return {
      name: link,
      href,
      token: link.match(/^(\w{7}) ?\*\*\* REDACTED \*\*\*$/)?.[1],
      text: (column) => cell(column).text,
      person: (column) => cell(column).first,
      number: (column) => Number(cell(column).text.replace(/\D/g, '')),
    };
  });
}

/** Waits until a panel shows at least one row and only such as pass, and returns them. */
export async function expectRows(page, id, passes, what) {
  return eventually(async () => {
    const rows = await rowsOf(page, id);
    assert.ok(rows.length > 0, `#${id} shows no row: expected ${what}`);
    const others = rows.filter((row) => !passes(row)).map((row) => row.name);
    assert.deepEqual(others, [], `#${id} shows more than ${what}`);
    return rows;
  });
}

export async function expectNoRows(page, id) {
  await eventually(async () => assert.deepEqual((await rowsOf(page, id)).map((row) => row.name), [], `#${id} still shows rows`));
}

export const tokensOf = (rows) => rows.map((row) => row.token);

/** Whether every value is there somewhere in the page's query string. */
export function urlHolds(page, ...values) {
  const held = [...new URL(page.url()).searchParams.values()].map((value) => value.toLowerCase());
  return values.every((value) => held.includes(value.toLowerCase()));
}

/** Opens a client from the list that is on the page. */
export async function openClient(page, name) {
  await panel(page, CLIENTS).getByRole('link', { name, exact: true }).first().click();
  await expectHeading(page, name, { level: 1 });
}

/** Unfolds the access tokens of a client or an employee. */
export async function unfoldAccessTokens(page) {
  await panel(page, ACCESS_TOKENS).getByRole('link', { name: /^\s*Access tokens/, expanded: false }).click();
  await panel(page, ACCESS_TOKENS).getByRole('link', { name: /^\s*Access tokens/, expanded: true }).waitFor();
}

/** The way to a confirmation: a link, or a button where a dialog opens. */
export function revokeOpener(page, name) {
  return page.locator('main').getByRole('link', { name, exact: true })
    .or(page.locator('main').getByRole('button', { name, exact: true }));
}

/** The button of a confirmation that does it. */
export function revokeButton(page) {
  return page.getByRole('button', { name: /^Revoke/ }).last();
}

/** What the page says about the action before it, if it names `text`. */
export function message(page, text) {
  return page.getByRole('status').or(page.getByRole('alert')).filter({ hasText: text }).first();
}
