"""Edits of the whole network: width, resolution, classes, hard-swish, the four guidelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from archs import Spec
from archs.rows import Linear
from explorer import whole
from explorer.mend import Edited
from explorer.page import state
from explorer.scenario import Scenario

NUMBERS: dict[str, tuple[str, Callable[[Spec, Any], Edited]]] = {
    "width": ("Width multiplier", whole.set_width),
    "resolution": ("Resolution", whole.set_resolution),
    "classes": ("Classes", whole.set_classes),
}


def edits(scenario: Scenario) -> None:
    spec = scenario.spec
    classes = [row.channels for row in spec.rows if isinstance(row, Linear)]
    values = {"width": spec.width or 1.0, "resolution": spec.resolution, "classes": classes[-1] if classes else None}
    problem = scenario.problem
    for name, (title, _) in NUMBERS.items():
        key = f"whole {name}"
        if not (problem and problem.control == "whole" and key in st.session_state):
            st.session_state[key] = values[name]
        step = 0.05 if name == "width" else 32 if name == "resolution" else 1
        st.number_input(title, value=None, step=step, key=key, on_change=_number, args=(name,))
    _button("All ReLU → hard-swish", "hard_swish", "MobileNetV3, section 5.2", whole.hard_swish)
    for number, text in whole.GUIDELINES.items():
        _button(
            f"Apply G{number}",
            f"G{number}",
            f"ShuffleNetV2, guideline {number}: {text}. The multiply-adds stay where the paper holds them fixed.",
            lambda spec, number=number: whole.apply_guideline(spec, number),
        )
    state.show_problem("whole")


def _number(name: str) -> None:
    title, change = NUMBERS[name]
    value = st.session_state[f"whole {name}"]
    state.edit("whole", f"{title} {value}", lambda spec: change(spec, value))


def _button(title: str, key: str, tip: str, make: Callable[[Spec], Edited]) -> None:
    st.button(title, key=f"whole {key}", help=tip, width="stretch", on_click=state.edit, args=("whole", title, make))
