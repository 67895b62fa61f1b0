// A drawing of figure.js is serialised as shown, with percentages, colours and font resolved. For a plotly chart its
// hidden camera button is pressed
export default function ({ parentElement, data }) {
  const row = parentElement.querySelector(".saver"),
    shown = JSON.stringify(data.figures);
  if (row.dataset.shown === shown) return; // a button that is replaced while it is pressed does nothing
  row.dataset.shown = shown;
  row.replaceChildren();
  for (const figure of data.figures) {
    const group = document.createElement("span");
    group.append(figure.label);
    row.append(group);
    for (const format of ["svg", "png"]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = format.toUpperCase();
      button.setAttribute("aria-label", `${figure.label} as ${format.toUpperCase()}`);
      button.onclick = () => save(row, figure, format, data.scale);
      group.append(button);
    }
  }
}

async function save(row, { place, file }, format, scale) {
  const find = () => document.querySelector(`.${place} .drawing > svg, .${place} .modebar-btn`);
  while (row.isConnected && !find()) await new Promise((soon) => setTimeout(soon, 50)); // it may not be drawn yet
  const drawn = find();
  if (!drawn) return;
  if (drawn.matches("svg")) {
    const whole = standalone(drawn);
    const text = new Blob([new XMLSerializer().serializeToString(whole)], { type: "image/svg+xml" });
    download(format === "svg" ? text : await rasterised(text, whole, scale), `${file}.${format}`);
    return;
  }
  const { _context: context } = drawn.closest(".js-plotly-plot");
  context.toImageButtonOptions = { format, scale: format === "png" ? scale : 1, filename: file };
  drawn.click();
}

function standalone(drawn) {
  const style = getComputedStyle(drawn),
    { width, height } = drawn.getBoundingClientRect();
  const sides = ["Top", "Right", "Bottom", "Left"].map((side) => parseFloat(style[`margin${side}`]));
  const [top, right, bottom, left] = sides;
  const plot = drawn.cloneNode(true);
  plot.removeAttribute("style");
  setAttributes(plot, { x: left, y: top, width, height, overflow: "visible" });
  const words = plot.querySelectorAll("text"); // as long in whichever font they will be shown
  drawn.querySelectorAll("text").forEach((text, number) => {
    setAttributes(words[number], { textLength: text.getComputedTextLength(), lengthAdjust: "spacingAndGlyphs" });
  });
  for (const part of plot.querySelectorAll("*")) {
    for (const { name, value } of [...part.attributes])
      if (value.endsWith("%") && part.tagName !== "stop") part.setAttribute(name, (parseFloat(value) * width) / 100);
    if (part.style.display === "none") part.remove();
  }
  const size = { width: left + width + right, height: top + height + bottom };
  const whole = svgElement("svg", { ...size, fill: style.color, "font-family": style.fontFamily });
  whole.append(svgElement("rect", { ...size, fill: style.getPropertyValue("--st-background-color") }), plot);
  plot.removeAttribute("fill");
  return whole;
}

const svgElement = (tag, attributes) =>
  setAttributes(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes);

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

async function rasterised(text, whole, scale) {
  const image = new Image(),
    address = URL.createObjectURL(text);
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = scale * whole.getAttribute("width");
  canvas.height = scale * whole.getAttribute("height");
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return new Promise((done) => canvas.toBlob(done));
}

function download(content, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
