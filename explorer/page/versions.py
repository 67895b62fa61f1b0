"""In the sidebar: undo, redo, the history, the way back to the paper; the baseline and the device to judge by."""

from __future__ import annotations

import streamlit as st

from archs.catalogue import FAMILIES
from explorer.history import Version
from explorer.page import profiles, state
from explorer.page.state import guard
from explorer.scenario import PAPER, Scenario

NONE = ""


def steps(scenario: Scenario) -> None:
    history = scenario.history
    with st.container(horizontal=True, gap="small"):
        st.button("Undo", key="undo", icon=":material/undo:", on_click=_go, args=(-1,), disabled=not history.can_undo)
        st.button("Redo", key="redo", icon=":material/redo:", on_click=_go, args=(1,), disabled=not history.can_redo)
        st.button(
            "Reset to paper",
            key="reset",
            icon=":material/restart_alt:",
            on_click=_reset,
            disabled=not scenario.edited or scenario.spec.name not in FAMILIES,
            help="The published network at these knobs; undo leads back to your edits.",
        )
    if len(history.versions) > 1:
        st.session_state["history"] = history.position
        st.selectbox(
            "History",
            range(len(history.versions) - 1, -1, -1),
            key="history",
            format_func=lambda position: _label(history.versions, position),
            on_change=_to,
        )


def _label(versions: tuple[Version, ...], position: int) -> str:
    return f"{position + 1}. {versions[position].label}" if position < len(versions) else ""


def _go(by: int) -> None:
    with guard("The history"):
        history = state.scenario().history
        _show(history.go(min(max(0, history.position + by), len(history.versions) - 1)).position)


def _to() -> None:
    with guard("The history"):
        _show(st.session_state["history"])


def _show(position: int) -> None:
    state.choose("history", history=state.scenario().history.go(position), measured_pct=None)


def _reset() -> None:
    with guard("The way back"):
        state.choose("history", history=state.scenario().history.reset(), measured_pct=None)


def baseline(scenario: Scenario) -> None:
    """What the tiles' changes are against."""
    earlier = {f"#{n}": version for n, version in enumerate(scenario.history.versions)}
    chosen = scenario.against if isinstance(scenario.against, str) else "kept"
    kept = ["kept"] if isinstance(scenario.against, Version) else []
    st.session_state["baseline"] = chosen
    st.selectbox(
        "Compare with",
        [PAPER, *kept, *FAMILIES, *reversed(earlier)],
        key="baseline",
        format_func=lambda option: _baseline_title(scenario, option),
        on_change=_compare,
        help="What the changes on the tiles, and the Diff, are against.",
    )


def _baseline_title(scenario: Scenario, option: str) -> str:
    if option == PAPER:
        return "the paper's network"
    if option in FAMILIES:
        return FAMILIES[option].title
    if option == "kept" and isinstance(scenario.against, Version):
        return f"version: {scenario.against.label}"
    position = int(option.removeprefix("#") or 0) if option.startswith("#") else -1
    if 0 <= position < len(scenario.history.versions):
        return f"version {_label(scenario.history.versions, position)}"
    return option


def _compare() -> None:
    with guard("The baseline"):
        option = st.session_state["baseline"]
        if option.startswith("#"):
            state.choose("baseline", against=state.scenario().history.versions[int(option[1:])])
        elif option != "kept":
            state.choose("baseline", against=option)


def device(scenario: Scenario) -> None:
    """Whose milliseconds are shown. Without a profile the page says so and shows none."""
    known = profiles.known()
    if not known:
        st.caption("No device profile yet, so no milliseconds: the page Calibrate makes one, in four minutes.")
        return
    st.session_state["profile"] = scenario.profile if scenario.profile in known else NONE
    st.selectbox(
        "Milliseconds of",
        [*known, NONE],
        key="profile",
        format_func=profiles.title,
        on_change=_device_chosen,
        help="Another machine's are no good for this one: the page Calibrate makes this machine's own.",
    )


def _device_chosen() -> None:
    with guard("The device"):
        profiles.use(st.session_state["profile"] or None)
