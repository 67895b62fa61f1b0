import { reportOnce } from "./outbox.js";

// An empty session asks for what the tab has stored once; any other saves its own. A browser may forbid both
export default function ({ parentElement, data, setTriggerValue }) {
  const name = data.storage;
  const find = () => sessionStorage.getItem(name) && [sessionStorage.getItem(name)];
  try {
    reportOnce(parentElement, setTriggerValue, data.acknowledged, () => (data.text ? null : find()));
    if (data.text) sessionStorage.setItem(name, data.text);
  } catch {}
}
