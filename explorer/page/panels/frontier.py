"""Among the published networks: accuracy against a cost, with the edited one where it is estimated to be."""

from __future__ import annotations

from collections.abc import Sequence

import pandas
import plotly.graph_objects as go
import streamlit as st

from archs import ArchError, Graph
from archs.caching import cached
from costmodel import CostError, predict
from explorer.data import accuracy, sources
from explorer.data import frontier as networks
from explorer.data import profiles as devices
from explorer.data.accuracy import Estimate
from explorer.data.metrics import METRICS, percent
from explorer.editing.scenario import Scenario
from explorer.figures import tradeoff
from explorer.figures.search import budget as budget_line
from explorer.figures.tradeoff import Point
from explorer.page.panels import published_latency
from explorer.page.panels.tables import download, of_device
from explorer.page.state import session as state
from explorer.page.widgets import chart, form, messages
from explorer.page.widgets.form import Change
from explorer.search import budget as candidates
from explorer.search.budget import PricedNetwork

COSTS = ("mult_adds", "params", "mem_access", "latency_ms")
PUBLISHED = "published"  # latencies, each on the device of its source


def frontier(scenario: Scenario) -> None:
    try:
        found = scenario.prediction
    except CostError as error:
        messages.caption(str(error))
        found = None
    points = table(scenario.profile if found else None, scenario.folded)
    offered = [cost for cost in COSTS if cost in points]
    cost = st.segmented_control(
        "Accuracy against",
        [*offered, PUBLISHED],
        default="mult_adds",
        required=True,
        key="frontier cost",
        format_func=lambda cost: "published latency" if cost == PUBLISHED else METRICS[cost].title,
    )
    points = _chosen(points)
    if cost == PUBLISHED:
        published_latency.show(points, scenario)
        return
    cost = cost or "mult_adds"
    estimate = accuracy.estimate(scenario.spec, scenario.measured_pct)
    total = scenario.counts.total
    costs = {"mult_adds": total.mult_adds, "params": total.params, "mem_access": total.mem_access}
    x = found.latency_ms if found and cost == "latency_ms" else costs[cost]
    if cost == "latency_ms":
        of_device(scenario)
    line = networks.pareto(points, cost)
    figure = tradeoff.frontier(points, line, cost, own_point(scenario, x), families=networks.families())
    if scenario.target_ms and scenario.profile and cost == "latency_ms":
        others = candidates.published(scenario.profile, scenario.folded)
        figure = budget_line.with_budget(figure, scenario.target_ms, others=others)
    _draw(figure, f"Top-1 accuracy against {METRICS[cost].title}", scenario.file("frontier"))
    _accuracy(scenario, estimate, networks.published_top1(scenario.spec))
    st.caption(
        f"{points[cost].notna().sum()} published accuracies with this cost. Recipes differ by more than networks do, "
        "so compare within a recipe. Line: Pareto frontier. Networks of the catalogue are counted here, the others as "
        "printed. ☆: estimate. A click on a point opens a network of the catalogue."
    )
    download(points, scenario, "published networks")


def own_point(scenario: Scenario, cost: float) -> Point | None:
    """The open network: measured by the user, else published, else estimated; None for one without an estimate."""
    estimate = accuracy.estimate(scenario.spec, scenario.measured_pct)
    printed = networks.published_top1(scenario.spec)
    if printed and not (estimate and estimate.measured):
        return Point(scenario.title, cost, printed.top1_pct, printed.top1_pct, printed.top1_pct, "published")
    if estimate is None:
        return None
    tier = "measured by you" if estimate.measured else "estimated"
    return Point(scenario.title, cost, estimate.top1_pct, estimate.low_pct, estimate.high_pct, tier)


def _draw(figure: go.Figure, alt: str, file: str) -> None:
    chart.show(figure, "frontier", alt, opened, file)
    chart.legend(tradeoff.legend(figure))


def opened(title: str, offered: Sequence[PricedNetwork] = ()) -> None:
    """Opens the candidate or the published network of a title; other networks of the chart have no table here."""
    with state.guard("The network"):
        known = networks.catalogue_variants() | {one.title: one.spec for one in offered}
        spec = known.get(title)
        if spec is not None:
            state.choose("network", spec=spec, label=title)


def _accuracy(scenario: Scenario, estimate: Estimate | None, printed: networks.PublishedTop1 | None) -> None:
    """The accuracy of the open network, its source, and the held-out errors of an estimate."""
    left, right = st.columns([3, 1], vertical_alignment="top")
    with right:
        own = form.number(
            "measured",
            "Your own measured top-1, %",
            scenario.measured_pct,
            _measured,
            step=0.1,
            error=state.is_refused("measured"),
            help="Replaces the estimate.",
        )
        form.show("measured form", [own, *state.problem_parts("measured")])
    with left:
        if printed and not (estimate and estimate.measured):
            source = sources.title(printed.source)
            st.markdown(f"**Published {printed.top1_pct:.1f} % top-1**: {source}, recipe “{printed.recipe}”.")
            return
        if estimate is None:
            st.markdown(f"**No estimate**: {accuracy.not_estimated(scenario.spec)}.")
            return
        if estimate.measured:
            st.markdown(f"**{estimate.top1_pct:.1f} % top-1**, measured by you.")
            return
        beyond = "; its size is beyond all published ones" if estimate.extrapolated else ""
        like = f"with the recipe “{estimate.recipe}”" if estimate.recipe else "with no family's recipe in particular"
        st.markdown(
            f"**Estimated {estimate.top1_pct:.1f} % top-1**, 90 % between {estimate.low_pct:.1f} and "
            f"{estimate.high_pct:.1f} %, {like}. {percent(estimate.changed)} of its multiply-adds are in blocks that "
            f"are not in the published network{beyond}."
            + (f" No published ablation covers its {', '.join(estimate.outside)}." if estimate.outside else "")
        )
        one, family = accuracy.errors("network"), accuracy.errors("family")
        st.caption(
            f"{accuracy.METHOD} On {one.networks} networks, each left out in turn: mean error {one.mean:.2f} points, "
            f"worst {one.worst:.1f}; each family left out: mean {family.mean:.2f}, worst {family.worst:.1f}. "
            "The network is not trained."
        )


def _measured(change: Change) -> None:
    with state.guard("The accuracy"):
        scenario = state.scenario()
        try:
            state.choose("measured", history=scenario.history.measure(change.value))
        except ArchError as error:
            state.put(scenario.refuse("measured", error))


def _chosen(points: pandas.DataFrame) -> pandas.DataFrame:
    with st.popover("Filter", icon=":material/filter_alt:"):
        families = st.multiselect(
            "Families", sorted(points["family"].unique()), key="families", persist_state="session", placeholder="all"
        )
        recipes = st.multiselect(
            "Recipes", sorted(points["recipe"].unique()), key="recipes", persist_state="session", placeholder="all"
        )
        first, last = int(points["year"].min()), int(points["year"].max())
        years = st.slider("Years", first, last, (first, last), key="years", persist_state="session")
    return networks.choose(points, families or None, recipes or None, years)


@cached(8, "pricing the published networks takes seconds")
def table(profile: str | None, folded: bool = False) -> pandas.DataFrame:
    """The published networks, with milliseconds on a profile, folded or not; not to be changed."""
    if profile is None:
        return networks.table()
    loaded = devices.load(profile)

    def latency_ms(graph: Graph) -> float:
        try:
            return predict(devices.folded_for(graph, loaded, folded), loaded).latency_ms
        except CostError:  # the profile has no price for one of its operators
            return float("nan")

    return networks.table(latency_ms)
