// Every page there is, as an admin meets it: accessible, valid, in bounds, silent in the console and light.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { closePage, cookiesOf, documentOf, expectNoProblems, openPage, signIn } from './support/browser.js';
import { CONNECTIONS } from './support/connections.js';
import { LOOKS, closeLooks, inEveryLook, openLooks } from './support/looks.js';
import {
  CLIENTS, COLUMN, filterField, goTo, openClients, pageTest, panel, rowsOf, useShop, withPage,
} from './support/shop.js';
import { walk } from './support/walk.js';

const LIST = '/settings/client-api-access';
const CLIENT = `${LIST}/clients/#`;
const CONNECTION = `${CONNECTIONS}/#`;
// Pages that the walk along the links must come by, with # for each id; it checks whatever else it finds too.
const EXPECTED = [
  '/settings', '/settings/access', '/settings/attention/*', '/settings/attention/*/acknowledge',
  LIST, `${LIST}/register`, `${LIST}/pending`, `${LIST}/find-token`,
  CLIENT, `${CLIENT}/revoke`, `${CLIENT}/suspend`, `${CLIENT}/edit`, `${CLIENT}/secret`, `${CLIENT}/api-keys/new`,
  `${CLIENT}/refresh-tokens/#`, `${CLIENT}/refresh-tokens/#/revoke`,
  `${CLIENT}/access-tokens/#`, `${CLIENT}/access-tokens/#/revoke`, `${CLIENT}/access-tokens/#/value`,
  `${CLIENT}/refresh-tokens/#/access-tokens/#`, `${CLIENT}/refresh-tokens/#/access-tokens/#/revoke`,
  CONNECTIONS, `${CONNECTIONS}/new`, CONNECTION, `${CONNECTION}/edit`, `${CONNECTION}/disconnect`,
  `${CONNECTION}/keys/#/revoke`, `${CONNECTIONS}/clients`, `${CONNECTIONS}/clients/new`, `${CONNECTIONS}/clients/#`,
  `${CONNECTIONS}/clients/#/delete`,
  '/settings/employees', '/settings/employees/#', '/settings/employees/#/offboard', '/settings/employees/#/hand-over',
  '/settings/employees/#/lock', '/settings/employees/#/archive', '/settings/employees/#/link', '/settings/resource-servers',
  '/settings/account', '/settings/account/sign-in', '/settings/account/notices', '/settings/account/notices/email',
  '/settings/account/notices/webhook', '/settings/profile', '/settings/profile/second-factor',
  '/settings/profile/second-factor/app', '/settings/api-tokens', '/settings/api-tokens/new', '/settings/activity',
  '/api/v#/docs',
];
const ROWS = 50;
const PAGE_BYTES = 60_000;
const FIRST_VISIT_BYTES = 200_000;

describe('every page', () => {
  const shop = useShop();
  let cookies;
  let busiest;
  let connected;

  before(async () => {
    await withPage(shop, {}, 'looks for the busiest client, and for a connection with service keys', async (page) => {
      await signIn(page, shop.accounts.admin);
      await openClients(page);
      const tokens = (row) => row.number(COLUMN.refreshTokens) + row.number(COLUMN.accessTokens);
      [busiest] = (await rowsOf(page, CLIENTS)).sort((a, b) => tokens(b) - tokens(a));
      await goTo(page, 'Connections');
      connected = (await rowsOf(page, 'connections')).find((row) => row.text(COLUMN.status).startsWith('Online'));
      cookies = await cookiesOf(page);
    });
  });

  test('that a link leads to', { timeout: 900_000 }, async (t) => {
    const addresses = await walk(shop, cookies, [LIST, `${busiest.href}?at-show=all`, connected.href, '/api/v1/docs']);
    await t.test('includes all that the shop has', () => {
      assert.deepEqual(EXPECTED.filter((pattern) => !addresses.has(pattern)), []);
    });

    const looks = await openLooks(shop, LOOKS, cookies);
    for (const [pattern, address] of addresses) {
      await t.test(pattern, async () => {
        await inEveryLook(looks, async (page) => {
          await page.goto(address);
          assert.equal(documentOf(page).status(), 200);
        });
      });
    }
    await closeLooks(looks);
  });

  pageTest('can be used by keyboard, and shows where the keyboard is', { shop, way: {} }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    await page.reload();
    const [{ name }] = await rowsOf(page, CLIENTS);
    const firstClient = panel(page, CLIENTS).getByRole('link', { name, exact: true }).first();
    const wanted = new Set(['the filter', 'a client']);
    for (let stops = 0; wanted.size; stops++) {
      assert.ok(stops < 60, `Tab does not reach ${[...wanted].join(' and ')}`);
      await page.keyboard.press('Tab');
      const { html, visible } = await page.evaluate(() => {
        const element = document.activeElement;
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
        const visible = (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
        return { html: element.outerHTML.slice(0, 120), visible };
      });
      assert.ok(visible, `no sign of the keyboard on ${html}`);
      if (await isFocused(filterField(page, CLIENTS, 'Client name'))) wanted.delete('the filter');
      if (await isFocused(firstClient)) wanted.delete('a client');
    }
  });

  test(`of ${ROWS} rows is under ${PAGE_BYTES / 1000} KB of HTML`, async (t) => {
    const page = await openPage(shop.url, { scripts: false, cookies });
    let most = 0;
    for (const address of [LIST, busiest.href, `${busiest.href}?at-show=all`, '/settings/employees', '/settings/activity']) {
      await page.goto(address);
      const rows = await page.locator('tbody tr').count();
      const bytes = (await documentOf(page).body()).length;
      most = Math.max(most, rows);
      t.diagnostic(`${address}: ${bytes} bytes of HTML for ${rows} rows`);
      const limit = PAGE_BYTES * Math.max(1, rows / ROWS);
      assert.ok(bytes < limit, `${address}: ${bytes} bytes for ${rows} rows`);
    }
    await closePage(page);
    assert.ok(most >= ROWS, `no page of the demo has ${ROWS} rows, the longest has ${most}`);
  });

  for (const what of ['list', 'client']) {
    test(`weighs under ${FIRST_VISIT_BYTES / 1000} KB on a first visit: the ${what}`, async (t) => {
      const page = await openPage(shop.url, { cookies });
      const received = [];
      page.on('requestfinished', (request) => received.push(request));
      await page.goto(what === 'list' ? LIST : busiest.href, { waitUntil: 'networkidle' });

      const sizes = await Promise.all(received.map(async (request) => (await request.sizes()).responseBodySize));

      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      t.diagnostic(`${bytes} bytes in ${received.length} answers`);
      assert.ok(received.length > 1, 'not even a stylesheet came');
      assert.ok(bytes < FIRST_VISIT_BYTES, `${bytes} bytes in ${received.length} answers`);
      expectNoProblems(page);
      await closePage(page);
    });
  }
});

function isFocused(locator) {
  return locator.evaluate((element) => element === document.activeElement);
}
