// A second factor is set up on the profile and asked for at the next sign-in.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe } from 'node:test';
import { signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { TWO_WAYS, expectHeading, fillIn, message, nameOf, pageTest, press, useShop } from './support/shop.js';

// The code that an authenticator app shows so many steps of thirty seconds from now (RFC 6238).
function code(secret, steps = 0) {
  const bits = [...secret.replaceAll(' ', '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac('sha1', key).update(counter).digest();
  return String((hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function proveThePassword(page, account, then = 'Second factor') {
  await page.goto('/sign-in');
  await fillIn(page, { 'E-mail': account.email, Password: account.password });
  await press(page, 'Sign in');
  await expectHeading(page, then, { level: 1 });
}

for (const [n, way] of TWO_WAYS.entries()) {
  describe(`a second factor: ${nameOf(way)}`, () => {
    const shop = useShop();

    pageTest('is set up, asked for, and set up at sign-in where a role needs it', { shop, way }, async (page) => {
      const account = shop.accounts[n ? 'staff' : 'manager'];
      await signIn(page, account);
      await page.goto('/settings/profile');
      await page.getByRole('link', { name: 'Manage second factor' }).click();
      await expectSound(page);
      await page.getByRole('link', { name: 'Set up an authenticator app' }).click();
      await expectSound(page);
      const secret = await page.locator('#secret').innerText();
      assert.ok((await page.locator('svg.qr').boundingBox()).width > 150, 'the QR code is large enough to scan');
      await fillIn(page, { '2. Enter the code that the app shows': '000000' });
      await press(page, 'Set up');
      await message(page, 'That code is incorrect.').waitFor();
      await expectSound(page, 422);
      await fillIn(page, { '2. Enter the code that the app shows': code(secret) });
      await press(page, 'Set up');
      await expectHeading(page, 'Your recovery codes', { level: 1 });
      await expectSound(page);
      const codes = await page.locator('.codes code').allInnerTexts();
      assert.equal(codes.length, 10);
      await page.getByRole('link', { name: 'I have copied them' }).click();
      await expectHeading(page, 'Second factor', { level: 1 });
      await expectSound(page);

      await press(page, 'Sign out');
      await proveThePassword(page, account);
      await expectSound(page);
      // The code of the set-up is used up; that of the next step is accepted already.
      await fillIn(page, { 'Code from your authenticator app': code(secret, 1) });
      await press(page, 'Sign in');
      await page.getByRole('heading', { level: 1, name: 'Needs attention' }).waitFor();
      await press(page, 'Sign out');
      await proveThePassword(page, account);
      await page.getByText('Use a recovery code').first().click();
      await fillIn(page, { 'Recovery code': codes[0] });
      await press(page, 'Sign in with a recovery code');
      await page.getByRole('heading', { level: 1, name: 'Needs attention' }).waitFor();

      await press(page, 'Sign out');
      await signIn(page, shop.accounts.admin);
      await page.goto('/settings/account');
      const [role, other] = n ? ['Store manager', 'manager'] : ['Staff', 'staff'];
      await page.getByLabel(role, { exact: true }).check();
      await press(page, 'Save second factors');
      await message(page, 'Second factors saved.').waitFor();
      await expectSound(page);

      await press(page, 'Sign out');
      await proveThePassword(page, shop.accounts[other], 'Set up a second factor');
      await expectSound(page);
      await fillIn(page, { '2. Enter the code that the app shows': code(await page.locator('#secret').innerText()) });
      await press(page, 'Set up and sign in');
      await expectHeading(page, 'Your recovery codes', { level: 1 });
      await expectSound(page);
      await page.getByRole('link', { name: 'I have copied them' }).click();
      await page.getByRole('heading', { level: 1, name: 'Needs attention' }).waitFor();
    });
  });
}
