// The settings of notices: channels that an admin enters, what is sent, and the weekly digest.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { expectHeading, fillIn, message, nameOf, pageTest, panel, press, useShop, TWO_WAYS } from './support/shop.js';

const NOTICES = '/settings/account/notices';
// In both directions of light, with and without scripts.
const LOOKS = TWO_WAYS.map((way) => ({ ...way, dark: way.width === 390 }));

describe('the settings of notices', () => {
  const shop = useShop();

  for (const way of LOOKS) {
    pageTest(`errors of the forms: ${nameOf(way)}`, { shop, way }, async (page) => {
      await signIn(page, shop.accounts.admin);
      await page.goto('/settings/account');
      await page.getByRole('link', { name: 'Notice settings' }).click();
      await expectHeading(page, 'Notices', { level: 1 });
      await expectSound(page);

      await page.goto(`${NOTICES}/email`);
      await expectSound(page);
      await fillIn(page, { Host: 'mail.example', Port: '0', From: 'nobody', To: 'nobody', Password: 'a password' });
      await press(page, 'Save');
      await expectSound(page, 422);
      const errors = page.getByRole('alert').getByRole('link');
      assert.equal(await errors.count(), 4);
      await errors.first().click();
      assert.equal(await page.locator(':target').getAttribute('id'), 'port');
      assert.equal(await page.locator('#password').inputValue(), '', 'the password is not sent back');
      assert.equal(await page.locator('#host').inputValue(), 'mail.example');

      await page.goto(`${NOTICES}/webhook`);
      await expectSound(page);
      await fillIn(page, { URL: 'http://hooks.example/x', 'Signing secret': 'short' });
      await press(page, 'Save');
      await expectSound(page, 422);
      assert.equal(await page.getByRole('alert').getByRole('link').count(), 2);
    });

    pageTest(`a channel, what it sends, and the digest: ${nameOf(way)}`, { shop, way }, async (page) => {
      await signIn(page, shop.accounts.admin);
      await page.goto(`${NOTICES}/webhook`);
      await fillIn(page, { URL: 'https://localhost:9/x', 'Signing secret': 'a secret of twenty-four characters' });
      await press(page, 'Save');
      await message(page, 'Webhook saved').waitFor();
      await press(page, 'Send a test by Webhook');
      await message(page, 'Webhook test not delivered. What happened: the server is unreachable').waitFor();
      await expectSound(page);

      const box = () => panel(page, 'kinds').getByRole('checkbox', { name: 'Client registered by Webhook' });
      const was = await box().isChecked();
      await box().setChecked(!was);
      await press(page, 'Save notices');
      await message(page, 'Notices saved.').waitFor();
      assert.equal(await box().isChecked(), !was);

      await page.getByLabel('To the webhook').check();
      await page.getByLabel('Day').selectOption('Friday');
      await page.getByLabel('Time').selectOption('17:00');
      await press(page, 'Save digest');
      await message(page, 'Weekly digest saved.').waitFor();
      assert.match(await panel(page, 'digest').innerText(), /The next one is due on \d+ \w+ \d+, 17:00/);
      await expectSound(page);

      await page.goto(`${NOTICES}/webhook`);
      await expectSound(page);
      await page.getByRole('link', { name: 'Remove', exact: true }).click();
      await expectSound(page);
      await press(page, 'Remove webhook');
      await message(page, 'Webhook removed.').waitFor();
    });
  }
});
