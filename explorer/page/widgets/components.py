"""Small parts of the page that need the browser: HTML, CSS and JavaScript of our own, never a visitor's."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

CONTROLS = """
function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// What is there already is not touched: what moves loses the keyboard and is laid out anew
function put(parent, children) {
  for (const child of [...parent.children]) if (!children.includes(child)) child.remove();
  children.forEach((child, place) => {
    const next = parent.children[place];
    if (next !== child) parent.insertBefore(child, next ?? null);
  });
}

const said = (control) => control.type === "checkbox" ? control.checked : control.value;

function say(control, value) {
  if (control.type === "checkbox") control.checked = value;
  else if (control.value !== value) control.value = value;
}

// In a closed list of words each one that the arrow keys pass would be an edit
function opens(control, key) {
  if (control.type !== "select-one" || !["ArrowUp", "ArrowDown"].includes(key) || !control.showPicker) return false;
  control.showPicker();
  return true;
}
"""
"""What the scripts of components with controls begin with."""


class Component:
    """A Streamlit component, registered where it is first drawn: Streamlit 1.65 registers it for one runtime only."""

    def __init__(self, name: str, **parts: Any):
        self.name = name
        self._parts = parts
        self._mount: Any = None

    def __call__(self, **arguments: Any) -> Any:
        if self._mount is not None:
            with suppress(StreamlitAPIException):
                return self._mount(**arguments)
        self._mount = st.components.v2.component(self.name, **self._parts)
        return self._mount(**arguments)
