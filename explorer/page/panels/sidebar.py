"""The sidebar: which network, with which knobs, batch norm folded or not, or a spec of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

import explorer.editing.whole_network as network
from archs import ArchError, Spec
from archs.catalogue.family import Family
from archs.catalogue.registry import FAMILIES
from archs.tables.table import MAX_JSON
from explorer.data.originals import knobs
from explorer.editing.images import resolution_of, resolution_text
from explorer.editing.repair import Edited
from explorer.editing.scenario import Scenario
from explorer.page.panels import versions, whole
from explorer.page.state import autosave, share
from explorer.page.state import session as state
from explorer.page.widgets import form, upload
from explorer.page.widgets.form import Part

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

OWN = "own"
KNOB_TITLES = {"width": "Width multiplier", "resolution": "Resolution", "groups": "Groups", "code": "Published form"}
OPEN = {"resolution": "The published sides; type any other one, or height×width: 224×320."}
WHOLE: dict[str, Callable[[Spec, Any], Edited]] = {"width": network.set_width, "resolution": network.set_resolution}
"""The knobs that an edited network has too."""


def choose_network() -> None:
    """Draws the sidebar."""
    with st.sidebar:
        scenario = state.scenario()
        form.show(
            "network form",
            [
                *_network(scenario),
                *versions.steps(scenario),
                *autosave.offer(scenario),
                versions.baseline(scenario),
                versions.device(),
                form.fold("whole", "Edit the whole network", "tune", whole.edits(scenario)),
                form.switch(
                    "folded",
                    "Batch norm folded",
                    scenario.folded,
                    lambda change: _fold(change.value),
                    help="What an inference runtime does before it starts: each batch norm that follows a convolution "
                    "becomes that convolution's bias. Its element-wise work and its kernel go.",
                ),
            ],
        )
        upload.one_file(
            "A spec of your own (JSON)",
            "spec",
            "json",
            "upload",
            _uploaded,
            "The file of the Export tab, edited or not.",
        )
        state.show_problem("upload")
        share.link(scenario)


def _network(scenario: Scenario) -> list[Part]:
    """The list of networks and the knobs of the one shown; what was refused, beside it."""
    spec = scenario.spec
    family = None if spec == scenario.custom else FAMILIES.get(spec.name)
    names = [*FAMILIES, *([OWN] if scenario.custom else [])]
    chosen = form.choice(
        "network", "Network", names, family.name if family else OWN, lambda change: _choose(change.value), _title
    )
    if family is None:
        rows = f"Your own spec, {spec.name}: {len(spec.rows)} rows."
        return [chosen, *state.problem_parts("network"), form.note("about", rows)]
    knob_parts = [part for knob, value in knobs(spec).items() for part in _knob(family, knob, value)]
    return [chosen, *state.problem_parts("network"), *knob_parts, form.note("about", family.source)]


def _title(name: str) -> str:
    return FAMILIES[name].title if name in FAMILIES else "Your own spec"


def _knob(family: Family, knob: str, value: object) -> list[Part]:
    published = family.knobs[knob]
    is_open = knob in family.open_knobs
    control = form.choice(
        f"{family.name}:{knob}",
        KNOB_TITLES.get(knob, knob.replace("_", " ").capitalize()),
        published,
        value,
        lambda change: _turn(family, knob, change.value),
        _value_title,
        typed=is_open,
        help=OPEN.get(knob, "The published values; type any other one.") if is_open else "",
        error=state.is_refused(knob),
    )
    return [control, *state.problem_parts(knob)]


def _value_title(value: object) -> str:
    match value:
        case (int(height), int(width)):
            return resolution_text((height, width))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _choose(name: str) -> None:
    with state.guard("The network"):
        own = state.scenario().custom
        state.choose("network", spec=own if name == OWN and own else FAMILIES[name].spec())


def _turn(family: Family, knob: str, value: object) -> None:
    with state.guard("The knob"):
        try:
            typed = resolution_of(str(value)) if knob == "resolution" else _number(value, family.default(knob))
        except ArchError as error:
            state.put(state.scenario().refuse(knob, error))
            return
        label = f"{KNOB_TITLES.get(knob, knob)} {_value_title(typed)}"
        scenario = state.scenario()
        if scenario.edited and knob in WHOLE:  # an edited network keeps its edits
            state.edit(knob, label, lambda spec: WHOLE[knob](spec, typed))
            return
        try:
            state.choose(knob, spec=family.spec(**{**knobs(scenario.spec), knob: typed}), label=label)
        except ArchError as error:
            state.put(scenario.refuse(knob, error))


def _number(value: object, like: object) -> object:
    """What was typed into an open knob, as a number where it is one; the family says what is wrong with the rest."""
    if isinstance(value, str) and isinstance(like, (int, float)):
        try:
            return type(like)(value.replace(",", "."))
        except ValueError:
            return value
    return value


def _fold(folded: bool) -> None:
    with state.guard("Folding"):
        state.choose("folded", folded=folded)


def _uploaded(file: UploadedFile | None) -> None:
    with state.guard("The file"):
        if file is None:  # taken away again: the network stays
            state.choose("upload")
            return
        try:
            spec = Spec.from_json(file.getvalue()[: MAX_JSON + 1])
        except ArchError as error:
            state.put(state.scenario().refuse("upload", error))
            return
        state.choose("upload", spec=spec, custom=spec)
