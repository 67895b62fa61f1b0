"""The browser's side of `form`: it makes the parts that it is told of, and touches only what differs."""

from __future__ import annotations

# A form of its own: the browser's autofill, which nothing here wants, looks through the whole form of each field that
# changes, and what is in none counts as one. That took two fifths of a core's time for an edit.
HTML = "<form class='form'></form>"

# Until what was said with it is heard, and while somebody is typing there, a field is left as it is. Where a form is
# about a row, a button may open another one: there a second press waits for the answer to the first.
JS = """
const forms = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  if (!forms.has(parentElement)) forms.set(parentElement, begin(parentElement.querySelector(".form")));
  const form = forms.get(parentElement);
  form.box.send = (said) => setTriggerValue("said", said);
  swap(form, data);
}

function begin(root) {
  const form = { root, box: outboxOf(root), nodes: new Map(), about: null };
  const nodeOf = (target) => form.nodes.get(target.closest("[data-name]")?.dataset.name);
  root.addEventListener("submit", (event) => event.preventDefault());
  root.addEventListener("change", ({ target }) => commit(form, nodeOf(target), target));
  root.addEventListener("click", ({ target }) => {
    if (target.closest("button.press")) press(form, nodeOf(target));
    else if (target.role === "tab") turn(form, nodeOf(target), target);
  });
  root.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const beside = target.role === "tab" && { ArrowLeft: target.previousSibling, ArrowRight: target.nextSibling }[key];
    if (beside) beside.focus();
    if (event.isComposing || !target.matches("input, select")) return;
    const node = nodeOf(target);
    if (key === "Enter" && target.matches("[type=number], [type=text]")) commit(form, node, target);
    else if (key === "Escape") say(node.control, node.shown);
    else if (!opens(target, key)) return;
    event.preventDefault();
  });
  return form;
}

function commit(form, node, control) {
  if (control !== node.control) { node.control.value = control.value; control.selectedIndex = -1; }
  const value = said(node.control);
  if (node.control.validity.badInput) return say(node.control, node.shown);
  const last = waiting(form.box, node.name);
  if (value !== (last ? last.value : node.shown)) send(form, node.name, value);
}

function turn(form, node, tab) {
  if (tab.ariaSelected === "true") return;
  select(node, tab.value);
  send(form, node.name, tab.value);
}

function select({ tabs }, word) {
  for (const tab of tabs.children) {
    tab.ariaSelected = String(tab.value === word);
    tab.tabIndex = tab.value === word ? 0 : -1;
  }
}

function press(form, node) {
  if (form.about !== null && form.box.unheard.some((one) => one.value === null)) return;
  send(form, node.name, null);
}

function send(form, name, value) {
  speak(form.box, name, value, [name, value, form.about]);
}

function swap(form, { parts, about, heard }) {
  const settled = settle(form.box, heard);
  form.about = about;
  const kept = new Set();
  fill(form, form.root, parts, settled, kept);
  for (const name of form.nodes.keys()) if (!kept.has(name)) form.nodes.delete(name);
}

function fill(form, parent, parts, settled, kept) {
  put(parent, parts.map((part) => {
    kept.add(part.name);
    const shape = [part.kind, part.label, part.icon, part.help, part.step, part.low].join("|");
    let node = form.nodes.get(part.name);
    if (node?.shape !== shape) {
      node?.root.remove();
      form.nodes.set(part.name, node = { ...KINDS[part.kind](part), name: part.name, shape });
      node.root.dataset.name = part.name;
    }
    if (node.inside) fill(form, node.inside, part.inside, settled, kept);
    else update(form, node, part, settled);
    return node.root;
  }));
}

function update(form, node, { value, options, error, disabled }, settled) {
  const { control, list, tabs } = node;
  if (tabs && node.options !== (node.options = JSON.stringify(options)))
    tabs.replaceChildren(...options.map(([value, textContent]) => made("button", { role: "tab", value, textContent })));
  if (tabs && !form.box.unheard.length) select(node, value);
  if (!control) return;
  control.disabled = Boolean(disabled);
  if (list && node.options !== (node.options = JSON.stringify(options))) {
    const chosen = list.value;
    offer(list, options);
    if (list !== control) list.selectedIndex = -1;
    else if (list.value !== chosen && node.shown !== undefined) say(control, node.shown);
  }
  control.ariaInvalid = error ? "true" : null;
  if (value === undefined) return;
  const typing = control === document.activeElement && node.shown !== undefined
    && said(control) !== (settled.get(node.name) ?? node.shown);
  if (!typing && !waiting(form.box, node.name)) say(control, value);
  node.shown = value;
}

function offer(list, options) {
  const known = new Map([...list.options].map((option) => [option.value, option]));
  put(list, options.map(([word, title]) => {
    const option = known.get(word) ?? new Option("", word);
    if (option.text !== title) option.text = title;
    return option;
  }));
}

const KINDS = {
  note: ({ label, tone, icon }) => {
    const root = made("p", { className: `note ${tone}` }, sign(icon), worded(label));
    if (tone === "error") root.role = "alert";
    return { root };
  },
  button: ({ label, icon, help }) => {
    const control = made("button", { type: "button", className: "press" }, sign(icon), worded(label));
    return { root: help ? made("div", { className: "with" }, control, mark(() => help)) : control, control };
  },
  switch: ({ label, help }) => {
    const control = made("input", { type: "checkbox" });
    const root = made("div", { className: "switch" }, made("label", {}, control, worded(label)));
    if (help) root.append(mark(() => help));
    return { root, control };
  },
  number: (part) => {
    const control = made("input", { type: "number", step: part.step, autocomplete: "off", placeholder: "not stated" });
    if (part.low !== undefined) control.min = part.low;
    return labelled(part, control);
  },
  text: (part) => labelled(part, written()),
  choice: (part) => {
    const control = made("select", {});
    return { ...labelled(part, control), list: control };
  },
  open: (part) => {
    const control = written();
    const list = made("select", { ariaLabel: `${part.label}, published values` });
    return { ...labelled(part, control, made("span", { className: "open" }, control, list)), list };
  },
  tabs: ({ label }) => {
    const root = made("div", { className: "tabs", role: "tablist", ariaLabel: label });
    return { root, tabs: root };
  },
  grid: () => inside("grid"),
  row: () => inside("row"),
  fold: ({ label, icon }) => {
    const body = made("div", { className: "grid" });
    const summary = made("summary", {}, sign(icon), worded(label));
    return { root: made("details", {}, summary, body), inside: body };
  },
};

function inside(className) {
  const root = made("div", { className });
  return { root, inside: root };
}

function labelled({ label, help }, control, shown = control) {
  control.ariaLabel = label;
  const head = made("span", { className: "label" }, made("label", { textContent: label }));
  head.firstElementChild.onclick = () => control.focus();
  if (help) head.append(mark(() => help));
  return { root: made("div", { className: "field" }, head, shown), control };
}

const written = () => made("input", { type: "text", autocomplete: "off", spellcheck: false, maxLength: 60 });
const worded = (label) => made("span", { textContent: label });
const sign = (icon) => icon ? made("i", { textContent: icon, ariaHidden: "true" }) : "";
"""
CSS = """
.form, .form .grid { display: grid; gap: .7rem .8rem; grid-template-columns: minmax(0, 1fr); align-items: end;
  font: 1rem var(--st-font); color: var(--st-text-color); }
.form > .grid { grid-template-columns: repeat(auto-fit, minmax(8.6rem, 1fr)); }
.form .row { display: flex; flex-wrap: wrap; align-items: start; gap: .5rem; }
.form .row > .note { min-height: 2.5rem; }
.form > .press { justify-self: start; }
.form .field { display: grid; gap: .25rem; min-width: 0; }
.form .label { display: flex; align-items: center; gap: .4rem; font-size: .875rem; line-height: 1.4; }
.form input:not([type=checkbox]), .form select { box-sizing: border-box; width: 100%; min-width: 0; height: 2.5rem;
  margin: 0; padding: 0 .6rem; font: inherit; color: inherit; background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); text-overflow: ellipsis; }
.form select { cursor: pointer; padding-right: .2rem; }
.form option { color: var(--st-text-color); background: var(--st-background-color); }
.form input[type=checkbox] { width: 1.1rem; height: 1.1rem; margin: 0; accent-color: var(--st-primary-color); }
.form .switch { display: flex; align-items: center; gap: .4rem; min-height: 2.5rem; }
.form .switch label { display: flex; align-items: center; gap: .5rem; cursor: pointer; }
.form .open { position: relative; }
.form .open input { padding-right: 2rem; }
.form .open select { position: absolute; inset: 0 0 0 auto; width: 2rem; border-color: transparent; color: transparent;
  background: none; }
.form .open::after { content: "expand_more"; position: absolute; right: .35rem; line-height: 2.5rem;
  pointer-events: none; }
.form i, .form .open::after { font: normal 1.2rem/1 "Material Symbols Rounded"; flex: none; }
.form .open::after { line-height: 2.5rem; }
.form .press, .form summary { box-sizing: border-box; display: inline-flex; align-items: center;
  justify-content: center; gap: .4rem; min-height: 2.5rem; padding: .25rem .75rem; font: .875rem var(--st-font);
  color: inherit; cursor: pointer; background: var(--st-background-color); border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius); }
.form .press:disabled { opacity: .45; cursor: not-allowed; }
.form .press:not(:disabled):hover, .form summary:hover { border-color: var(--st-primary-color);
  color: var(--st-primary-color); }
.form .with { display: flex; align-items: center; gap: .4rem; }
.form .grid .with .press { flex: 1; }
.form summary { list-style: none; }
.form > details > summary { width: 100%; }
.form summary::-webkit-details-marker { display: none; }
.form summary::after { content: "expand_more"; font: normal 1.2rem/1 "Material Symbols Rounded"; }
.form details[open] > summary::after { content: "expand_less"; }
.form details > .grid { margin-top: .6rem; }
.form .note { display: flex; align-items: center; gap: .5rem; grid-column: 1 / -1; margin: 0; line-height: 1.4; }
.form .note.small { font-size: .875rem; opacity: .85; }
.form .note.badge > i { font: 600 .875rem/1.5 var(--st-font); padding: 0 .4rem; border-radius: var(--st-base-radius);
  color: var(--st-orange-text-color, #a40); background: var(--st-orange-background-color, #fd9a); }
.form .note.error { padding: .7rem .9rem; border-radius: var(--st-base-radius); white-space: pre-line;
  overflow-wrap: anywhere; color: var(--st-red-text-color, #a11); background: var(--st-red-background-color, #fcc8); }
.form .tabs { display: flex; overflow-x: auto; border-bottom: 1px solid var(--st-border-color); }
.form [role=tab] { flex: none; padding: .5rem .75rem; font: inherit; color: inherit; background: none; cursor: pointer;
  border: solid transparent; border-width: 0 0 3px 0; }
.form [role=tab]:hover { color: var(--st-primary-color); }
.form [aria-selected=true] { color: var(--st-primary-color); border-color: var(--st-primary-color); }
.form [role=tab]:focus-visible { outline-offset: -2px; }
.form [aria-invalid=true] { outline: 2px solid var(--st-red-color, #d33); outline-offset: -1px; }
.form :focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
"""
