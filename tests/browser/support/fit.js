// What is clipped or sticks out at a width.
import { expectNoOverflow } from './checks.js';

/** What does not fit at the page's width. */
export async function misfits(page) {
  const found = [];
  await expectNoOverflow(page).catch((error) => found.push(error.message.split('\n').slice(1).join('; ')));
  return [...found, ...await page.evaluate(() => {
    const say = (element, what) => `${what}: ${element.outerHTML.replace(/\s+/g, ' ').slice(0, 90)}`;
    const isShown = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 1;
    const shown = (selector) => [...document.querySelectorAll(selector)].filter(isShown);
    const sticksOut = (inner, outer) => {
      const [a, b] = [inner.getBoundingClientRect(), outer.getBoundingClientRect()];
      return a.left < b.left - 1 || a.right > b.right + 1 || a.bottom > b.bottom + 1 || a.top < b.top - 1;
    };
    const width = document.documentElement.clientWidth;
    const clipped = shown('.sidebar a, .sidebar button').filter((link) => {
      const { left, right } = link.getBoundingClientRect();
      return left < 0 || right > width || link.scrollWidth > link.clientWidth + 1 || sticksOut(link, link.closest('.sidebar'));
    });
    // In a table that scrolls by itself they may be beyond its edge, but badges and dates are what one looks for.
    const out = shown('main :is(.badge, time, .chip)').filter((element) => {
      const outer = element.closest('.table') ?? element.closest('.panel, .card, .facts, .notice, .title, main');
      return sticksOut(element, outer);
    });
    const crowded = shown('main td time, main td .badge').filter((element) => sticksOut(element, element.closest('tr')));
    return [
      ...clipped.map((element) => say(element, 'clipped')), ...out.map((element) => say(element, 'outside its panel')),
      ...crowded.map((element) => say(element, 'outside its row')),
    ];
  })];
}
