"""What the page's own scripts are told and say: its forms and its tiles, without a browser to run the scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.testing.v1 import AppTest

from explorer.editing.scenario import Scenario
from explorer.page.browser.memory import KEY
from explorer.page.state.session import SCENARIO

CONTROLS = ("choice", "open", "tabs", "number", "text", "switch", "button")
"""The kinds of parts that can be used."""


def memory_of(at: AppTest) -> dict[str, Any]:
    """What its session remembers of what was typed and pressed."""
    return at.session_state[KEY]


def scenario_of(at: AppTest) -> Scenario:
    return memory_of(at)[SCENARIO]


def components(at: AppTest) -> Iterator[BidiComponent]:
    """Those of ours that are on the page."""
    for node in at._tree:
        if node.type == "bidi_component":
            yield node.proto


def report(at: AppTest, component: BidiComponent, event: str, value: object) -> AppTest:
    """A message of a component's script."""
    states = at._tree.get_widget_states()
    message = states.widgets.add()
    message.id = _make_trigger_id(component.id, "events")
    message.json_trigger_value = json.dumps([{"event": event, "value": value}])
    return at._run(states)


def select_row(at: AppTest, table: str, row: int = 0) -> AppTest:
    """A click on the mark of a row of one of Streamlit's tables, given by its id."""
    states = at._tree.get_widget_states()
    message = states.widgets.add()
    message.id, message.string_value = table, json.dumps({"selection": {"rows": [row], "columns": [], "cells": []}})
    return at._run(states)


def every(parts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The parts of a form and what they hold."""
    for part in parts:
        yield part
        yield from every(part.get("inside", []))


def forms(at: AppTest) -> Iterator[tuple[BidiComponent, dict[str, Any], dict[str, dict[str, Any]]]]:
    """Each form with what it is told, and its parts by name."""
    for component in components(at):
        told = json.loads(component.json)
        if "parts" in told:
            yield component, told, {part["name"]: part for part in every(told["parts"])}


def fields(at: AppTest) -> dict[str, dict[str, Any]]:
    """Every part of every form, by name."""
    return {name: part for *_, parts in forms(at) for name, part in parts.items()}


def shown(at: AppTest, name: str) -> str | bool:
    """What stands in a field."""
    return fields(at)[name]["value"]


def downloads(at: AppTest) -> list[str]:
    """The labels of the buttons whose files are made when they are pressed."""
    told = (json.loads(component.json) for component in components(at))
    return [data["label"] for data in told if "file" in data]


def say(at: AppTest, name: str, value: object = None) -> AppTest:
    """What a visitor types, chooses, switches; nothing for a button that is pressed. Then the page runs."""
    component, told, _ = next(form for form in forms(at) if name in form[2])
    raw = (
        value if value is None or isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    )
    return report(at, component, "queue", {"events": [[told["acknowledged"] + 1, name, raw, told["about"]]]})


def refusals(at: AppTest) -> list[str]:
    """What the forms say is wrong."""
    return [part["label"] for part in fields(at).values() if part.get("tone") == "error"]


def tiles(at: AppTest) -> dict[str, dict[str, str]]:
    """Title → the tile."""
    told = (json.loads(component.json) for component in components(at))
    return {tile["title"]: tile for data in told for tile in data.get("tiles", [])}


def headings(at: AppTest) -> list[str]:
    """Those of `explorer.page.widgets.words`, the title first."""
    return [found for html in at.get("html") for found in re.findall(r"<h\d>(.*?)</h\d>", html.value)]
