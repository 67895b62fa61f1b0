import { controlValue, create, openList, put, setValue } from "./dom.js";
import { acknowledge, createOutbox, enqueue, lastPending } from "./outbox.js";
import { helpButton } from "./tooltip.js";

// A field is not overwritten while it has focus or an unacknowledged event. In a form about a table row, a button may
// open another row, so a second press waits for the acknowledgement of the first
const forms = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  if (!forms.has(parentElement)) forms.set(parentElement, initialise(parentElement.querySelector(".form")));
  const form = forms.get(parentElement);
  form.box.send = (queue) => setTriggerValue("queue", queue);
  render(form, data);
}

function initialise(root) {
  const form = { root, box: createOutbox(root), nodes: new Map(), about: null };
  const nodeOf = (target) => form.nodes.get(target.closest("[data-name]")?.dataset.name);
  root.addEventListener("submit", (event) => event.preventDefault());
  root.addEventListener("change", ({ target }) => commit(form, nodeOf(target), target));
  root.addEventListener("input", ({ target }) => nodeOf(target)?.refusal?.remove());
  root.addEventListener("click", ({ target }) => {
    if (target.closest("button.press")) press(form, nodeOf(target));
    else if (target.role === "tab") selectTab(form, nodeOf(target), target);
  });
  root.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const beside = target.role === "tab" && { ArrowLeft: target.previousSibling, ArrowRight: target.nextSibling }[key];
    if (beside) beside.focus();
    if (event.isComposing || !target.matches("input, select")) return;
    const node = nodeOf(target);
    if (key === "Enter" && target.matches("[type=number], [type=text]")) commit(form, node, target);
    else if (key === "Escape") restore(node);
    else if (!openList(target, key)) return;
    event.preventDefault();
  });
  return form;
}

function commit(form, node, control) {
  if (control !== node.control) {
    node.control.value = control.value;
    control.selectedIndex = -1;
  }
  const value = controlValue(node.control);
  if (node.control.validity.badInput) return refuse(node);
  const last = lastPending(form.box, node.name);
  if (value !== (last ? last.value : node.shown)) send(form, node.name, value);
}

// A browser gives no text of a number field that is no number, so the server cannot name what it found
function refuse(node) {
  restore(node);
  node.refusal ??= create("span", { className: "refusal", role: "alert" });
  node.refusal.textContent = `Not a number: ${node.shown ? `${node.shown} stays` : "the field stays empty"}.`;
  node.root.append(node.refusal);
}

// The value of a field with text that is no number is "", as that of an empty field
function restore({ control, shown }) {
  if (control.validity.badInput) control.value = shown;
  else setValue(control, shown);
}

function selectTab(form, node, tab) {
  if (tab.ariaSelected === "true") return;
  markSelected(node, tab.value);
  send(form, node.name, tab.value);
}

function markSelected({ tabs }, word) {
  for (const tab of tabs.children) {
    tab.ariaSelected = String(tab.value === word);
    tab.tabIndex = tab.value === word ? 0 : -1;
  }
}

function press(form, node) {
  if (form.about !== null && form.box.pending.some((one) => one.value === null)) return;
  send(form, node.name, null);
}

function send(form, name, value) {
  enqueue(form.box, name, value, [name, value, form.about]);
}

function render(form, { parts, about, acknowledged }) {
  const settled = acknowledge(form.box, acknowledged);
  form.about = about;
  const kept = new Set();
  const focused = form.root.contains(document.activeElement) && document.activeElement;
  const nearest = focused && nearestControls(form.root, focused);
  renderParts(form, form.root, parts, settled, kept);
  if (focused && (focused.disabled || !focused.isConnected))
    nearest.find((one) => one.isConnected && !one.disabled && one.checkVisibility())?.focus({ preventScroll: true });
  for (const name of form.nodes.keys()) if (!kept.has(name)) form.nodes.delete(name);
}

// What has the focus after a control that a press removes or disables: first those of its row, Undo after Redo
function nearestControls(root, focused) {
  const all = [...root.querySelectorAll("button.press, input, select, summary")];
  const place = all.indexOf(focused);
  const before = all.slice(0, Math.max(0, place)).reverse(),
    after = all.slice(place + 1);
  const beside = [...before, ...after].filter((one) => one.parentElement === focused.parentElement);
  return [...beside, ...after, ...before];
}

function renderParts(form, parent, parts, settled, kept) {
  put(
    parent,
    parts.map((part) => {
      kept.add(part.name);
      const shape = [part.kind, part.label, part.icon, part.help, part.step, part.low].join("|");
      let node = form.nodes.get(part.name);
      if (node?.shape !== shape) {
        node?.root.remove();
        node = { ...KINDS[part.kind](part), name: part.name, shape };
        form.nodes.set(part.name, node);
        node.root.dataset.name = part.name;
      }
      if (node.inside) renderParts(form, node.inside, part.inside, settled, kept);
      else updateControl(form, node, part, settled);
      return node.root;
    }),
  );
}

function updateControl(form, node, { value, options, error, disabled }, settled) {
  const { control, list, tabs } = node;
  const offered = JSON.stringify(options);
  const changed = node.options !== offered;
  node.options = offered;
  if (tabs && changed)
    tabs.replaceChildren(
      ...options.map(([value, textContent]) => create("button", { role: "tab", value, textContent })),
    );
  if (tabs && !form.box.pending.length) markSelected(node, value);
  if (!control) return;
  control.disabled = Boolean(disabled);
  if (list && changed) {
    const chosen = list.value;
    setOptions(list, options);
    if (list !== control) list.selectedIndex = -1;
    else if (list.value !== chosen && node.shown !== undefined) setValue(control, node.shown);
  }
  control.ariaInvalid = error ? "true" : null;
  if (value === undefined) return;
  const typing =
    control === document.activeElement &&
    node.shown !== undefined &&
    controlValue(control) !== (settled.get(node.name) ?? node.shown);
  if (!typing && !lastPending(form.box, node.name)) setValue(control, value);
  node.shown = value;
}

function setOptions(list, options) {
  const known = new Map([...list.options].map((option) => [option.value, option]));
  const groups = new Map([...list.querySelectorAll("optgroup")].map((group) => [group.label, group]));
  const inside = new Map();
  const top = [];
  for (const [word, title, label] of options) {
    const option = known.get(word) ?? new Option("", word);
    if (option.text !== title) option.text = title;
    if (!label) {
      top.push(option);
      continue;
    }
    if (!inside.has(label)) {
      inside.set(label, []);
      top.push(groups.get(label) ?? create("optgroup", { label }));
    }
    inside.get(label).push(option);
  }
  put(list, top);
  for (const group of list.querySelectorAll("optgroup")) put(group, inside.get(group.label));
}

const KINDS = {
  note: ({ label, tone, icon }) => {
    const root = create("p", { className: `note ${tone}` }, iconOf(icon), caption(label));
    if (tone === "error") root.role = "alert";
    return { root };
  },
  button: ({ label, icon, help }) => {
    const control = create("button", { type: "button", className: "press" }, iconOf(icon), caption(label));
    return {
      root: help
        ? create(
            "div",
            { className: "with" },
            control,
            helpButton(label, () => help),
          )
        : control,
      control,
    };
  },
  switch: ({ label, help }) => {
    const control = create("input", { type: "checkbox" });
    const root = create("div", { className: "switch" }, create("label", {}, control, caption(label)));
    if (help) root.append(helpButton(label, () => help));
    return { root, control };
  },
  number: (part) => {
    const control = create("input", {
      type: "number",
      step: part.step,
      autocomplete: "off",
      placeholder: part.placeholder ?? "not stated",
    });
    if (part.low !== undefined) control.min = part.low;
    return labelled(part, control);
  },
  text: (part) => labelled(part, textInput()),
  choice: (part) => {
    const control = create("select", {});
    return { ...labelled(part, control), list: control };
  },
  open: (part) => {
    const control = textInput();
    const list = create("select", { ariaLabel: `${part.label}, published values` });
    return { ...labelled(part, control, create("span", { className: "open" }, control, list)), list };
  },
  tabs: ({ label }) => {
    const root = create("div", { className: "tabs", role: "tablist", ariaLabel: label });
    return { root, tabs: root };
  },
  grid: () => container("grid"),
  row: () => container("row"),
  fold: ({ label, icon }) => {
    const body = create("div", { className: "grid" });
    const summary = create("summary", {}, iconOf(icon), caption(label));
    return { root: create("details", {}, summary, body), inside: body };
  },
};

function container(className) {
  const root = create("div", { className });
  return { root, inside: root };
}

function labelled({ label, help }, control, shown = control) {
  control.ariaLabel = label;
  const head = create("span", { className: "label" }, create("label", { textContent: label }));
  head.firstElementChild.onclick = () => control.focus();
  if (help) head.append(helpButton(label, () => help));
  return { root: create("div", { className: "field" }, head, shown), control };
}

const textInput = () => create("input", { type: "text", autocomplete: "off", spellcheck: false, maxLength: 60 });
const caption = (label) => create("span", { textContent: label });
const iconOf = (icon) => (icon ? create("i", { textContent: icon, ariaHidden: "true" }) : "");
