// Every way a page can look: narrow and wide, light and dark, and bare of scripts.
import assert from 'node:assert/strict';
import { closePage, expectNone, expectNoProblems, openPage, resize } from './browser.js';
import { COLOURS, STRUCTURE, expectAccessible, expectNoOverflow, expectValidHtml } from './checks.js';
import { nameOf } from './shop.js';

const SCRIPTED = [1280, 390].flatMap((width) => [false, true].map((dark) => ({ width, dark, scripts: true })));
const BARE = [1280, 390].map((width) => ({ width, scripts: false }));
export const LOOKS = [...SCRIPTED, ...BARE];
/** As different as two can be, where all six would only say the same again. */
export const TWO_LOOKS = [SCRIPTED[0], BARE[1]];

/**
 * Opens a page with scripts and one without, as the looks need them; they stay open from address to address, as a visitor's
 * would, and are made narrow and dark where they are.
 */
export async function openLooks(shop, looks, cookies) {
  const kinds = [true, false].map((scripts) => looks.filter((look) => look.scripts === scripts)).filter((own) => own.length);
  return Promise.all(kinds.map(async (own) => ({ looks: own, page: await openPage(shop.url, { ...own[0], cookies }) })));
}

export async function closeLooks(looks) {
  await Promise.all(looks.map(({ page }) => closePage(page)));
}

/** Brings the pages to where they are to be looked at, and checks each look; the complaints of all come together, each once. */
export async function inEveryLook(looks, bring, refusals = []) {
  const complaints = new Map();
  let validated = false;
  for (const { looks: own, page } of looks) {
    let now = own[0];
    const attempt = async (check) => {
      try {
        await check();
      } catch (error) {
        const text = error.message;
        complaints.set(text, [...complaints.get(text) ?? [], nameOf(now)]);
      }
    };
    await show(page, now);
    await attempt(async () => {
      await bring(page, now);
      assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1, 'one h1');
    });
    for (const look of own) {
      now = look;
      await show(page, look);
      await attempt(() => expectAccessible(page, rulesFor(look)));
      await attempt(() => expectNoOverflow(page));
    }
    if (!validated) await attempt(() => expectValidHtml(page));
    validated = true;
    await attempt(async () => expectNoProblems(page, { refusals }));
  }
  const report = [...complaints].map(([text, where]) => `${text}\n  (${where.join('; ')})`);
  expectNone(report, '');
}

async function show(page, { width, dark = false }) {
  await resize(page, width);
  await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
}

// In the dark only colours differ, and without scripts the rows of a table are those that were there with them.
function rulesFor({ dark, scripts }) {
  if (dark) return COLOURS;
  return scripts ? undefined : STRUCTURE;
}
