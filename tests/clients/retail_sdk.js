// lightspeed-retail-sdk, unchanged: it calls R-Series' hosts under their own names.

import LightspeedRetailSDK, { InMemoryTokenStorage } from 'lightspeed-retail-sdk';
import { CLIENT_ID, CLIENT_SECRET, say } from './support.js';

// It prints its own progress; standard output belongs to the steps.
console.log = console.error;

const tokenStorage = new InMemoryTokenStorage();
const sdk = new LightspeedRetailSDK({
  clientID: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  refreshToken: process.env.REFRESH_TOKEN,
  accountID: '1',
  tokenStorage,
});

const named = (answer) => JSON.stringify(answer).match(/"name":"([^"]*)"/)?.[1] ?? 'nothing';

await say('OK called', named(await sdk.getAccount()));
const first = await tokenStorage.getTokens();
await say('OK exchanged', first.access_token);

const items = await sdk.getItems();
await say('OK listed', items.map((item) => item.description).join('+'));

// It refreshes when its access token has less than five minutes left.
await tokenStorage.setTokens({ ...first, expires_at: new Date().toISOString() });
await say('OK called', named(await sdk.getAccount()));
const second = await tokenStorage.getTokens();
await say('OK refreshed', second.access_token);
await say('OK rotated', String(second.refresh_token !== first.refresh_token));

await say('REVOKE');
await say('OK called', named(await sdk.getAccount()));
await say('OK listed', (await sdk.getItems()).map((item) => item.description).join('+'));
process.exit();
