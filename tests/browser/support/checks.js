// What must be true of every page, whatever it shows.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import axe from 'axe-core';
import { HtmlValidate } from 'html-validate';
import { documentOf, expectNone, expectNoProblems, scriptsRun } from './browser.js';

const validator = new HtmlValidate(JSON.parse(readFileSync(new URL('../.htmlvalidate.json', import.meta.url), 'utf8')));

// The HTML of pages that were found valid.
const valid = new Set();

/** Only what depends on colours, in one row of each kind: the others are coloured alike. */
export const COLOURS = { rules: ['color-contrast', 'link-in-text-block'], alike: true };
/** Every rule, in one row of each kind. */
export const STRUCTURE = { alike: true };

/**
 * axe-core finds nothing. It enters through the debugger, which the page's content security policy does not bind. `rules`
 * chooses some; `alike` leaves out rows of a table that have the same elements and classes as one before them.
 */
export async function expectAccessible(page, { rules, alike = false } = {}) {
  if (!scriptsRun(page)) await page.evaluate(replaceTimers);
  if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(axe.source);
  const violations = await page.evaluate(runAxe, { rules, alike });
  const report = violations.map(({ id, help, nodes }) => {
    const examples = nodes.slice(0, 3).map(([html, why]) => `    ${html.slice(0, 200)}${why ? `\n      ${why}` : ''}`);
    return `${id}: ${help}, ${nodes.length} times\n${examples.join('\n')}`;
  });
  expectNone(report, `not accessible: ${page.url()}`);
}

async function runAxe({ rules, alike }) {
  const shape = (element) => {
    const { tagName, className, children } = element;
    return `${tagName}.${className.baseVal ?? className}(${[...children].map(shape).join()})`;
  };
  const seen = new Set();
  const isRepeated = (row) => {
    const before = seen.size;
    return seen.add(shape(row)).size === before;
  };
  // The last row may have another border.
  const rows = alike ? [...document.querySelectorAll('tbody > tr:not(:last-child)')] : [];
  const { violations } = await globalThis.axe.run(
    { include: [document.documentElement], exclude: rows.filter(isRepeated) },
    { resultTypes: ['violations'], preload: false, ...(rules && { runOnly: { type: 'rule', values: rules } }) },
  );
  return violations.map(({ id, help, nodes }) => (
    { id, help, nodes: nodes.map(({ html, any }) => [html, any[0]?.message]) }
  ));
}

/** Where scripts are off, timers never fire and axe-core would wait for ever; it uses short ones only to take a breath. */
function replaceTimers() {
  globalThis.setTimeout = (work, milliseconds = 0) => {
    if (milliseconds < 1000) Promise.resolve().then(work);
    return 0;
  };
}

/** The HTML is valid as the server sent it, before the browser mended anything. */
export async function expectValidHtml(page) {
  const html = (await documentOf(page).body()).toString();
  // The same page, but for its CSRF token, was validated before.
  const same = html.replaceAll(/name="csrf" value="[^"]*"/g, '');
  if (valid.has(same)) return;
  const { results } = await validator.validateString(html);
  const lines = html.split('\n');
  const report = results.flatMap(({ messages }) => messages).map(({ line, column, ruleId, message }) =>
    `${line}:${column} ${ruleId}: ${message}\n    ${(lines[line - 1] ?? '').slice(Math.max(0, column - 60), column + 99)}`);
  expectNone(report, `not valid: ${page.url()}`);
  valid.add(same);
}

/** Nothing sticks out sideways, unless it lies in an area that scrolls by itself. */
export async function expectNoOverflow(page) {
  const offenders = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const excused = (element) => {
      for (let at = element; at && at !== document.body; at = at.parentElement) {
        const { overflowX, clipPath, position, visibility } = getComputedStyle(at);
        if (/auto|scroll/.test(overflowX) && at !== element) return true;
        if (clipPath !== 'none' || visibility === 'hidden') return true;
        if (position === 'fixed') return false;
      }
      return false;
    };
    const sticksOut = [...document.body.querySelectorAll('*')].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width > 1 && box.height > 1 && box.right > width + 1 && !excused(element);
    });
    const names = sticksOut.slice(0, 5).map((element) =>
      `${element.outerHTML.slice(0, 120)} ends at ${Math.round(element.getBoundingClientRect().right)}`);
    const { scrollWidth } = document.documentElement;
    return scrollWidth > width ? [`the page is ${scrollWidth} px wide`, ...names] : names;
  });
  const { width } = page.viewportSize();
  expectNone(offenders, `wider than ${width} px: ${page.url()}`);
}

/**
 * What a form leads to is held to the same as every page that a link leads to. axe-core is slow: of the four ways to look it
 * sees the two that differ most, wide with scripts and narrow without.
 */
export async function expectSound(page, status = 200) {
  await page.waitForLoadState();
  assert.equal(documentOf(page).status(), status);
  const [scripts, isWide] = [scriptsRun(page), page.viewportSize().width > 600];
  if (scripts === isWide) await expectAccessible(page, scripts ? undefined : STRUCTURE);
  await expectNoOverflow(page);
  await expectValidHtml(page);
  expectNoProblems(page, { refusals: [status] });
}
