"""What a figure or a control says of itself: a "?" whose words come up beside it, by mouse, key or finger."""

from __future__ import annotations

import re
from html import escape

# The browser's own top layer: no box of the page cuts it off
JS = """
const tip = Object.assign(document.createElement("div"), { className: "why-tip", role: "tooltip", popover: "manual" });

function mark(tell) {
  const sign = document.createElement("button");
  Object.assign(sign, { type: "button", className: "why", textContent: "?", ariaLabel: "Help" });
  sign.onpointerenter = sign.onfocus = sign.onclick = () => explain(sign, tell());
  sign.onpointerleave = sign.onblur = () => tip.isConnected && tip.hidePopover();
  sign.onkeydown = (event) => event.key === "Escape" && tip.isConnected && tip.hidePopover();
  return sign;
}

function explain(sign, words) {
  tip.innerHTML = words;  // all text in it is escaped
  sign.after(tip);
  tip.showPopover();
  const at = sign.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const below = at.bottom + 8 + size.height < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
  tip.style.top = `${below ? at.bottom + 8 : Math.max(8, at.top - 8 - size.height)}px`;
}
"""
CSS = """
.why { all: unset; box-sizing: border-box; flex: none; width: 1.05rem; height: 1.05rem; border-radius: 50%;
  font: 600 .75rem/1rem var(--st-font); text-align: center; color: var(--st-text-color); opacity: .75; cursor: help;
  border: 1px solid currentColor; }
.why:hover, .why:focus-visible { opacity: 1; outline: 2px solid var(--st-primary-color); }
.why-tip { position: fixed; inset: auto; margin: 0; box-sizing: border-box; width: max-content;
  max-width: min(26rem, calc(100vw - 1rem)); padding: .6rem .8rem; font: .9rem/1.45 var(--st-font);
  color: var(--st-text-color); background: var(--st-background-color); border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius); box-shadow: 0 2px 10px rgba(0, 0, 0, .3); pointer-events: none; }
.why-tip p, .why-tip ul { margin: 0 0 .5rem 0; padding: 0; font: inherit; }
.why-tip ul { padding-left: 1.2rem; }
.why-tip > :last-child { margin-bottom: 0; }
"""

MARKED = {r"\*\*(.+?)\*\*": "b", r"`(.+?)`": "code", r"(?<!\S)\*(\S.*?)\*": "i"}


def html(words: str) -> str:
    """Paragraphs, lists, `**bold**`, `*emphasis*` and code, as the figures' help is written; everything else is text.

    >>> html("**MAC**: h·w < `n`")
    '<p><b>MAC</b>: h·w &lt; <code>n</code></p>'
    """
    return "".join(_paragraph(part) for part in escape(words, quote=False).split("\n\n") if part.strip())


def _paragraph(part: str) -> str:
    for marked, tag in MARKED.items():
        part = re.sub(marked, rf"<{tag}>\1</{tag}>", part)
    lines = part.strip().split("\n")
    if all(line.startswith("* ") for line in lines):
        return f"<ul>{''.join(f'<li>{line[2:]}</li>' for line in lines)}</ul>"
    return f"<p>{'<br>'.join(lines)}</p>"
