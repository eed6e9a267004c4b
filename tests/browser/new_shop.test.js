// A shop from its first link on: the pages before there is anything, links that work once, and what is shown once.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { closeBrowser, closePage, cookiesOf, documentOf, openPage } from './support/browser.js';
import { LOOKS, closeLooks, inEveryLook, openLooks } from './support/looks.js';
import { startEmptyServer } from './support/server.js';
import { expectHeading, fillIn, message, press } from './support/shop.js';

const PASSWORD = 'bicycle lantern orchard seven';
const SET_UP = { 'Shop name': 'Pine & Daughters', 'Your name': 'Ada Admin', 'E-mail': 'ada@pine.example' };
const DEVELOPER = { Name: 'Ledgerly', Website: 'https://ledgerly.example', 'Redirect URIs': 'https://ledgerly.example/cb' };
const CONTACT = { 'Contact name': 'Lea', 'Contact e-mail': 'lea@ledgerly.example' };
const PASSWORDS = [['Password', 'Confirm password'], ['New password', 'Confirm new password']];

describe('a new shop', () => {
  const shop = {};
  let strangers;
  let admin;
  let n = 0;

  before(async () => Object.assign(shop, await startEmptyServer()), { timeout: 120_000 });
  after(async () => {
    await closeBrowser();
    await shop.stop?.();
  });

  test('is set up with the link that the server prints', { timeout: 300_000 }, async (t) => {
    strangers = await openLooks(shop, LOOKS, []);
    await t.test('nothing else yet', () => inEveryLook(strangers, (page) => page.goto('/sign-in')));
    await t.test('not with another link', () => inEveryLook(strangers, async (page) => {
      await page.goto(`${shop.url}/set-up/another`);
      assert.ok(documentOf(page).status() >= 400);
    }, [403, 404, 410]));
    await t.test('the form', () => inEveryLook(strangers, (page) => page.goto(shop.setUp)));
    await t.test('two different passwords', () => inEveryLook(strangers, async (page) => {
      await page.goto(shop.setUp);
      await fillIn(page, SET_UP);
      await choosePassword(page, `${PASSWORD} twice`);
      await press(page, 'Set up and sign in');
      await page.getByRole('alert').first().waitFor();
    }, [422]));
    const page = await openPage(shop.url, {});
    await page.goto(shop.setUp);
    await fillIn(page, SET_UP);
    await choosePassword(page, PASSWORD);
    await press(page, 'Set up and sign in');
    await page.waitForURL(/\/settings/);
    admin = await openLooks(shop, LOOKS, await cookiesOf(page));
    await closePage(page);
    await t.test('the link works once', () => inEveryLook(strangers, async (page) => {
      await page.goto(shop.setUp);
      assert.ok(documentOf(page).status() >= 400);
    }, [403, 404, 410]));
  });

  test('has nothing yet, and says so', { timeout: 300_000 }, async (t) => {
    for (const path of [
      '', '/client-api-access', '/client-api-access/pending', '/access', '/connections', '/connections/clients', '/employees',
      '/resource-servers', '/account', '/activity', '/activity?person=nobody', '/access?client=nothing',
    ]) {
      await t.test(path || 'home', () => inEveryLook(admin, (page) => page.goto(`/settings${path}`)));
    }
  });

  test('invites somebody, who chooses a password', { timeout: 300_000 }, async (t) => {
    const links = [];
    await t.test('the form, sent too early', () => inEveryLook(admin, async (page) => {
      await page.goto('/settings/employees/invite');
      await fillIn(page, { Name: 'Ada Again', 'E-mail': 'ada@pine.example' });
      await press(page, 'Invite employee');
      await page.getByRole('alert').first().waitFor();
    }, [409, 422]));
    await t.test('the link, shown once', () => inEveryLook(admin, async (page) => {
      await page.goto('/settings/employees/invite');
      n += 1;
      await fillIn(page, { Name: `Stina ${n}`, 'E-mail': `stina${n}@pine.example` });
      await press(page, 'Invite employee');
      await expectHeading(page, `Invitation for Stina ${n}`);
      links.push(await page.locator('#secret').innerText());
    }));
    await t.test('welcome', () => inEveryLook(strangers, (page) => page.goto(links[0])));
    await t.test('two different passwords', () => inEveryLook(strangers, async (page) => {
      await page.goto(links[0]);
      await choosePassword(page, `${PASSWORD} twice`);
      await press(page, 'Save and sign in');
      await page.getByRole('alert').first().waitFor();
    }, [422]));
    await t.test('a link that does not work', () => inEveryLook(strangers, async (page) => {
      await page.goto('/welcome/another');
      assert.ok(documentOf(page).status() >= 400);
    }, [403, 404, 410]));
  });

  test('lets developers register clients', { timeout: 300_000 }, async (t) => {
    await t.test('the form', () => inEveryLook(strangers, (page) => page.goto('/oauth/register')));
    await t.test('what is wrong', () => inEveryLook(strangers, async (page) => {
      await page.goto('/oauth/register');
      await fillIn(page, { ...DEVELOPER, Name: 'Lightspeed Ledger', 'Redirect URIs': 'http://ledgerly.example/cb', ...CONTACT });
      await press(page, 'Register client');
      await message(page, 'Fix 2 errors').waitFor();
    }, [422]));
    await t.test('the secret, shown once', () => inEveryLook(strangers, async (page) => {
      await page.goto('/oauth/register');
      await fillIn(page, { ...DEVELOPER, Name: `Ledgerly ${n += 1}`, ...CONTACT });
      await press(page, 'Register client');
      await expectHeading(page, `Ledgerly ${n} is registered`);
    }));
  });

  test('shows secrets once', { timeout: 300_000 }, async (t) => {
    await t.test('of a resource server', () => inEveryLook(admin, async (page) => {
      await page.goto('/settings/resource-servers');
      await page.getByLabel('Name').fill(`Orders ${n += 1}`);
      await page.getByRole('button', { name: /^Add/ }).click();
      await page.locator('.secret code').first().waitFor();
    }));
    await t.test('of a client', () => inEveryLook(admin, async (page) => {
      await page.goto('/settings/client-api-access/register');
      await fillIn(page, { ...DEVELOPER, Name: `Stockbird ${n += 1}`, ...CONTACT });
      await press(page, 'Register client');
      await expectHeading(page, `Stockbird ${n} is registered`);
    }));
    await closeLooks(admin);
    await closeLooks(strangers);
  });
});

async function choosePassword(page, again) {
  for (const [label, confirmation] of PASSWORDS) {
    const field = page.getByLabel(label, { exact: true });
    if (await field.count() === 0) continue;
    await field.fill(PASSWORD);
    await page.getByLabel(confirmation, { exact: true }).fill(again);
  }
}
