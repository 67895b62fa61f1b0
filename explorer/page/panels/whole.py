"""Edits of the whole network: width, resolution, classes, hard-swish, the four guidelines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from archs import Spec
from archs.tables.rows import Linear
from explorer.editing import whole_network as whole
from explorer.editing.images import resolution_text
from explorer.editing.repair import Edited
from explorer.editing.scenario import Scenario
from explorer.page.state import session as state
from explorer.page.widgets import form
from explorer.page.widgets.form import Part

NUMBERS: dict[str, tuple[str, float, Callable[[Spec, Any], Edited]]] = {
    "width": ("Width multiplier", 0.05, whole.set_width),
    "classes": ("Classes", 1, whole.set_classes),
}
"""Each with the step of its buttons."""


def edits(scenario: Scenario) -> list[Part]:
    """The edits of the network as a whole."""
    spec = scenario.spec
    classes = [row.channels for row in spec.rows if isinstance(row, Linear)]
    values: dict[str, float | None] = {
        "width": spec.width or 1.0,
        "classes": classes[-1] if classes else None,
    }
    return [
        form.text(
            "whole resolution",
            "Resolution",
            resolution_text(spec.resolution),
            lambda change: _set("Resolution", change.value, whole.set_resolution),
            help="The side of a square image, 224, or height×width, 224×320.",
        ),
        *(_number(name, value) for name, value in values.items()),
        _button("All ReLU → hard-swish", "hard_swish", "MobileNetV3, section 5.2", whole.hard_swish),
        *(
            _button(
                f"Apply G{number}",
                f"G{number}",
                f"ShuffleNetV2, guideline {number}: {text}. The multiply-adds stay where the paper holds them fixed.",
                partial(whole.apply_guideline, guideline=number),
            )
            for number, text in whole.GUIDELINES.items()
        ),
        *state.problem_parts("whole"),
    ]


def _number(name: str, value: float | None) -> Part:
    title, step, edit = NUMBERS[name]
    control = f"whole {name}"
    return form.number(control, title, value, lambda change: _set(title, change.value, edit), step)


def _set(title: str, value: Any, edit: Callable[[Spec, Any], Edited]) -> None:
    state.edit("whole", f"{title} {value}", lambda spec: edit(spec, value))


def _button(title: str, key: str, help: str, make: Callable[[Spec], Edited]) -> Part:
    return form.button(f"whole {key}", title, "", lambda _: state.edit("whole", title, make), help=help)
