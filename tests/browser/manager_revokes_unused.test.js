// A manager looks for tokens and keys that nobody uses, in one list of all clients, and revokes them.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { eventually, signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { TWO_WAYS, expectHeading, expectNoRows, goTo, nameOf, pageTest, panel, press, rowsOf, useShop } from './support/shop.js';

const LIST = '/settings/access';
const ACCESS = 'access';
const HEADING = 'Access inventory';
const MOST_CLICKS = 5;

const ticks = (page) => panel(page, ACCESS).getByRole('checkbox');
const ticked = (page) => ticks(page).evaluateAll((all) => all.filter((tick) => tick.checked).length);
const revokeAll = (page) => page.getByRole('button', { name: /that match$/ });

async function choose(page, { scripts }, name, value) {
  await panel(page, ACCESS).locator(`select[name=${name}]`).selectOption(value);
  if (!scripts) await panel(page, ACCESS).getByRole('button', { name: 'Apply' }).click();
  await page.waitForURL((url) => url.searchParams.get(name) === value);
}

for (const way of TWO_WAYS) {
  describe(nameOf(way), () => {
    const shop = useShop();

    pageTest(`revokes what is unused for 90 days within ${MOST_CLICKS} clicks`, { shop, way }, async (page) => {
      await signIn(page, shop.accounts.manager);
      let clicks = 1;
      await goTo(page, HEADING);
      await expectSound(page);
      clicks += way.scripts ? 1 : 2;
      await choose(page, way, 'usage', 'unused-90');
      await eventually(async () => assert.match(await revokeAll(page).innerText(), /^Revoke all \d+ that match$/));
      const unused = await rowsOf(page, ACCESS);
      assert.ok(unused.length > 2, 'the demo has tokens that nobody uses');
      clicks += 1;
      await revokeAll(page).click();
      await expectHeading(page, `Revoke ${unused.length} `);
      await expectSound(page);
      clicks += 1;
      await page.getByRole('button', { name: /^Revoke \d/ }).click();
      await expectHeading(page, 'Access revoked');
      assert.ok(clicks <= MOST_CLICKS, `${clicks} clicks`);
      await expectSound(page);

      await page.getByRole('link', { name: 'Back to the list' }).click();
      await expectNoRows(page, ACCESS);
      await page.getByText('No results match these filters.').waitFor();
      await expectSound(page);
      await page.getByRole('link', { name: 'Clear filters' }).click();
      await eventually(async () => assert.ok((await rowsOf(page, ACCESS)).length > 2));
    });

    pageTest('selects some, keeps them, and is told when nothing is selected', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.manager);
      await page.goto(`${LIST}?type=api-key`);
      const keys = await rowsOf(page, ACCESS);

      await press(page, 'Revoke selected');
      await page.getByRole('alert').getByText('Select at least one token').waitFor();
      await expectSound(page, 422);
      await page.goto(`${LIST}?type=api-key`);
      await page.getByRole('link', { name: 'Select all on this page' }).click();
      await page.getByRole('link', { name: 'Clear the selection' }).waitFor();
      assert.equal(await ticked(page), keys.length);
      await page.getByRole('link', { name: 'Clear the selection' }).click();
      await page.getByRole('link', { name: 'Select all on this page' }).waitFor();
      assert.equal(await ticked(page), 0);
      for (const index of [0, 1]) await ticks(page).nth(index).check();
      await press(page, 'Revoke selected');
      await expectHeading(page, 'Revoke 2 API keys?');
      await expectSound(page);
      await page.getByRole('link', { name: 'Keep access' }).click();
      await expectHeading(page, HEADING, { level: 1 });
      assert.equal(new URL(page.url()).searchParams.get('type'), 'api-key', 'the filter is kept');

      for (const index of [0, 1]) await ticks(page).nth(index).check();
      await press(page, 'Revoke selected');
      await press(page, 'Revoke 2 API keys');
      await expectHeading(page, 'Access revoked');
      await page.getByRole('link', { name: 'Back to the list' }).click();
      await eventually(async () => {
        const left = (await rowsOf(page, ACCESS)).map(({ token }) => token);
        assert.ok(keys.slice(0, 2).every(({ token }) => !left.includes(token)), 'both are gone');
      });
    });

    pageTest('opens more filters, which stay open, and downloads what is listed', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.manager);
      await page.goto(LIST);
      await page.getByText('More filters').click();
      await choose(page, way, 'expires', 'never');
      await eventually(async () => assert.ok((await rowsOf(page, ACCESS)).every((row) => row.text(/^expires$/i) === 'never')));
      assert.ok(await page.getByLabel('Employee is').isVisible());
      const length = Number(await panel(page, ACCESS).locator('h2 .sum').innerText());
      const href = await page.getByRole('link', { name: 'Export as CSV' }).getAttribute('href');
      const file = await page.request.get(new URL(href, page.url()).href);
      assert.equal((await file.text()).trimEnd().split('\n').length, length + 1);
      await expectSound(page);
    });

    pageTest('types the count of more than a hundred, and watches them go', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.manager);
      await page.goto(`${LIST}?type=refresh-token`);
      await revokeAll(page).click();
      await expectHeading(page, 'Revoke ');
      const count = (await page.getByText(/^Type \d+ to confirm$/).innerText()).match(/\d+/)[0];
      const button = page.getByRole('button', { name: /^Revoke \d/ });
      await page.getByLabel(/^Type/).fill('7');
      if (way.scripts) {
        assert.ok(await button.isDisabled());
      } else {
        await button.click();
        await page.getByText(`Type the number ${count}.`).waitFor();
        await expectSound(page, 422);
      }
      await expectSound(page, way.scripts ? undefined : 422);
      await page.getByLabel(/^Type/).fill(count);
      await button.click();
      await expectHeading(page, /Access revoked|Revoking/.exec(await page.locator('h1').innerText())?.[0] ?? 'Access revoked');
      await eventually(async () => {
        if (!way.scripts) await page.reload();
        assert.equal(await page.locator('h1').innerText(), 'Access revoked');
        assert.equal(await page.getByRole('progressbar').count(), 0);
      });
      await page.goto(`${LIST}?type=refresh-token`);
      await expectNoRows(page, ACCESS);
    });
  });
}
