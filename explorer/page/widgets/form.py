"""Controls as plain HTML: fields, lists, switches, buttons, told to the browser as one element.

Streamlit's own are drawn anew with every edit, each of them for milliseconds, changed or not; here the browser touches
only what differs. Every text is set as text, none as HTML; nothing is judged in the browser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from explorer.editing import cells
from explorer.page.state import events as hearing
from explorer.page.state.memory import memory
from explorer.page.widgets import controls, tip
from explorer.page.widgets.components import CONTROLS, Component

# in no shadow root: there the page could not tell which field has the keyboard
_form = Component(
    "form",
    html=controls.HTML,
    css=controls.CSS + tip.CSS,
    js=CONTROLS + hearing.JS + tip.JS + controls.JS,
    isolate_styles=False,
)


class Said(NamedTuple):
    """What somebody set a control to, None for a button; and what the form was `about` when they did."""

    value: Any
    about: Any


Do = Callable[[Said], None]


@dataclass(frozen=True)
class Part:
    """A control, a note, or what holds some. `told`: its value and what else the browser needs; `options`: by text."""

    kind: str
    name: str
    label: str = ""
    do: Do | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    inside: tuple[Part, ...] = ()


def choice(
    name: str,
    label: str,
    values: Iterable[Any],
    value: Any,
    do: Do,
    title: Callable[[Any], str] = str,
    typed: bool = False,
    **told: Any,
) -> Part:
    """One of some values, None among them as no word; if `typed`, any other one too, which is then a text."""
    options = {cells.text(one): one for one in values}
    shown = [[text if not typed else title(one), title(one)] for text, one in options.items()]
    if typed:
        options |= {title(one): one for one in options.values()}
    told |= {"value": title(value) if typed else cells.text(value), "options": shown}
    return Part("open" if typed else "choice", name, label, do, told, options)


def number(name: str, label: str, value: float | None, do: Do, step: float = 1, **told: Any) -> Part:
    """No limits: a value beyond them is refused with a reason. `low`: where the steps start from."""
    return Part("number", name, label, do, told | {"value": cells.text(value), "step": step})


def text(name: str, label: str, value: str, do: Do, **told: Any) -> Part:
    return Part("text", name, label, do, told | {"value": value})


def switch(name: str, label: str, value: bool, do: Do, **told: Any) -> Part:
    return Part("switch", name, label, do, told | {"value": value})


def button(name: str, label: str, icon: str, do: Do, disabled: bool = False, **told: Any) -> Part:
    return Part("button", name, label, do, told | {"icon": icon, "disabled": disabled})


def tabs(name: str, label: str, values: Iterable[str], value: str, do: Do) -> Part:
    """A choice whose values are all in view."""
    options = {one: one for one in values}
    return Part("tabs", name, label, do, {"value": value, "options": [[one, one] for one in options]}, options)


def note(name: str, label: str, tone: str = "small", icon: str = "") -> Part:
    """`tone`: "small", "error", or "badge", whose icon is words."""
    return Part("note", name, label, told={"tone": tone, "icon": icon})


def grid(name: str, inside: Sequence[Part]) -> Part:
    return Part("grid", name, inside=tuple(inside))


def row(name: str, inside: Sequence[Part]) -> Part:
    return Part("row", name, inside=tuple(inside))


def fold(name: str, label: str, icon: str, inside: Sequence[Part]) -> Part:
    """Closed until it is opened; the browser keeps which."""
    return Part("fold", name, label, told={"icon": icon}, inside=tuple(inside))


def show(key: str, parts: Sequence[Part], about: Any = None) -> None:
    """Draws the parts, whose names are all different. `about`: what they are of, as `Said` gives it back.

    A message that is of none of these controls is no edit; a field that has an `error` stays as it was typed.
    """
    usable = {part.name: part for part in _every(parts) if part.do}
    typed = memory().get(f"{key} typed", {})
    data = {"parts": [_told(part, typed) for part in parts], "about": about, "heard": hearing.heard(key)}
    _form(key=key, data=data, on_said_change=partial(hearing.hear, key, partial(_do, key, usable)))


def _do(key: str, usable: Mapping[str, Part], said: list[Any]) -> None:
    match said:
        case [str(name), str() | bool() | None as raw, about] if name in usable:
            part = usable[name]
            memory()[f"{key} typed"] = {name: raw}
            if _takes(part, raw):
                part.do(Said(_value(part, raw), about))


def _takes(part: Part, raw: str | bool | None) -> bool:
    return part.kind in KINDS_OF[type(raw)] and not (part.kind in ("choice", "tabs") and raw not in part.options)


KINDS_OF = {str: ("number", "text", "choice", "open", "tabs"), bool: ("switch",), type(None): ("button",)}


def _value(part: Part, raw: str | bool | None) -> Any:
    if not isinstance(raw, str):
        return raw
    raw = raw.strip()
    return cells.number_of(raw) if part.kind == "number" else part.options.get(raw, raw)


def _told(part: Part, typed: Mapping[str, str | bool | None]) -> dict[str, Any]:
    told = {"name": part.name, "kind": part.kind, "label": part.label, **part.told}
    if help := told.get("help"):
        told["help"] = tip.html(help)
    if told.get("error") and part.name in typed:
        told["value"] = typed[part.name]
    if part.kind in ("grid", "row", "fold"):
        told["inside"] = [_told(one, typed) for one in part.inside]
    return told


def _every(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _every(part.inside)
