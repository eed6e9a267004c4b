// Every kind of page, found by following links.
import assert from 'node:assert/strict';
import { closePage, openPage } from './browser.js';

const MOST_PAGES = 80;

/** Follows every link from the given pages on: one address for each kind of page, by its pattern, with # for each id. */
export async function walk(shop, cookies, from) {
  const page = await openPage(shop.url, { cookies });
  const found = new Map();
  const met = new Set();
  const waiting = [...from];
  while (waiting.length) {
    const url = new URL(waiting.shift(), shop.url);
    // The rules of what needs attention are one kind of page; they have a test of their own.
    const pattern = url.pathname.replace(/\d+/g, '#').replace(/attention\/[a-z-]+/, 'attention/*');
    if (url.origin !== shop.url || met.has(pattern) || pattern.startsWith('/sign-')) continue;
    met.add(pattern);
    const answer = await page.request.get(url.href);
    if (!/^text\/html/.test(answer.headers()['content-type']) || answer.headers()['content-disposition']) continue;
    found.set(pattern, url.pathname + url.search);
    assert.ok(found.size <= MOST_PAGES, `more than ${MOST_PAGES} kinds of page: ${[...found.keys()].join(' ')}`);
    const html = await answer.text();
    const links = [...html.matchAll(/<a\b[^>]*\bhref="([^"#]+)/g)].map(([, href]) => href.replaceAll('&amp;', '&'));
    waiting.push(...links.map((href) => new URL(href, url).href));
  }
  await closePage(page);
  return found;
}
