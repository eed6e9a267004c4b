// An integration is allowed, denied and revoked in a real browser: across origins, with a session that ends in between.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe } from 'node:test';
import { documentOf, eventually, expectNoProblems, signIn } from './support/browser.js';
import { expectAccessible, expectNoOverflow, expectValidHtml } from './support/checks.js';
import { TWO_WAYS, expectHeading, message, nameOf, pageTest, revokeButton, revokeOpener, useShop } from './support/shop.js';

const HTTPS = 'https://app.example/cb';
const SCHEME = 'com.example.pocket:/cb';
const AUTHORIZE = /http:\/\/\S+\/auth\/oauth\/authorize\?\S+/;

for (const way of TWO_WAYS) {
  describe(`an integration asks for access: ${nameOf(way)}`, () => {
    const shop = useShop();
    const client = useClient();

    pageTest('the walk-through of the demo ends when its token is revoked', { shop, way }, async (page) => {
      await page.goto(authorizeUrl(shop));
      await page.getByText('to continue to Walk-through').waitFor();
      await expectFine(page);
      await fillInSignIn(page, shop.accounts.manager);
      await expectHeading(page, 'Allow Walk-through to access ');
      await page.getByText('View the sales history').waitFor();
      await page.getByText('View inventory').waitFor();
      await expectFine(page);

      await page.getByRole('button', { name: 'Allow' }).click();
      await page.waitForURL((url) => url.pathname.startsWith('/demo/'));
      await expectHeading(page, 'Walk-through');
      assert.equal(await page.locator('.steps .badge.good').count(), 5, 'every step went well');
      await expectFine(page);

      await page.getByRole('link', { name: 'its page in Settings' }).click();
      await expectHeading(page, 'Walk-through', { level: 1 });
      const settings = page.url();
      await page.locator('#refresh-tokens tbody th a').first().click();
      await revokeOpener(page, 'Revoke refresh token').click();
      await revokeButton(page).click();
      await message(page, /Refresh token .+ revoked/).waitFor();
      assert.equal(new URL(page.url()).pathname, new URL(settings).pathname);

      await page.goto('/demo/walk-through');
      await page.getByRole('link', { name: 'Call the API again' }).click();
      const last = page.locator('.steps li').last();
      await last.getByText('401 Unauthorized').waitFor();
      await last.getByText('Access token has been revoked').waitFor();
      assert.equal(await page.locator('.steps .badge.bad').count(), 1, 'only the last call was refused');
    });

    pageTest('a14: the browser arrives at a client on another origin with code, state and iss', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.staff);
      await page.goto(authorizeUrl(shop, { redirect_uri: client.url, state: 'a state & more' }));
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.getByText('The client was here').waitFor();

      const came = new URL(page.url());
      assert.equal(came.origin, new URL(client.url).origin);
      assert.match(came.searchParams.get('code'), /^\w{7}_ac_\w+$/);
      assert.equal(came.searchParams.get('state'), 'a state & more');
      assert.equal(came.searchParams.get('iss'), shop.url);
    });

    pageTest('a14: it also arrives when the client sends it on to a third origin', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.staff);
      await page.goto(authorizeUrl(shop, { redirect_uri: client.url, state: 'onward' }));
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.getByText('The client was here').waitFor();
      assert.equal(new URL(page.url()).origin, client.third);
    });

    pageTest('a14: neither https nor the scheme of an app is held back', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.admin);
      const clientId = await registerApp(page);
      for (const redirectUri of [HTTPS, SCHEME]) {
        // Nobody listens there, so the browser ends on an error or hands the address over: a page of its own for each.
        const own = await page.context().newPage();
        const complaints = [];
        own.on('console', (said) => complaints.push(said.text()));
        // Playwright tells of a redirect together with where it leads, which nothing is told of for the scheme of an app.
        const sent = [];
        const network = await page.context().newCDPSession(own);
        network.on('Network.responseReceivedExtraInfo', ({ statusCode, headers }) => {
          if (statusCode === 303) sent.push(headers.Location ?? headers.location);
        });
        await network.send('Network.enable');
        await own.goto(authorizeUrl(shop, { client_id: clientId, redirect_uri: redirectUri }));
        await own.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true });
        await eventually(() => assert.ok(sent.some((to) => to.startsWith(`${redirectUri}?code=`)), `sent to ${sent}`));
        // Asked for and not waited for: waiting ends with the very error that this looks for.
        if (redirectUri === HTTPS) await eventually(() => assert.match(own.url(), /^chrome-error:/));
        assert.deepEqual(complaints.filter((text) => /content security policy|form-action/i.test(text)), []);
        await own.close();
      }
    });

    pageTest('a client is told that access was denied', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.staff);
      await page.goto(authorizeUrl(shop, { redirect_uri: client.url }));
      await page.getByRole('button', { name: 'Deny' }).click();
      await page.getByText('The client was here').waitFor();

      const came = new URL(page.url()).searchParams;
      assert.equal(came.get('error'), 'access_denied');
      assert.equal(came.get('code'), null);
    });

    pageTest('a wrong redirect URI leads nowhere', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.staff);
      await page.goto(authorizeUrl(shop, { redirect_uri: 'https://evil.example/<b>cb</b>' }));
      await page.getByText('is not registered for Walk-through').waitFor();
      assert.equal(new URL(page.url()).origin, shop.url);
      assert.equal(documentOf(page).status(), 400);
      assert.equal(await page.locator('main b').count(), 0, 'what the link holds is text');
      await expectFine(page, [400]);
    });

    pageTest('a sign-in that ended in between is asked for again, and the request goes on', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.staff);
      await page.goto(authorizeUrl(shop, { redirect_uri: client.url, state: 'kept' }));
      await expectHeading(page, 'Allow Walk-through to access ');
      await page.context().clearCookies({ name: /session/ });
      await page.getByRole('button', { name: 'Allow' }).click();

      await page.getByText('to continue to Walk-through').waitFor();
      await fillInSignIn(page, shop.accounts.staff);
      await expectHeading(page, 'Allow Walk-through to access ');
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.getByText('The client was here').waitFor();
      assert.equal(new URL(page.url()).searchParams.get('state'), 'kept');
    });

    pageTest('somebody else at the same till signs in instead', { shop, way }, async (page) => {
      await signIn(page, shop.accounts.staff);
      await page.goto(authorizeUrl(shop, { redirect_uri: client.url, state: 'somebody else' }));
      await page.getByText(shop.accounts.staff.email).waitFor();
      await page.getByRole('button', { name: 'Use another account' }).click();
      await page.getByText('to continue to Walk-through').waitFor();
      await fillInSignIn(page, shop.accounts.admin);
      await page.getByText(shop.accounts.admin.email).waitFor();
      await expectFine(page);
    });
  });
}

/** Registers an app for people's own machines and returns its client ID. */
async function registerApp(page) {
  await page.goto('/settings/client-api-access/register');
  await page.getByLabel('Name', { exact: true }).fill('Pocket Stock');
  await page.getByLabel('Website').fill('https://app.example');
  await page.getByLabel('Redirect URIs').fill(`${HTTPS}\n${SCHEME}`);
  await page.getByLabel('Is Publicly Distributed').check();
  await page.getByLabel('Contact name').fill('Ada');
  await page.getByLabel('Contact e-mail').fill('ada@app.example');
  await page.getByRole('button', { name: 'Register client' }).click();
  await page.getByText('You will not be able to see it again').waitFor();
  return page.locator('code').first().innerText();
}

/** The authorize URL that the demo printed, with other parameters. */
function authorizeUrl(shop, changes = {}) {
  const url = new URL(shop.log().match(AUTHORIZE)[0]);
  for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
  return url.href;
}

async function fillInSignIn(page, account) {
  await page.getByLabel('E-mail').fill(account.email);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function expectFine(page, refusals = []) {
  await expectAccessible(page);
  await expectNoOverflow(page);
  await expectValidHtml(page);
  expectNoProblems(page, { refusals });
}

/** A client on an origin of its own; with the state "onward" it sends the browser on to a third one. */
function useClient() {
  const client = {};
  const servers = [];
  const listen = (answer) => new Promise((resolve) => {
    const server = createServer(answer).listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`));
    servers.push(server);
  });
  const page = '<!doctype html><html lang="en"><title>Client</title><link rel="icon" href="data:,"><p>The client was here</p>';
  const greet = (_, response) => response.setHeader('content-type', 'text/html').end(page);
  before(async () => {
    const third = await listen(greet);
    const own = await listen((request, response) => {
      if (!request.url.includes('state=onward')) return greet(request, response);
      response.writeHead(302, { location: third }).end();
    });
    client.url = `${own}/demo/callback`;
    client.third = third;
  });
  after(() => servers.forEach((server) => server.close()));
  return client;
}
