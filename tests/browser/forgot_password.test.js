// From "Forgot your password?" on the sign-in page, by the link in the mail, to being signed in.
import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { eventually } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { startMailServer } from './support/mail.js';
import { expectHeading, fillIn, nameOf, pageTest, press, useShop, TWO_WAYS } from './support/shop.js';

const PASSWORD = 'gravel saxophone 12 tide';

describe('a forgotten password', () => {
  let mail;
  after(() => mail?.stop());
  const shop = useShop(async () => {
    mail = await startMailServer();
    return mail.settings;
  });

  for (const [n, way] of TWO_WAYS.entries()) {
    pageTest(nameOf(way), { shop, way }, async (page) => {
      const { email } = [shop.accounts.staff, shop.accounts.manager][n];
      await page.goto('/sign-in');
      await expectSound(page);
      await page.getByRole('link', { name: 'Forgot your password?' }).click();
      await expectHeading(page, 'Forgot your password?');
      await expectSound(page);
      await fillIn(page, { 'E-mail': email });
      await press(page, 'Send link');
      await expectHeading(page, 'Check your e-mail');
      await expectSound(page);

      const link = await eventually(async () => {
        const sent = mail.mails.find(({ to, text }) => to.includes(email) && text.includes('/welcome/'));
        assert.ok(sent, `no mail to ${email}`);
        return sent.text.match(/http\S+\/welcome\/\w+/)[0];
      });
      await page.goto(link);
      await expectHeading(page, 'Choose a new password');
      await fillIn(page, { 'New password': PASSWORD, 'Confirm new password': PASSWORD });
      await press(page, 'Save and sign in');
      await page.waitForURL(`${shop.url}/settings`);

      await eventually(async () => {
        assert.ok(mail.mails.some(({ to, text }) => to.includes(email) && text.includes('Your password was changed')));
      });
    });
  }
});
