// A passkey is added on the profile, and signs in after the password and alone, with Chromium's virtual authenticator.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { ageSignIns, expectHeading, fillIn, message, nameOf, pageTest, press, useShop } from './support/shop.js';

const LOOKS = [{ scripts: true, width: 1280 }, { scripts: true, width: 390, dark: true }];

async function attachAuthenticator(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    forget: () => session.send('WebAuthn.clearCredentials', { authenticatorId }),
    passkeys: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
  };
}

async function arriveAtSettings(page) {
  await page.waitForURL((url) => url.pathname === '/settings');
}

for (const [n, way] of LOOKS.entries()) {
  describe(`a passkey: ${nameOf(way)}`, () => {
    const shop = useShop(undefined, { host: 'localhost' });

    pageTest('is added, signs in, is renamed and removed', { shop, way }, async (page) => {
      const device = await attachAuthenticator(page);
      const account = shop.accounts[n ? 'staff' : 'admin'];
      await signIn(page, account);
      await page.goto('/settings/profile/second-factor');
      await expectSound(page);
      await page.getByRole('link', { name: 'Add a passkey' }).click();
      await expectSound(page);
      await fillIn(page, { Name: 'My phone' });
      await press(page, 'Add passkey');
      await expectHeading(page, 'Your recovery codes', { level: 1 });
      const [passkey] = await device.passkeys();
      assert.deepEqual([passkey.rpId, passkey.isResidentCredential], ['localhost', true]);
      await page.getByRole('link', { name: 'I have copied them' }).click();
      await expectSound(page);
      await page.getByRole('link', { name: 'Add a passkey' }).click();
      await fillIn(page, { Name: 'The same again' });
      await press(page, 'Add passkey');
      await page.getByRole('alert').filter({ hasText: 'This device already has a passkey for your account.' }).waitFor();
      await expectSound(page);

      // Alone.
      await press(page, 'Sign out');
      await expectSound(page);
      await press(page, 'Sign in with a passkey');
      await arriveAtSettings(page);
      // After the password.
      await press(page, 'Sign out');
      await fillIn(page, { 'E-mail': account.email, Password: account.password });
      await press(page, 'Sign in');
      await expectHeading(page, 'Second factor', { level: 1 });
      await expectSound(page);
      await press(page, 'Use a passkey');
      await arriveAtSettings(page);
      // To confirm that it is them.
      await page.goto('/settings/profile/second-factor/recovery-codes');
      await ageSignIns(shop);
      await press(page, 'Create new codes');
      await expectHeading(page, 'Confirm it is you', { level: 1 });
      await expectSound(page, 403);
      await press(page, 'Confirm with a passkey');
      await expectHeading(page, 'Your recovery codes', { level: 1 });
      const codes = await page.locator('.codes code').allInnerTexts();

      // The device is lost.
      await press(page, 'Sign out');
      await device.forget();
      await fillIn(page, { 'E-mail': account.email, Password: account.password });
      await press(page, 'Sign in');
      await press(page, 'Use a passkey');
      await page.getByRole('alert').filter({ hasText: 'No passkey was used.' }).waitFor();
      await expectSound(page);
      await fillIn(page, { 'Recovery code': codes[0] });
      await press(page, 'Sign in with a recovery code');
      await arriveAtSettings(page);

      await page.goto('/settings/profile/second-factor');
      await page.getByRole('link', { name: 'Rename My phone' }).click();
      await expectSound(page);
      await fillIn(page, { Name: 'Lost phone' });
      await press(page, 'Save');
      await message(page, 'Passkey renamed.').waitFor();
      await expectSound(page);
      await page.getByRole('link', { name: 'Remove Lost phone' }).click();
      await expectSound(page);
      await press(page, 'Remove');
      await message(page, 'Passkey removed.').waitFor();
    });
  });
}
