import { acknowledge, createOutbox, enqueue, requestRun } from "./outbox.js";

// A text that the browser keeps for the next session of this tab, and with `shared` for those of other tabs. A session
// is told what an earlier one has left; its own text is stored once it has acknowledged that, and an empty one only
// where it had another. A browser may forbid both. With a `version` the session is told whether the text was stored, gives
// none (null) from then on, and has a `note` stored beside it with every run
const boxes = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  const { storage, shared, text, note, version, session, acknowledged } = data;
  const box = boxes.get(parentElement) ?? createOutbox(parentElement);
  box.send = (queue) => setTriggerValue("queue", queue);
  if (!boxes.has(parentElement)) onReconnection(box, () => requestRun(box));
  boxes.set(parentElement, box);
  acknowledge(box, acknowledged);
  const owner = `${storage} session`,
    beside = `${storage} note`;
  const answer = (stored) => version && text !== null && enqueue(box, "answer", stored, [version, stored]);
  try {
    if (box.told !== session && sessionStorage.getItem(owner) !== session) {
      const mine = sessionStorage.getItem(storage),
        found = mine ?? (shared ? localStorage.getItem(storage) : null);
      box.told = session;
      box.stored = false;
      box.pending = [];
      const left = note === undefined ? [] : [sessionStorage.getItem(beside) ?? ""];
      if (found) enqueue(box, "found", found, [found, mine !== null, ...left]);
    }
    if (box.pending.length) return;
    sessionStorage.setItem(owner, session);
    if (note !== undefined) sessionStorage.setItem(beside, note);
    if (text === null || (!text && !box.stored)) return answer(true);
    box.stored = true;
    sessionStorage.setItem(storage, text);
    if (shared) localStorage.setItem(storage, text);
    answer(true);
  } catch {
    answer(false);
  }
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
