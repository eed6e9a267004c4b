// Businesses and locations get other names; and the list of connections, which names businesses, shows all its columns.
import assert from 'node:assert/strict';
import { before, describe } from 'node:test';
import { cookiesOf, signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { CONNECTIONS } from './support/connections.js';
import {
  TWO_WAYS, expectHeading, fillIn, message, nameOf, pageTest, panel, press, useShop, withPage,
} from './support/shop.js';

const LOOKS = [...TWO_WAYS, { scripts: true, width: 1280, dark: true }, { scripts: true, width: 390, dark: true }];

describe('names of businesses', () => {
  const shop = useShop();
  let cookies;

  before(async () => {
    cookies = await withPage(shop, {}, 'signs in', async (page) => {
      await signIn(page, shop.accounts.admin);
      return cookiesOf(page);
    });
  });

  for (const way of LOOKS) {
    pageTest(`a business and a location are renamed: ${nameOf(way)}`, { shop, way }, async (page) => {
      await page.context().addCookies(cookies);
      await page.goto('/settings/account');
      await expectSound(page);
      const labels = await page.locator('main .panel > header').getByRole('link', { name: /^Rename / }).allTextContents();
      const [before, taken] = labels.map((label) => label.replace(/^Rename\s+/, '').trim());
      const name = `Pine, ${nameOf(way)} AB`;
      await page.getByRole('link', { name: `Rename ${before}`, exact: true }).click();
      await expectHeading(page, `Rename ${before}`, { level: 1 });
      await fillIn(page, { Name: taken.toUpperCase() });
      await press(page, 'Save');
      await message(page, 'Fix 1 error').waitFor();
      await page.locator('#name-error').getByText('A business with this name already exists').waitFor();
      assert.equal(await page.locator('#name').inputValue(), taken.toUpperCase(), 'what was typed is kept');
      await expectSound(page, 422);
      await fillIn(page, { Name: name });
      await press(page, 'Save');
      await message(page, `${before} is called ${name} now.`).waitFor();

      const location = await page.locator('main tbody th').first().innerText();
      await page.getByRole('link', { name: `Rename ${location}`, exact: true }).click();
      await expectHeading(page, `Rename ${location}`, { level: 1 });
      await expectSound(page);
      await fillIn(page, { Name: `Pier, ${nameOf(way)}` });
      await press(page, 'Save');
      await message(page, `${location} is called Pier, ${nameOf(way)} now.`).waitFor();
    });

    pageTest(`the list of connections cuts nothing off: ${nameOf(way)}`, { shop, way }, async (page) => {
      await page.context().addCookies(cookies);
      await page.goto(CONNECTIONS);
      await expectSound(page);
      const table = panel(page, 'connections').locator('.table');
      const [inner, outer] = await table.evaluate((box) => [box.scrollWidth, box.clientWidth]);
      assert.ok(inner <= outer, `the table is ${inner} px wide, and ${outer} px are shown`);
      const titles = await panel(page, 'problems').getByRole('heading', { level: 3 }).allInnerTexts();
      assert.deepEqual(titles, [
        '1 connection must be reconnected', '1 connection is failing, retrying', '1 connection was never authorized',
      ]);
    });
  }
});
