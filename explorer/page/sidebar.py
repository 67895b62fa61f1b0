"""The sidebar: which network, with which knobs, batch norm folded or not, or a spec of one's own."""

from __future__ import annotations

import streamlit as st

import explorer.whole as network
from archs import ArchError, Spec
from archs.catalogue import FAMILIES
from archs.family import Family
from archs.spec import MAX_JSON
from explorer.history import knobs
from explorer.page import autosave, share, state, versions, whole
from explorer.scenario import Scenario

OWN = "own"
KNOB_TITLES = {"width": "Width multiplier", "resolution": "Resolution", "groups": "Groups", "code": "Published form"}
WHOLE = {"width": network.set_width, "resolution": network.set_resolution}
"""The knobs that an edited network has too."""


def choose_network() -> Scenario:
    """Draws the sidebar; returns the scenario that the page is to show."""
    with st.sidebar:
        scenario = state.scenario()
        names = [*FAMILIES, *([OWN] if scenario.own else [])]
        _follow(scenario)
        st.selectbox(
            "Network", names, key="network", format_func=_title, on_change=_network_chosen, persist_state="session"
        )
        state.show_problem("network")
        if (name := st.session_state.network) == OWN:
            st.caption(f"Your own spec, **{scenario.spec.name}**: {len(scenario.spec.rows)} rows.")
        else:
            family = FAMILIES[name]
            _knobs(family)
            st.caption(family.source)
        versions.steps(scenario)
        autosave.offer(scenario)
        versions.baseline(scenario)
        versions.device(scenario)
        with st.expander("Edit the whole network", icon=":material/tune:"):
            whole.edits(scenario)
        st.toggle(
            "Batch norm folded",
            key="folded",
            persist_state="session",
            on_change=_folded,
            help="What an inference runtime does before it starts: each batch norm that follows a convolution becomes "
            "that convolution's bias. Its element-wise work and its kernel go.",
        )
        st.file_uploader(
            "A spec of your own (JSON)",
            type="json",
            key="upload",
            on_change=_uploaded,
            help="The file that the Export tab gives, edited as you like.",
        )
        state.show_problem("upload")
        share.link(scenario)
    return state.scenario()


def _title(name: str) -> str:
    return FAMILIES[name].title if name in FAMILIES else "Your own spec"


def _knobs(family: Family) -> None:
    for knob, published in family.knobs.items():
        is_open = knob in family.open_knobs
        key = _key(family, knob)
        value = st.session_state.setdefault(key, family.default(knob))
        typed = [] if value in published or isinstance(value, str) else [value]
        st.selectbox(
            KNOB_TITLES.get(knob, knob.replace("_", " ").capitalize()),
            [*published, *typed],
            key=key,
            persist_state="session",  # still there after a visit to the lab
            format_func=_value_title,
            accept_new_options=is_open,
            on_change=_knob_turned,
            args=(family.name, knob),
            help="The published values; type any other one." if is_open else None,
        )
        state.show_problem(knob)


def _follow(scenario: Scenario) -> None:
    """The controls say what the network is after an undo, an edit or a link; a refused text stays as it was typed."""
    spec = scenario.spec
    family = FAMILIES.get(spec.name)
    keys = {"network", *(_key(family, knob) for knob in (family.knobs if family else ()))}
    if st.session_state.get("followed") == spec and all(key in st.session_state for key in keys):
        return
    st.session_state["followed"] = spec
    st.session_state["network"] = OWN if spec == scenario.own or spec.name not in FAMILIES else spec.name
    if family:
        for knob, value in knobs(spec).items():
            st.session_state[_key(family, knob)] = value


def _key(family: Family, knob: str) -> str:
    return f"{family.name}:{knob}"


def _value_title(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _network_chosen() -> None:
    with state.guard("The network"):
        name = st.session_state.network
        scenario = state.scenario()
        if name == OWN and scenario.own:
            state.choose("network", spec=scenario.own)
        else:
            state.choose("network", spec=FAMILIES[name].spec())


def _knob_turned(name: str, knob: str) -> None:
    with state.guard("The knob"):
        family = FAMILIES[name]
        typed = _number(st.session_state[_key(family, knob)], family.default(knob))
        label = f"{KNOB_TITLES.get(knob, knob)} {_value_title(typed)}"
        if state.scenario().edited and knob in WHOLE:  # an edited network keeps its edits
            state.edit(knob, label, lambda spec: WHOLE[knob](spec, typed))
            return
        values = {k: _number(st.session_state[_key(family, k)], family.default(k)) for k in family.knobs}
        try:
            state.choose(knob, spec=family.spec(**values), label=label)
            st.session_state[_key(family, knob)] = values[knob]  # "0.60" as 0.6; a refused text stays as it was typed
        except ArchError as error:  # which may be about another knob, left with a refused value
            about = error.problems[0].column
            state.put(state.scenario().refuse(about if about in family.knobs else knob, error))


def _number(value: object, like: object) -> object:
    """What was typed into an open knob, as a number where it is one; the family says what is wrong with the rest."""
    if isinstance(value, str) and isinstance(like, (int, float)):
        try:
            return type(like)(value.replace(",", "."))
        except ValueError:
            return value
    return value


def _folded() -> None:
    with state.guard("Folding"):
        state.choose("folded", folded=st.session_state.folded)


def _uploaded() -> None:
    with state.guard("The file"):
        file = st.session_state.upload
        if file is None:  # taken away again: the network stays
            state.choose("upload")
            return
        try:
            spec = Spec.from_json(file.getvalue()[: MAX_JSON + 1])
        except ArchError as error:
            state.put(state.scenario().refuse("upload", error))
            return
        state.choose("upload", spec=spec, own=spec)
