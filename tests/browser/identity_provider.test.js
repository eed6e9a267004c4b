// An admin sets up an identity provider, and somebody signs in and out through it.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe } from 'node:test';
import { signIn } from './support/browser.js';
import { expectSound } from './support/checks.js';
import { expectHeading, fillIn, message, nameOf, pageTest, press, useShop, TWO_WAYS } from './support/shop.js';

// In both directions of light, with and without scripts.
const LOOKS = TWO_WAYS.map((way) => ({ ...way, dark: way.width === 390 }));

/** A provider where whoever comes is signed in already: `email` says as whom, and `error` what it answers instead. */
async function startProvider() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const state = { email: '', error: '', nonce: '' };
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, state.issuer);
    const json = (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const at = (path) => `${state.issuer}${path}`;
    if (url.pathname === '/.well-known/openid-configuration') {
      return json({
        issuer: state.issuer, authorization_endpoint: at('/authorize'), token_endpoint: at('/token'),
        jwks_uri: at('/jwks'), end_session_endpoint: at('/logout'),
      });
    }
    if (url.pathname === '/jwks') return json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a', use: 'sig' }] });
    if (url.pathname === '/authorize') {
      state.nonce = url.searchParams.get('nonce');
      const back = new URL(url.searchParams.get('redirect_uri'));
      back.searchParams.set('state', url.searchParams.get('state'));
      if (state.error) back.searchParams.set('error', state.error);
      else back.searchParams.set('code', 'a-code');
      return response.writeHead(302, { location: back.href }).end();
    }
    if (url.pathname === '/token') {
      await text(request);
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        iss: state.issuer, aud: 'pos', sub: `sub-${state.email}`, iat: now, exp: now + 60, nonce: state.nonce,
        email: state.email, email_verified: true, auth_time: now,
      };
      const signed = `${encode({ alg: 'ES256', kid: 'a' })}.${encode(claims)}`;
      const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return json({ access_token: 'x', token_type: 'Bearer', id_token: `${signed}.${signature.toString('base64url')}` });
    }
    return response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Signed out there</title>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.issuer = `http://127.0.0.1:${server.address().port}`;
  return { state, stop: () => server.close() };
}

describe('an identity provider', () => {
  const shop = useShop();
  let provider;

  before(async () => { provider = await startProvider(); });
  after(() => provider.stop());

  for (const way of LOOKS) {
    pageTest(`is set up, and signs people in and out: ${nameOf(way)}`, { shop, way }, async (page) => {
      const { state } = provider;
      const { admin } = shop.accounts;
      Object.assign(state, { email: admin.email, error: '' });
      await signIn(page, admin);
      await page.goto('/settings/account');
      await page.getByRole('link', { name: 'Sign-in settings' }).click();
      await expectHeading(page, 'Sign-in', { level: 1 });
      await expectSound(page);
      await fillIn(page, { Issuer: 'http://login.example', 'Client ID': 'pos', 'Client secret': 'a secret', Scopes: 'email' });
      await press(page, 'Save');
      await expectSound(page, 422);
      const errors = page.getByRole('alert').getByRole('link');
      assert.equal(await errors.count(), 2);

      await fillIn(page, { Issuer: state.issuer, 'Client secret': 'a secret', Scopes: 'openid email' });
      await fillIn(page, { 'Name on the sign-in page': 'Harbour ID' });
      await press(page, 'Save');
      await message(page, 'Identity provider saved.').waitFor();
      await expectSound(page);

      await page.context().clearCookies();
      await page.goto('/sign-in?next=/settings/profile');
      await expectSound(page);
      state.error = 'access_denied';
      await page.getByRole('link', { name: 'Sign in with Harbour ID' }).click();
      await expectHeading(page, 'You are not signed in', { level: 1 });
      await expectSound(page, 422);
      state.error = '';
      await page.getByRole('link', { name: 'Try again' }).click();
      await page.waitForURL('**/settings/profile');
      assert.ok((await page.content()).includes(admin.email));

      await page.goto('/settings');
      await press(page, 'Sign out');
      await message(page, 'You are signed out.').waitFor();
      await expectSound(page);
      await page.getByRole('link', { name: 'Sign out of Harbour ID' }).click();
      assert.equal(await page.title(), 'Signed out there');
    });
  }
});
