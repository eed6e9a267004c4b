// An admin takes access away, and it is gone.
import assert from 'node:assert/strict';
import { closePage, cookiesOf, eventually, expectNoProblems, openPage, signIn } from './support/browser.js';
import { expectAccessible, expectNoOverflow, expectValidHtml } from './support/checks.js';
import {
  ACCESS_TOKENS, CLIENTS, COLUMN, REFRESH_TOKENS, expectHeading, expectNoRows, filterBy, inTwoWays, message, openClient,
  openClients, pageTest, panel, revokeButton, revokeOpener, rowsOf, tokensOf, unfoldAccessTokens,
} from './support/shop.js';

const CONFIRMATION = /^Revoke .*\?$/;
const GONE = /already|no longer|gone/i;

inTwoWays(({ shop, way }) => {
  pageTest('revokes a client with many tokens by typing its name', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const client = await aClient(page, 'most');
    await openClient(page, client.name);
    const address = page.url();

    await revokeOpener(page, 'Revoke access').click();
    await expectHeading(page, `Revoke access for ${client.name}?`);
    await expectAccessible(page);
    await expectNoOverflow(page);
    await keepAccess(page).click();
    await expectHeading(page, client.name, { level: 1 });
    assert.equal(new URL(page.url()).pathname, new URL(address).pathname);

    await revokeOpener(page, 'Revoke access').click();
    await nameField(page).fill('something else');
    // A script may hold the button back until the name fits; without one the server asks again.
    if (await revokeButton(page).isEnabled()) await revokeButton(page).click();
    await expectHeading(page, `Revoke access for ${client.name}?`);
    await nameField(page).fill(client.name);
    await revokeButton(page).click();

    await expectMessage(page, client.name);
    await expectNoClient(page, way, client);
    expectNoProblems(page, { refusals: [400, 422] });
    await page.goto(address);
    await page.getByText(GONE).first().waitFor();
    expectNoProblems(page, { refusals: [404, 410] });
  });

  pageTest('revokes a small client with one button; whoever comes second is told kindly', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const client = await aClient(page, 'fewest', { refreshTokens: 1 });
    await openClient(page, client.name);
    await revokeOpener(page, 'Revoke access').click();
    await expectHeading(page, `Revoke access for ${client.name}?`);
    assert.equal(await nameField(page).count(), 0, 'a small client needs no name typed');
    const second = await openPage(shop.url, { ...way, cookies: await cookiesOf(page) });
    await second.goto(client.href);
    await revokeOpener(second, 'Revoke access').click();
    await expectHeading(second, `Revoke access for ${client.name}?`);

    await revokeButton(page).click();
    await expectMessage(page, client.name);
    await revokeButton(second).click();

    await expectGone(second);
    await closePage(second);
    await expectNoClient(page, way, client);
  });

  pageTest('revokes one access token and leaves the others', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const client = await aClient(page, 'fewest', { refreshTokens: 8, accessTokens: 12 });
    await openClient(page, client.name);
    await unfoldAccessTokens(page);
    const address = page.url();
    const [token] = tokensOf(await rowsOf(page, ACCESS_TOKENS));

    await panel(page, ACCESS_TOKENS).getByRole('link', { name: token }).click();
    await expectHeading(page, token);
    await revokeOpener(page, 'Revoke access token').click();
    await page.getByRole('heading', { name: CONFIRMATION }).first().waitFor();
    await revokeButton(page).click();

    await expectMessage(page, token);
    await page.goto(address);
    await filterBy(page, way, ACCESS_TOKENS, 'Token', token);
    await expectNoRows(page, ACCESS_TOKENS);
    await page.goto(address);
    assert.ok((await rowsOf(page, ACCESS_TOKENS)).length > 0, 'its neighbours went too');
  });

  pageTest('revokes a refresh token together with the access tokens it created', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const client = await aClient(page, 'fewest', { refreshTokens: 2, accessTokens: 2 });
    await openClient(page, client.name);
    const address = page.url();
    const [token] = tokensOf(await rowsOf(page, REFRESH_TOKENS));
    await panel(page, REFRESH_TOKENS).getByRole('link', { name: token }).click();
    await expectHeading(page, token);
    const below = tokensOf(await rowsOf(page, ACCESS_TOKENS));

    await revokeOpener(page, 'Revoke refresh token').click();
    await page.getByRole('heading', { name: CONFIRMATION }).first().waitFor();
    await expectAccessible(page);
    await revokeButton(page).click();

    await expectMessage(page, token);
    await page.goto(address);
    assert.ok(!tokensOf(await rowsOf(page, REFRESH_TOKENS)).includes(token));
    await unfoldAccessTokens(page);
    for (const child of below.slice(0, 2)) {
      await filterBy(page, way, ACCESS_TOKENS, 'Token', child);
      await expectNoRows(page, ACCESS_TOKENS);
    }
  });

  pageTest('goes Back to a confirmation already given, and nothing breaks', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const client = await aClient(page, 'fewest', { refreshTokens: 8, accessTokens: 12 });
    await openClient(page, client.name);
    await unfoldAccessTokens(page);
    const [token] = await rowsOf(page, ACCESS_TOKENS);
    const confirmation = `${token.href}/revoke`;
    await page.goto(confirmation);
    await expectValidHtml(page);
    await revokeButton(page).click();
    await expectMessage(page, token.token);

    await page.goBack();
    // The browser may show the page as it was, or ask for it again.
    if (await revokeButton(page).count()) await revokeButton(page).click();

    await expectGone(page);
  });
});

/**
 * The listed client with the most tokens, or the fewest, among those with so many refresh tokens and so many others.
 * The list counts what is live; a confirmation counts what lies expired, too.
 */
async function aClient(page, extreme, { refreshTokens = 0, accessTokens = 0 } = {}) {
  const tokens = (row) => row.number(COLUMN.refreshTokens) + row.number(COLUMN.accessTokens);
  const clients = (await rowsOf(page, CLIENTS))
    .filter((row) => row.number(COLUMN.refreshTokens) >= refreshTokens && row.number(COLUMN.accessTokens) >= accessTokens)
    .sort((a, b) => tokens(a) - tokens(b));
  assert.ok(clients.length > 0, 'the demo has no client like that');
  return extreme === 'most' ? clients.at(-1) : clients[0];
}

function nameField(page) {
  return page.getByLabel(/^Type the client[’']s name/);
}

function keepAccess(page) {
  return page.getByRole('link', { name: 'Keep access' }).or(page.getByRole('button', { name: 'Keep access' }));
}

/** The page says what was deleted, by name. */
async function expectMessage(page, name) {
  await message(page, name).waitFor();
}

/** Nobody is told of an error: the page says that it is gone already and shows a way on. */
async function expectGone(page) {
  await page.getByText(GONE).first().waitFor();
  assert.ok(await page.locator('main').getByRole('link').count() > 0, 'no way on from here');
  expectNoProblems(page, { refusals: [404, 409, 410] });
}

async function expectNoClient(page, way, { name }) {
  await openClients(page);
  await filterBy(page, way, CLIENTS, 'Client name', name);
  await eventually(async () => {
    const listed = (await rowsOf(page, CLIENTS)).map((row) => row.name);
    assert.ok(!listed.includes(name), `${name} is still listed`);
  });
}
