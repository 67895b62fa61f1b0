// A popover is in the browser's top layer: no box of the page clips it
const tooltip = Object.assign(document.createElement("div"), {
  className: "help-tooltip",
  role: "tooltip",
  popover: "manual",
});

export function helpButton(label, words) {
  const sign = document.createElement("button");
  Object.assign(sign, { type: "button", className: "help", textContent: "?", ariaLabel: `Help: ${label}` });
  sign.onpointerenter = sign.onfocus = sign.onclick = () => showTooltip(sign, words());
  sign.onpointerleave = sign.onblur = hideTooltip;
  // no returned value: `false` would cancel every key, and Tab could never leave the button
  sign.onkeydown = (event) => {
    if (event.key === "Escape") hideTooltip();
  };
  return sign;
}

function hideTooltip() {
  if (tooltip.isConnected) tooltip.hidePopover();
}

function showTooltip(sign, words) {
  tooltip.innerHTML = words; // all text in it is escaped
  sign.after(tooltip);
  tooltip.showPopover();
  const at = sign.getBoundingClientRect(),
    size = tooltip.getBoundingClientRect();
  const below = at.bottom + 8 + size.height < innerHeight;
  tooltip.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
  tooltip.style.top = `${below ? at.bottom + 8 : Math.max(8, at.top - 8 - size.height)}px`;
}
