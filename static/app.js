'use strict';
// Every page works without this file; it saves round trips and slips. All listeners hang on the document,
// so it can run in the head, and what is swapped in later needs no second set-up.

document.documentElement.classList.add('js');

const PANELS = 'section.panel[id]';
const LIVE = 'form[data-live]';
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const named = (name) => `[name="${CSS.escape(name)}"]:not([type=hidden])`;
const place = ({ pathname, search }) => pathname + search;

let shown = place(location);
let asked = null;
let timer = 0;

function say(words) {
  const live = document.getElementById('live');
  if (live) live.textContent = words;
}

async function read(url, options) {
  const reply = await fetch(url, { headers: { Accept: 'text/html' }, ...options });
  return { reply, html: new DOMParser().parseFromString(reply.ok ? await reply.text() : '', 'text/html') };
}

// ---- Panels: filters, sorting, paging ----

function forget() {
  clearTimeout(timer);
  asked?.abort();
  all(PANELS).forEach((panel) => panel.removeAttribute('aria-busy'));
}

// Replaces everything in `root` but `field` by what stands around its twin. The field a person is typing in is
// never taken out of the page, so caret, selection, undo and half-composed characters survive.
function replaceAround(field, twin, root) {
  for (; field !== root; field = field.parentNode, twin = twin.parentNode) {
    const nodes = [...twin.parentNode.childNodes];
    [...field.parentNode.childNodes].forEach((node) => node === field || node.remove());
    field.before(...nodes.slice(0, nodes.indexOf(twin)));
    field.after(...nodes.slice(nodes.indexOf(twin) + 1));
  }
}

function swapPanel(old, fresh) {
  const held = old.contains(document.activeElement) && document.activeElement;
  const twin = held && held.name && held.form?.matches(LIVE) && fresh.querySelector(`${LIVE} ${named(held.name)}`);
  if (twin) {
    replaceAround(held, twin, old);
    for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
    return;
  }
  old.replaceWith(fresh);
  if (!held) return;
  const link = held.dataset.swap && fresh.querySelector(`[data-swap="${CSS.escape(held.dataset.swap)}"]`);
  const heading = fresh.querySelector('h2');
  if (!link) heading?.setAttribute('tabindex', '-1');
  (link || heading)?.focus({ preventScroll: true });
}

// Reads the page at `url` and swaps every panel both pages have, so that the links and hidden fields of all of
// them agree. `id` is the panel that was used, `keep` says how the address follows, `fail` is the way without us.
async function show(url, { id, keep, clicked = false, fail }) {
  forget();
  const mine = (asked = new AbortController());
  document.getElementById(id)?.setAttribute('aria-busy', 'true');
  try {
    const { reply, html } = await read(url, { signal: mine.signal });
    const landed = new URL(reply.url);
    const wanted = id ? html.getElementById(id) : html.querySelector(PANELS);
    if (mine.signal.aborted) return;
    if (!wanted?.matches(PANELS) || landed.pathname !== location.pathname) return fail();
    forget();
    for (const fresh of all(PANELS, html)) {
      const old = document.getElementById(fresh.id);
      if (old) swapPanel(old, fresh);
    }
    shown = place(landed);
    if (keep) history[keep](null, '', shown);
    document.title = html.title || document.title;
    const panel = document.getElementById(id);
    say(panel?.dataset.count ?? panel?.querySelector('h2')?.innerText ?? '');
    if (clicked && panel.getBoundingClientRect().top < 0) panel.scrollIntoView();
  } catch {
    if (mine.signal.aborted) return;
    forget();
    if (clicked) fail();
  }
}

// The form's own fields, and whatever stands in the other panels' fields: that is newer than what this form's
// hidden fields remember of them. Empty ones stay out of the address.
function address(form) {
  const query = new URLSearchParams(new FormData(form));
  for (const other of all(LIVE).filter((one) => one !== form)) {
    const typed = [...other.elements].filter((field) => field.name && field.type !== 'hidden').map((field) => field.name);
    typed.forEach((name) => query.delete(name));
    for (const [name, value] of new FormData(other)) if (typed.includes(name)) query.append(name, value);
  }
  const url = new URL(form.getAttribute('action') || '', location.href);
  url.search = new URLSearchParams([...query].filter(([, value]) => value !== ''));
  return url;
}

function filter(form) {
  forget();
  const url = address(form);
  if (form.isConnected && place(url) !== shown) {
    show(url, { id: form.closest(PANELS).id, keep: 'replaceState', fail: () => location.assign(url) });
  }
}

addEventListener('popstate', () => {
  if (place(location) !== shown) show(location.href, { clicked: true, fail: () => location.reload() });
});

// ---- What people do ----

document.addEventListener('input', ({ target }) => {
  if (target.matches('[data-confirm-name]')) checkName(target);
  const form = target.form;
  if (!form?.matches(`${PANELS} ${LIVE}`)) return;
  forget();
  timer = setTimeout(filter, target.matches('select, [type=checkbox], [type=radio]') ? 0 : 200, form);
});

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.matches(`${PANELS} ${LIVE}`)) {
    event.preventDefault();
    filter(form);
  } else if (form.method === 'post') {
    if (form.hasAttribute('aria-busy')) return event.preventDefault();
    form.setAttribute('aria-busy', 'true');
    // Once the form is under way: a disabled button would not send its own value.
    setTimeout(() => buttons(form).forEach((button) => { button.disabled = true; }));
  }
});

document.addEventListener('click', (event) => {
  const copy = event.target.closest('[data-copy]');
  if (copy) copyText(copy);
  const link = event.target.closest(`${PANELS} a[data-swap]`);
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  show(link.href, { id: link.closest(PANELS).id, keep: 'pushState', clicked: true, fail: () => location.assign(link.href) });
});

document.addEventListener('keydown', (event) => {
  const { key, target } = event;
  if (key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey && !target.matches('input, select, textarea')) {
    const search = all('main input[type=search]')[0];
    if (!search) return;
    event.preventDefault();
    search.select();
    search.focus();
  } else if (key === 'Escape' && target.matches('input[type=search]') && target.value) {
    event.preventDefault();
    target.value = '';
    target.dispatchEvent(new Event('input', { bubbles: true }));
  }
});

// ---- Forms and secrets ----

const buttons = (form) => [...form.elements].filter((field) => field.matches('button:not([type=button], [data-held])'));

// The button that cannot be undone wakes up when the name is typed; the server asks for it again.
function checkName(input) {
  const same = input.value.trim() === input.dataset.confirmName.trim();
  for (const button of [...input.form.elements].filter((field) => field.matches('button.danger'))) {
    button.disabled = !same;
    button.toggleAttribute('data-held', !same);
  }
}

async function copyText(button) {
  const source = document.querySelector(button.dataset.copy);
  const label = button.querySelector('span') ?? button;
  button.dataset.label ??= label.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    label.textContent = 'Copied';
    say('Copied');
    setTimeout(() => { label.textContent = button.dataset.label; }, 2000);
  } catch {
    getSelection().selectAllChildren(source);
  }
}

// Also when the page comes back from the browser's memory, with its buttons as they were left.
addEventListener('pageshow', () => {
  for (const form of all('form[aria-busy]')) {
    form.removeAttribute('aria-busy');
    buttons(form).forEach((button) => { button.disabled = false; });
  }
  all('[data-confirm-name]').forEach(checkName);
});

// ---- Progress: the page reads itself again until the server stops asking for it ----

async function refresh(main) {
  try {
    // A redirect is left to the browser, or its one-time message would be spent on a page nobody sees.
    const { reply, html } = await read(location.href, { redirect: 'manual' });
    const fresh = html.querySelector('main');
    if (reply.type === 'opaqueredirect' || (reply.status >= 400 && reply.status < 500)) return location.reload();
    if (fresh) {
      main.replaceChildren(...fresh.childNodes);
      main.dataset.refresh = fresh.dataset.refresh ?? '';
      document.title = html.title || document.title;
      say(main.querySelector('[data-say]')?.dataset.say ?? '');
    }
  } catch { /* The next turn may reach the server again. */ }
  refreshLater(main);
}

function refreshLater(main) {
  if (main?.dataset.refresh) setTimeout(refresh, 1000 * main.dataset.refresh, main);
}

document.addEventListener('DOMContentLoaded', () => {
  refreshLater(document.querySelector('main'));
  const nav = document.querySelector('.sidebar nav');
  const here = nav?.querySelector('[aria-current]');
  if (here) nav.scrollLeft = here.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2;
});
