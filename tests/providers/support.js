// What the providers share: a server on loopback that says when it is up, the log of what it was asked, and the paths
// under /control/ by which a test steers it.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

// In the order of the answers, each as { at, endpoint, status } and what the endpoint adds.
export const log = [];

export function note(endpoint, status, more) {
  log.push({ at: Date.now(), endpoint, status, ...more });
}

// Tells values apart without telling them.
export const hash = (value) => (value ? createHash('sha256').update(value).digest('hex') : undefined);

// `start` is told the origin and gives the provider's own request listener and its controls, each named by method and
// path and called with the query and the body; what one returns is the answer, as JSON.
export async function serve(start) {
  const server = createServer();
  await new Promise((resolve) => server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const { listener, controls } = await start(origin);
  const all = { 'GET /control/log': () => log, ...controls };

  server.on('request', async (req, res) => {
    const { pathname, searchParams } = new URL(req.url, origin);
    if (!pathname.startsWith('/control/')) return listener(req, res);
    const control = all[`${req.method} ${pathname}`];
    try {
      const answer = control && (await control(Object.fromEntries(searchParams), await text(req)));
      res.writeHead(control ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? null));
    } catch (error) {
      res.writeHead(400, { 'content-type': 'text/plain' }).end(String(error.stack));
    }
  });
  process.stdout.write(`READY ${origin}\n`);
}
