// A connection to another server of this program, on the same host: made, lost and found again, while a program calls
// through it. What both servers keep in the browser stays apart.
import assert from 'node:assert/strict';
import { before, describe } from 'node:test';
import { cookiesOf, documentOf, expectNoProblems, signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import {
  CONNECTIONS, addressesOf, choose, consent, expectStatus, fact, redirectUri, registerAt, scopeOf, waiting,
} from './support/connections.js';
import {
  REFRESH_TOKENS, expectHeading, fillIn, goTo, message, nameOf, pageTest, panel, press, revokeButton, revokeOpener,
  rowsOf, startingWith, tokensOf, useShop, withPage,
} from './support/shop.js';

const SCOPE = ['employee:inventory_read', 'employee:register_read'];
const ACCOUNT = 'Pine Wholesale';
// It is a long way; its pages and forms are looked at in every way elsewhere.
const OPPOSITES = [{ scripts: true, width: 1280 }, { scripts: false, width: 390 }];

describe('a connection', () => {
  const shop = useShop();
  const provider = useShop();
  let cookies;

  before(async () => {
    await withPage(provider, {}, 'signs in at both, one after the other', async (page) => {
      await signIn(page, shop.accounts.admin, shop.url);
      await signIn(page, provider.accounts.admin);
      cookies = await cookiesOf(page);
      // Both demos are the same shop; another name tells the provider's account from our own.
      await page.goto('/settings/account');
      await page.locator('#name').fill(ACCOUNT);
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await page.getByRole('link', { name: ACCOUNT }).waitFor();
    });
  });

  for (const way of OPPOSITES) {
    pageTest(`is made, lost and found again: ${nameOf(way)}`, { shop, way }, async (page) => {
      const name = `Stock sync ${nameOf(way)}`;
      const there = await page.context().newPage();
      await page.context().addCookies(cookies);
      await page.goto(CONNECTIONS);
      const before = await waiting(page);

      const client = await makeConnection(page, there, { name, way });
      await consent(page, shop, provider);
      await message(page, `${name} is connected.`).waitFor();
      await expectStatus(page, 'Online');
      await expectSound(page);
      const { url, person } = await readConnection(page);
      assert.equal(await waiting(page), before);
      await expectSignedIn(page, there);

      const key = await makeKey(page, name);
      const call = await page.locator('#call').innerText();
      assert.deepEqual(await callThrough(call, key), { status: 200, said: ACCOUNT });

      await revokeAtProvider(there, client.page, person);
      await press(page, 'Refresh now');
      await message(page, 'The connection must be authorized again').waitFor();
      await expectSound(page);
      await expectLost(page, { name, url, before });
      await expectSound(page);
      assert.deepEqual(await callThrough(call, key), { status: 503, said: 'needs_authorization' });
      await page.goto(url);
      await press(page, 'Reconnect');
      await expectFound(page, { name, url, before });

      await revokeAtProvider(there, client.page, person);
      await press(page, 'Test connection');
      await message(page, 'The connection must be authorized first').waitFor();
      await expectLost(page, { name, url, before });
      await press(page, `Reconnect ${name}`);
      await expectFound(page, { name, url, before });
      await press(page, 'Test connection');
      await message(page, 'Test passed').waitFor();
      assert.deepEqual(await callThrough(call, key), { status: 200, said: ACCOUNT });

      await revokeKey(page, name);
      assert.deepEqual(await callThrough(call, key), { status: 401, said: 'invalid_token' });
      await reconnectUnseen(page, name);
      await expectSignedIn(page, there);
      await disconnect(page, there, { name, client: client.page });
      expectNoProblems(there);
    });
  }

  /** Begins at the form of a connection, registers a client at the provider on the way, and sets out to authorize. */
  async function makeConnection(page, there, { name, way }) {
    await page.getByRole('link', { name: 'New connection' }).click();
    await fillIn(page, { 'Name your connection': name });
    await choose(page, 'API type', 'other');
    await fillIn(page, { 'Scope (optional)': SCOPE.join(' ') });
    await page.getByRole('link', { name: 'New', exact: true }).click();
    await expectHeading(page, 'Add app credentials');
    await choose(page, 'API type', 'other');
    const registered = await registerAt(there, provider, name, await redirectUri(page));
    await fillIn(page, {
      Name: `${name} there`,
      'Client ID': registered.id,
      'Client secret': registered.secret,
      ...addressesOf(provider),
    });
    assert.ok(await page.getByLabel('Use PKCE').isChecked());
    await press(page, 'Add app credentials');

    await message(page, 'saved').waitFor();
    await expectHeading(page, 'New connection', { level: 1 });
    if (way.scripts) {
      assert.equal(await page.getByLabel(/^Name your connection/).inputValue(), name, 'what was typed before is kept');
    } else {
      await fillIn(page, { 'Name your connection': name, 'Scope (optional)': SCOPE.join(' ') });
    }
    assert.match(await page.locator('#client option:checked').innerText(), startingWith(`${name} there`));
    assert.equal(await page.getByLabel(/^API type/).inputValue(), 'other');
    await press(page, 'Save & authorize');
    return registered;
  }

  async function readConnection(page) {
    assert.equal(await fact(page, 'Account'), ACCOUNT);
    assert.deepEqual(await scopeOf(page), SCOPE);
    const person = (await page.locator('.sidebar .person a').innerText()).trim();
    assert.match(await fact(page, 'Authorized by'), startingWith(person));
    return { url: page.url(), person };
  }

  async function expectSignedIn(page, there) {
    await page.reload();
    await expectStatus(page, 'Online');
    await there.goto(`${provider.url}/settings`);
    await expectHeading(there, 'Needs attention', { level: 1 });
  }

  async function revokeAtProvider(there, client, person) {
    await there.goto(client);
    await panel(there, REFRESH_TOKENS).getByRole('row').filter({ hasText: person }).getByRole('link').first().click();
    await revokeOpener(there, 'Revoke refresh token').click();
    await revokeButton(there).click();
    await message(there, 'revoked').waitFor();
  }

  /** Its page asks for somebody, and so do the list and the menu. Ends at the list. */
  async function expectLost(page, { name, url, before }) {
    assert.equal(page.url(), url);
    await expectStatus(page, 'Needs authorization');
    await page.getByText('Reconnect needed').waitFor();
    assert.equal(await waiting(page), before + 1);
    await goTo(page, 'Connections');
    await page.locator('#problems li').filter({ hasText: 'must be reconnected' }).getByRole('link', { name }).waitFor();
    const row = panel(page, 'connections').getByRole('row').filter({ hasText: name });
    await row.getByText('Needs authorization').waitFor();
  }

  async function expectFound(page, { name, url, before }) {
    await consent(page, shop, provider);
    await message(page, `${name} is connected.`).waitFor();
    assert.equal(page.url(), url, 'the connection stays the same one');
    await expectStatus(page, 'Online');
    assert.equal(await waiting(page), before);
  }

  async function makeKey(page, name) {
    await fillIn(page, { 'New service key for': 'Nightly export' });
    await press(page, 'Create service key');
    await expectHeading(page, `Service key for ${name}`);
    await expectSound(page);
    const key = await page.locator('#secret').innerText();
    await page.getByRole('link', { name: 'I have copied it' }).click();
    await panel(page, 'keys').getByRole('link', { name: 'Revoke Nightly export' }).waitFor();
    assert.ok(!(await documentOf(page).text()).includes(key), 'the key is shown once');
    assert.ok((await panel(page, 'keys').innerText()).includes(key.slice(0, 7)));
    await expectSound(page);
    return key;
  }

  async function revokeKey(page, name) {
    await page.getByRole('link', { name: 'Revoke Nightly export' }).click();
    await page.getByText(`can no longer call through ${name}`).waitFor();
    await expectSound(page);
    await press(page, 'Revoke service key');
    await message(page, '“Nightly export” revoked').waitFor();
    await panel(page, 'keys').getByText('No service keys yet').waitFor();
  }

  /** The call that told whose account it is no longer does: then somebody is asked before anything changes. */
  async function reconnectUnseen(page, name) {
    await page.getByRole('link', { name: `${name} there` }).click();
    await fillIn(page, { 'Test path': '/healthz' });
    await press(page, 'Save changes');
    await message(page, 'App credentials saved').waitFor();
    await panel(page, 'oauth-clients').getByRole('link', { name: `${name} there`, exact: true }).click();
    await panel(page, 'users').getByRole('link', { name }).click();
    await press(page, 'Reconnect');
    await consent(page, shop, provider);
    await expectHeading(page, 'Use the new tokens for');
    await expectSound(page);
    await press(page, 'Use the new tokens');
    await message(page, `${name} is connected.`).waitFor();
  }

  async function disconnect(page, there, { name, client }) {
    await there.goto(client);
    const held = tokensOf(await rowsOf(there, REFRESH_TOKENS));
    await page.getByRole('link', { name: 'Disconnect' }).click();
    await expectHeading(page, `Disconnect ${name}?`);
    await press(page, 'Disconnect');
    await message(page, 'The provider confirmed that its tokens are revoked').waitFor();
    assert.equal(await panel(page, 'connections').getByText(name).count(), 0);
    await there.reload();
    const left = tokensOf(await rowsOf(there, REFRESH_TOKENS));
    assert.equal(left.length, held.length - 1, `the provider held ${held} and holds ${left}`);
  }
});

/** Makes the call that a connection's page tells how to make: its status, and the account it found or the error. */
async function callThrough(call, key) {
  const response = await fetch(call.match(/http:\S+/)[0], { headers: { authorization: `Bearer ${key}` } });
  const { Account, error } = await response.json();
  return { status: response.status, said: error ?? Account.name };
}
