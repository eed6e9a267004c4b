// A manager finds an integration and sees who granted it what.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { eventually, openPage, closePage, cookiesOf, signIn } from './support/browser.js';
import { expectNoOverflow } from './support/checks.js';
import {
  ACCESS_TOKENS, CLIENTS, COLUMN, REFRESH_TOKENS, TWO_WAYS, applyButton, expectHeading, expectNoRows, expectRows, filterBy,
  filterField, nameOf, openClient, openClients, pageTest, panel, rowsOf, tokensOf, unfoldAccessTokens,
  urlHolds, useShop,
} from './support/shop.js';

describe('a manager', () => {
  const shop = useShop();

  for (const way of TWO_WAYS) {
    describe(nameOf(way), () => {
      pageTest('narrows the list of clients by typing a part of a name', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.manager);
        await openClients(page);
        const all = await rowsOf(page, CLIENTS);
        const { needle } = aClientWorthFinding(all);
        await expectApply(page, CLIENTS, way);
        await page.evaluate(() => { globalThis.sameDocument = true; });

        await filterBy(page, way, CLIENTS, 'Client name', needle);

        const found = await expectRows(page, CLIENTS, named(needle), `clients with “${needle}”`);
        assert.deepEqual(found.map(({ name }) => name), all.filter(named(needle)).map(({ name }) => name));
        await eventually(() => assert.ok(urlHolds(page, needle), `${page.url()} does not hold the filter`));
        assert.equal(await filterField(page, CLIENTS, 'Client name').inputValue(), needle);
        await expectNoOverflow(page);
        if (way.scripts) {
          assert.ok(await page.evaluate(() => globalThis.sameDocument), 'typing loaded the whole page again');
          await page.keyboard.press('Backspace');
          const left = await filterField(page, CLIENTS, 'Client name').inputValue();
          assert.equal(left, needle.slice(0, -1), 'the field lost the keyboard');
        }
      });

      pageTest('is told when nothing matches, and how to get everything back', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.manager);
        await openClients(page);
        const all = await rowsOf(page, CLIENTS);

        await filterBy(page, way, CLIENTS, 'Client name', '%zq_');

        await expectNoRows(page, CLIENTS);
        await panel(page, CLIENTS).getByText(/match/i).first().waitFor();
        await panel(page, CLIENTS).getByRole('link', { name: /clear|show all|reset/i }).first().click();
        await eventually(async () => assert.equal((await rowsOf(page, CLIENTS)).length, all.length));
      });

      pageTest('filters two tables apart, shares the link, and comes Back to what they saw', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.manager);
        await openClients(page);
        const { needle, client } = aClientWorthFinding(await rowsOf(page, CLIENTS));
        await filterBy(page, way, CLIENTS, 'Client name', needle);
        await expectRows(page, CLIENTS, named(needle), `clients with “${needle}”`);
        await openClient(page, client.name);
        await expectHeading(page, 'API keys', { level: 2 });
        await expectHeading(page, 'Refresh tokens', { level: 2 });
        await expectHeading(page, 'Access tokens', { level: 2 });
        assert.deepEqual(await rowsOf(page, ACCESS_TOKENS), [], 'access tokens are folded');
        await page.evaluate(() => { globalThis.sameDocument = true; });
        await unfoldAccessTokens(page);
        if (way.scripts) {
          assert.ok(await page.evaluate(() => globalThis.sameDocument), 'unfolding loaded the whole page again');
          const focused = await page.evaluate(() => document.activeElement.getAttribute('aria-expanded'));
          assert.equal(focused, 'true', 'the heading lost the keyboard');
        }
        const refreshTokens = await rowsOf(page, REFRESH_TOKENS);
        const accessTokens = await rowsOf(page, ACCESS_TOKENS);
        const masked = [...refreshTokens, ...accessTokens].every(({ token }) => token);
        assert.ok(masked, 'a token shows more or less than its seven characters');

        const employee = aPersonAmong(refreshTokens);
        await filterBy(page, way, REFRESH_TOKENS, 'Employee', employee);

        const grantedByOne = await expectRows(page, REFRESH_TOKENS, grantedBy(employee), `tokens of ${employee}`);
        assert.ok(grantedByOne.length < refreshTokens.length);
        assert.deepEqual(tokensOf(await rowsOf(page, ACCESS_TOKENS)), tokensOf(accessTokens), 'the other table changed too');

        const prefix = accessTokens[0].token.slice(0, 3);
        await filterBy(page, way, ACCESS_TOKENS, 'Token', prefix);

        const alike = ({ token }) => token.startsWith(prefix);
        const startAlike = await expectRows(page, ACCESS_TOKENS, alike, `tokens that begin with ${prefix}`);
        assert.deepEqual(tokensOf(await rowsOf(page, REFRESH_TOKENS)), tokensOf(grantedByOne), 'the other table changed too');
        assert.equal(await filterField(page, REFRESH_TOKENS, 'Employee').inputValue(), employee);
        await eventually(() => assert.ok(urlHolds(page, employee, prefix), `${page.url()} does not hold both filters`));
        const seen = { refresh: tokensOf(grantedByOne), access: tokensOf(startAlike) };

        const colleague = await openPage(shop.url, { ...way, cookies: await cookiesOf(page) });
        await colleague.goto(page.url());
        await expectTables(colleague, seen);
        await closePage(colleague);

        await panel(page, REFRESH_TOKENS).getByRole('link', { name: seen.refresh[0] }).click();
        await expectHeading(page, 'Access tokens', { level: 2 });
        assert.ok((await rowsOf(page, ACCESS_TOKENS)).length > 0, 'a refresh token’s page lists its access tokens');
        assert.equal(await panel(page, REFRESH_TOKENS).count(), 0, 'a refresh token’s page lists no refresh tokens');
        await page.goBack();
        await expectHeading(page, client.name, { level: 1 });
        await expectTables(page, seen);

        for (let steps = 0; !await panel(page, CLIENTS).count(); steps++) {
          assert.ok(steps < 20, 'Back does not lead to the list of clients');
          await page.goBack();
        }
        await expectRows(page, CLIENTS, named(needle), `clients with “${needle}”`);
        assert.equal(await filterField(page, CLIENTS, 'Client name').inputValue(), needle);
      });
    });
  }
});

const named = (needle) => ({ name }) => name.toLowerCase().includes(needle);
const grantedBy = (employee) => (row) => row.person(COLUMN.employee) === employee;

/** A client with tokens of several employees, and a part of its name that not all clients share. */
function aClientWorthFinding(clients) {
  for (const client of clients) {
    const busy = [COLUMN.employees, COLUMN.refreshTokens, COLUMN.accessTokens].every((column) => client.number(column) > 1);
    const needle = client.name.split(' ')[0].toLowerCase();
    if (busy && !clients.every(named(needle))) return { client, needle };
  }
  return assert.fail('the demo has no client with tokens of several employees');
}

/** Someone who granted some of these tokens, but not all. */
function aPersonAmong(rows) {
  const people = rows.map((row) => row.person(COLUMN.employee));
  const person = people.find((one) => people.some((other) => other !== one));
  assert.ok(person, 'the first page of refresh tokens is all of one employee');
  return person;
}

/** The button is there for those without scripts, and out of the way for everybody else. */
async function expectApply(page, id, { scripts }) {
  await eventually(async () => assert.equal(await applyButton(page, id).first().isVisible(), !scripts));
}

async function expectTables(page, { refresh, access }) {
  await eventually(async () => {
    assert.deepEqual(tokensOf(await rowsOf(page, REFRESH_TOKENS)), refresh);
    assert.deepEqual(tokensOf(await rowsOf(page, ACCESS_TOKENS)), access);
  });
}
