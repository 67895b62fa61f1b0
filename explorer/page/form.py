"""Controls as plain HTML: fields, lists, switches, buttons, told to the browser as one element.

Streamlit's own are drawn anew with every edit, each of them for milliseconds, changed or not; here the browser touches
only what differs. Every text is set as text, none as HTML; nothing is judged in the browser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import streamlit as st

from explorer.cells import number_of, plain
from explorer.page import tip
from explorer.page.components import CONTROLS, Component

HTML = "<div class='form'></div>"

# What was said is sent until the page has `heard` its number, as a later message may overtake an earlier one. Until
# then, and while somebody is typing there, a field is left as it is. Where a form is about a row, a button may open
# another one: there a second press waits for the answer to the first.
JS = """
const forms = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  if (!forms.has(parentElement)) forms.set(parentElement, begin(parentElement.querySelector(".form")));
  const form = forms.get(parentElement);
  form.send = (said) => setTriggerValue("said", said);
  swap(form, data);
}

function begin(root) {
  const form = { root, number: 0, unheard: [], nodes: new Map(), about: null };
  const nodeOf = (target) => form.nodes.get(target.closest("[data-name]")?.dataset.name);
  root.addEventListener("change", ({ target }) => commit(form, nodeOf(target), target));
  root.addEventListener("click", ({ target }) => {
    if (target.closest("button.press")) press(form, nodeOf(target));
  });
  root.addEventListener("keydown", (event) => {
    const { target, key } = event;
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
  const last = form.unheard.findLast((one) => one.name === node.name);
  if (value !== (last ? last.value : node.shown)) send(form, node.name, value);
}

function press(form, node) {
  if (form.about !== null && form.unheard.some((one) => one.value === null)) return;
  send(form, node.name, null);
}

function send(form, name, value) {
  form.unheard.push({ number: ++form.number, name, value, about: form.about });
  form.send({ events: form.unheard.map(({ number, name, value, about }) => [number, name, value, about]) });
}

function swap(form, { parts, about, heard }) {
  const settled = new Map();
  for (const one of form.unheard) if (one.number <= heard) settled.set(one.name, one.value);
  form.unheard = form.unheard.filter((one) => one.number > heard);
  form.number = Math.max(form.number, heard);
  form.about = about;
  const kept = new Set();
  fill(form, form.root, parts, settled, kept);
  for (const name of form.nodes.keys()) if (!kept.has(name)) form.nodes.delete(name);
}

function fill(form, parent, parts, settled, kept) {
  const roots = parts.map((part) => {
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
  });
  for (const root of [...parent.children]) if (!roots.includes(root)) root.remove();
  roots.forEach((root, place) => {
    const next = parent.children[place];
    if (next !== root) parent.insertBefore(root, next ?? null);
  });
}

function update(form, node, { value, options, error, disabled }, settled) {
  const { control, list } = node;
  if (!control) return;
  control.disabled = Boolean(disabled);
  if (list && node.options !== (node.options = JSON.stringify(options))) {
    list.replaceChildren(...options.map(([word, title]) => new Option(title, word)));
    if (list !== control) list.selectedIndex = -1;
    else if (node.shown !== undefined) say(control, node.shown);
  }
  control.ariaInvalid = error ? "true" : null;
  if (value === undefined) return;
  const typing = control === document.activeElement && node.shown !== undefined
    && said(control) !== (settled.get(node.name) ?? node.shown);
  if (!typing && !form.unheard.some((one) => one.name === node.name)) say(control, value);
  node.shown = value;
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
.form [aria-invalid=true] { outline: 2px solid var(--st-red-color, #d33); outline-offset: -1px; }
.form :focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
"""

# in no shadow root: there the page could not tell which field has the keyboard
_form = Component("form", html=HTML, css=CSS + tip.CSS, js=CONTROLS + tip.JS + JS, isolate_styles=False)


class Said(NamedTuple):
    """What somebody set a control to, None for a button; and what the form was `about` when they did."""

    value: Any
    about: Any


Do = Callable[[Said], None]


@dataclass(frozen=True)
class Part:
    """A control, a note, or what holds some. `told`: its value and what else the browser needs; `options`: by text."""

    kind: str
    name: str
    label: str = ""
    do: Do | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    inside: tuple[Part, ...] = ()


def choice(
    name: str,
    label: str,
    values: Iterable[Any],
    value: Any,
    do: Do,
    title: Callable[[Any], str] = str,
    typed: bool = False,
    **told: Any,
) -> Part:
    """One of some values, None among them as no word; if `typed`, any other one too, which is then a text."""
    options = {_text(one): one for one in values}
    shown = [[text if not typed else title(one), title(one)] for text, one in options.items()]
    if typed:
        options |= {title(one): one for one in options.values()}
    told |= {"value": title(value) if typed else _text(value), "options": shown}
    return Part("open" if typed else "choice", name, label, do, told, options)


def number(name: str, label: str, value: float | None, do: Do, step: float = 1, **told: Any) -> Part:
    """No limits: a value beyond them is refused with a reason. `low`: where the steps start from."""
    return Part("number", name, label, do, told | {"value": _text(value), "step": step})


def text(name: str, label: str, value: str, do: Do, **told: Any) -> Part:
    return Part("text", name, label, do, told | {"value": value})


def switch(name: str, label: str, value: bool, do: Do, **told: Any) -> Part:
    return Part("switch", name, label, do, told | {"value": value})


def button(name: str, label: str, icon: str, do: Do, disabled: bool = False, **told: Any) -> Part:
    return Part("button", name, label, do, told | {"icon": icon, "disabled": disabled})


def note(name: str, label: str, tone: str = "small", icon: str = "") -> Part:
    """`tone`: "small", "error", or "badge", whose icon is words."""
    return Part("note", name, label, told={"tone": tone, "icon": icon})


def grid(name: str, inside: Sequence[Part]) -> Part:
    return Part("grid", name, inside=tuple(inside))


def row(name: str, inside: Sequence[Part]) -> Part:
    return Part("row", name, inside=tuple(inside))


def fold(name: str, label: str, icon: str, inside: Sequence[Part]) -> Part:
    """Closed until it is opened; the browser keeps which."""
    return Part("fold", name, label, told={"icon": icon}, inside=tuple(inside))


def show(key: str, parts: Sequence[Part], about: Any = None) -> None:
    """Draws the parts, whose names are all different. `about`: what they are of, as `Said` gives it back.

    A message that is of none of these controls is no edit; a field that has an `error` stays as it was typed.
    """
    controls = {part.name: part for part in _every(parts) if part.do}
    typed = st.session_state.get(f"{key} typed", {})
    heard = st.session_state.get(f"{key} heard", 0)

    def said() -> None:
        match st.session_state.get(key, {}).get("said"):
            case {"events": list(events)}:
                for event in events:
                    _hear(key, controls, event)

    data = {"parts": [_told(part, typed) for part in parts], "about": about, "heard": heard}
    _form(key=key, data=data, on_said_change=said)


def _hear(key: str, controls: Mapping[str, Part], event: object) -> None:
    match event:
        case [int(number), str(name), str() | bool() | None as raw, about] if name in controls:
            part = controls[name]
            if number <= st.session_state.get(f"{key} heard", 0):
                return
            st.session_state[f"{key} heard"] = number
            st.session_state[f"{key} typed"] = {name: raw}
            if _takes(part, raw):
                part.do(Said(_value(part, raw), about))


def _takes(part: Part, raw: str | bool | None) -> bool:
    return part.kind in KINDS_OF[type(raw)] and not (part.kind == "choice" and raw not in part.options)


KINDS_OF = {str: ("number", "text", "choice", "open"), bool: ("switch",), type(None): ("button",)}


def _value(part: Part, raw: str | bool | None) -> Any:
    if not isinstance(raw, str):
        return raw
    raw = raw.strip()
    return number_of(raw) if part.kind == "number" else part.options.get(raw, raw)


def _told(part: Part, typed: Mapping[str, str | bool | None]) -> dict[str, Any]:
    told = {"name": part.name, "kind": part.kind, "label": part.label, **part.told}
    if help := told.get("help"):
        told["help"] = tip.html(help)
    if told.get("error") and part.name in typed:
        told["value"] = typed[part.name]
    if part.kind in ("grid", "row", "fold"):
        told["inside"] = [_told(one, typed) for one in part.inside]
    return told


def _every(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _every(part.inside)


def _text(value: Any) -> str:
    return "" if value is None else str(plain(value))
