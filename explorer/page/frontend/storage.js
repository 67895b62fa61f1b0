import { acknowledge, createOutbox, enqueue, requestRun } from "./outbox.js";

// A text that the browser keeps for the next session of this tab, and with `shared` for those of other tabs. A session
// is told what an earlier one has left; its own text is stored once it has acknowledged that, and an empty one only
// where it had another. A browser may forbid both
const boxes = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  const { storage, shared, text, session, acknowledged } = data;
  const box = boxes.get(parentElement) ?? createOutbox(parentElement);
  box.send = (queue) => setTriggerValue("queue", queue);
  if (!boxes.has(parentElement)) onReconnection(box, () => requestRun(box));
  boxes.set(parentElement, box);
  acknowledge(box, acknowledged);
  const owner = `${storage} session`;
  try {
    if (box.told !== session && sessionStorage.getItem(owner) !== session) {
      const mine = sessionStorage.getItem(storage),
        found = mine ?? (shared ? localStorage.getItem(storage) : null);
      box.told = session;
      box.stored = false;
      box.pending = [];
      if (found) enqueue(box, "found", found, [found, mine !== null]);
    }
    if (box.pending.length) return;
    sessionStorage.setItem(owner, session);
    if (!text && !box.stored) return;
    box.stored = true;
    sessionStorage.setItem(storage, text);
    if (shared) localStorage.setItem(storage, text);
  } catch {}
}

// After a restart of the server the tab has a new session, for which Streamlit runs nothing before the next event
function onReconnection(box, act) {
  const app = document.querySelector("[data-test-connection-state]");
  const observer = new MutationObserver(() => {
    if (!box.root.isConnected) observer.disconnect();
    else if (app.dataset.testConnectionState === "CONNECTED") act();
  });
  observer.observe(app, { attributeFilter: ["data-test-connection-state"] });
}
