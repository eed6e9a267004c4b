// An admin registers a client and creates an API key for it; its developer updates the client.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { documentOf, eventually, signIn } from './support/browser.js';
import { expectAccessible, expectSound } from './support/checks.js';
import { TWO_WAYS, expectHeading, fillIn, message, nameOf, openClients, pageTest, press, useShop } from './support/shop.js';

// A new value of the API key on the page: both work until the previous one is revoked.
async function replaceValue(page) {
  await page.getByText('What it can do').waitFor();
  await page.getByRole('link', { name: 'New value' }).click();
  await expectHeading(page, 'Create a new value for this API key?');
  await expectSound(page);
  await page.getByLabel('On a date').check();
  await press(page, 'Create new value');
  await message(page, 'Fix 1 error').waitFor();
  await expectSound(page, 422);
  await page.getByLabel('In 7 days').check();
  await page.getByLabel('180 days').check();
  await press(page, 'Create new value');
  await expectHeading(page, 'New value of “Nightly export”');
  await expectSound(page);
  assert.match(await page.locator('.secret code').textContent(), /^\w{7}_ak_\w+$/);
  assert.equal(documentOf(page).headers()['cache-control'], 'no-store');
  await page.getByRole('link', { name: 'I have copied it' }).click();
  await page.getByText('Two values of this key work.').waitFor();
  await expectSound(page);
  await press(page, 'Revoke previous value');
  await message(page, 'Previous value revoked.').waitFor();
  await page.getByText('Stopped working').waitFor();
  assert.equal(await page.getByText('Two values of this key work.').count(), 0);
  await expectSound(page);
}

describe('an admin', () => {
  const shop = useShop();

  for (const way of TWO_WAYS) {
    describe(nameOf(way), () => {
      pageTest('registers a client, corrects the errors, and its developer updates it', { shop, way }, async (page) => {
        const name = `Shipping ${nameOf(way)}`;
        await signIn(page, shop.accounts.admin);
        await openClients(page);
        await page.getByRole('link', { name: 'Register a client' }).click();
        await fillIn(page, { Name: 'Lightspeed Shipping', Website: 'https://shipping.example', 'Contact name': 'Lea' });
        await fillIn(page, { 'Contact e-mail': 'lea@shipping.example', 'Redirect URIs': 'http://app.example/cb' });
        await press(page, 'Register client');
        await message(page, 'Fix 2 errors').waitFor();
        await expectSound(page, 422);

        await fillIn(page, { Name: name, 'Redirect URIs': 'https://app.example/cb' });
        await press(page, 'Register client');
        await expectHeading(page, `${name} is registered`);
        await expectSound(page);
        const [id, secret] = await page.locator('.secret code').allTextContents();
        await page.getByText(`${shop.url}/auth/oauth/token`, { exact: true }).waitFor();
        assert.equal(await page.getByRole('button', { name: 'Print' }).isVisible(), way.scripts);
        if (way.scripts) {
          await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
          await page.getByRole('button', { name: 'Copy all' }).click();
          await page.getByRole('button', { name: 'Copied' }).waitFor();
          const copied = await page.evaluate(() => navigator.clipboard.readText());
          assert.ok(copied.includes(`Client ID: ${id}\n`) && copied.includes(`Client secret: ${secret}\n`), copied);
        }
        await page.getByText('All of it as plain text').click();
        await page.getByText('employee:all: Full access').waitFor();
        await expectAccessible(page);
        await page.getByRole('link', { name: 'I have copied it' }).click();
        await expectHeading(page, name);
        await expectSound(page);

        await page.getByRole('link', { name: 'New API key' }).click();
        await page.getByLabel('Name or e-mail').fill(shop.accounts.manager.email);
        if (!way.scripts) await press(page, 'Apply');
        await page.waitForURL(/name=/);
        const person = page.locator('.options a');
        await eventually(async () => assert.equal(await person.count(), 1));
        await expectSound(page);
        await person.click();
        await page.getByText('Acts for').waitFor();
        assert.ok(await page.getByLabel('90 days').isChecked());
        assert.equal(await page.getByLabel('View and edit shops').count(), 0, 'not included in the role');
        await expectSound(page);
        await page.getByLabel('Label').fill('Nightly export');
        await page.getByLabel('On a date').check();
        await page.getByLabel('Date', { exact: true }).fill('2020-01-31');
        await press(page, 'Create API key');
        await message(page, 'Fix 2 errors').waitFor();
        await expectSound(page, 422);
        assert.equal(await page.getByLabel('Date', { exact: true }).inputValue(), '2020-01-31');
        await page.getByLabel('View reports').check();
        await page.getByLabel('90 days').check();
        await press(page, 'Create API key');
        await expectHeading(page, `New API key for ${name}`);
        await expectSound(page);
        await page.getByRole('link', { name: 'I have copied it' }).click();
        await page.locator('#api-keys tbody th a').click();
        await replaceValue(page);

        await page.goto('/oauth/update');
        await expectSound(page);
        await fillIn(page, { 'Client ID': id, 'Client secret': 'wrong' });
        await press(page, 'Continue');
        await message(page, 'Incorrect client ID or client secret').waitFor();
        await expectSound(page, 422);
        await fillIn(page, { 'Client ID': id, 'Client secret': secret });
        await press(page, 'Continue');
        await expectHeading(page, `Update ${name}`);
        await expectSound(page);
        await page.getByLabel('Client secret').fill(secret);
        await press(page, 'Regenerate secret');
        await expectHeading(page, `New client secret for ${name}`);
        await expectSound(page);
      });

      pageTest('adds a resource server, regenerates its secret and removes it', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.admin);
        await page.goto('/settings/resource-servers');
        await page.getByLabel('Name').fill('Orders API');
        await press(page, 'Add resource server');
        await expectHeading(page, 'Orders API is added');
        await expectSound(page);
        await page.getByRole('link', { name: 'I have copied it' }).click();
        await expectSound(page);
        await page.getByRole('link', { name: 'Regenerate secret for Orders API' }).click();
        await expectSound(page);
        await press(page, 'Regenerate secret');
        await expectHeading(page, 'New secret for Orders API');
        await page.getByRole('link', { name: 'I have copied it' }).click();
        await page.getByRole('link', { name: 'Remove Orders API' }).click();
        await expectSound(page);
        await press(page, 'Remove');
        await message(page, 'Orders API removed').waitFor();
        assert.equal(await page.getByRole('link', { name: 'Remove Orders API' }).count(), 0);
        await expectSound(page);
      });
    });
  }
});
