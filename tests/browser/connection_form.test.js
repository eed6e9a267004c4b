// The forms of a connection and of app credentials: fields that follow the API type, scopes that are chosen from a list,
// and what is said about a form that cannot be saved.
import assert from 'node:assert/strict';
import { before, describe } from 'node:test';
import { cookiesOf, expectNoProblems, signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { CONNECTIONS, choose, redirectUri, scopeOf } from './support/connections.js';
import {
  TWO_WAYS, expectHeading, fillIn, message, nameOf, pageTest, press, startingWith, useShop, withPage,
} from './support/shop.js';

const TYPES = ['r-series', 'x-series', 'k-series-v1', 'k-series-v1-trial', 'k-series-v2', 'k-series-v2-trial', 'other'];
const R_SERIES = 'Harbour’s app at R-Series (Retail R-Series)';
const X_SERIES = 'Web shop’s app at X-Series (Retail X-Series)';
// By what tells the lists of the types apart.
const OFFERED = { r: 'employee:register', x: 'webhooks', k: 'orders-api' };

describe('the form of a connection', () => {
  const shop = useShop();
  let cookies;

  before(async () => {
    cookies = await withPage(shop, {}, 'signs in', async (page) => {
      await signIn(page, shop.accounts.admin);
      return cookiesOf(page);
    });
  });

  function formTest(name, way, body) {
    pageTest(`${name}: ${nameOf(way)}`, { shop, way }, async (page) => {
      await page.context().addCookies(cookies);
      await page.goto(`${CONNECTIONS}/new`);
      await body(page);
    });
  }

  for (const way of TWO_WAYS.filter(({ scripts }) => scripts)) {
    formTest('what is chosen with the mouse is what is saved', way, async (page) => {
      await fillIn(page, { 'Name your connection': `By mouse, ${nameOf(way)}` });
      const all = await offered(page);
      await button(page, 'Add all scopes').click();
      assert.deepEqual(await chosen(page), all);
      await select(page, 'Void sales', 'Layaways');
      await button(page, 'Remove the selected scopes').click();
      const left = all.filter((word) => !['employee:admin_void_sale', 'employee:register_layaway'].includes(word));
      assert.deepEqual(await chosen(page), left);
      assert.deepEqual(await ticked(page), left, 'the list shows the same');
      await button(page, 'Remove all scopes').click();
      assert.deepEqual(await chosen(page), []);
      await button(page, 'Add the ticked scopes').click();
      await page.getByText('Tick the scopes to add first.').first().waitFor();
      assert.deepEqual(await chosen(page), [], 'nothing was ticked');
      await tick(page, all[6], all[2]);
      await button(page, 'Add the ticked scopes').click();
      await page.getByText('2 added, 2 chosen.').first().waitFor();
      assert.deepEqual(await chosen(page), [all[2], all[6]]);
      await expectSound(page);
      await press(page, 'Save');
      await expectSaved(page, [all[2], all[6]]);

      await page.getByRole('link', { name: 'Edit', exact: true }).click();
      await expectHeading(page, 'Edit By mouse');
      assert.deepEqual(await chosen(page), [all[2], all[6]]);
      await entry(page, all[2]).uncheck();
      // A tick counts without a button.
      await tick(page, all[1]);
      assert.deepEqual(await chosen(page), [all[1], all[6]]);
      await press(page, 'Save');
      await expectSaved(page, [all[1], all[6]]);
    });

    formTest('the search finds words and names, and » then adds what it shows', way, async (page) => {
      await fillIn(page, { 'Name your connection': `Searched, ${nameOf(way)}` });
      const search = page.locator('[data-search]:visible');
      await tick(page, 'employee:reports');
      await search.fill('REFUND');
      assert.deepEqual(await offered(page), ['employee:register_refund']);
      await search.fill('employee:inventory_counts');
      assert.deepEqual(await offered(page), ['employee:inventory_counts', 'employee:inventory_counts_reconcile']);
      await button(page, 'Add all scopes').click();
      assert.deepEqual((await chosen(page)).length, 3, 'what the search hides stays chosen');
      await search.fill('nothing has this name');
      await page.getByText('No scope matches.').filter({ visible: true }).waitFor();
      await expectSound(page);
      await search.press('Enter');
      await search.press('Escape');
      assert.equal((await offered(page)).length, 30);
      await press(page, 'Save');
      await expectSaved(page, ['employee:inventory_counts', 'employee:inventory_counts_reconcile', 'employee:reports']);
    });

    formTest('what is chosen by keyboard alone is what is saved', way, async (page) => {
      const { keyboard } = page;
      const all = await offered(page);
      await tabTo(page, page.getByLabel(/^Name your connection/));
      await keyboard.type(`By keyboard, ${nameOf(way)}`);
      await tabTo(page, entry(page, all[0]));
      await keyboard.press('Space');
      await keyboard.press('ArrowDown');
      await keyboard.press('ArrowDown');
      await keyboard.press('Enter');
      assert.deepEqual(await chosen(page), [all[0], all[2]]);
      await keyboard.press('End');
      await keyboard.press('Space');
      assert.deepEqual(await chosen(page), [all[0], all[2], all.at(-1)]);

      // Past the list in one step, whatever is in it.
      await keyboard.press('Tab');
      await expectFocus(page, page.getByLabel(/^App credentials/), 'the list is one stop');
      await tabTo(page, page.getByRole('group', { name: 'Chosen scopes' }).getByRole('checkbox').first(), 'Shift+Tab');
      await keyboard.press('ArrowRight');
      await keyboard.press('Space');
      await tabTo(page, button(page, 'Remove the selected scopes'));
      await keyboard.press('Space');
      assert.deepEqual(await chosen(page), [all[0], all.at(-1)]);
      await tabTo(page, page.getByRole('button', { name: 'Save', exact: true }));
      await keyboard.press('Enter');
      await expectSaved(page, [all[0], all.at(-1)]);
    });
  }

  for (const way of TWO_WAYS.filter(({ scripts }) => !scripts)) {
    formTest('what is ticked is what is saved', way, async (page) => {
      assert.equal(await page.locator('[data-search]:visible, [data-move]:visible').count(), 0);
      await fillIn(page, { 'Name your connection': `Ticked, ${nameOf(way)}` });
      await tick(page, 'employee:register_read');
      await tick(page, 'employee:inventory_read');
      await choose(page, 'App credentials', { label: R_SERIES });
      await expectSound(page);
      await press(page, 'Save');
      await expectSaved(page, ['employee:inventory_read', 'employee:register_read']);

      await page.getByRole('link', { name: 'Edit', exact: true }).click();
      await entry(page, 'employee:register_read').uncheck();
      await press(page, 'Save');
      await expectSaved(page, ['employee:inventory_read']);
    });
  }

  for (const way of TWO_WAYS) {
    formTest('its fields follow the API type', way, async (page) => {
      for (const type of [...TYPES, 'r-series']) {
        await choose(page, 'API type', type);
        assert.equal(await isShown(page, 'Domain prefix'), type === 'x-series', type);
        assert.equal(await isShown(page, 'Scope (optional)'), type === 'other', type);
        for (const [letter, scope] of Object.entries(OFFERED)) {
          assert.equal((await entry(page, scope).count()) > 0, type.startsWith(letter), `${scope}, ${type}`);
        }
        const own = `${shop.url}${CONNECTIONS}/callback/${type}`;
        if (type !== 'other') assert.equal(await redirectUri(page), own);
        if (way.scripts) assert.ok((await clientsOffered(page)).every((of) => of === type), type);
      }

      await page.goto(`${CONNECTIONS}/clients/new`);
      for (const type of TYPES) {
        await choose(page, 'API type', type);
        for (const label of ['Authorize URL', 'Token URL', 'API URL', 'Test path', 'Use PKCE']) {
          assert.equal(await page.getByLabel(startingWith(label)).isVisible(), type === 'other', `${label}, ${type}`);
        }
        const end = type === 'other' ? '[A-Za-z0-9]{12}' : type;
        assert.match(await redirectUri(page), new RegExp(`${CONNECTIONS}/callback/${end}$`));
      }
      await expectSound(page);
    });

    formTest('says all that is wrong, beside the fields, and loses nothing', way, async (page) => {
      await fillIn(page, { 'Name your connection': ' ' });
      await choose(page, 'API type', 'x-series');
      await fillIn(page, { 'Domain prefix': 'evil.test/' });
      await choose(page, 'Business (optional)', { index: 1 });
      await press(page, 'Save & authorize');
      // Scripts have chosen the only client of the type.
      await message(page, `Fix ${way.scripts ? 3 : 4} errors`).waitFor();
      await expectBeside(page, {
        name: 'The name is missing',
        'domain-prefix': 'The domain prefix is',
        ...(way.scripts ? {} : { client: 'Choose app credentials' }),
      });
      await page.locator('#scope-x-series').getByText('Choose at least one scope').waitFor();
      await expectSound(page, 422);
      assert.equal(await page.getByLabel(/^API type/).inputValue(), 'x-series');
      assert.equal(await page.getByLabel(/^Domain prefix/).inputValue(), 'evil.test/');
      assert.notEqual(await page.getByLabel(/^Business \(/).inputValue(), '');

      const name = `Mended, ${nameOf(way)}`;
      await fillIn(page, { 'Name your connection': name });
      await tick(page, 'webhooks');
      await choose(page, 'App credentials', { label: X_SERIES });
      await fillIn(page, { 'Domain prefix': 'harbour.pine' });
      await press(page, 'Save');
      await message(page, 'Fix 1 error').waitFor();
      expectNoProblems(page, { refusals: [422] });
      await fillIn(page, { 'Domain prefix': 'harbour-pine' });
      await press(page, 'Save');
      await expectHeading(page, name, { level: 1 });
      await expectSaved(page, ['webhooks']);
    });

    formTest('so does the form of app credentials, all but the secret', way, async (page) => {
      await page.goto(`${CONNECTIONS}/clients/new`);
      await choose(page, 'API type', 'other');
      const uri = await redirectUri(page);
      const typed = {
        Name: `Loyalty, ${nameOf(way)}`, 'Client ID': 'points', 'Authorize URL': 'https://points.example/authorize',
        'Token URL': 'ftp://points.example/token', 'API URL': '', 'Test path': 'me', Issuer: 'https://points.example',
      };
      await fillIn(page, { ...typed, 'Client secret': 'kept to ourselves' });
      await page.getByLabel('Use PKCE').uncheck();
      await page.getByLabel('in the Authorization header').check();
      await press(page, 'Add app credentials');
      await message(page, 'Fix 3 errors').waitFor();
      await expectBeside(page, {
        'token-url': 'The token URL must start with https://',
        'api-url': 'The API URL is missing',
        'test-path': 'The test path must start with /',
      });
      await expectSound(page, 422);
      for (const [label, text] of Object.entries(typed)) {
        assert.equal(await page.getByLabel(startingWith(label)).inputValue(), text, label);
      }
      assert.equal(await page.getByLabel(/^Client secret/).inputValue(), '');
      assert.equal(await page.getByLabel('Use PKCE').isChecked(), false);
      assert.ok(await page.getByLabel('in the Authorization header').isChecked());
      assert.equal(await redirectUri(page), uri, 'what was registered there already still holds');

      await fillIn(page, {
        'Token URL': 'https://points.example/token',
        'API URL': 'https://points.example',
        'Test path': '/me',
        'Client secret': 'again',
      });
      await press(page, 'Add app credentials');
      await message(page, `${typed.Name} saved`).waitFor();
      await expectSound(page);
    });
  }
});

async function isShown(page, label) {
  return (await page.getByLabel(startingWith(label)).filter({ visible: true }).count()) > 0;
}

function button(page, name) {
  return page.getByRole('button', { name, exact: true });
}

/** The checkbox of a scope in the list that is shown. */
function entry(page, word) {
  return page.locator(`[data-offered] input[value="${word}"]:visible`);
}

function values(locator) {
  return locator.evaluateAll((inputs) => inputs.map(({ value }) => value));
}

function offered(page) {
  return values(page.locator('[data-offered] input:visible'));
}

function ticked(page) {
  return values(page.locator('[data-picker]:not([disabled]) [data-offered] input:checked'));
}

/** What the summary above the list names. */
function chosen(page) {
  return page.locator('[data-chosen]:visible label').evaluateAll((chips) => chips.map(({ title }) => title));
}

async function tick(page, ...scopes) {
  for (const scope of scopes) await entry(page, scope).check();
}

/** Selects scopes in the summary. */
async function select(page, ...names) {
  const summary = page.getByRole('group', { name: 'Chosen scopes' });
  for (const name of names) await summary.getByLabel(name, { exact: true }).check();
}

/** The API types of the clients that can be chosen. */
function clientsOffered(page) {
  const options = page.locator('#client option[data-type]:not([disabled])');
  return options.evaluateAll((all) => all.map(({ dataset }) => dataset.type));
}

/** Presses Tab until a field has the keyboard. */
async function tabTo(page, locator, key = 'Tab') {
  for (let stops = 0; !await isFocused(locator); stops++) {
    assert.ok(stops < 40, `${key} does not reach ${locator}`);
    await page.keyboard.press(key);
  }
}

async function expectFocus(page, locator, what) {
  const focused = await locator.evaluateAll((elements) => elements.includes(document.activeElement));
  assert.ok(focused, what);
}

function isFocused(locator) {
  return locator.evaluate((element) => element === document.activeElement);
}

/** A sentence for each field, tied to it, and in the summary a link that leads to it. */
async function expectBeside(page, sentences) {
  for (const [id, sentence] of Object.entries(sentences)) {
    const field = page.locator(`#${id}`);
    assert.equal(await field.getAttribute('aria-invalid'), 'true', id);
    const described = (await field.getAttribute('aria-describedby')).split(' ');
    assert.ok(described.includes(`${id}-error`), id);
    assert.match(await page.locator(`#${id}-error`).innerText(), startingWith(sentence));
    assert.match(await page.getByRole('alert').locator(`a[href="#${id}"]`).innerText(), startingWith(sentence));
  }
}

async function expectSaved(page, scope) {
  await message(page, 'saved').waitFor();
  assert.deepEqual(await scopeOf(page), scope);
}
