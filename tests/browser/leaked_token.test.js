// Somebody posts a token in a message: a manager pastes the whole message, and revokes the token.
import assert from 'node:assert/strict';
import { closePage, openPage, signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import {
  CLIENTS, expectHeading, inTwoWays, message, openClient, openClients, pageTest, panel, press, rowsOf,
} from './support/shop.js';

const MOST_CLICKS = 4;
const MANY = 2;

inTwoWays(({ shop, way }) => {
  pageTest(`a manager revokes a token out of a message within ${MOST_CLICKS} clicks`, { shop, way }, async (page) => {
    const [leaked] = await newApiKeys(shop, 1);
    await signIn(page, shop.accounts.manager);
    let clicks = await find(page, `Hi, our till prints this:\n"access_token": "${leaked}", help!`);
    await expectHeading(page, leaked.slice(0, 7));
    await expectSound(page);
    assert.ok(!(await page.content()).includes(leaked), 'what was pasted is not shown again');

    clicks += await revoke(page, page.locator('main'), leaked);

    assert.ok(clicks <= MOST_CLICKS, `${clicks} clicks`);
  });

  pageTest('and each of several, from the list of what was found', { shop, way }, async (page) => {
    const leaked = await newApiKeys(shop, MANY);
    await signIn(page, shop.accounts.manager);
    let clicks = await find(page, leaked.join(' and '));
    await expectHeading(page, `Found ${MANY} tokens`);
    await expectSound(page);
    const found = (await rowsOf(page, 'found')).map(({ token }) => token);
    assert.deepEqual(found.sort(), leaked.map((value) => value.slice(0, 7)).sort());

    clicks += await revoke(page, panel(page, 'found').getByRole('row').filter({ hasText: leaked[0].slice(0, 7) }), leaked[0]);

    assert.ok(clicks <= MOST_CLICKS, `${clicks} clicks`);
  });
});

/** Pastes a text on the page that the home page leads to, and returns the clicks. */
async function find(page, text) {
  await page.goto('/settings');
  await page.getByRole('link', { name: 'Find a token' }).click();
  await page.getByLabel('Token, or a text that contains it').fill(text);
  await press(page, 'Find token');
  return 2;
}

/** Revokes a token from where its link is, and returns the clicks. */
async function revoke(page, place, value) {
  await place.getByRole('link', { name: /^Revoke/ }).click();
  await expectHeading(page, 'Revoke ');
  await page.getByRole('button', { name: /^Revoke/ }).click();
  await message(page, 'revoked').waitFor();
  assert.ok(!(await page.content()).includes(value));
  return 2;
}

/** New API keys that act for the manager. */
async function newApiKeys(shop, number) {
  const page = await openPage(shop.url, {});
  const values = [];
  await signIn(page, shop.accounts.admin);
  for (let made = 0; made < number; made++) {
    await openClients(page);
    const [client] = await rowsOf(page, CLIENTS);
    await openClient(page, client.name);
    await page.locator('details.menu summary').click();
    await page.getByRole('link', { name: 'New API key' }).first().click();
    await page.getByLabel('Name or e-mail').fill(shop.accounts.manager.email);
    await page.waitForURL(/name=/);
    await page.locator('.options a').click();
    await page.getByLabel('Label').fill(`Till ${made}`);
    await page.getByLabel('View reports').check();
    await press(page, 'Create API key');
    await expectHeading(page, `New API key for ${client.name}`);
    const [value] = (await page.locator('main').innerText()).match(/\w{7}_ak_\w+/);
    values.push(value);
  }
  await closePage(page);
  return values;
}
