// What a page says depends on who asks and how things are: a connection in each of its states, and the pages that say no.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cookiesOf, documentOf, signIn } from './support/browser.js';
import { CONNECTIONS, expectStatus } from './support/connections.js';
import { LOOKS, TWO_LOOKS, closeLooks, inEveryLook, openLooks } from './support/looks.js';
import { CLIENTS, filterBy, message, nameOf, panel, press, useShop, withPage } from './support/shop.js';

const LIST = '/settings/client-api-access';
// What a connection can be doing; its page says something else about each.
const STATES = ['Online', 'Retrying', 'Needs authorization', 'Paused'];

describe('a page', () => {
  const shop = useShop();

  async function cookiesAs(role) {
    return withPage(shop, {}, `signs in as ${role}`, async (page) => {
      await signIn(page, shop.accounts[role]);
      return cookiesOf(page);
    });
  }

  /** Opens the first connection in a state; one that retries says "Refreshing" while it does. */
  async function openConnection(page, state) {
    const row = panel(page, 'connections').getByRole('row').filter({ hasText: state });
    const deadline = Date.now() + 30_000;
    do {
      await page.goto(CONNECTIONS);
    } while (await row.count() === 0 && Date.now() < deadline);
    const address = await row.getByRole('link').first().getAttribute('href');
    await page.goto(new URL(address, page.url()).href);
  }

  /** Disconnects a connection, and says what was its name and address. */
  async function disconnected() {
    return withPage(shop, {}, 'disconnects', async (page) => {
      await signIn(page, shop.accounts.admin);
      await page.goto(CONNECTIONS);
      await panel(page, 'connections').getByRole('row').filter({ hasText: 'Paused' }).getByRole('link').first().click();
      await expectStatus(page, 'Paused');
      const [name, address] = [await page.getByRole('heading', { level: 1 }).innerText(), new URL(page.url()).pathname];
      await page.getByRole('link', { name: 'Disconnect' }).click();
      await press(page, 'Disconnect');
      await message(page, 'is disconnected').waitFor();
      return { name: name.replace(/\s*Paused$/, ''), address };
    });
  }

  test('of a connection, as each role meets it', { timeout: 600_000 }, async (t) => {
    for (const role of ['admin', 'manager', 'staff']) {
      // Managers and staff see less of the same pages.
      const looks = await openLooks(shop, role === 'admin' ? LOOKS : TWO_LOOKS, await cookiesAs(role));
      await t.test(`${role}: the list`, () => inEveryLook(looks, (page) => page.goto(CONNECTIONS)));
      for (const state of STATES) {
        await t.test(`${role}: ${state}`, () => inEveryLook(looks, async (page) => {
          await openConnection(page, state);
          await expectStatus(page, state);
        }));
      }
      await closeLooks(looks);
    }
  });

  test('that says no', { timeout: 600_000 }, async (t) => {
    const admin = await openLooks(shop, LOOKS, await cookiesAs('admin'));
    await t.test('there is no such page', () => inEveryLook(admin, async (page) => {
      await page.goto('/settings/nothing-here');
      assert.equal(documentOf(page).status(), 404);
    }, [404]));
    await t.test('there is no such client', () => inEveryLook(admin, async (page) => {
      await page.goto(`${LIST}/clients/999999999`);
      assert.equal(documentOf(page).status(), 404);
    }, [404]));
    await t.test('no client matches', () => inEveryLook(admin, async (page, look) => {
      await page.goto(LIST);
      await filterBy(page, look, CLIENTS, 'Client name', 'zqzqzq');
      await panel(page, CLIENTS).getByText(/match/i).first().waitFor();
    }));
    await closeLooks(admin);

    const gone = await disconnected();
    for (const role of ['admin', 'manager', 'staff']) {
      const looks = await openLooks(shop, role === 'admin' ? LOOKS : TWO_LOOKS, await cookiesAs(role));
      await t.test(`${role}: the connection was disconnected`, () => inEveryLook(looks, async (page) => {
        await page.goto(gone.address);
        assert.equal(documentOf(page).status(), 410);
        await page.getByText(`${gone.name} was already disconnected by Priya Nair, on `).waitFor();
        await page.getByRole('link', { name: 'All connections' }).waitFor();
      }, [410]));
      await closeLooks(looks);
    }

    const strangers = await openLooks(shop, LOOKS, []);
    await t.test('sign in first', () => inEveryLook(strangers, async (page) => {
      await page.goto(LIST);
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
    }, [401]));
    await t.test('that is not the password', () => inEveryLook(strangers, async (page, look) => {
      await page.goto('/sign-in');
      // Somebody else each time: the same one would soon be asked to wait.
      await page.getByLabel('E-mail').fill(`nobody-${nameOf(look).replace(/\W+/g, '-')}@example.com`);
      await page.getByLabel('Password', { exact: true }).fill('not the password');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await message(page, 'Incorrect e-mail or password').waitFor();
    }, [400, 401, 403, 422, 429]));
    await closeLooks(strangers);
  });
});
