import { controlValue, create, openList, put, setValue } from "./dom.js";
import { acknowledge, createOutbox, enqueue, lastPending } from "./outbox.js";

// A cell is not overwritten while it has focus or an unacknowledged event
const sheets = new WeakMap();
const cellOf = new WeakMap();
const kindOf = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  if (!sheets.has(parentElement)) sheets.set(parentElement, initialise(parentElement.querySelector(".sheet")));
  const sheet = sheets.get(parentElement);
  sheet.box.send = (queue) => setTriggerValue("queue", queue);
  render(sheet, data);
}

function initialise(root) {
  const sheet = { root, box: createOutbox(root), head: "" };
  root.addEventListener("submit", (event) => event.preventDefault());
  root.addEventListener("change", (event) => commit(sheet, event.target));
  root.addEventListener("keydown", (event) => {
    const control = event.target;
    if (event.isComposing) return;
    if (event.key === "Enter" && control.type === "text") {
      commit(sheet, control);
      focusBelow(control);
    } else if (event.key === "Escape") reset(sheet, control);
    else if (!openList(control, event.key)) return;
    event.preventDefault();
  });
  return sheet;
}

const keyOf = ({ row, column }) => `${row} ${column}`;

function commit(sheet, control) {
  const cell = cellOf.get(control),
    value = controlValue(control);
  if (value === (lastPending(sheet.box, keyOf(cell))?.value ?? cell.shown)) return;
  enqueue(sheet.box, keyOf(cell), value, [cell.row, cell.column, value]);
}

function focusBelow(control) {
  const { column } = cellOf.get(control);
  const lines = [...control.closest("tbody").rows].slice(control.closest("tr").sectionRowIndex + 1);
  const below = lines.map((line) => find(line, column)).find(Boolean);
  below?.focus();
  below?.select?.();
}

const find = (line, column) =>
  [...line.querySelectorAll("input, select")].find((control) => cellOf.get(control).column === column);

function reset(sheet, control) {
  const cell = cellOf.get(control);
  if (controlValue(control) !== cell.shown) return setValue(control, cell.shown);
  setValue(control, cell.original);
  commit(sheet, control);
}

function render(sheet, { label, columns, rows, overlay, acknowledged }) {
  const [head, body] = sheet.root.firstElementChild.children;
  const focused = sheet.root.contains(document.activeElement) && document.activeElement;
  const previous = focused && { ...cellOf.get(focused), value: controlValue(focused), caret: focused.selectionStart };
  const settled = acknowledge(sheet.box, acknowledged);
  sheet.root.firstElementChild.setAttribute("aria-label", label);
  const kinds = columns.map((column) => JSON.stringify(column)),
    heads = kinds.join();
  if (sheet.head !== heads)
    head.firstElementChild.replaceChildren(create("th", { textContent: "row", scope: "col" }), ...columns.map(headOf));
  sheet.head = heads;
  while (body.rows.length > rows.length) body.lastElementChild.remove();
  rows.forEach((values, row) => {
    renderRow(body.rows[row] ?? body.appendChild(rowOf(row)), row, values, columns, kinds);
  });
  const typed = new Map(overlay.map(([row, column, value, reason]) => [keyOf({ row, column }), { value, reason }]));
  for (const control of body.querySelectorAll("input, select")) {
    const cell = cellOf.get(control),
      key = keyOf(cell),
      original = rows[cell.row][cell.place],
      pending = typed.get(key);
    const shown = pending ? pending.value : original;
    const typing = control === focused && controlValue(control) !== (settled.get(key) ?? cell.shown);
    if (!lastPending(sheet.box, key) && !typing) setValue(control, shown);
    Object.assign(cell, { original, shown });
    control.classList.toggle("pending", Boolean(pending));
    control.ariaInvalid = pending?.reason ? "true" : null;
    const title = pending?.reason ?? "";
    if (control.title !== title) control.title = title;
  }
  if (previous && !focused.isConnected) restoreFocus(body, previous);
}

function restoreFocus(body, { row, column, shown, value, caret }) {
  const control = body.rows[row] && find(body.rows[row], column);
  if (!control) return;
  if (value !== shown) setValue(control, value);
  control.focus({ preventScroll: true });
  if (caret !== null && control.type === "text") control.setSelectionRange(caret, caret);
}

const headOf = ({ title, help, form }) =>
  create("th", { textContent: title, title: help, className: form, scope: "col" });

function rowOf(row) {
  return create("tr", {}, create("th", { textContent: row + 1, scope: "row" }));
}

function renderRow(line, row, values, columns, kinds) {
  const [head, ...cells] = line.cells;
  const known = new Map(cells.map((td) => [kindOf.get(td), td]));
  put(line, [
    head,
    ...columns.map((column, place) => {
      const kind = values[place] === null ? `no ${kinds[place]}` : kinds[place];
      const td = known.get(kind) ?? create("td", { className: column.form });
      kindOf.set(td, kind);
      if (values[place] === null) return td;
      const control = td.firstElementChild ?? td.appendChild(controlOf(column));
      control.ariaLabel = `row ${row + 1}, ${column.name.replaceAll("_", " ")}`;
      cellOf.set(control, { ...cellOf.get(control), row, column: column.name, place });
      return td;
    }),
  ]);
}

function controlOf({ form, words, optional }) {
  if (form === "switch") return create("input", { type: "checkbox" });
  if (!words.length) {
    const inputMode = { whole: "numeric", number: "decimal" }[form] ?? "text";
    return create("input", { type: "text", inputMode, autocomplete: "off", spellcheck: false, size: 1, maxLength: 60 });
  }
  const select = create("select", {});
  if (optional) select.append(new Option("–", ""));
  select.append(...words.map((word) => new Option(word.replaceAll("_", " "), word)));
  return select;
}
