// openid-client, which reads the server's metadata first and believes nothing else.

import * as client from 'openid-client';
import { CLIENT_ID, CLIENT_SECRET, ISSUER, REDIRECT_URI, SCOPE, say } from './support.js';

// Its own switch for plain http, which the loopback address of a test has.
const config = await client.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
  algorithm: 'oauth2',
  execute: [client.allowInsecureRequests],
});

const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: REDIRECT_URI,
  scope: SCOPE,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
});
const answer = await say('AUTHORIZE', url.href);
// Checks `state`, and `iss` because the metadata promises it.
const first = await client.authorizationCodeGrant(config, new URL(answer), {
  pkceCodeVerifier: verifier,
  expectedState: state,
});
await say('OK exchanged', first.access_token);

const account = await client.fetchProtectedResource(
  config,
  first.access_token,
  new URL('/API/V3/Account.json', ISSUER),
  'GET',
);
await say('OK called', (await account.json()).Account.name);

const second = await client.refreshTokenGrant(config, first.refresh_token);
await say('OK refreshed', second.access_token);

// It refuses an answer without `sub`, or with another one than it expects.
const introspected = await client.tokenIntrospection(config, second.access_token);
const person = await client.fetchUserInfo(config, second.access_token, introspected.sub);
await say('OK described', person.sub === introspected.sub);

// Its own refresh token, which is no access token.
const own = await client.tokenIntrospection(config, second.refresh_token);
await say('OK described', own.active && own.kind === 'refresh_token' && own.token_type === undefined);

const about = await client.tokenIntrospection(config, second.access_token);
await say('OK introspected', about.active);

await client.tokenRevocation(config, second.refresh_token);
await say('OK revoked', second.access_token);

try {
  await client.refreshTokenGrant(config, second.refresh_token);
  await say('OK refused', 'nothing');
} catch (error) {
  await say('OK refused', error.error);
}
process.exit();
