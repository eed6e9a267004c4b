// What people see after they sign in: what needs attention, exactly those rows, and what to do about one.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import {
  expectHeading, inTwoWays, message, nameOf, pageTest, panel, press, revokeButton, rowsOf, useShop, TWO_WAYS,
} from './support/shop.js';

const ROWS_SHOWN = 50;
// Every rule finds something in the demo.
const TITLES = [
  /^\d+ tokens? (was|were) used twice/, /^\d+ connections? must be reconnected/,
  /^\d+ connections? (is|are) failing, retrying/, /^\d+ clients? waits? for approval/,
  /^\d+ API keys? expires? within a week/, /^\d+ tokens? belongs? to somebody who is locked or archived/,
  /^\d+ connections? (was|were) authorized by somebody who is locked or archived/,
  /^\d+ tokens? (was|were) given more than their owner’s role includes/, /^\d+ connections? (was|were) never authorized/,
  /^\d+ tokens? (has|have) full access/, /^\d+ API keys? never expires?/, /^\d+ tokens? (was|were) not used for 90 days/,
  /^\d+ tokens? (was|were) never used in 30 days/, /^\d+ client secrets? (is|are) older than a year/,
];

describe('what needs attention', () => {
  const shop = useShop();

  for (const way of TWO_WAYS) {
    describe(nameOf(way), () => {
      pageTest('is the first page after signing in, with every rule', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.admin);

        await expectHeading(page, 'Needs attention', { level: 1 });
        assert.equal(new URL(page.url()).pathname, '/settings');
        const titles = (await findings(page)).map(({ title }) => title);
        for (const title of TITLES) assert.ok(titles.some((text) => title.test(text)), `${title} in ${titles.join('; ')}`);
        await expectSound(page);
      });

      pageTest('leads to exactly those rows', { shop, way }, async (page) => {
        await signIn(page, shop.accounts.admin);
        for (const { title, href, count } of await findings(page)) {
          await page.goto(href);

          await expectHeading(page, title, { level: 1 });
          const rows = await panel(page, 'items').locator('tbody tr').count();
          assert.equal(rows, Math.min(count, ROWS_SHOWN), title);
          await expectSound(page);
        }
      });
    });
  }
});

inTwoWays(({ shop, way }) => {
  pageTest('a manager revokes a token that was not used for 90 days with three clicks', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.manager);
    const before = await finding(page, /not used for 90 days/);
    const clicks = counter();

    await clicks.on(page.getByRole('link', { name: /^Review \d+ tokens? (was|were) not used for 90 days/ }));
    await expectHeading(page, before.title, { level: 1 });
    const [{ token }] = await rowsOf(page, 'items');
    await clicks.on(page.getByRole('link', { name: `Revoke ${token}` }));
    await expectSound(page);
    await clicks.on(revokeButton(page));

    await message(page, token).waitFor();
    assert.ok(clicks.count <= 3, `${clicks.count} clicks`);
    await page.goto('/settings');
    const after = await finding(page, /not used for 90 days/);
    assert.equal(after?.count ?? 0, before.count - 1);
  });

  pageTest('a manager acknowledges full access, and lists it again', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.manager);
    const before = await finding(page, /full access/);
    await page.goto(before.href);
    const [{ token }] = await rowsOf(page, 'items');

    await page.getByRole('link', { name: `Acknowledge ${token}` }).click();
    await expectHeading(page, `Acknowledge ${token}`);
    await expectSound(page);
    await page.getByLabel('Reason').fill('The website needs it');
    await press(page, 'Acknowledge');

    await message(page, `${token} of`).waitFor();
    await expectSound(page);
    await panel(page, 'quiet').getByText('The website needs it').waitFor();
    await page.goto('/settings');
    assert.equal((await finding(page, /full access/)).count, before.count - 1);
    await page.goto(before.href);
    await page.getByRole('button', { name: `List again ${token}` }).click();
    await message(page, 'is listed again').waitFor();
    await page.goto('/settings');
    assert.equal((await finding(page, /full access/)).count, before.count);
  });

  pageTest('staff see their own, or that there is nothing', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.staff);

    await expectHeading(page, 'Needs attention', { level: 1 });
    const theirs = await findings(page);
    if (theirs.length === 0) await page.getByText('Nothing needs attention').waitFor();
    assert.ok(theirs.every(({ title }) => !/waits? for approval|client secret/.test(title)));
    await expectSound(page);
  });
});

/** The rules on the home page: title, link, and how many items. */
async function findings(page) {
  const links = await page.locator('.findings h3 a').evaluateAll((all) => all.map((link) => ({
    title: link.textContent.replace(/^[^:]*:/, '').replace(/\s+/g, ' ').trim(), href: link.getAttribute('href'),
  })));
  return links.map((link) => ({ ...link, count: Number(link.title.match(/^[\d,]+/)[0].replace(',', '')) }));
}

async function finding(page, title) {
  return (await findings(page)).find((one) => title.test(one.title));
}

function counter() {
  const clicks = { count: 0 };
  clicks.on = async (locator) => {
    clicks.count += 1;
    await locator.first().click();
  };
  return clicks;
}
