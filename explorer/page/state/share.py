"""The page's choices in its address: the link reopens them, and so does a reload.

`link` has the network, batch norm folding, the device, the baseline, the measured accuracy and the budget; the address
also has the colour, the open block and the panel.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlencode

import streamlit as st

from archs import ArchError, Spec
from archs.caching import cached
from archs.catalogue.registry import FAMILIES
from explorer.data import profiles as devices
from explorer.data.metrics import IN_THE_PICTURE
from explorer.editing import links
from explorer.editing.cells import number_of
from explorer.editing.history import Version
from explorer.editing.scenario import PAPER, Scenario, start
from explorer.page.browser.memory import memory
from explorer.page.state import collection
from explorer.page.state import session as state
from explorer.page.widgets import messages
from explorer.search import budget

NETWORK, FOLDED, DEVICE, BASELINE, MEASURED = "net", "folded", "device", "baseline", "top1"
LIMITS = {"target": "target_ms", "least": "least_pct"}
"""The budget's parameters → the scenario's fields."""
COLOUR, BLOCK, PANEL = "colour", "block", "panel"
PARAMETERS = (NETWORK, FOLDED, DEVICE, BASELINE, MEASURED, *LIMITS, COLOUR, BLOCK, PANEL, collection.PARAMETER)
TAB = "tab"
"""Memory: the name of the open panel."""
BY_LINK = "opened by link"
"""Memory: whether the first step of the history is the address's network and not the visitor's."""
NO_DEVICE = "none"


def reopen() -> None:
    """The address's choices, once per session: later, this page itself writes the address."""
    if state.SCENARIO in memory():
        return
    given = {name: st.query_params[name] for name in PARAMETERS if name in st.query_params}
    if not given:
        return
    try:
        if collection.PARAMETER in given:
            collection.reopen(given[collection.PARAMETER])
        opened = _network(given.get(NETWORK))
    except ArchError as error:
        state.put(start().refuse("link", error))
        return
    state.put(opened.choose("link", **_choices(given, opened)))
    if PANEL in given:
        memory()[TAB] = given[PANEL]


def _network(text: str | None) -> Scenario:
    if text is None:
        return start()
    spec = links.decode(text)
    memory()[BY_LINK] = spec != start().spec
    return start().choose("link", spec=spec, label=f"opened a link to {spec.name}")


def _choices(given: dict[str, str], opened: Scenario) -> dict[str, object]:
    """The choices that are valid; what a visitor has mistyped is ignored."""
    found: dict[str, object] = {FOLDED: given.get(FOLDED) == "1"}
    device, baseline = given.get(DEVICE), given.get(BASELINE)
    if device in (*devices.names(), *devices.of_whole_networks(), *devices.here()):
        found["profile"] = device
    elif device == NO_DEVICE:
        found["profile"] = None
    if baseline in FAMILIES:
        found["against"] = baseline
    elif baseline:
        with suppress(ArchError):
            spec = links.decode(baseline)
            found["against"] = Version(f"{spec.name} of the link", spec)
    with suppress(ValueError, ArchError):
        found["history"] = opened.history.measure(float(given.get(MEASURED, "")))
    for name, field in LIMITS.items():
        with suppress(ArchError):
            limits = budget.limits(**dict.fromkeys(LIMITS.values()) | {field: number_of(given.get(name, ""))})
            found[field] = limits[field]
    if given.get(COLOUR) in IN_THE_PICTURE:
        found["metric"] = given[COLOUR]
    return found | {"block": given.get(BLOCK)}


def keep(scenario: Scenario) -> None:
    """Writes the address: only what differs from the page as it opens."""
    wanted = parameters(scenario)
    if scenario.metric != start().metric:
        wanted[COLOUR] = scenario.metric
    if scenario.block:
        wanted[BLOCK] = scenario.block
    if panel := memory().get(TAB):
        wanted[PANEL] = panel
    write(wanted, PARAMETERS)


def write(wanted: dict[str, str], names: Sequence[str]) -> None:
    """Give the parameters `names` of the address their wanted values, and remove the others of them."""
    for name in names:
        if name not in wanted:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]


def parameters(scenario: Scenario) -> dict[str, str]:
    """The parameters of the link; without the network where it is the first one or too long."""
    found: dict[str, str] = {}
    first = start()
    text = _text(scenario.spec)
    if text and scenario.spec != first.spec:
        found[NETWORK] = text
    if scenario.folded:
        found[FOLDED] = "1"
    if scenario.profile != first.profile and (scenario.profile is None or not devices.is_uploaded(scenario.profile)):
        found[DEVICE] = scenario.profile or NO_DEVICE
    against = scenario.against
    if isinstance(against, Version):
        found |= {BASELINE: base} if (base := _text(against.spec)) else {}
    elif against != PAPER:
        found[BASELINE] = against
    if scenario.measured_pct is not None:
        found[MEASURED] = f"{scenario.measured_pct:g}"
    limits = {name: getattr(scenario, field) for name, field in LIMITS.items()}
    return found | {name: f"{value:g}" for name, value in limits.items() if value is not None}


def link(scenario: Scenario) -> None:
    """A popover with the link of the scenario."""
    if _text(scenario.spec) is None:
        st.caption("This network is too long for a link: keep it as the JSON file of the Export tab.")
        return
    with st.popover("Share link", icon=":material/link:", width="stretch"):
        messages.caption(f"Reopens exactly this network with these settings: {scenario.title}.")
        st.code(address(scenario), language=None, wrap_lines=True)


def address(scenario: Scenario) -> str:
    """The whole link; empty where the network is too long for one."""
    text = _text(scenario.spec)
    return f"{st.context.url or ''}?{urlencode({NETWORK: text} | parameters(scenario))}" if text else ""


@cached(64, "every page run writes the same link")
def _text(spec: Spec) -> str | None:
    try:
        return links.encode(spec)
    except ArchError:
        return None
