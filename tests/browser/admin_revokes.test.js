// An admin takes access away, and it is gone.
import assert from 'node:assert/strict';
import { closePage, cookiesOf, eventually, expectNoProblems, openPage, signIn } from './support/browser.js';
import { expectAccessible, expectNoOverflow, expectValidHtml } from './support/checks.js';
import {
  ACCESS_TOKENS, CLIENTS, COLUMN, REFRESH_TOKENS, expectHeading, filterBy, inEveryWay, message, openClient, openClients,
  pageTest, panel, revokeButton, revokeOpener, rowsOf, tokensOf,
} from './support/shop.js';

// A client with more tokens than this wants its name typed.
const MANY = 100;
const CONFIRMATION = /^Revoke .*\?$/;
const GONE = /already|no longer|gone|not exist|isn’t there|not found/i;

inEveryWay(({ shop, way }) => {
  pageTest('revokes a client with many tokens by typing its name', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const client = await aClient(page, (tokens) => tokens > MANY, `more than ${MANY} tokens`);
    await openClient(page, client.name);
    const address = page.url();

    await revokeOpener(page, 'Revoke Access').click();
    await expectHeading(page, `Revoke access for ${client.name}?`);
    await expectAccessible(page);
    await expectNoOverflow(page);
    await keepAccess(page).click();
    await expectHeading(page, client.name, { level: 1 });
    assert.equal(new URL(page.url()).pathname, new URL(address).pathname);

    await revokeOpener(page, 'Revoke Access').click();
    await nameField(page).fill('something else');
    await revokeButton(page).click();
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
    const client = await aClient(page, (tokens) => tokens > 0 && tokens <= MANY, `1 to ${MANY} tokens`);
    await openClient(page, client.name);
    await revokeOpener(page, 'Revoke Access').click();
    await expectHeading(page, `Revoke access for ${client.name}?`);
    assert.equal(await nameField(page).count(), 0, 'a small client needs no name typed');
    const second = await openPage(shop.url, { ...way, cookies: await cookiesOf(page) });
    await second.goto(client.href);
    await revokeOpener(second, 'Revoke Access').click();
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
    const client = await aClient(page, (tokens, row) => tokens <= MANY && row.number(COLUMN.accessTokens) > 1, 'several access tokens');
    await openClient(page, client.name);
    const address = page.url();
    const [token] = tokensOf(await rowsOf(page, ACCESS_TOKENS));

    await panel(page, ACCESS_TOKENS).getByRole('link', { name: token }).click();
    await expectHeading(page, token);
    await revokeOpener(page, 'Revoke').click();
    await page.getByRole('heading', { name: CONFIRMATION }).first().waitFor();
    await revokeButton(page).click();

    await expectMessage(page, token);
    await page.goto(address);
    await filterBy(page, way, ACCESS_TOKENS, 'Token', token);
    await eventually(async () => assert.deepEqual(await rowsOf(page, ACCESS_TOKENS), []));
    await page.goto(address);
    assert.ok((await rowsOf(page, ACCESS_TOKENS)).length > 0, 'its neighbours went too');
  });

  pageTest('revokes a refresh token together with the access tokens it created', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const client = await aClient(page, (tokens, row) => row.number(COLUMN.refreshTokens) > 1 && row.number(COLUMN.accessTokens) > 1, 'several tokens of each kind');
    await openClient(page, client.name);
    const address = page.url();
    const [token] = tokensOf(await rowsOf(page, REFRESH_TOKENS));
    await panel(page, REFRESH_TOKENS).getByRole('link', { name: token }).click();
    await expectHeading(page, token);
    const below = tokensOf(await rowsOf(page, ACCESS_TOKENS));

    await revokeOpener(page, 'Revoke Refresh Token').click();
    await page.getByRole('heading', { name: CONFIRMATION }).first().waitFor();
    await expectAccessible(page);
    await revokeButton(page).click();

    await expectMessage(page, token);
    await page.goto(address);
    assert.ok(!tokensOf(await rowsOf(page, REFRESH_TOKENS)).includes(token));
    for (const child of below.slice(0, 2)) {
      await filterBy(page, way, ACCESS_TOKENS, 'Token', child);
      await eventually(async () => assert.deepEqual(await rowsOf(page, ACCESS_TOKENS), []));
    }
  });

  pageTest('goes Back to a confirmation already given, and nothing breaks', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openClients(page);
    const client = await aClient(page, (tokens, row) => tokens <= MANY && row.number(COLUMN.accessTokens) > 0, 'an access token');
    await openClient(page, client.name);
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

/** A client of the list whose tokens, refresh tokens and all others together, number as asked for. */
async function aClient(page, fits, what) {
  const clients = await rowsOf(page, CLIENTS);
  const client = clients.find((row) => fits(row.number(COLUMN.refreshTokens) + row.number(COLUMN.accessTokens), row));
  assert.ok(client, `the demo has no client with ${what}`);
  return client;
}

function nameField(page) {
  return page.getByLabel(/^Type the client[’']s name/);
}

function keepAccess(page) {
  return page.getByRole('link', { name: 'Keep access' }).or(page.getByRole('button', { name: 'Keep access' }));
}

/** The page says what was deleted, by name. */
async function expectMessage(page, name) {
  await message(page).filter({ hasText: name }).waitFor();
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
  await eventually(async () => assert.ok(!(await rowsOf(page, CLIENTS)).some((row) => row.name === name), `${name} is still listed`));
}
