"""What ShuffleNetV2's guidelines say of each block, and the edits that would help, one click to apply."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

import archs
import costmodel
from archs import Graph, Spec
from archs.caching import cached
from costmodel.timing.plain_process import RETAIN_TEXT
from explorer.data import profiles as devices
from explorer.data.metrics import METRICS, duration, percent
from explorer.editing import advisor
from explorer.editing.advisor import Strain, Suggestion
from explorer.editing.changed_cells import accuracy_change, changed_cells
from explorer.editing.scenario import Scenario
from explorer.figures.palette import heat
from explorer.page.browser import effects
from explorer.page.panels.tables import download
from explorer.page.state import session as state
from explorer.page.widgets import data_table, form, messages
from explorer.page.widgets.form import Part

SHOWN = 8


def advice(scenario: Scenario) -> None:
    nodes_ms = scenario.nodes_ms
    timed = nodes_ms is not None  # if not, by memory access, which needs no device
    profile = scenario.profile if timed else None
    with st.spinner("Trying edits …", show_time=False):
        found = _advise(scenario.spec, profile, scenario.folded)
    by = "milliseconds" if timed else "memory access"
    st.markdown(f"**What would help**, at the same multiply-adds (±5 %), the largest gain in {by} first:")
    if not found:
        st.success("No edit of the guidelines lowers the cost at these multiply-adds.", icon=":material/check:")
    if timed:
        _allocator(scenario)
    for number, suggestion in enumerate(found[:SHOWN]):
        _suggestion(number, suggestion, scenario.spec)
    strains = advisor.strains(scenario.counts, scenario.spec, nodes_ms)
    st.markdown("**Guideline violations by block**")
    _table(strains, scenario)


def _allocator(scenario: Scenario) -> None:
    """The advice that changes no cell: keep freed memory in the process."""
    found = scenario.prediction
    plain = devices.plain_ms(scenario.spec, scenario.profile, scenario.folded) if scenario.profile else None
    if found and plain and plain > found.latency_ms:
        messages.info(
            f"Costs no accuracy: about {duration(plain)} → {duration(found.latency_ms)} in a plain process that keeps "
            f"freed memory. Set {RETAIN_TEXT} before it starts.",
            ":material/memory:",
        )


def _suggestion(number: int, suggestion: Suggestion, spec: Spec) -> None:
    changed, top1, against = _effect(spec, suggestion.edited.spec)
    with st.container(horizontal=True, vertical_alignment="center", border=True, key=f"suggestion {number}"):
        effects.button("Apply", f"apply {number}", partial(_apply, suggestion), icon=":material/build:")
        changes = ", ".join(
            f"{METRICS[name].title} {percent(suggestion.after[name] / before - 1, 1, '+')}"
            for name, before in suggestion.before.items()
            if before
        )
        with st.container(width="stretch"):
            st.markdown(f"**{suggestion.title}**  \n{changes}  \n{messages.literal(top1)}")
            messages.caption("; ".join(changed))
            if against:
                messages.warning(against)


def _apply(suggestion: Suggestion) -> Callable[[], None]:
    state.edit("advice", suggestion.title, lambda _: suggestion.edited)
    return st.rerun


def _table(strains: tuple[Strain, ...], scenario: Scenario) -> None:
    table = advisor.table(strains)
    view = table.drop(columns="row")
    css = {f"G{n}": limit for n, limit in advisor.STRAINED.items()}
    style = view.style.apply(
        lambda cells: [f"background-color: {heat(0.6)}" if value > css[cells.name] else "" for value in cells],
        subset=list(css),
    )
    style = style.format({"G2": percent, "G4": percent})
    data_table.frame(
        style,
        column_config={
            "G1": st.column_config.NumberColumn("G1 · over the bound", format="%.2f ×"),
            "G2": st.column_config.NumberColumn("G2 · in grouped conv."),
            "G3": st.column_config.NumberColumn("G3 · fragments", format="%d"),
            "G4": st.column_config.NumberColumn("G4 · element-wise"),
            "strained": "violated",
        },
    )
    st.caption(
        "G1: memory access of the 1×1 convolutions over the least at equal widths. G2: share of the cost in grouped "
        f"convolutions. G4: share of the memory traffic. Coloured: over {advisor.STRAINED[1]} ×, "
        f"{percent(advisor.STRAINED[2])}, {advisor.STRAINED[3]}, {percent(advisor.STRAINED[4])}; "
        "the paper says only that less is better."
    )
    download(table, scenario, "guideline violations")


def of_block(scenario: Scenario) -> list[Part]:
    """For the open block: one line per guideline that it strains, and its remedy."""
    strains = advisor.strains(scenario.counts, scenario.spec, pieces=scenario.fragmentation, only=scenario.block)
    lines = [_line(scenario.spec, strain) for strain in strains if strain.strained]
    return [*lines, *state.problem_parts("here")]


def _line(spec: Spec, strain: Strain) -> Part:
    number, row = strain.guideline, strain.row
    parts = [form.note(f"strain {number}", strain.text, "badge", f"G{number}")]
    if advisor.change(spec.rows[row], number):
        parts.append(form.button(f"here {number}", f"Apply G{number} here", "build", lambda _: _here(number, row)))
    return form.row(f"line {number}", parts)


def _here(guideline: int, row: int) -> None:
    label = f"G{guideline} in row {row + 1}"
    state.edit("here", label, lambda spec: advisor.apply_guideline(spec, guideline, {row}))


@cached(256, "an estimate takes hundredths of a second, and eight suggestions are shown")
def _effect(before: Spec, after: Spec) -> tuple[tuple[str, ...], str, str]:
    """The changed cells, the accuracy before and after, and the reason against the edit."""
    return changed_cells(before, after), *accuracy_change(before, after)


@cached(64, "a search for suggestions takes a tenth of a second and more")
def _advise(spec: Spec, profile: str | None, folded: bool) -> tuple[Suggestion, ...]:
    if profile is None:
        return advisor.advise(spec)
    loaded = devices.load(profile)

    def cost(graph: Graph) -> dict[str, float]:
        predicted = costmodel.predict(devices.folded_for(graph, loaded, folded), loaded)
        return {"latency_ms": predicted.latency_ms, **advisor.counted(graph)}

    return advisor.advise(
        spec, cost, "latency_ms", devices.nodes_ms(devices.prediction(spec, profile, folded), archs.build(spec))
    )
