// The shop's connections as the tests speak of them: their pages, and the way over to a provider and back.
import assert from 'node:assert/strict';
import { expectHeading, fillIn, press, startingWith } from './shop.js';

export const CONNECTIONS = '/settings/connections';

/** What a connection's page says beside one of its headings. */
export async function fact(page, heading) {
  const row = page.locator('main dl > div').filter({ has: page.getByText(heading, { exact: true }) });
  return (await row.locator('dd').first().innerText()).trim();
}

/** The scope that a connection's page says is asked for, word by word. */
export function scopeOf(page) {
  return page.locator('main dl > div').filter({ hasText: 'Requested scope' }).locator('dd code').allInnerTexts();
}

export async function expectStatus(page, status) {
  await page.locator('main .heading .badge').filter({ hasText: status }).waitFor();
}

/** How many connections wait for a person, as the menu says on every page. */
export async function waiting(page) {
  const menu = page.getByRole('navigation', { name: 'Settings' });
  const count = menu.getByRole('link', { name: startingWith('Connections') }).locator('.badge');
  return await count.count() ? Number.parseInt(await count.innerText(), 10) : 0;
}

export function choose(page, label, option) {
  return page.getByLabel(startingWith(label)).selectOption(option);
}

/** The redirect URI that a form shows for the API type that is chosen. */
export async function redirectUri(page) {
  const shown = page.locator('[data-for]:visible > .secret code');
  assert.equal(await shown.count(), 1, 'one redirect URI is shown');
  return shown.innerText();
}

/** Registers a client at a provider, another server of this program, and returns what its page shows once. */
export async function registerAt(page, provider, name, redirectUri) {
  await page.goto(`${provider.url}/settings/client-api-access`);
  await page.getByRole('link', { name: 'Register a client' }).click();
  await fillIn(page, {
    Name: name,
    Website: 'https://programs.example',
    'Redirect URIs': redirectUri,
    'Contact name': 'Lea',
    'Contact e-mail': 'lea@programs.example',
  });
  // Plain http on this machine is for these alone.
  await page.getByLabel('Is Publicly Distributed').check();
  await press(page, 'Register client');
  await expectHeading(page, `${name} is registered`);
  const [id, secret] = await page.locator('.secret code').allInnerTexts();
  await page.getByRole('link', { name: 'I have copied it' }).click();
  await expectHeading(page, name, { level: 1 });
  return { id, secret, page: page.url() };
}

/** The form of app credentials for another server of this program. */
export function addressesOf({ url }) {
  return {
    'Authorize URL': `${url}/auth/oauth/authorize`,
    'Token URL': `${url}/auth/oauth/token`,
    'Revoke URL': `${url}/auth/oauth/revoke`,
    'API URL': url,
    'Test path': '/API/V3/Account.json',
    Issuer: url,
  };
}

/** Gives the consent that the provider's page asks for, and comes back. */
export async function consent(page, shop, provider) {
  await page.waitForURL((url) => url.origin === provider.url);
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.waitForURL((url) => url.origin === shop.url);
}
