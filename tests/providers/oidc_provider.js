// oidc-provider as strict as it can be: PKCE, an `iss` in its answers, a new refresh token with every refresh, and the
// end of the whole grant when an old one comes back. Whoever comes is signed in and consents: nobody sits in front of it.
//
//   PORT                        0, which is any that is free
//   CLIENT_ID, CLIENT_SECRET    the one client
//   REDIRECT_URI                its redirect URIs, with blanks between
//   TOKEN_ENDPOINT_AUTH_METHOD  client_secret_basic; client_secret_post is the other
//   ACCESS_TOKEN_SECONDS        60
//   LOGIN                       who signs in where the request has no login_hint; `nobody` declines
//
//   POST /control/revoke                              ends all grants
//   POST /control/fail?next=N&status=503&retry_after  the next N token requests fail before they are looked at
//   POST /control/delay?next=N&ms=…                   the next N answers to one wait after it has been processed
//   POST /control/seed?n=N                            N grants at once: [{ refresh_token, access_token, expires_in }]
//   GET  /control/log                                 token requests, revocations and calls of /me

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { Provider } from 'oidc-provider';

import { Memory, endAllGrants } from './memory.js';
import { hash, note, serve } from './support.js';

const { CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, TOKEN_ENDPOINT_AUTH_METHOD, LOGIN = 'ada' } = process.env;
const ACCESS_TOKEN_SECONDS = Number(process.env.ACCESS_TOKEN_SECONDS ?? 60);
const DAY = 24 * 60 * 60;
const ENDPOINTS = { '/token': 'token', '/token/revocation': 'revocation', '/me': 'userinfo' };

const configuration = {
  adapter: Memory,
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: REDIRECT_URI.split(' '),
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: TOKEN_ENDPOINT_AUTH_METHOD || 'client_secret_basic',
    },
  ],
  claims: { openid: ['sub', 'name'], email: ['email', 'email_verified'] },
  cookies: { keys: [randomUUID()] },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
  },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `${id} of Harbour & Pine`, email: `${id}@shop.example`, email_verified: true }),
  }),
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  // Its own rule asks for `offline_access`, and for a prompt that not every client knows of.
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: () => false,
  jwks: { keys: [generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: ACCESS_TOKEN_SECONDS,
    AuthorizationCode: 60,
    Grant: 30 * DAY,
    IdToken: ACCESS_TOKEN_SECONDS,
    Interaction: 600,
    RefreshToken: 30 * DAY,
    Session: DAY,
  },
};

async function grant(provider, accountId, scope) {
  const grant = new provider.Grant({ accountId, clientId: CLIENT_ID });
  grant.addOIDCScope(scope);
  return grant.save();
}

async function signInAndConsent(provider, req, res) {
  const { params } = await provider.interactionDetails(req, res);
  const accountId = params.login_hint ?? LOGIN;
  const result =
    accountId === 'nobody'
      ? { error: 'access_denied', error_description: 'Nobody consented' }
      : { login: { accountId }, consent: { grantId: await grant(provider, accountId, params.scope) } };
  await provider.interactionFinished(req, res, result);
}

async function seed(provider, n) {
  const client = await provider.Client.find(CLIENT_ID);
  const scope = 'openid offline_access';
  const one = async (_, i) => {
    const accountId = `${LOGIN}-${i + 1}`;
    const grantId = await grant(provider, accountId, scope);
    const shared = { accountId, client, grantId, gty: 'authorization_code', scope };
    const refreshToken = new provider.RefreshToken(shared);
    const accessToken = new provider.AccessToken(shared);
    return {
      refresh_token: await refreshToken.save(),
      access_token: await accessToken.save(),
      expires_in: accessToken.expiration,
    };
  };
  return Promise.all(Array.from({ length: n }, one));
}

await serve((origin) => {
  const provider = new Provider(origin, configuration);
  const fail = { next: 0 };
  const delay = { next: 0 };

  const takeOne = (plan) => plan.next > 0 && plan.next--;
  const plan = (what) => (query) => {
    Object.assign(what, { status: 503, ms: 0, retry_after: undefined }, query, { next: Number(query.next ?? 1) });
  };

  provider.use(async (ctx, next) => {
    const endpoint = ENDPOINTS[ctx.path];
    let params;
    if (endpoint === 'token' && takeOne(fail)) {
      params = Object.fromEntries(new URLSearchParams(await text(ctx.req)));
      ctx.status = Number(fail.status);
      ctx.body = { error: ctx.status === 429 ? 'temporarily_unavailable' : 'server_error' };
      if (fail.retry_after) ctx.set('retry-after', fail.retry_after);
    } else {
      await next();
      params = ctx.oidc?.params;
    }
    if (!endpoint) return;
    note(endpoint, ctx.status, {
      grant_type: params?.grant_type,
      refresh_token: hash(params?.refresh_token),
      issued: hash(ctx.body?.refresh_token),
      error: ctx.body?.error,
    });
    if (endpoint === 'token' && takeOne(delay)) await sleep(Number(delay.ms));
  });

  const callback = provider.callback();
  const listener = (req, res) => {
    if (!req.url.startsWith('/interaction/')) return callback(req, res);
    return signInAndConsent(provider, req, res).catch((error) => res.writeHead(500).end(String(error.stack)));
  };
  const controls = {
    'POST /control/revoke': endAllGrants,
    'POST /control/fail': plan(fail),
    'POST /control/delay': plan(delay),
    'POST /control/seed': ({ n }) => seed(provider, Number(n)),
  };
  return { listener, controls };
});
