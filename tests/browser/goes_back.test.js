// Back undoes a filter, instead of leaving the page.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { eventually, signIn } from './support/browser.js';
import { CLIENTS, expectHeading, expectRows, filterBy, filterField, openClients, pageTest, panel, rowsOf, useShop } from './support/shop.js';

const SCRIPTED = { scripts: true };

describe('Back', () => {
  const shop = useShop();

  pageTest('undoes what was typed, at once, and keeps the keyboard in the field', { shop, way: SCRIPTED }, async (page) => {
    await signIn(page, shop.accounts.manager);
    await openClients(page);
    const all = (await rowsOf(page, CLIENTS)).map(({ name }) => name);
    const needle = all[0].slice(0, 3).toLowerCase();
    const named = ({ name }) => name.toLowerCase().includes(needle);
    const entries = await page.evaluate(() => history.length);
    await page.evaluate(() => { globalThis.sameDocument = true; });

    await filterBy(page, SCRIPTED, CLIENTS, 'Client name', needle);
    const found = (await expectRows(page, CLIENTS, named, needle)).map(({ name }) => name);
    await eventually(() => assert.ok(page.url().includes(`=${needle}`)));
    await page.keyboard.press('Backspace');
    await eventually(() => assert.ok(page.url().endsWith(`=${needle.slice(0, -1)}`)));
    await page.keyboard.type(needle.at(-1));
    await eventually(() => assert.ok(page.url().endsWith(`=${needle}`)));
    assert.equal(await page.evaluate(() => history.length), entries + 1, 'one entry for all that was typed');

    await page.goBack();
    await expectHeading(page, 'Client API Access', { level: 1 });
    await eventually(async () => assert.deepEqual((await rowsOf(page, CLIENTS)).map(({ name }) => name), all));
    const field = filterField(page, CLIENTS, 'Client name');
    assert.equal(await field.inputValue(), '');
    assert.ok(await field.evaluate((one) => one === document.activeElement), 'the field lost the keyboard');
    assert.ok(await page.evaluate(() => globalThis.sameDocument), 'Back loaded the whole page again');

    await page.goForward();
    await eventually(async () => assert.deepEqual((await rowsOf(page, CLIENTS)).map(({ name }) => name), found));
    assert.equal(await field.inputValue(), needle);
    await page.goBack();
    await eventually(async () => assert.equal(await field.inputValue(), ''));
    await page.goBack();
    await expectHeading(page, 'Needs attention', { level: 1 });
  });

  pageTest('undoes one filter after the other', { shop, way: SCRIPTED }, async (page) => {
    await signIn(page, shop.accounts.manager);
    await page.goto('/settings/activity');
    const kind = panel(page, 'activity').locator('select[name=kind]');

    await filterBy(page, SCRIPTED, 'activity', 'Person', 'a');
    await page.waitForURL(/person=a/);
    await kind.selectOption('employee invited');
    await page.waitForURL(/kind=employee/);

    await page.goBack();
    await page.waitForURL((url) => url.searchParams.get('person') === 'a' && !url.searchParams.get('kind'));
    await eventually(async () => assert.equal(await kind.inputValue(), ''));
    assert.equal(await filterField(page, 'activity', 'Person').inputValue(), 'a');
    await page.goBack();
    await eventually(async () => assert.equal(await filterField(page, 'activity', 'Person').inputValue(), ''));
    assert.equal(new URL(page.url()).pathname, '/settings/activity');
  });
});
