'use strict';
// Every page works without this script. It avoids full page loads and repeated submits. All listeners are on the
// document, so the script can run in the head, and swapped panels need no new listeners.
//
// Longer than 300 lines: one file is one request, and every part of it is used on most pages.

document.documentElement.classList.add('js');

const PANELS = 'section.panel[id]';
const LIVE = 'form[data-live]';
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const named = (name) => `[name="${CSS.escape(name)}"]:not([type=hidden])`;
const place = ({ pathname, search }) => pathname + search;

let shown = place(location);
let pending = null;
let timer = 0;
// The filter that was changed last.
let changed = '';

function announce(text) {
  const live = document.getElementById('live');
  if (live) live.textContent = text;
}

async function read(url, options) {
  const reply = await fetch(url, { headers: { Accept: 'text/html' }, ...options });
  return { reply, html: new DOMParser().parseFromString(reply.ok ? await reply.text() : '', 'text/html') };
}

// ---- Panels: filters, sorting, paging ----

function cancelPending() {
  clearTimeout(timer);
  pending?.abort();
  all(PANELS).forEach((panel) => panel.removeAttribute('aria-busy'));
}

// Replaces everything in `root` except `field` with what surrounds its `twin` in the new panel. The focused field stays
// in the document, so the caret, the selection, undo and IME input are kept.
function replaceAround(field, twin, root) {
  for (; field !== root; field = field.parentNode, twin = twin.parentNode) {
    const nodes = [...twin.parentNode.childNodes];
    [...field.parentNode.childNodes].forEach((node) => node === field || node.remove());
    field.before(...nodes.slice(0, nodes.indexOf(twin)));
    field.after(...nodes.slice(nodes.indexOf(twin) + 1));
  }
}

// What the server says that a field holds, for a field that stays in the document.
function restore(field, twin) {
  if (field.matches('[type=checkbox], [type=radio]')) field.checked = twin.defaultChecked;
  else if (field.value !== twin.value) field.value = twin.value;
}

// With `back`, a field that stays gets the text that the new panel has in its place.
function swapPanel(old, fresh, back) {
  // What somebody unfolded stays unfolded.
  const boxes = all('details', old);
  all('details', fresh).forEach((box, n) => { box.open ||= Boolean(boxes[n]?.open); });
  const held = old.contains(document.activeElement) && document.activeElement;
  const twin = held && held.name && held.form?.matches(LIVE) && fresh.querySelector(`${LIVE} ${named(held.name)}`);
  if (twin) {
    if (back) restore(held, twin);
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

// Fetches `url` and swaps every panel that both pages have, so that the links and hidden fields of all panels agree.
// `id` is the panel that was used, `keep` the history method for the URL and `state` what it keeps with it, `back` that somebody
// went back or forward, and `fail` the fallback without this script.
async function show(url, { id, keep, state = null, clicked = false, back = false, fail }) {
  cancelPending();
  const request = (pending = new AbortController());
  document.getElementById(id)?.setAttribute('aria-busy', 'true');
  try {
    const { reply, html } = await read(url, { signal: request.signal });
    const landed = new URL(reply.url);
    const wanted = id ? html.getElementById(id) : html.querySelector(PANELS);
    if (request.signal.aborted) return;
    if (!wanted?.matches(PANELS) || landed.pathname !== location.pathname) return fail();
    cancelPending();
    for (const fresh of all(PANELS, html)) {
      const old = document.getElementById(fresh.id);
      if (old) swapPanel(old, fresh, back);
    }
    shown = place(landed);
    if (keep) history[keep](state, '', shown);
    document.title = html.title || document.title;
    const panel = document.getElementById(id);
    announce(panel?.dataset.count ?? panel?.querySelector('h2')?.innerText ?? '');
    if (clicked && panel?.getBoundingClientRect().top < 0) panel.scrollIntoView();
  } catch {
    if (request.signal.aborted) return;
    cancelPending();
    if (clicked) fail();
  }
}

// The URL of a filter form: its own fields and the current values of the other panels' fields, which are newer than this
// form's hidden copies of them. Empty fields are left out.
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

// The first change of a filter adds an entry to the history, so that Back undoes it; further typing replaces that entry.
function filter(form) {
  cancelPending();
  const url = address(form);
  if (!form.isConnected || place(url) === shown) return;
  const keep = history.state?.changed === changed ? 'replaceState' : 'pushState';
  show(url, { id: form.closest(PANELS).id, keep, state: { changed }, fail: () => location.assign(url) });
}

addEventListener('popstate', () => {
  cancelPending();
  if (place(location) !== shown) show(location.href, { clicked: true, back: true, fail: () => location.reload() });
});

// ---- Listeners ----

document.addEventListener('input', ({ target }) => {
  if (target.matches('[data-confirm-name]')) checkName(target);
  const form = target.form;
  if (!form?.matches(`${PANELS} ${LIVE}`)) return;
  cancelPending();
  changed = `${form.closest(PANELS).id} ${target.name}`;
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
    // After the submit: a disabled button would not send its value.
    setTimeout(() => buttons(form).forEach((button) => { button.disabled = true; }));
  }
});

document.addEventListener('click', (event) => {
  const copy = event.target.closest('[data-copy]');
  if (copy) copyText(copy);
  if (event.target.closest('[data-print]')) print();
  closeMenus(event.target);
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
  } else if (key === 'Escape' && target.closest('.menu[open]')) {
    const menu = target.closest('.menu');
    closeMenus();
    menu.querySelector('summary').focus();
  } else if (key === 'Escape' && target.matches('input[type=search]') && target.value) {
    event.preventDefault();
    target.value = '';
    target.dispatchEvent(new Event('input', { bubbles: true }));
  }
});

// Closes every open menu but the one that holds `target`.
function closeMenus(target) {
  for (const menu of all('.menu[open]')) if (!target || !menu.contains(target)) menu.open = false;
}

// ---- Forms and secrets ----

const buttons = (form) => [...form.elements].filter((field) => field.matches('button:not([type=button], [data-held])'));

// Enables the danger button when the name has been typed. The server checks the name as well.
function checkName(input) {
  const matches = input.value.trim() === input.dataset.confirmName.trim();
  for (const button of [...input.form.elements].filter((field) => field.matches('button.danger'))) {
    button.disabled = !matches;
    button.toggleAttribute('data-held', !matches);
  }
}

async function copyText(button) {
  const source = document.querySelector(button.dataset.copy);
  const label = button.querySelector('span') ?? button;
  button.dataset.label ??= label.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    label.textContent = 'Copied';
    announce('Copied');
    setTimeout(() => { label.textContent = button.dataset.label; }, 2000);
  } catch {
    getSelection().selectAllChildren(source);
  }
}

// ---- Connection form: fields that depend on the API type, and the link to its app credentials ----

const DRAFT = 'connection-draft';
const typed = (form) => [...new FormData(form)].filter(([name]) => name !== 'csrf' && name !== 'then');

function followType(form) {
  const type = form.elements.type.value;
  // Disabled fields are not sent.
  for (const part of all('fieldset[data-for]', form)) part.disabled = !part.dataset.for.split(' ').includes(type);
  const client = form.elements.client;
  if (!client) return;
  const fits = [...client.options].filter((option) => {
    option.hidden = option.disabled = Boolean(option.dataset.type) && option.dataset.type !== type;
    return option.dataset.type && !option.hidden;
  });
  if (client.selectedOptions[0]?.hidden) client.value = '';
  if (!client.value && fits.length === 1) client.value = fits[0].value;
  const [add, edit] = ['new', 'edit'].map((what) => form.querySelector(`[data-draft=${what}]`));
  const from = new URL(add.href).searchParams.get('for');
  add.href = `/settings/connections/clients/new?${new URLSearchParams({ for: from, type })}`;
  edit.href = `/settings/connections/clients/${client.value}?for=${from}`;
  edit.hidden = !client.value;
}

// Restores what was typed before the user left for the page of the app credentials.
function restoreDraft(form) {
  const draft = JSON.parse(sessionStorage.getItem(DRAFT) ?? 'null');
  sessionStorage.removeItem(DRAFT);
  if (draft?.path !== location.pathname || !document.referrer.includes('/settings/connections/clients')) return;
  const created = new URLSearchParams(location.search).has('client');
  const ticked = draft.fields.filter(([name]) => name === 'scope').map(([, value]) => value);
  for (const tick of all('[name=scope]', form)) tick.checked = ticked.includes(tick.value);
  for (const [name, value] of draft.fields) {
    if (name !== 'scope' && !(created && ['client', 'type'].includes(name)) && form.elements[name]) form.elements[name].value = value;
  }
}

// ---- Scope picker: what is ticked is chosen, and summarised above the list ----

function makePicker(field) {
  const part = (name) => field.querySelector(`[data-${name}]`);
  const [chips, search] = [part('chosen'), part('search')];
  const ticks = all('[name=scope]', part('offered'));
  const item = (tick) => tick.closest('label');
  const words = (tick) => item(tick).querySelector('span').firstChild.data.trim();
  const shownTicks = () => ticks.filter((tick) => !item(tick).hidden);
  const chipOf = new Map();
  // What has been ticked since the last time that > was pressed.
  const fresh = new Set();

  function makeChip(tick) {
    const chip = document.createElement('label');
    chip.className = 'chip';
    chip.append(Object.assign(document.createElement('input'), { type: 'checkbox' }), ` ${words(tick)}`);
    chip.title = tick.value;
    chipOf.set(tick, chip);
    return chip;
  }

  function show() {
    const chosen = ticks.filter((tick) => tick.checked);
    chips.replaceChildren(...chosen.map((tick) => chipOf.get(tick) ?? makeChip(tick)));
    part('sum').textContent = `${chosen.length} of ${ticks.length}`;
    part('empty').hidden = chosen.length > 0;
    // The chips and the list are one tab stop each; the arrow keys move inside them.
    for (const stops of [all('input', chips), shownTicks()]) {
      if (!stops.some((stop) => stop === document.activeElement)) stops.forEach((stop, n) => { stop.tabIndex = n ? -1 : 0; });
    }
    return chosen.length;
  }

  function filter() {
    const typed = search.value.trim().toLowerCase();
    for (const tick of ticks) item(tick).hidden = !item(tick).textContent.toLowerCase().includes(typed);
    for (const group of all('fieldset', part('offered'))) group.hidden = !group.querySelector('label:not([hidden])');
    part('none').hidden = shownTicks().length > 0;
    show();
  }

  function say(text) {
    part('said').textContent = text;
    announce(text);
  }

  function choose(moved, checked) {
    moved.forEach((tick) => { tick.checked = checked; });
    fresh.clear();
    for (const chip of chipOf.values()) chip.firstChild.checked = false;
    say(`${moved.length} ${checked ? 'added' : 'removed'}, ${show()} chosen.`);
  }

  const moves = {
    all: () => choose(shownTicks().filter((tick) => !tick.checked || fresh.has(tick)), true),
    ticked: () => {
      const moved = ticks.filter((tick) => fresh.has(tick));
      if (!moved.length) return say('Tick the scopes to add first.');
      search.value = '';
      filter();
      choose(moved, true);
    },
    back: () => {
      const moved = ticks.filter((tick) => tick.checked && chipOf.get(tick).firstChild.checked);
      if (!moved.length) return say('Select the scopes to remove under Chosen first.');
      choose(moved, false);
    },
    none: () => choose(ticks.filter((tick) => tick.checked), false),
  };
  for (const button of all('[data-move]', field)) button.addEventListener('click', moves[button.dataset.move]);

  search.addEventListener('input', filter);
  part('offered').addEventListener('change', ({ target }) => {
    if (target.checked) fresh.add(target); else fresh.delete(target);
    part('said').textContent = '';
    show();
  });
  field.addEventListener('keydown', (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches('button')) return;
    // Enter would submit the form.
    if (key === 'Enter') event.preventDefault();
    if (target === search) return;
    const stops = chips.contains(target) ? all('input', chips) : shownTicks();
    const index = stops.indexOf(target);
    const to = { ArrowDown: index + 1, ArrowRight: index + 1, ArrowUp: index - 1, ArrowLeft: index - 1, Home: 0, End: stops.length - 1 }[key];
    if (to !== undefined) {
      event.preventDefault();
      focusTick(stops[Math.max(0, Math.min(to, stops.length - 1))], stops);
    } else if (key === 'Enter') {
      target.click();
    }
  });
  filter();
}

function focusTick(tick, all) {
  all.forEach((other) => { other.tabIndex = other === tick ? 0 : -1; });
  tick.focus();
}

document.addEventListener('DOMContentLoaded', () => {
  const form = document.querySelector('form[data-connection]');
  if (!form) return;
  restoreDraft(form);
  all('[data-picker]', form).forEach(makePicker);
  followType(form);
  form.addEventListener('change', () => followType(form));
  form.addEventListener('click', ({ target }) => {
    if (target.closest('[data-draft]')) sessionStorage.setItem(DRAFT, JSON.stringify({ path: location.pathname, fields: typed(form) }));
  });
});

// Also when the page is restored from the back/forward cache with disabled buttons.
addEventListener('pageshow', () => {
  for (const form of all('form[aria-busy]')) {
    form.removeAttribute('aria-busy');
    buttons(form).forEach((button) => { button.disabled = false; });
  }
  all('[data-confirm-name]').forEach(checkName);
});

// ---- Progress: reloads the page's content until the server stops requesting it ----

async function refresh(main) {
  try {
    // Leave redirects to the browser: following one here would use up its flash message.
    const { reply, html } = await read(location.href, { redirect: 'manual' });
    const fresh = html.querySelector('main');
    if (reply.type === 'opaqueredirect' || (reply.status >= 400 && reply.status < 500)) return location.reload();
    if (fresh) {
      main.replaceChildren(...fresh.childNodes);
      main.dataset.refresh = fresh.dataset.refresh ?? '';
      document.title = html.title || document.title;
      announce(main.querySelector('[data-say]')?.dataset.say ?? '');
    }
  } catch { /* Retried at the next interval. */ }
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
