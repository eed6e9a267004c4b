// The chart of how much a client and an API key are used: what it draws, and the table of the same numbers.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { nameOf, openClients, pageTest, panel, rowsOf, useShop, TWO_WAYS } from './support/shop.js';

const DAYS = 90;

describe('usage', () => {
  const shop = useShop();

  for (const way of TWO_WAYS) {
    describe(nameOf(way), () => {
      pageTest('of a client has a strip for each kind, and a table of its numbers', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.staff);
        await openClients(page);
        await page.goto((await rowsOf(page, 'clients'))[0].href);

        const usage = panel(page, 'usage');
        const words = await usage.locator('header p').innerText();
        assert.match(words, /^[\d,]+ calls?, ([\d,]+|no) refresh(es)?, ([\d,]+|no) refusals? in 90 days$/);
        for (const name of ['Calls', 'Refreshes', 'Refusals']) await usage.getByText(name, { exact: false }).first().waitFor();
        await expectReadable(usage, 3);
        await expectNumbers(usage, words);
        await expectSound(page);
      });

      pageTest('of an API key has its calls', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.manager);
        await page.goto('/settings/access?type=api-key');
        const used = page.getByRole('row').filter({ hasText: /\d min ago|today|yesterday/ });
        await page.goto(await used.first().locator('a[href*="/access-tokens/"]').first().getAttribute('href'));

        const usage = panel(page, 'usage');
        const words = await usage.locator('header p').innerText();
        assert.match(words, /^[\d,]+ calls? in 90 days$/);
        await expectReadable(usage, 1);
        await expectNumbers(usage, words);
        assert.match(await page.locator('dl.facts').innerText(), /from 203\.0\.113\.\d+/);
        await expectSound(page);
      });
    });
  }
});

/** The bars fill the width of the panel, and the text beside them is not scaled with them. */
async function expectReadable(usage, strips) {
  const chart = usage.getByRole('img', { name: /Bars for each day/ });
  const { width } = await chart.boundingBox();
  const plots = await usage.locator('.usage-plot').all();
  assert.equal(plots.length, strips);
  for (const plot of plots) {
    const box = await plot.boundingBox();
    assert.ok(box.width > width * 0.75 && box.height >= 36, `${box.width} x ${box.height} in ${width}`);
  }
  const sizes = await usage.locator('.usage :is(p, span)').evaluateAll((texts) =>
    texts.map((text) => parseFloat(getComputedStyle(text).fontSize)));
  assert.ok(Math.min(...sizes) >= 12, `${sizes}`);
  const scales = await usage.locator('.usage-scale span:first-child').evaluateAll((texts) =>
    texts.map((text) => text.scrollWidth <= text.parentElement.clientWidth));
  assert.ok(scales.every(Boolean), 'no scale is cut off');
}

/** The table has every day, and its numbers are those that the words add up. */
async function expectNumbers(usage, words) {
  await usage.getByText('Numbers by day').click();
  const rows = usage.getByRole('row');
  await rows.nth(1).waitFor();
  assert.equal(await rows.count(), DAYS + 1);
  const calls = await usage.locator('tbody tr td:nth-child(2)').allInnerTexts();
  const sum = calls.reduce((total, text) => total + Number(text.replace(/\D/g, '')), 0);
  assert.equal(`${sum}`, words.split(' ')[0].replaceAll(',', ''));
}
