"""The collection of designs: named versions kept side by side, one chart, one CSV, one link."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from archs import ArchError
from explorer.data.metrics import METRICS
from explorer.editing import designs as collection
from explorer.editing.designs import Collection, Design
from explorer.editing.scenario import Scenario
from explorer.figures.designs import side_by_side
from explorer.figures.tradeoff import legend
from explorer.page.browser.memory import memory
from explorer.page.panels.tables import csv, of_device
from explorer.page.state import collection as stored
from explorer.page.state import session as state
from explorer.page.widgets import chart, data_table, form, messages
from explorer.page.widgets.form import Change, Part
from explorer.views import designs as views

NAME, CHOSEN = "design name", "designs chosen"
"""Memory: the name typed for the next design; name → whether it is compared, where the visitor has switched it."""
COMPARED = 6
"""Designs that are compared at first: so many columns fit."""
METRIC = ("latency_ms", "mult_adds", "params", "mem_access")


def designs(scenario: Scenario) -> None:
    found = stored.current()
    form.show("designs form", [*_keeping(scenario, found), *state.problem_parts("designs"), *_list(found)])
    stored.keep()
    if not found:
        st.info(
            "Keep up to fifty versions under a name, and compare them side by side. They stay in this browser.",
            icon=":material/bookmarks:",
        )
        return
    _share()
    shown = [one for one in found if one.name not in _hidden(found)]
    rows = views.table(found, scenario)
    csv(rows, "designs", "all designs")
    if shown:
        _compare(tuple(shown), scenario)


def _keeping(scenario: Scenario, found: Collection) -> list[Part]:
    typed = memory().get(NAME)
    name = typed or collection.free_name(found, _proposed(scenario))
    return [
        form.row(
            "keep",
            [
                form.text("name", "Name of this version", name, _name, error=state.is_refused("designs")),
                form.button("keep version", "Keep this version", "bookmark_add", lambda _: _keep()),
                form.note("count", f"{len(found)} of {collection.LIMIT} kept."),
            ],
        )
    ]


def _proposed(scenario: Scenario) -> str:
    label = scenario.history.versions[scenario.history.position].label
    return f"{scenario.spec.name}: {label}" if scenario.edited and scenario.history.position else scenario.title


def _name(change: Change) -> None:
    memory()[NAME] = str(change.value or "")


def _keep() -> None:
    with state.guard("The design"):
        scenario = state.scenario()
        name = memory().get(NAME) or collection.free_name(stored.current(), _proposed(scenario))
        design = Design(name, scenario.spec, scenario.folded, scenario.measured_pct)
        try:
            stored.put(collection.keep(stored.current(), design))
        except ArchError as error:
            state.put(scenario.refuse("designs", error))
            return
        memory().pop(NAME, None)
        state.choose("designs")


def _list(found: Collection) -> list[Part]:
    hidden = _hidden(found)
    return [
        form.row(
            f"design {one.name}",
            [
                form.switch(f"compare {one.name}", one.name, one.name not in hidden, _comparing(one)),
                form.button(f"open {one.name}", f"Open {one.name}", "open_in_new", _opener(one)),
                form.button(f"remove {one.name}", f"Remove {one.name}", "delete", _remover(one)),
            ],
        )
        for one in found
    ]


def _hidden(found: Collection) -> set[str]:
    chosen = memory().get(CHOSEN, {})
    return {one.name for number, one in enumerate(found) if not chosen.get(one.name, number < COMPARED)}


def _comparing(design: Design) -> Callable[[Change], None]:
    def compare(change: Change) -> None:
        memory().setdefault(CHOSEN, {})[design.name] = bool(change.value)

    return compare


def _opener(design: Design) -> Callable[[Change], None]:
    return lambda _: _open(design)


def _open(design: Design) -> None:
    with state.guard("The design"):
        state.choose("designs", spec=design.spec, label=design.name, folded=design.folded)
        if design.measured_pct is not None:
            state.choose("designs", history=state.scenario().history.measure(design.measured_pct))


def _remover(design: Design) -> Callable[[Change], None]:
    return lambda _: stored.put(tuple(one for one in stored.current() if one.name != design.name))


def _share() -> None:
    with st.popover("Link to all designs", icon=":material/link:"):
        try:
            address = stored.address()
        except ArchError as error:
            messages.caption(str(error))
            return
        messages.caption("Opens these designs beside those that a visitor has kept.")
        st.code(address, language=None, wrap_lines=True)


def _compare(shown: Collection, scenario: Scenario) -> None:
    rows = views.table(shown, scenario)
    data_table.frame(views.tiles(rows))
    offered = [metric for metric in METRIC if rows[metric].notna().any()]
    metric = st.segmented_control(
        "Compare by",
        offered,
        default=offered[0],
        required=True,
        key="designs metric",
        format_func=lambda name: METRICS[name].title,
    )
    metric = metric or offered[0]
    figure = side_by_side(rows, metric)
    chart.show(figure, "designs", f"The designs: accuracy against {METRICS[metric].title}")
    chart.legend(legend(figure))
    st.caption("Bars: 90 % intervals. Hollow: estimated accuracy.")
    if metric == "latency_ms":
        of_device(scenario)
    number = "%.3f" if metric == "latency_ms" else "localized"
    config = {one.name: st.column_config.NumberColumn(one.name, format=number) for one in shown}
    blocks = views.blocks(shown, scenario, metric)
    st.markdown(f"**{METRICS[metric].title} by block**")
    data_table.frame(blocks, column_config=config)
    csv(blocks, "designs", "blocks of the designs")
