"""Controls in plain HTML, sent to the browser as one element per form. Validation is the server's, never the browser's.

Streamlit's own widgets are rendered again with every edit, changed or not, at milliseconds each; here the browser
updates only what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from explorer.editing import cells
from explorer.page.browser import events
from explorer.page.browser.memory import memory
from explorer.page.frontend import bundle
from explorer.page.widgets import tooltip
from explorer.page.widgets.components import Component

# A form of its own: the browser's autofill searches the whole form of each field that changes, and fields outside of
# any form count as one. That took two fifths of a core's time for an edit
HTML = "<form class='form'></form>"

# in no shadow root: there the page could not tell which field has the keyboard
_form = Component(
    "form", html=HTML, css=bundle.style("form", "tooltip"), js=bundle.script("form"), isolate_styles=False
)


class Change(NamedTuple):
    """The new value of a control, None for a button; and the form's `about` at that time."""

    value: Any
    about: Any


Handler = Callable[[Change], None]


@dataclass(frozen=True)
class Part:
    """A control, a note, or a container of parts. `properties` go to the browser; `options`: text → value."""

    kind: str
    name: str
    label: str = ""
    handler: Handler | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    inside: tuple[Part, ...] = ()


def choice(
    name: str,
    label: str,
    values: Iterable[Any],
    value: Any,
    handler: Handler,
    title: Callable[[Any], str] = str,
    typed: bool = False,
    group: Callable[[Any], str] | None = None,
    **properties: Any,
) -> Part:
    """One of some values, None among them as no word; if `typed`, any other text too. `group`: a value's heading."""
    options: dict[str, Any] = {str(cells.text(one)): one for one in values}
    shown = [
        [text if not typed else title(one), title(one), *([group(one)] if group else [])]
        for text, one in options.items()
    ]
    if typed:
        options |= {title(one): one for one in options.values()}
    properties |= {"value": title(value) if typed else cells.text(value), "options": shown}
    return Part("open" if typed else "choice", name, label, handler, properties, options)


def number(name: str, label: str, value: float | None, handler: Handler, step: float = 1, **properties: Any) -> Part:
    """No limits: a value beyond them is refused with a reason. `low`: where the steps start from."""
    return Part("number", name, label, handler, properties | {"value": cells.text(value), "step": step})


def text(name: str, label: str, value: str, handler: Handler, **properties: Any) -> Part:
    """A field for a line of text."""
    return Part("text", name, label, handler, properties | {"value": value})


def switch(name: str, label: str, value: bool, handler: Handler, **properties: Any) -> Part:
    """A switch."""
    return Part("switch", name, label, handler, properties | {"value": value})


def button(name: str, label: str, icon: str, handler: Handler, disabled: bool = False, **properties: Any) -> Part:
    """A button with an icon."""
    return Part("button", name, label, handler, properties | {"icon": icon, "disabled": disabled})


def tabs(name: str, label: str, values: Iterable[str], value: str, handler: Handler) -> Part:
    """A choice with all values in view."""
    options = {one: one for one in values}
    return Part("tabs", name, label, handler, {"value": value, "options": [[one, one] for one in options]}, options)


def note(name: str, label: str, tone: str = "small", icon: str = "") -> Part:
    """`tone`: "small", "error", or "badge", whose icon is words."""
    return Part("note", name, label, properties={"tone": tone, "icon": icon})


def grid(name: str, inside: Sequence[Part]) -> Part:
    """Parts in as many columns as fit."""
    return Part("grid", name, inside=tuple(inside))


def row(name: str, inside: Sequence[Part]) -> Part:
    """Parts beside each other."""
    return Part("row", name, inside=tuple(inside))


def fold(name: str, label: str, icon: str, inside: Sequence[Part]) -> Part:
    """Closed at first; the browser remembers whether it is open."""
    return Part("fold", name, label, properties={"icon": icon}, inside=tuple(inside))


def show(key: str, parts: Sequence[Part], about: Any = None) -> None:
    """Draws the parts, whose names all differ. `about`: their subject, which `Change` returns.

    An event that names none of these controls is ignored; a field with an `error` stays as typed.
    """
    controls = {part.name: part for part in _every(parts) if part.handler}
    typed = memory().get(f"{key} typed", {})
    data = {
        "parts": [_serialised(part, typed) for part in parts],
        "about": about,
        "acknowledged": events.acknowledged(key),
    }
    _form(key=key, data=data, on_queue_change=partial(events.handle, key, partial(_handle, key, controls)))


def _handle(key: str, controls: Mapping[str, Part], content: list[Any]) -> None:
    match content:
        case [str(name), str() | bool() | None as raw, about] if name in controls:
            part = controls[name]
            memory()[f"{key} typed"] = {name: raw}
            if part.handler and _accepts(part, raw):
                part.handler(Change(_value(part, raw), about))


def _accepts(part: Part, raw: str | bool | None) -> bool:
    return part.kind in KINDS_OF[type(raw)] and not (part.kind in ("choice", "tabs") and raw not in part.options)


KINDS_OF = {str: ("number", "text", "choice", "open", "tabs"), bool: ("switch",), type(None): ("button",)}


def _value(part: Part, raw: str | bool | None) -> Any:
    if not isinstance(raw, str):
        return raw
    raw = raw.strip()
    return cells.number_of(raw) if part.kind == "number" else part.options.get(raw, raw)


def _serialised(part: Part, typed: Mapping[str, str | bool | None]) -> dict[str, Any]:
    found = {"name": part.name, "kind": part.kind, "label": part.label, **part.properties}
    if help := found.get("help"):
        found["help"] = tooltip.html(help)
    if found.get("error") and part.name in typed:
        found["value"] = typed[part.name]
    if part.kind in ("grid", "row", "fold"):
        found["inside"] = [_serialised(one, typed) for one in part.inside]
    return found


def _every(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _every(part.inside)
