// An admin goes through the clients that are pending approval, and rejects some of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, expectNoProblems, openPage, signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { expectHeading, filterBy, inTwoWays, message, openClients, pageTest, panel, press, rowsOf } from './support/shop.js';

const LIST = '/settings/client-api-access/pending';
const PENDING = 'pending';
const HEADING = 'Pending clients';

async function openPending(page) {
  await openClients(page);
  await page.getByRole('link', { name: 'Review pending clients' }).click();
  await expectHeading(page, HEADING, { level: 1 });
}

const ticks = (page) => panel(page, PENDING).getByRole('checkbox');
const ticked = (page) => ticks(page).evaluateAll((all) => all.filter((tick) => tick.checked).length);
const namesOn = async (page) => (await rowsOf(page, PENDING)).map(({ name }) => name);

inTwoWays(({ shop, way }) => {
  pageTest('rejects what is selected, and nothing else', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openPending(page);
    await expectSound(page);
    const names = await namesOn(page);
    assert.ok(names.length >= 3, `the demo has three pending clients: ${names}`);

    await press(page, 'Reject selected');
    await message(page, 'Select at least one client').waitFor();
    await expectSound(page, 422);

    await page.goto(LIST);
    await page.getByRole('link', { name: 'Select all on this page' }).click();
    await page.getByRole('link', { name: 'Clear the selection' }).waitFor();
    assert.equal(await ticked(page), names.length);
    await page.getByRole('link', { name: 'Clear the selection' }).click();
    await page.getByRole('link', { name: 'Select all on this page' }).waitFor();
    assert.equal(await ticked(page), 0);
    await expectSound(page);

    await filterBy(page, way, PENDING, 'Client name', names[0].slice(0, 6));
    await eventually(async () => assert.deepEqual(await namesOn(page), [names[0]]));
    await page.getByLabel(`Select ${names[0]}`).check();
    await press(page, 'Reject selected');
    await expectHeading(page, `Reject ${names[0]}?`);
    await expectSound(page);
    await page.getByRole('link', { name: 'Cancel' }).click();
    await eventually(async () => assert.deepEqual(await namesOn(page), [names[0]], 'the filter is kept'));

    await page.goto(LIST);
    for (const name of names.slice(0, 2)) await page.getByLabel(`Select ${name}`).check();
    await press(page, 'Reject selected');
    await expectHeading(page, 'Reject 2 clients?');
    assert.deepEqual(await page.locator('.impact li > :first-child').evaluateAll((all) => all.map((one) => one.firstChild.textContent.trim())), names.slice(0, 2));
    await expectSound(page);
    await press(page, 'Reject 2 clients');
    await message(page, `2 clients rejected: ${names.slice(0, 2).join(', ')}.`).waitFor();
    assert.deepEqual(await namesOn(page), names.slice(2));
    await expectSound(page);
  });

  pageTest('rejects the last ones by keyboard alone', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await openPending(page);
    await tabTo(page, ticks(page).first());
    await page.keyboard.press('Space');
    assert.equal(await ticked(page), 1);
    await page.keyboard.press('Space');
    assert.equal(await ticked(page), 0);
    await tabTo(page, page.getByRole('link', { name: 'Select all on this page' }));
    await page.keyboard.press('Enter');
    const clear = page.getByRole('link', { name: 'Clear the selection' });
    await clear.waitFor();
    // With scripts the link keeps the focus, so that the button is the next stop.
    if (way.scripts) assert.ok(await isFocused(clear));
    await tabTo(page, page.getByRole('button', { name: 'Reject selected' }));
    await page.keyboard.press('Enter');
    await expectHeading(page, 'Reject ');
    await tabTo(page, page.getByRole('button', { name: /^Reject/ }));
    await page.keyboard.press('Enter');

    await page.getByText('No clients are pending approval').waitFor();
    await expectSound(page);
    await page.getByRole('link', { name: 'All clients' }).click();
    await expectHeading(page, 'Client API Access', { level: 1 });
    assert.equal(await page.getByRole('link', { name: 'Review pending clients' }).count(), 0);
  });

  test('managers are not offered the page, and are refused', async () => {
    const page = await openPage(shop.url, way);
    await signIn(page, shop.accounts.manager);
    await openClients(page);
    assert.equal(await page.getByRole('link', { name: 'Review pending clients' }).count(), 0);
    assert.equal((await page.goto(LIST)).status(), 403);
    expectNoProblems(page, { refusals: [403] });
    await page.context().close();
  });
});

const isFocused = (locator) => locator.evaluate((element) => element === document.activeElement);

async function tabTo(page, target) {
  for (let stops = 0; stops < 80; stops++) {
    await page.keyboard.press('Tab');
    if (await isFocused(target)) return;
  }
  assert.fail(`Tab does not reach ${target}`);
}
