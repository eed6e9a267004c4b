// A client's page from the top: what state it is in, the menu of acts, and all its tokens revoked.
import assert from 'node:assert/strict';
import { eventually, signIn } from './support/browser.js';
import { expectAccessible, expectSound } from './support/checks.js';
import {
  API_KEYS, CLIENTS, COLUMN, REFRESH_TOKENS, expectHeading, expectNoRows, fillIn, inTwoWays, message, openClient, openClients,
  panel, pageTest, press, rowsOf,
} from './support/shop.js';

// "We cancelled our accounting software": from the home page until all its tokens are revoked.
const MOST_CLICKS = 5;
const CANCELLED = 'Ledgerly Accounting';

/** Waits until a column of numbers falls, from more than none. */
async function expectFalling(page, id, column) {
  await eventually(async () => {
    const numbers = (await rowsOf(page, id)).map((row) => row.number(column));
    assert.ok(numbers[0] > 0);
    assert.deepEqual(numbers, [...numbers].sort((a, b) => b - a));
  });
}

inTwoWays(({ shop, way }) => {
  pageTest(`a manager revokes all tokens of one app within ${MOST_CLICKS} clicks`, { shop, way }, async (page) => {
    await signIn(page, shop.accounts.manager);
    let clicks = 1;
    await openClients(page);
    clicks += 1;
    await openClient(page, CANCELLED);
    await page.getByText('Only admins can suspend this client').waitFor();
    const address = page.url();
    await expectSound(page);
    clicks += 1;
    await press(page, 'Revoke all its tokens');
    await expectHeading(page, `Revoke all tokens of ${CANCELLED}?`);
    await expectSound(page);
    clicks += 1;
    await page.getByRole('button', { name: /^Revoke \d/ }).click();
    await expectHeading(page, 'Access revoked');
    assert.ok(clicks <= MOST_CLICKS, `${clicks} clicks`);
    await eventually(async () => {
      if (!way.scripts) await page.reload();
      assert.equal(await page.getByRole('progressbar').count(), 0, 'the records are deleted');
    });
    await page.reload();
    await expectSound(page);

    await page.getByRole('link', { name: `Back to ${CANCELLED}` }).click();
    await expectHeading(page, CANCELLED, { level: 1 });
    assert.equal(page.url(), address);
    await expectNoRows(page, REFRESH_TOKENS);
    await expectNoRows(page, API_KEYS);
  });

  pageTest('an admin suspends a client from the menu, with a reason, and resumes it', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const [client] = (await rowsOf(page, CLIENTS)).filter((row) => row.number(COLUMN.refreshTokens) > 1);
    await openClient(page, client.name);
    const act = page.getByRole('link', { name: 'Suspend client' });
    assert.ok(!await act.isVisible(), 'the menu is closed');
    const menu = page.locator('.menu summary');
    await menu.focus();
    await page.keyboard.press('Enter');
    await act.waitFor();
    await expectSound(page);
    if (way.scripts) {
      await page.keyboard.press('Escape');
      await eventually(async () => assert.ok(!await act.isVisible()));
      await menu.click();
    }
    await act.click();
    await expectHeading(page, `Suspend ${client.name}?`);
    await expectSound(page);
    await fillIn(page, { Reason: 'The contract ended.' });
    await press(page, 'Suspend client');
    await message(page, 'is suspended').waitFor();
    await page.getByText('Reason: The contract ended.').waitFor();
    await expectSound(page);
    await press(page, 'Resume client');
    await message(page, 'is resumed').waitFor();
    assert.equal(await page.locator('.state').count(), 0);
  });

  pageTest('an admin sees that a client is pending, and approves one and rejects another', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    for (const [button, outcome] of [['Approve client', 'is approved'], ['Reject client', '1 client rejected']]) {
      await page.goto('/settings/client-api-access?status=pending');
      const [client] = await rowsOf(page, CLIENTS);
      await openClient(page, client.name);
      await expectSound(page);
      await press(page, button);
      if (button.startsWith('Reject')) await press(page, 'Reject 1 client');
      await message(page, outcome).waitFor();
    }
  });

  pageTest('the number of tokens of a person leads to these tokens', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const [client] = (await rowsOf(page, CLIENTS)).filter((row) => row.number(COLUMN.refreshTokens) > 1);
    await openClient(page, client.name);
    const link = panel(page, 'authorized-by').getByRole('link', { name: /refresh tokens of/ }).first();
    const count = Number((await link.innerText()).match(/\d+/)[0]);
    await link.click();
    await expectHeading(page, 'Access inventory', { level: 1 });
    assert.equal((await rowsOf(page, 'access')).length, count);
  });

  pageTest('the lists of clients and employees are sorted by how many tokens there are', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    await panel(page, CLIENTS).getByRole('link', { name: 'Refresh tokens' }).click();
    await expectFalling(page, CLIENTS, COLUMN.refreshTokens);
    const hosts = page.locator('#clients tbody th small a');
    const broken = await hosts.evaluateAll((links) => links.map((link) => link.innerText).filter((text) => /\w\n\w/.test(text)));
    assert.deepEqual(broken, [], 'a host name breaks inside a word');
    await page.goto('/settings/employees');
    await panel(page, 'employees').getByRole('link', { name: 'Tokens and keys', exact: true }).click();
    await expectFalling(page, 'employees', /^tokens and keys$/i);
    await expectSound(page);
  });

  pageTest('after registering, one page has all that the developer needs', { shop, way }, async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await signIn(page, shop.accounts.admin);
    await page.goto('/settings/client-api-access/register');
    await fillIn(page, { Name: 'Shipping Desk', Website: 'https://shipping.example', 'Contact name': 'Lea' });
    await fillIn(page, { 'Contact e-mail': 'lea@shipping.example', 'Redirect URIs': 'https://app.example/cb' });
    await press(page, 'Register client');
    await expectHeading(page, 'Shipping Desk is registered');
    await expectSound(page);
    const [id, secret] = await page.locator('.secret code').allTextContents();
    await page.getByText(`${shop.url}/auth/oauth/token`, { exact: true }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Print' }).isVisible(), way.scripts);
    if (way.scripts) {
      await page.getByRole('button', { name: 'Copy all' }).click();
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      assert.ok(copied.includes(`Client ID: ${id}\n`) && copied.includes(`Client secret: ${secret}\n`), copied);
    }
    await page.getByText('All of it as plain text').click();
    await page.getByText('employee:all: Full access').waitFor();
    await expectAccessible(page);
    await page.emulateMedia({ media: 'print' });
    assert.ok(!await page.getByText('Copy the client secret now').isVisible() && await page.getByText(secret).first().isVisible());
    await page.emulateMedia({ media: 'screen' });
    await page.getByRole('link', { name: /integration-guide$/ }).click();
    await page.getByText('/auth/oauth/token').first().waitFor();
  });

  pageTest('the client ID can be copied, or selected where scripts are off', { shop, way }, async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    await openClient(page, (await rowsOf(page, CLIENTS))[0].name);
    const id = await page.locator('#client-id').innerText();
    const copy = page.getByRole('button', { name: 'Copy client ID' });
    assert.equal(await copy.isVisible(), way.scripts);
    if (!way.scripts) return;
    await copy.click();
    await eventually(async () => assert.equal(await page.evaluate(() => navigator.clipboard.readText()), id));
  });
});
