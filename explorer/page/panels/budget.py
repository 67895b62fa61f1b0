"""A latency budget: its target and least accuracy, the ranked candidates in the frontier and as a list to open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas
import streamlit as st

from archs import ArchError
from costmodel import CostError
from explorer.data import frontier as networks
from explorer.data.metrics import duration, interval
from explorer.editing.scenario import Scenario
from explorer.figures import tradeoff
from explorer.figures.search import budget as figures
from explorer.page.panels import versions
from explorer.page.panels.frontier import opened, own_point, table
from explorer.page.panels.tables import download, of_device
from explorer.page.state import session as state
from explorer.page.widgets import chart, form, messages
from explorer.page.widgets.form import Change, Part
from explorer.search import budget as search
from explorer.search.budget import PricedNetwork

HEADS = {search.PUBLISHED: "Published networks", search.ESTIMATED: "Variants of the open network"}
TARGET, LEAST = "target_ms", "least_pct"


def budget(scenario: Scenario) -> None:
    form.show("budget form", [form.grid("limits", _limits(scenario)), *state.problem_parts("budget")])
    profile, target = scenario.profile, scenario.target_ms
    if profile is None:
        st.info(
            "A budget needs a device: choose one above, or make a profile on the page Calibrate.",
            icon=":material/timer_off:",
        )
        return
    try:
        found = scenario.prediction
        assert found
        if target is None:
            needs = f"{scenario.title}: {duration(found.latency_ms)}, {interval(found)}."
            st.info(f"Type a target in milliseconds. {needs}", icon=":material/flag:")
            return
        with st.spinner("Pricing candidates …", show_time=False):
            options = search.options(scenario.spec, profile, target, scenario.least_pct or 0.0, scenario.folded)
    except (ArchError, CostError) as error:
        messages.error(str(error))
        return
    if not options:
        least = search.nearest(scenario.spec, profile, scenario.folded)
        known = (
            f"The fastest one needs {duration(least)} at the upper end of its interval."
            if least
            else "None is in the calibrated range of this device."
        )
        st.warning(
            f"No candidate is within these limits. {known}",
            icon=":material/block:",
        )
        return
    of_device(scenario)
    _draw(scenario, options, target)
    for tier, head in HEADS.items():
        _list(head, tier, [one for one in options if one.tier == tier], scenario)
    download(_table(options, scenario), scenario, "candidates")


def _limits(scenario: Scenario) -> list[Part]:
    refused = state.is_refused("budget")
    return [
        form.number(
            "target",
            "Target, ms",
            scenario.target_ms,
            partial(_limit, TARGET),
            error=refused,
            help="A network meets the target if the upper end of its 90 % interval does.",
        ),
        form.number(
            "least",
            "Least top-1, %",
            scenario.least_pct,
            partial(_limit, LEAST),
            error=refused,
            help="An estimate meets it if the lower end of its 90 % interval does.",
        ),
        versions.device(),
    ]


def _limit(name: str, change: Change) -> None:
    with state.guard("The budget"):
        scenario = state.scenario()
        wanted = {TARGET: scenario.target_ms, LEAST: scenario.least_pct} | {name: change.value}
        try:
            state.choose("budget", **search.limits(wanted[TARGET], wanted[LEAST]))
        except ArchError as error:
            state.put(scenario.refuse("budget", error))


def _draw(scenario: Scenario, options: Sequence[PricedNetwork], target: float) -> None:
    points = table(scenario.profile, scenario.folded)
    found = scenario.prediction
    open_network = own_point(scenario, found.latency_ms) if found else None
    line = networks.pareto(points, "latency_ms")
    plain = tradeoff.frontier(points, line, "latency_ms", open_network, families=networks.families())
    others = search.published(scenario.profile, scenario.folded) if scenario.profile else ()
    figure = figures.with_budget(plain, target, options, others)
    chart.show(figure, "budget", "Candidates for the budget", partial(opened, offered=options), scenario.file("budget"))
    chart.legend(tradeoff.legend(figure))
    st.caption("A click on a point opens its network. Dashed line: the budget.")


def _list(head: str, tier: str, options: Sequence[PricedNetwork], scenario: Scenario) -> None:
    target, least = scenario.target_ms or 0.0, scenario.least_pct or 0.0
    st.markdown(f"**{head}**")
    if not options:
        st.caption("None is within these limits.")
        return
    rows = [
        form.row(
            f"candidate {number}",
            [
                form.button(f"open {number}", f"Open {one.title}", "open_in_new", _opener(one)),
                form.note(
                    f"words {number}",
                    f"{figures.words(one)} · {search.verdict(one, target, least)}",
                ),
            ],
        )
        for number, one in enumerate(options)
    ]
    form.show(f"{tier} candidates", rows)


def _opener(one: PricedNetwork) -> Callable[[Change], None]:
    return lambda _: opened(one.title, [one])


def _table(options: Sequence[PricedNetwork], scenario: Scenario) -> pandas.DataFrame:
    return search.table(options, scenario.target_ms or 0.0, scenario.least_pct or 0.0)
