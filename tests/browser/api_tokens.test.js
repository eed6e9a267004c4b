// An admin creates an API token, sees its value once, and revokes it; every page of it is accessible.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { TWO_WAYS, expectHeading, message, nameOf, pageTest, press, useShop } from './support/shop.js';

describe('an admin', () => {
  for (const way of TWO_WAYS) {
    describe(nameOf(way), () => {
      const shop = useShop();

      pageTest('creates an API token, sees its value once, and revokes it', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.admin);
        await page.goto('/settings/api-tokens');
        await expectSound(page);
        await page.getByRole('link', { name: 'New API token' }).first().click();
        await expectHeading(page, 'New API token');
        await expectSound(page);
        await page.getByLabel('Name', { exact: true }).fill('Weekly report');
        await page.locator('input[value="service"]').check();
        await page.getByLabel('Name of the service').fill('Reporting server');
        await press(page, 'Create API token');
        await message(page, 'Fix 1 error').waitFor();
        await expectSound(page, 422);
        await page.locator('input[value="clients:read"]').check();
        await page.getByLabel('90 days').check();
        await press(page, 'Create API token');
        await expectHeading(page, 'New API token “Weekly report”');
        await expectSound(page);
        const value = await page.locator('#secret').innerText();
        assert.match(value, /^[0-9A-Za-z]{7}_pt_[0-9A-Za-z]{49}$/);
        await page.getByRole('link', { name: 'I have copied it' }).click();
        await expectHeading(page, 'Weekly report');
        await expectSound(page);
        assert.ok(!(await page.content()).includes(value.slice(8)), 'the value is shown once');
        await page.getByRole('link', { name: 'Revoke API token' }).click();
        await expectSound(page);
        await press(page, 'Revoke API token');
        await message(page, 'revoked').waitFor();
        await expectSound(page);
        assert.equal(await page.getByRole('link', { name: 'Weekly report' }).count(), 0);
      });
    });
  }
});
