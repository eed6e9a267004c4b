// Every way a page can look: narrow and wide, light and dark, and bare of scripts.
import assert from 'node:assert/strict';
import { closePage, expectNone, expectNoProblems, openPage } from './browser.js';
import { expectAccessible, expectNoOverflow, expectValidHtml } from './checks.js';
import { nameOf } from './shop.js';

const SCRIPTED = [1280, 390].flatMap((width) => [false, true].map((dark) => ({ width, dark, scripts: true })));
const BARE = [1280, 390].map((width) => ({ width, scripts: false }));
export const LOOKS = [...SCRIPTED, ...BARE];
/** As different as two can be, where all six would only say the same again. */
export const TWO_LOOKS = [SCRIPTED[0], BARE[1]];

/** Opens a page per look; they stay open from address to address, as a visitor's would. */
export async function openLooks(shop, looks, cookies) {
  return Promise.all(looks.map(async (look) => ({ look, page: await openPage(shop.url, { ...look, cookies }) })));
}

export async function closeLooks(looks) {
  await Promise.all(looks.map(({ page }) => closePage(page)));
}

/** Brings each look to a page and checks it; the complaints of all looks come together, each kind once. */
export async function inEveryLook(looks, bring, refusals = []) {
  const complaints = new Map();
  let validated = false;
  for (const { look, page } of looks) {
    const attempt = async (check) => {
      try {
        await check();
      } catch (error) {
        const text = error.message;
        complaints.set(text, [...complaints.get(text) ?? [], nameOf(look)]);
      }
    };
    await attempt(async () => {
      await bring(page, look);
      assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1, 'one h1');
    });
    await attempt(() => expectAccessible(page));
    await attempt(() => expectNoOverflow(page));
    if (!validated) await attempt(() => expectValidHtml(page));
    validated = true;
    await attempt(async () => expectNoProblems(page, { refusals }));
  }
  const report = [...complaints].map(([text, where]) => `${text}\n  (${where.join('; ')})`);
  expectNone(report, '');
}
