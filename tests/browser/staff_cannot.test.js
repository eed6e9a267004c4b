// Staff can see, and revoke only the access they authorized themselves.
import assert from 'node:assert/strict';
import { before, describe } from 'node:test';
import { documentOf, expectNoProblems, signIn } from './support/browser.js';
import { expectAccessible } from './support/checks.js';
import {
  ACCESS_TOKENS, CLIENTS, COLUMN, REFRESH_TOKENS, TWO_WAYS, expectHeading, filterBy, message, nameOf, openClient, openClients,
  pageTest, panel, revokeButton, revokeOpener, rowsOf, tokensOf, expectRows, useShop, withPage,
} from './support/shop.js';

const ADMINS_ONLY = ['/settings/account', '/settings/account/notices'];

describe('staff', () => {
  const shop = useShop();
  let person;
  let colleague;

  before(async () => {
    person = nameFrom(shop.accounts.staff.email);
    colleague = await withPage(shop, {}, 'looks up a colleague', async (page) => {
      await signIn(page, shop.accounts.admin);
      await page.goto('/settings/employees');
      const people = await page.locator('main tbody tr a[href^="/settings/employees/"]').evaluateAll((links) =>
        links.map((link) => ({ name: link.textContent.trim(), href: link.getAttribute('href') })));
      return people.find(({ name }) => name !== person);
    });
  });

  for (const way of TWO_WAYS) {
    describe(nameOf(way), () => {
      pageTest('see clients and tokens but are not offered what they may not do', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.staff);
        await openClients(page);
        const client = await aClientOfOthers(page, person);
        await openClient(page, client.name);

        assert.equal(await revokeOpener(page, 'Revoke access').count(), 0);
        const foreign = (await rowsOf(page, REFRESH_TOKENS)).find((row) => row.person(COLUMN.employee) !== person);
        await panel(page, REFRESH_TOKENS).getByRole('link', { name: foreign.token }).click();
        await expectHeading(page, foreign.token);
        assert.equal(await revokeOpener(page, 'Revoke refresh token').count(), 0);
        await expectRefusal(page, `${client.href}/revoke`);
        await expectRefusal(page, `${foreign.href}/revoke`);
        const token = (await rowsAt(page, `${client.href}?at-show=all`, ACCESS_TOKENS)).find((row) => row.person(COLUMN.employee) !== person);
        await expectRefusal(page, `${token.href}/revoke`);
      });

      pageTest('are refused when they post what no page offers them', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.staff);
        await openClients(page);
        const client = await aClientOfOthers(page, person);

        // With all that a form of theirs would carry, so that it is the role that refuses and not the lack of a form.
        const proof = await page.locator('form[method=post] input[type=hidden]').evaluateAll((fields) =>
          Object.fromEntries(fields.map(({ name, value }) => [name, value])));
        assert.notDeepEqual(proof, {}, 'no form to learn from');
        const headers = { origin: shop.url, 'sec-fetch-site': 'same-origin' };
        const address = `${client.href}/revoke`;

        const posted = await page.request.post(address, { headers, form: { ...proof, name: client.name } });

        assert.equal(posted.status(), 403);
        const asked = await page.request.get(address);
        assert.equal(firstHeading(await posted.text()), firstHeading(await asked.text()), 'refused for another reason');
        await page.reload();
        assert.ok((await rowsOf(page, CLIENTS)).some(({ name }) => name === client.name), `${client.name} is gone`);
      });

      pageTest('see no colleague and no account settings', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.staff);
        await expectRefusal(page, colleague.href);
        for (const address of ADMINS_ONLY) await expectRefusal(page, address);
      });

      pageTest('revoke a token they authorized themselves', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.staff);
        await openClients(page);
        await filterBy(page, way, CLIENTS, 'Employee', person);
        await expectFiltered(page);
        const [client] = (await rowsOf(page, CLIENTS)).filter((row) => row.number(COLUMN.refreshTokens) > 0);
        assert.ok(client, `${person} has authorized nothing in the demo`);
        await openClient(page, client.name);
        await filterBy(page, way, REFRESH_TOKENS, 'Employee', person);
        const isOwn = (row) => row.person(COLUMN.employee) === person;
        const [own] = await expectRows(page, REFRESH_TOKENS, isOwn, `tokens of ${person}`);
        await panel(page, REFRESH_TOKENS).getByRole('link', { name: own.token }).click();
        await expectHeading(page, own.token);

        await revokeOpener(page, 'Revoke refresh token').click();
        await revokeButton(page).click();

        await message(page, own.token).waitFor();
        await page.goto(client.href);
        assert.ok(!tokensOf(await rowsOf(page, REFRESH_TOKENS)).includes(own.token));
      });
    });
  }
});

/** The demo's people are called what their e-mail addresses say. */
function nameFrom(email) {
  return email.split('@')[0].split('.').map((part) => part[0].toUpperCase() + part.slice(1)).join(' ');
}

/** A client that holds refresh tokens and access tokens of somebody else. */
async function aClientOfOthers(page, person) {
  const clients = await rowsOf(page, CLIENTS);
  const client = clients.find((row) => row.number(COLUMN.employees) > 2 && row.number(COLUMN.accessTokens) > 2);
  assert.ok(client, `the demo has no client that others than ${person} use`);
  return client;
}

function firstHeading(html) {
  return html.match(/<h1[^>]*>([^]*?)<\/h1>/)?.[1].trim();
}

async function rowsAt(page, address, id) {
  await page.goto(address);
  return rowsOf(page, id);
}

/** The filter has been applied once the address says so. */
async function expectFiltered(page) {
  await page.waitForURL((url) => url.search.length > 1);
  await page.waitForLoadState('networkidle');
}

/** A clear page in the same layout, with the right status and a way out. */
async function expectRefusal(page, address) {
  await page.goto(address);
  assert.equal(documentOf(page).status(), 403, address);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.getByRole('navigation', { name: 'Settings' }).waitFor();
  assert.ok(await page.locator('main').getByRole('link').count() > 0, 'no way out of the refusal');
  await expectAccessible(page);
  expectNoProblems(page, { refusals: [403] });
}
