import { acknowledge, createOutbox, enqueue } from "./outbox.js";

// One tab stop per figure; arrow keys move between its marks. Text is measured on a canvas, once per font: measuring
// in the page would force a layout
const figures = new WeakMap();
const widths = new Map();
const pen = document.createElement("canvas").getContext("2d");
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export default function ({ parentElement, data, setTriggerValue }) {
  if (!figures.has(parentElement)) figures.set(parentElement, initialise(parentElement.querySelector(".figure")));
  const figure = figures.get(parentElement);
  figure.box.send = (queue) => setTriggerValue("queue", queue);
  acknowledge(figure.box, data.acknowledged);
  setText(figure.heading, data.heading);
  setText(figure.caption, data.caption);
  render(figure, data.svg);
}

function initialise(root) {
  const [heading, scroll, tooltip, caption] = root.children;
  const drawing = scroll.firstElementChild;
  const { fontFamily: family } = getComputedStyle(drawing);
  const box = createOutbox(root);
  const figure = { root, box, heading, drawing, tooltip, caption, at: 0, width: 0, family };
  const markOf = (event) => event.target.closest(".mark");
  const press = (mark) => mark?.role === "button" && enqueue(box, "mark", null, [mark.dataset.name]);
  drawing.onclick = (event) => press(markOf(event));
  drawing.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") press(markOf(event));
    else if (event.key in STEPS) focusMark(figure, figure.at + STEPS[event.key]);
    else if (event.key === "Home") focusMark(figure, 0);
    else if (event.key === "End") focusMark(figure, Infinity);
    else return;
    event.preventDefault();
  };
  drawing.onpointermove = drawing.onpointerdown = (event) =>
    showTooltip(figure, markOf(event), event.clientX, event.clientY);
  drawing.onpointerleave = (event) => event.pointerType === "touch" || showTooltip(figure);
  drawing.addEventListener("focusin", (event) => {
    figure.at = marks(figure).indexOf(markOf(event));
    const box = event.target.getBoundingClientRect();
    if (event.target.matches(":focus-visible"))
      showTooltip(figure, markOf(event), box.left + box.width / 2, box.bottom);
  });
  drawing.addEventListener("focusout", () => showTooltip(figure));
  new ResizeObserver(([entry]) => {
    figure.width = entry.contentRect.width;
    hideLongLabels(figure);
  }).observe(drawing);
  document.fonts.ready.then(() => {
    widths.clear();
    hideLongLabels(figure);
  });
  return figure;
}

function setText(element, words) {
  if (element.textContent !== words) element.textContent = words;
  element.hidden = !words;
}

const marks = (figure) => [...figure.drawing.querySelectorAll(".mark")];

function render(figure, svg) {
  const focused = figure.drawing.contains(document.activeElement);
  showTooltip(figure);
  figure.drawing.innerHTML = svg; // all text in it is escaped
  const least = Number(figure.drawing.firstElementChild?.dataset.least);
  figure.drawing.style.setProperty("--least", `${least || 0}px`);
  focusMark(figure, figure.at, focused);
  hideLongLabels(figure);
}

function focusMark(figure, to, focus = true) {
  const all = marks(figure);
  if (!all.length) return;
  if (all[figure.at]) all[figure.at].tabIndex = -1;
  figure.at = Math.max(0, Math.min(to, all.length - 1));
  all[figure.at].tabIndex = 0;
  if (focus) all[figure.at].focus({ preventScroll: true });
}

function hideLongLabels({ drawing, width, family }) {
  const svg = drawing.firstElementChild;
  if (!svg || !width) return;
  const plot = width - parseFloat(svg.style.marginLeft) - parseFloat(svg.style.marginRight);
  for (const text of svg.querySelectorAll("[data-room]")) {
    const fits = textWidth(text, family) + 5 <= text.dataset.room * plot;
    text.style.display = fits ? "" : "none"; // a hidden one would still be laid out
  }
}

function textWidth(text, family) {
  const key = `${text.getAttribute("font-size")}px ${family}|${text.textContent}`;
  if (!widths.has(key)) {
    pen.font = key.split("|")[0];
    widths.set(key, pen.measureText(text.textContent).width);
  }
  return widths.get(key);
}

function showTooltip({ root, tooltip }, mark, x, y) {
  if (tooltip.hidden && !mark) return;
  tooltip.hidden = !mark;
  if (!mark) return;
  tooltip.textContent = mark.getAttribute("aria-label");
  const frame = root.getBoundingClientRect(),
    size = tooltip.getBoundingClientRect();
  const above = y + 18 + size.height > innerHeight;
  tooltip.style.left = `${Math.max(0, Math.min(x + 12 - frame.left, frame.width - size.width))}px`;
  tooltip.style.top = `${y - frame.top + (above ? -12 - size.height : 18)}px`;
}
