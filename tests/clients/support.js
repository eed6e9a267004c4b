// How the clients talk with tests/behaviour/foreign_clients.rs: a line out, a line back.

import { createInterface } from 'node:readline';

export const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SCOPE } = process.env;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export async function say(...words) {
  process.stdout.write(`${words.join(' ')}\n`);
  return (await lines.next()).value;
}
