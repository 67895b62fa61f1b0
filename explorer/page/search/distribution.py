"""The scores of a search's networks as distributions beside random search, and the good values of its parameters."""

from __future__ import annotations

import numpy as np
import pandas
import streamlit as st

from explorer.data.metrics import percent
from explorer.figures.search import sweep as figures
from explorer.page.browser.memory import memory
from explorer.page.panels.tables import csv
from explorer.page.widgets import chart, messages
from explorer.search.analysis.distribution import Difference, difference
from explorer.search.analysis.sweep_table import (
    BOOTSTRAP,
    COSTS,
    LEAST,
    LEVEL,
    SHARE,
    GoodRange,
    SweepTable,
    good_ranges,
)
from explorer.search.runs.outcome import Outcome

KNOWN = "search distribution"
"""Memory: (the outcome, its difference, its ranges); resampling takes a tenth of a second."""


def show(outcome: Outcome) -> None:
    """Behind a fold, once random search has evaluated enough networks."""
    if min(len(outcome.random), len(outcome.found)) < LEAST:
        return
    with st.expander("Distributions and good values", icon=":material/stacked_line_chart:"):
        apart, ranges = _resampled(outcome)
        found, drawn = _scores(outcome)
        chart.show(
            figures.against_random(outcome.objective, found, drawn),
            "search distributions",
            "Distributions of the scores of the search and of random search",
        )
        messages.caption(
            f"Kolmogorov-Smirnov statistic: D = {apart.statistic:.2f} ({apart.low:.2f} to {apart.high:.2f}, 95 % of "
            f"resamples), p = {apart.p_value:.2g}. Both have only networks within the target."
        )
        chart.show(figures.good_ranges(ranges), "search ranges", "Range of the good values of each parameter")
        messages.caption(
            f"The best of a random {percent(SHARE)} of the networks of random search, drawn again and again: median "
            f"and {percent(LEVEL)} range of its values. A parameter whose range is the whole axis does not decide."
        )
        csv(pandas.DataFrame([one._asdict() for one in ranges]).drop(columns="positions"), "search ranges", "ranges")


def _scores(outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
    return np.array([one.score for one in outcome.found]), np.array([one.score for one in outcome.random])


def _resampled(outcome: Outcome) -> tuple[Difference, list[GoodRange]]:
    known = memory().get(KNOWN)
    if known is None or known[0] is not outcome:
        found, drawn = _scores(outcome)
        costs = pandas.DataFrame([{name: getattr(one, name) for name in COSTS} for one in outcome.random])
        genomes = tuple(one.genome for one in outcome.random)
        table = SweepTable(outcome.space, outcome.objective, genomes, costs, drawn)
        known = outcome, difference(found, drawn, BOOTSTRAP, 0), good_ranges(table, 0)
        memory()[KNOWN] = known
    return known[1], known[2]
