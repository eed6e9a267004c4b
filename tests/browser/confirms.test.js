// An act that gives power asks for the password when the sign-in is old, and continues with what was typed.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { expectNoProblems, signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { ageSignIns, expectHeading, fillIn, message, nameOf, pageTest, press, useShop, TWO_WAYS } from './support/shop.js';

// In both directions of light, with and without scripts.
const LOOKS = TWO_WAYS.map((way) => ({ ...way, dark: way.width === 390 }));

describe('a fresh sign-in', () => {
  const shop = useShop();

  for (const way of LOOKS) {
    pageTest(`is asked for, and what was typed is kept: ${nameOf(way)}`, { shop, way }, async (page) => {
      await signIn(page, shop.accounts.admin);
      await page.goto('/settings/employees/invite');
      const name = `Nils ${way.width}`;
      await fillIn(page, { Name: name, 'E-mail': `nils.${way.width}@shop.example` });
      await page.getByRole('radio', { name: /^Store manager/ }).check();
      await ageSignIns(shop);
      await press(page, 'Invite employee');
      await expectHeading(page, 'Confirm it is you', { level: 1 });
      await expectSound(page, 403);
      assert.ok(!(await page.content()).includes(name), 'what was typed is not in the page');

      await fillIn(page, { 'Password of': 'not my password' });
      await press(page, 'Confirm and continue');
      await message(page, 'Incorrect password.').waitFor();
      await expectSound(page, 422);

      await fillIn(page, { 'Password of': shop.accounts.admin.password });
      await press(page, 'Confirm and continue');
      await expectHeading(page, `Invitation for ${name}`, { level: 1 });
      await expectSound(page);
      await page.getByRole('link', { name: 'I have copied it' }).click();
      await expectHeading(page, name, { level: 1 });
      await page.getByText('Store manager').first().waitFor();

      await page.goto('/settings/employees/invite');
      await fillIn(page, { Name: `${name} B`, 'E-mail': `nils.b.${way.width}@shop.example` });
      await press(page, 'Invite employee');
      await expectHeading(page, `Invitation for ${name} B`, { level: 1 });

      await ageSignIns(shop);
      await page.goto('/settings/employees/invite');
      await fillIn(page, { Name: `${name} C`, 'E-mail': `nils.c.${way.width}@shop.example` });
      await press(page, 'Invite employee');
      await expectHeading(page, 'Confirm it is you', { level: 1 });
      expectNoProblems(page, { refusals: [403] });
      await page.getByRole('link', { name: 'Cancel' }).click();
      await expectHeading(page, 'Invite employee', { level: 1 });
    });
  }
});
