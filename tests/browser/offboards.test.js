// An employee leaves: a manager offboards them; an admin hands over first. And what is confirmed with its impact.
import assert from 'node:assert/strict';
import { signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { expectHeading, inTwoWays, message, pageTest, panel, press, rowsOf } from './support/shop.js';

const EMPLOYEES = 'employees';

inTwoWays(({ shop, way }) => {
  pageTest('a manager offboards somebody with two clicks on their page', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.manager);
    const person = await openPerson(page, 'staff', (facts) => facts.keys > 0);
    let clicks = 0;

    await page.getByRole('link', { name: 'Offboard', exact: true }).click();
    clicks += 1;
    await expectHeading(page, `Offboard ${person}?`);
    await expectSound(page);
    await page.getByRole('button', { name: `Offboard ${person}` }).click();
    clicks += 1;

    await message(page, `${person} is offboarded: locked and signed out.`).waitFor();
    assert.ok(clicks <= 3);
    await expectHeading(page, person, { level: 1 });
    assert.deepEqual(await rowsOf(page, 'api-keys'), []);
    assert.deepEqual(await rowsOf(page, 'refresh-tokens'), []);
    await page.getByText(`${person} is locked and cannot sign in.`).waitFor();
    await expectSound(page);
  });

  pageTest('an admin hands over the API keys first', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    const person = await openPerson(page, 'admin', (facts) => facts.keys > 0);
    const home = page.url();
    const keys = (await rowsOf(page, 'api-keys')).map(({ token }) => token);
    await page.getByRole('link', { name: 'Offboard', exact: true }).click();
    await expectSound(page);
    await page.getByRole('link', { name: 'Hand over', exact: true }).click();
    await expectHeading(page, `Hand over from ${person}`);
    await expectSound(page);
    await page.getByLabel('New owner').selectOption({ label: 'Priya Nair, Admin' });
    await page.getByLabel('Reason').fill('Left the shop');
    await press(page, 'Hand over');
    await message(page, `of ${person} handed over to Priya Nair.`).waitFor();
    assert.deepEqual(await rowsOf(page, 'api-keys'), []);

    await page.goto(`${home}/offboard`);
    await page.getByRole('button', { name: `Offboard ${person}` }).click();
    await message(page, `${person} is offboarded`).waitFor();

    await page.goto('/settings/activity?kind=API+key+handed+over');
    const log = await panel(page, 'activity').innerText();
    assert.ok(keys.every((token) => log.includes(token)), `${keys.join(', ')} in ${log}`);
    assert.ok(log.includes('Left the shop'));
  });

  pageTest('an admin sees what stops before locking, archiving, resetting and suspending', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    const person = await openPerson(page, 'staff', () => true);
    const home = page.url();
    for (const [link, heading, button, done] of [
      ['Lock', `Lock ${person}?`, 'Lock', `${person} is locked.`],
      ['Archive', `Archive ${person}?`, 'Archive', `${person} is archived.`],
    ]) {
      await page.goto(home);
      await page.getByRole('link', { name: link, exact: true }).click();
      await expectHeading(page, heading);
      await expectSound(page);
      await press(page, button);
      await message(page, done).waitFor();
    }
    await press(page, 'Restore');
    await page.goto(`${home}/link`);
    await expectHeading(page, `Reset the password of ${person}?`);
    await page.getByLabel('Also revoke all access').check();
    await expectSound(page);
    await press(page, 'Create reset link');
    await expectHeading(page, `Password reset for ${person}`);
    await page.goto('/settings/account');
    await page.getByRole('link', { name: /^Remove/ }).first().click();
    await expectHeading(page, 'Remove ');
    await expectSound(page);
  });
});

/** Opens the page of an active employee with this role whose facts pass, and returns their name. */
async function openPerson(page, role, passes) {
  await page.goto(`/settings/employees?role=${role}&state=active`);
  for (const { name, href } of await rowsOf(page, EMPLOYEES)) {
    await page.goto(href);
    const offboard = await page.getByRole('link', { name: 'Offboard', exact: true }).count();
    const keys = (await rowsOf(page, 'api-keys')).length;
    if (offboard && passes({ keys })) return name;
  }
  throw new Error(`the demo has no such ${role}`);
}
