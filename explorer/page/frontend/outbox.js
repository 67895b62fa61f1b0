// At-least-once delivery of numbered events to the server; see README.md in this folder

// An event of any component interrupts the current run, so all pending events are sent again with it
const QUEUED = "cnn-cost queued";
const LONGEST = 16; // seconds

export function createOutbox(root) {
  const box = { root, number: 0, pending: [], post: () => deliver(box, 1) };
  document.addEventListener(QUEUED, box.post);
  return box;
}

export function enqueue(box, name, value, event) {
  box.number = Math.max(box.number + 1, Date.now()); // numbers of a component that is mounted again stay new
  box.pending.push({ number: box.number, name, value, event });
  document.dispatchEvent(new Event(QUEUED));
}

function deliver(box, seconds) {
  clearTimeout(box.timer);
  if (!box.root.isConnected) return document.removeEventListener(QUEUED, box.post);
  if (!box.pending.length) return;
  box.send({ events: box.pending.map(({ number, event }) => [number, ...event]) });
  wait(box, seconds);
}

// While the page runs it may be about to acknowledge; a repeat would interrupt that run on a slow machine
function wait(box, seconds) {
  const runs = () => document.querySelector("[data-test-script-state=running]");
  const again = () => (runs() ? wait(box, seconds) : deliver(box, Math.min(2 * seconds, LONGEST)));
  box.timer = setTimeout(again, 1000 * seconds);
}

export const lastPending = (box, name) => box.pending.findLast((one) => one.name === name);

// Removes the acknowledged events; returns control name → last acknowledged value
export function acknowledge(box, acknowledged) {
  const settled = new Map(
    box.pending.filter((one) => one.number <= acknowledged).map(({ name, value }) => [name, value]),
  );
  box.pending = box.pending.filter((one) => one.number > acknowledged);
  box.number = Math.max(box.number, acknowledged);
  return settled;
}

// A run of the page, with all pending events of all components
export function requestRun(box) {
  box.send({ events: [] });
  document.dispatchEvent(new Event(QUEUED));
}
