"""The settings of a search as a form, and the table of the open network whose cells are ticked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from archs import ArchError, Spec
from archs.caching import cached
from explorer.editing.cells import Column
from explorer.editing.scenario import Scenario
from explorer.page.panels import versions
from explorer.page.search import persistence
from explorer.page.state import session as state
from explorer.page.widgets import form, sheet
from explorer.page.widgets.form import Change, Part
from explorer.search import budget
from explorer.search.objectives import OBJECTIVES
from explorer.search.runs.baselines import title
from explorer.search.runs.settings import OPEN, SearchSettings
from explorer.search.spaces import SEARCHED, SPACES, offered, space
from explorer.search.strategies import STRATEGIES

CONTROL = "search"
"""The control that shows what is refused."""
STRATEGY_TITLES = {
    "random": "random search",
    "evolution": "regularised evolution",
    "surrogate": "ridge surrogate",
    "tpe": "TPE (Optuna)",
    "nsga2": "NSGA-II (Optuna)",
    "pareto": "NSGA-II on score and latency",
}
SCORE_TITLES = {
    "estimated": "estimated: ImageNet top-1",
    "nas_bench_macro": "published: NAS-Bench-Macro, CIFAR-10",
    "mult_adds": "proxy: more multiply-adds",
    "params": "proxy: more parameters",
}


def show(scenario: Scenario) -> None:
    """The form; for the open table, the cells to tick below it."""
    chosen = persistence.settings()
    parts = _parts(chosen)
    grids = [form.grid("what", [*shared_parts(scenario), *parts[:2]]), form.grid("how", parts[2:])]
    form.show("search form", [*grids, *state.problem_parts(CONTROL)])
    if chosen.space == OPEN:
        _ticks(scenario.spec, chosen)
    if size := _size(chosen, scenario.spec):
        st.caption(size)


@cached(16, "counting a space exactly takes up to tens of milliseconds, and every page run shows it")
def _size(chosen: SearchSettings, network: Spec) -> str:
    try:
        made = chosen.made_space(network)
    except ArchError:  # no cell is ticked yet
        return ""
    return f"{made.size:,} networks, each a change of {title(made.base)}. Source: {made.source}."


def shared_parts(scenario: Scenario) -> list[Part]:
    """Of every search: the target and the device."""
    return [
        form.number(
            "target",
            "Target, ms",
            scenario.target_ms,
            _target,
            error=state.is_refused(CONTROL),
            help="A network meets the target if the upper end of its 90 % interval does.",
        ),
        versions.device(),
    ]


def _parts(chosen: SearchSettings) -> list[Part]:
    refused = state.is_refused(CONTROL)
    return [
        form.choice("space", "Space", [*SPACES, OPEN], chosen.space, _setter("space"), space_title),
        form.choice(
            "strategy",
            "Strategy",
            STRATEGIES,
            chosen.strategy,
            _setter("strategy"),
            strategy_title,
        ),
        form.choice(
            "tier",
            "Score",
            OBJECTIVES,
            chosen.tier,
            _setter("tier"),
            lambda name: SCORE_TITLES.get(name, name),
            help="Whose number a score is: published, estimated, or a proxy. They are never ranked together.",
        ),
        form.number(
            "evaluations", "Evaluations", chosen.evaluations, _setter("evaluations"), step=50, error=refused, low=0
        ),
        form.number("seed", "Seed", chosen.seed, _setter("seed"), error=refused),
        form.number(
            "w",
            "w of a soft target",
            chosen.w,
            _setter("w"),
            step=0.01,
            error=refused,
            placeholder="hard target",
            help="Empty: a hard target. Else MnasNet's reward, score · (latency / target)ʷ: −0.07 gave "
            "MobileNetV3-Large, −0.15 MobileNetV3-Small.",
        ),
    ]


@cached(16, "making a space takes milliseconds, and every page run shows the titles")
def space_title(name: str) -> str:
    return "ticked cells of the open network" if name == OPEN else space(name).title


def strategy_title(name: str) -> str:
    return STRATEGY_TITLES.get(name, name)


def _setter(name: str) -> Callable[[Change], None]:
    return partial(_set, name)


def _set(name: str, change: Change) -> None:
    with state.guard("The search"):
        try:
            persistence.put(persistence.settings().with_(**{name: change.value}))
        except ArchError as error:
            state.put(state.scenario().refuse(CONTROL, error))
        else:
            state.choose(CONTROL)


def _target(change: Change) -> None:
    with state.guard("The search"):
        scenario = state.scenario()
        try:
            state.choose(CONTROL, **budget.limits(change.value, scenario.least_pct))
        except ArchError as error:
            state.put(scenario.refuse(CONTROL, error))


def _ticks(spec: Spec, chosen: SearchSettings) -> None:
    st.caption("Tick the cells that the search may change; the other cells stay as they are.")
    rows = [offered(spec, index) for index in range(len(spec.rows))]
    names = [name for name in SEARCHED if any(name in row for row in rows)]
    ticked = set(chosen.cells)
    lines: list[list[str | bool | None]] = [
        [(index, name) in ticked if name in row else None for name in names] for index, row in enumerate(rows)
    ]
    columns = tuple([Column(name, "switch") for name in names])
    sheet.show("search cells", f"Searched cells of {spec.name}", columns, lines, [], {}, _tick)


def _tick(content: list[Any]) -> None:
    with state.guard("The search"):
        match content:
            case [int(row), str(column), bool(on)]:
                spec, chosen = state.scenario().spec, persistence.settings()
                if 0 <= row < len(spec.rows) and column in offered(spec, row):
                    cells = set(chosen.cells) - {(row, column)} | ({(row, column)} if on else set())
                    persistence.put(chosen.with_(cells=sorted(cells)))
