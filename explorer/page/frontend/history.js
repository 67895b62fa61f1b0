import { reportOnce } from "./outbox.js";

// A session without a text asks once for the one that is stored under `storage`; any other saves its own. With `always`
// it is told too that there is none. A browser may forbid both
export default function ({ parentElement, data, setTriggerValue }) {
  const name = data.storage,
    none = data.always ? ["", false] : null;
  const find = () => {
    const mine = sessionStorage.getItem(name),
      found = mine ?? localStorage.getItem(name);
    return found ? [found, mine !== null] : none;
  };
  try {
    reportOnce(parentElement, setTriggerValue, data.acknowledged, () => (data.text ? null : find()));
    if (!data.text) return;
    sessionStorage.setItem(name, data.text);
    localStorage.setItem(name, data.text);
  } catch {}
}
