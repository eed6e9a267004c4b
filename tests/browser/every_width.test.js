// Every page at every width, from the smallest phone to a wide screen, as each role meets it: nothing is clipped or sticks out.
import { describe, test } from 'node:test';
import { closePage, cookiesOf, expectNone, openPage, resize, signIn } from './support/browser.js';
import { CONNECTIONS } from './support/connections.js';
import { misfits } from './support/fit.js';
import { CLIENTS, openClients, rowsOf, useShop } from './support/shop.js';
import { walk } from './support/walk.js';

const WIDTHS = [320, 360, 390, 480, 600, 768, 1024, 1280, 1600];

describe('every page fits', () => {
  const shop = useShop();

  for (const role of ['admin', 'manager', 'staff']) {
    test(`as ${role}`, { timeout: 600_000 }, async (t) => {
      const page = await openPage(shop.url);
      await signIn(page, shop.accounts[role]);
      await openClients(page);
      const [first] = await rowsOf(page, CLIENTS);
      const addresses = await walk(shop, await cookiesOf(page), ['/settings', `${first.href}?at-show=all`, CONNECTIONS]);
      for (const [pattern, address] of addresses) {
        // Loaded once and then made wider, as a window is.
        await t.test(pattern, async () => {
          await page.goto(address);
          const complaints = new Map();
          for (const width of WIDTHS) {
            await resize(page, width);
            for (const text of await misfits(page)) complaints.set(text, [...complaints.get(text) ?? [], width]);
          }
          expectNone([...complaints].map(([text, widths]) => `${text} (${widths.join(', ')} px)`), address);
        });
      }
      await closePage(page);
    });
  }
});
