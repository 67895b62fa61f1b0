"""A table of cells that can be typed into: plain HTML, whose cells the browser swaps only where they differ.

Streamlit's own editor is drawn anew with every edit made elsewhere and makes a second table for screen readers a fifth
of a second later. Every text is set as text, none as HTML; nothing is judged in the browser.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from explorer.editing.cells import Column
from explorer.page.state import events as hearing
from explorer.page.widgets.components import CONTROLS, Component

# as in `explorer.page.widgets.controls`, a form of its own
HTML = "<form class='sheet'><table><thead><tr></tr></thead><tbody></tbody></table></form>"

# Until what was typed there is heard, and while somebody is typing there, a cell is left as it is
JS = """
const sheets = new WeakMap();
const cellOf = new WeakMap();
const kindOf = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  if (!sheets.has(parentElement)) sheets.set(parentElement, begin(parentElement.querySelector(".sheet")));
  const sheet = sheets.get(parentElement);
  sheet.box.send = (said) => setTriggerValue("said", said);
  swap(sheet, data);
}

function begin(root) {
  const sheet = { root, box: outboxOf(root), head: "" };
  root.addEventListener("submit", (event) => event.preventDefault());
  root.addEventListener("change", (event) => commit(sheet, event.target));
  root.addEventListener("keydown", (event) => {
    const control = event.target;
    if (event.isComposing) return;
    if (event.key === "Enter" && control.type === "text") { commit(sheet, control); down(control); }
    else if (event.key === "Escape") takeBack(sheet, control);
    else if (!opens(control, event.key)) return;
    event.preventDefault();
  });
  return sheet;
}

const at = ({ row, column }) => `${row} ${column}`;
function commit(sheet, control) {
  const cell = cellOf.get(control), value = said(control);
  if (value === (waiting(sheet.box, at(cell))?.value ?? cell.shown)) return;
  speak(sheet.box, at(cell), value, [cell.row, cell.column, value]);
}

function down(control) {
  const { column } = cellOf.get(control);
  let line = control.closest("tr"), below;
  while ((line = line.nextElementSibling) && !(below = find(line, column)));
  if (!below) return;
  below.focus();
  below.select?.();
}

const find = (line, column) =>
  [...line.querySelectorAll("input, select")].find((control) => cellOf.get(control).column === column);

function takeBack(sheet, control) {
  const cell = cellOf.get(control);
  if (said(control) !== cell.shown) return say(control, cell.shown);
  say(control, cell.own);
  commit(sheet, control);
}

function swap(sheet, { label, columns, rows, over, heard }) {
  const [head, body] = sheet.root.firstElementChild.children;
  const focused = sheet.root.contains(document.activeElement) && document.activeElement;
  const held = focused && { ...cellOf.get(focused), value: said(focused), caret: focused.selectionStart };
  const settled = settle(sheet.box, heard);
  sheet.root.firstElementChild.setAttribute("aria-label", label);
  const kinds = columns.map((column) => JSON.stringify(column)), heads = kinds.join();
  if (sheet.head !== (sheet.head = heads))
    head.firstElementChild.replaceChildren(made("th", { textContent: "row", scope: "col" }), ...columns.map(headOf));
  while (body.rows.length > rows.length) body.lastElementChild.remove();
  rows.forEach((values, row) => arrange(body.rows[row] ?? body.appendChild(lineOf(row)), row, values, columns, kinds));
  const typed = new Map(over.map(([row, column, value, reason]) => [at({ row, column }), { value, reason }]));
  for (const control of body.querySelectorAll("input, select")) {
    const cell = cellOf.get(control), key = at(cell), own = rows[cell.row][cell.place], waits = typed.get(key);
    const shown = waits ? waits.value : own;
    const typing = control === focused && said(control) !== (settled.get(key) ?? cell.shown);
    if (!waiting(sheet.box, key) && !typing) say(control, shown);
    Object.assign(cell, { own, shown });
    control.classList.toggle("waits", Boolean(waits));
    control.ariaInvalid = waits?.reason ? "true" : null;
    control.title = waits?.reason ?? "";
  }
  if (held && !focused.isConnected) again(sheet, body, held);
}

function again(sheet, body, { row, column, shown, value, caret }) {
  const control = body.rows[row] && find(body.rows[row], column);
  if (!control) return;
  if (value !== shown) say(control, value);
  control.focus({ preventScroll: true });
  if (caret !== null && control.type === "text") control.setSelectionRange(caret, caret);
}

const headOf = ({ title, help, form }) =>
  made("th", { textContent: title, title: help, className: form, scope: "col" });

function lineOf(row) {
  return made("tr", {}, made("th", { textContent: row + 1, scope: "row" }));
}

function arrange(line, row, values, columns, kinds) {
  const [head, ...cells] = line.cells;
  const known = new Map(cells.map((td) => [kindOf.get(td), td]));
  put(line, [head, ...columns.map((column, place) => {
    const kind = values[place] === null ? `no ${kinds[place]}` : kinds[place];
    const td = known.get(kind) ?? made("td", { className: column.form });
    kindOf.set(td, kind);
    if (values[place] === null) return td;
    const control = td.firstElementChild ?? td.appendChild(controlOf(column));
    control.ariaLabel = `row ${row + 1}, ${column.name.replaceAll("_", " ")}`;
    cellOf.set(control, { ...cellOf.get(control), row, column: column.name, place });
    return td;
  })]);
}

function controlOf({ form, words, optional }) {
  if (form === "switch") return made("input", { type: "checkbox" });
  if (!words.length) {
    const inputMode = { whole: "numeric", number: "decimal" }[form] ?? "text";
    return made("input", { type: "text", inputMode, autocomplete: "off", spellcheck: false, size: 1, maxLength: 60 });
  }
  const select = made("select", {});
  if (optional) select.append(new Option("–", ""));
  select.append(...words.map((word) => new Option(word.replaceAll("_", " "), word)));
  return select;
}
"""
CSS = """
.sheet { overflow: auto; max-height: 36rem; border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius); font-family: var(--st-font); color: var(--st-text-color); }
.sheet table { border-collapse: separate; border-spacing: 0; width: 100%; margin: 0; font-size: 1rem; }
.sheet th, .sheet td { padding: .1rem .15rem; border: 0 solid var(--st-border-color); border-bottom-width: 1px;
  white-space: nowrap; text-align: left; }
.sheet tbody tr:last-child > * { border-bottom-width: 0; }
.sheet th { background: var(--st-secondary-background-color); font-weight: 600; padding: .35rem .5rem; }
.sheet thead th { position: sticky; top: 0; z-index: 2; }
.sheet th[title]:not([title=""]) { cursor: help; text-decoration: underline dotted; text-underline-offset: .25em; }
.sheet tr > th:first-child { position: sticky; left: 0; z-index: 1; text-align: right; }
.sheet thead th:first-child { z-index: 3; }
.sheet .whole, .sheet .number { text-align: right; }
.sheet .switch { text-align: center; }
.sheet input:not([type=checkbox]), .sheet select { box-sizing: border-box; width: 100%; min-width: 4.6rem; margin: 0;
  height: 2.15rem; padding: 0 .35rem; font: inherit; text-align: inherit; font-variant-numeric: tabular-nums;
  color: inherit; background: var(--st-background-color); border: 1px solid transparent;
  border-radius: var(--st-base-radius); }
.sheet .word input { min-width: 5.6rem; }
.sheet select { width: max-content; min-width: 100%; cursor: pointer; }
.sheet input[type=checkbox] { width: 1.15rem; height: 1.15rem; margin: .3rem; accent-color: var(--st-primary-color); }
.sheet input:hover, .sheet select:hover { border-color: var(--st-border-color); }
.sheet .waits { outline: 2px dashed var(--st-orange-color, #c60); outline-offset: -2px; }
.sheet [aria-invalid=true] { outline: 2px solid var(--st-red-color, #d33); outline-offset: -2px; }
.sheet input:focus-visible, .sheet select:focus-visible { outline: 3px solid var(--st-primary-color);
  outline-offset: -2px; }
"""

# in no shadow root: there the page could not tell which cell has the keyboard
_sheet = Component("sheet", html=HTML, css=CSS, js=CONTROLS + hearing.JS + JS, isolate_styles=False)


class Over(NamedTuple):
    """What lies over a cell: as it was typed, and why the cell is refused; no reason where it waits for another."""

    row: int
    column: str
    value: str | bool
    reason: str


def show(
    key: str,
    label: str,
    columns: tuple[Column, ...],
    rows: list[list[str | bool | None]],
    over: list[Over],
    tips: dict[str, str],
    on_typed: Callable[[list[Any]], None],
) -> None:
    """Draws the cells; `rows` has one value per column, None where a row has no such cell. `tips`: by column.

    `on_typed` is told what the browser says was typed: `[row, column, value]`, if it is one of ours.
    """
    data = {
        "label": label,
        "columns": [
            {**one._asdict(), "title": one.title, "help": tips.get(one.name, ""), "words": [str(w) for w in one.words]}
            for one in columns
        ],
        "rows": rows,
        "over": [list(one) for one in over],
        "heard": hearing.heard(key),
    }
    _sheet(key=key, data=data, on_said_change=partial(hearing.hear, key, on_typed))
