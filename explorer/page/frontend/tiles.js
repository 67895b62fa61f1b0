import { create } from "./dom.js";
import { helpButton } from "./tooltip.js";

const shown = new WeakMap();

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".tiles");
  const tiles = shown.get(root) ?? [];
  shown.set(root, tiles);
  data.tiles.forEach(({ title, value, beside, help }, place) => {
    const tile = tiles[place] ?? tileOf(root);
    tiles[place] = tile;
    tile.help = help;
    tile.sign.ariaLabel = `Help: ${title}`;
    for (const [part, words] of Object.entries({ title, value }))
      if (tile[part].textContent !== words) tile[part].textContent = words;
    if (tile.beside.textContent !== beside) tile.beside.replaceChildren(...facts(beside));
  });
  for (const tile of tiles.splice(data.tiles.length)) tile.root.remove();
}

function tileOf(root) {
  const [title, value, beside] = ["span", "dd", "dd"].map((tag) => create(tag, {}));
  const tile = { title, value, beside };
  tile.sign = helpButton("", () => tile.help);
  value.className = "value";
  beside.className = "beside";
  tile.root = create("dl", {}, create("dt", { className: "label" }, title, tile.sign), value, beside);
  root.append(tile.root);
  return tile;
}

// A line breaks between facts, not inside one such as an interval
function facts(words) {
  const all = words.split(/(?<=·) /);
  return all.flatMap((textContent, place) => [place ? " " : "", create("span", { textContent })]);
}
