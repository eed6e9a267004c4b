// simple-oauth2 with a JSON body and the credentials in it, as R-Series' documentation shows it. It knows no PKCE and no
// introspection.

import { AuthorizationCode } from 'simple-oauth2';
import { CLIENT_ID, CLIENT_SECRET, ISSUER, REDIRECT_URI, SCOPE, say } from './support.js';

const client = new AuthorizationCode({
  client: { id: CLIENT_ID, secret: CLIENT_SECRET },
  auth: {
    tokenHost: ISSUER,
    tokenPath: '/auth/oauth/token',
    revokePath: '/auth/oauth/revoke',
    authorizePath: '/auth/oauth/authorize',
  },
  options: { bodyFormat: 'json', authorizationMethod: 'body' },
});

const url = client.authorizeURL({ redirect_uri: REDIRECT_URI, scope: SCOPE, state: 'a state of its own' });
const answer = await say('AUTHORIZE', url);
const code = new URL(answer).searchParams.get('code');
const first = await client.getToken({ code, redirect_uri: REDIRECT_URI });
await say('OK exchanged', first.token.access_token);

const second = await first.refresh();
await say('OK refreshed', second.token.access_token);

await second.revoke('refresh_token');
await say('OK revoked', second.token.access_token);

try {
  await second.refresh();
  await say('OK refused', 'nothing');
} catch (error) {
  await say('OK refused', error.data.payload.error);
}
process.exit();
