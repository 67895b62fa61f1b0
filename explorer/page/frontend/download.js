import { create } from "./dom.js";
import { acknowledge, createOutbox, enqueue, lastPending } from "./outbox.js";

// A press is an acknowledged event with a name of its own; the file comes with a run that has handled it and is saved
// once. Until the server knows that it is saved, every run sends it again
const downloads = new WeakMap();
const saved = new Set();

export default function ({ parentElement, data, setTriggerValue }) {
  if (!downloads.has(parentElement)) downloads.set(parentElement, initialise(parentElement.querySelector(".form")));
  const { box, button, icon, words } = downloads.get(parentElement);
  box.send = (queue) => setTriggerValue("queue", queue);
  acknowledge(box, data.acknowledged);
  if (words.textContent !== data.label) words.textContent = data.label;
  if (icon.textContent !== data.icon) icon.textContent = data.icon;
  button.title = data.help;
  button.classList.toggle("primary", data.primary);
  const { file } = data;
  if (!file) return;
  if (!saved.has(file.press)) save(file);
  saved.add(file.press);
  if (!lastPending(box, "saved")) enqueue(box, "saved", file.press, ["saved", file.press]);
}

function initialise(root) {
  const icon = create("i", { ariaHidden: "true" }),
    words = create("span", {});
  const button = create("button", { type: "button", className: "press" }, icon, words);
  const box = createOutbox(root);
  button.onclick = () => enqueue(box, "press", null, ["press", crypto.getRandomValues(new Uint32Array(2)).join("-")]);
  root.addEventListener("submit", (event) => event.preventDefault());
  root.append(button);
  return { box, button, icon, words };
}

function save({ name, type, content }) {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const link = create("a", { href: URL.createObjectURL(new Blob([bytes], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
