"""The link that reopens exactly this network. It stands in the address too, so a reload loses no edit."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from archs import ArchError, Spec
from archs.caching import cached
from explorer.editing import links
from explorer.editing.scenario import Scenario, start
from explorer.page.browser.memory import memory
from explorer.page.state import session as state
from explorer.page.widgets import messages

PARAMETER = "net"
BY_LINK = "opened by link"
"""Memory: whether the first step of the history is the address's network and not the visitor's."""


def reopen() -> None:
    """The address's network, once per session: what the address says later, this page has written there itself."""
    if state.SCENARIO in memory():
        return
    text = st.query_params.get(PARAMETER)
    if text is None:
        return
    try:
        spec = links.decode(text)
    except ArchError as error:
        state.put(start().refuse("link", error))
        return
    state.put(start().choose("link", spec=spec, label=f"opened a link to {spec.name}"))
    memory()[BY_LINK] = True


def keep(scenario: Scenario) -> None:
    """The network in the address. Nothing for the one that the page opens with anyway, or one too long for a link."""
    text = _text(scenario.spec)
    if text is None or scenario.spec == start().spec:
        st.query_params.pop(PARAMETER, None)
    elif st.query_params.get(PARAMETER) != text:
        st.query_params[PARAMETER] = text


def link(scenario: Scenario) -> None:
    text = _text(scenario.spec)
    if text is None:
        st.caption("This network is too long for a link: keep it as the JSON file of the Export tab.")
        return
    with st.popover("Share link", icon=":material/link:", width="stretch"):
        messages.caption(f"Reopens exactly this network: {scenario.title}.")
        st.code(address(scenario), language=None, wrap_lines=True)


def address(scenario: Scenario) -> str:
    """The whole link; empty where the network is too long for one."""
    text = _text(scenario.spec)
    return f"{st.context.url or ''}?{urlencode({PARAMETER: text})}" if text else ""


@cached(256, "every page run writes the same link")
def _text(spec: Spec) -> str | None:
    try:
        return links.encode(spec)
    except ArchError:
        return None
