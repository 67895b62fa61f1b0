import { reportOnce } from "./outbox.js";

// An untouched session asks for the stored history once; any other saves its own. A browser may forbid both
export default function ({ parentElement, data, setTriggerValue }) {
  const name = "cnn-cost history";
  const find = () => {
    const mine = sessionStorage.getItem(name),
      found = mine ?? localStorage.getItem(name);
    return found && [found, mine !== null];
  };
  try {
    reportOnce(parentElement, setTriggerValue, data.acknowledged, () => (data.text ? null : find()));
    if (!data.text) return;
    sessionStorage.setItem(name, data.text);
    localStorage.setItem(name, data.text);
  } catch {}
}
