// What has the focus after a press whose run removes or disables the pressed control: the next control in reading order.
// A browser leaves the focus to the whole page then, and the next Tab starts at its top
const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]";
let watched = null;
let left = null;

export default function () {
  const app = document.querySelector(".stApp");
  if (app === watched) return;
  watched = app;
  app.addEventListener("focusin", ({ target }) => (left = placeOf(app, target))); // perhaps while the page runs
  const states = { attributeFilter: ["data-test-script-state"], childList: true, subtree: true };
  new MutationObserver((changes) => {
    followFocus(
      app,
      changes.some(({ type }) => type === "attributes"),
    );
  }).observe(app, states);
}

// A run's last elements may come and go after it has ended, so that every change of the page is looked at
function followFocus(app, isNewState) {
  const focused = document.activeElement;
  if (focused !== document.body) {
    if (isNewState) left = app.contains(focused) ? placeOf(app, focused) : null;
  } else if (left && isUsable(left.control))
    left = null; // the visitor has left it
  else if (left && app.dataset.testScriptState === "notRunning") restoreFocus(app);
}

function placeOf(app, control) {
  const all = [...app.querySelectorAll(CONTROLS)];
  return { control, before: all.slice(0, Math.max(0, all.indexOf(control))).reverse() };
}

function restoreFocus(app) {
  const anchor = left.before.find((one) => one.isConnected);
  left = null;
  const all = [...app.querySelectorAll(CONTROLS)];
  const place = all.indexOf(anchor) + 1;
  const next = [...all.slice(place), ...all.slice(0, place).reverse()].find(isReplacement);
  next?.focus({ preventScroll: true });
}

const isUsable = (control) => control.isConnected && !control.disabled && control.checkVisibility();

const isReplacement = (control) =>
  isUsable(control) &&
  control.tabIndex >= 0 &&
  control.matches("a, button:not(.help), input, select, textarea, summary");
