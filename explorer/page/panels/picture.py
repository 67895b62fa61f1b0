"""The network as a picture, the block that is open, and where the costs go."""

from __future__ import annotations

from collections.abc import Callable

import pandas
import streamlit as st

from explorer.data import costs
from explorer.data.metrics import IN_THE_PICTURE, METRICS
from explorer.editing.scenario import Scenario
from explorer.figures import charts as figures
from explorer.figures import diagram
from explorer.page.panels import versions
from explorer.page.panels.tables import download, short
from explorer.page.state import session as state
from explorer.page.widgets import form, live, words
from explorer.page.widgets.form import Change


def network(scenario: Scenario) -> None:
    """The blocks from left to right; a click opens one, and so does the list."""
    blocks = scenario.blocks
    offered = [metric for metric in IN_THE_PICTURE if metric in blocks]
    metric = scenario.metric if scenario.metric in offered else "mult_adds"
    form.show(
        "picture form",
        [
            form.grid(
                "of the picture",
                [
                    form.choice("metric", "Colour by", offered, metric, _colour, lambda metric: METRICS[metric].title),
                    form.choice(
                        "block",
                        "Open a block, here or by a click in the picture",
                        [None, *blocks["block"]],
                        scenario.block,
                        lambda change: _pressed(change.value),
                        lambda path: path or "none",
                    ),
                ],
            ),
            *([versions.undo("undo beside the picture")] if scenario.history.can_undo else []),
        ],
    )
    edited = scenario.touched
    live.show(
        diagram.network(blocks, metric, scenario.block, edited),
        "picture",
        f"The blocks of {scenario.spec.name} from left to right, coloured by {METRICS[metric].title}",
        _pressed,
        caption="Height: output resolution, width: output channels, both on a square-root scale. "
        "The strip below a block is its colour in the bars."
        + (f" ● and a thick line: other than in {scenario.compared.title}." if edited else ""),
    )


def open_block(scenario: Scenario, choices: Callable[[Scenario], None]) -> None:
    """The open block: its choices, its operators drawn on the left, their costs on the right."""
    if scenario.block is None:
        return
    inside = scenario.layers_of(scenario.block)
    with st.container(border=True, key="open_block"):
        words.heading(scenario.block)
        choices(scenario)
        left, right = st.columns([9, 11])
        with left:
            live.show(
                diagram.block(scenario.graph, scenario.block),
                "block_graph",
                f"The operators of {scenario.block} as a graph",
            )
        with right:
            names = {"name": [path.removeprefix(f"{scenario.block}/") for path in inside["path"]]}
            timed = ["latency_ms"] if "latency_ms" in inside else []
            short(names | inside, ["name", "operator", *timed, "mult_adds", "params", "mem_access"])
            download(inside, scenario, f"block {scenario.block}".replace("/", " "), key="block")


def where(scenario: Scenario) -> None:
    """Where the multiply-adds, the parameters, the memory traffic and the element-wise work go."""
    blocks = scenario.blocks
    by_block = figures.where_by_block(blocks, scenario.block)
    live.show(by_block, "where", "Each block's share of the costs", _pressed, "Where it goes, by block")
    shown = kinds(scenario)
    by_kind = figures.where_by_kind(shown)
    live.show(
        by_kind,
        "where_kind",
        "Each kind of operator's share of the costs",
        heading="Where it goes, by kind of operator",
    )
    words.kinds(shown["kind"])


def kinds(scenario: Scenario) -> pandas.DataFrame:
    """One row per kind of operator, with `latency_ms` where there is a profile; without those that cost nothing."""
    return costs.timed_kinds(scenario.counts, scenario.nodes_ms)


def _pressed(path: str | None) -> None:
    with state.guard("The block"):
        state.choose("block", block=path)  # one that is none of the network's is none


def _colour(change: Change) -> None:
    with state.guard("The colour"):
        state.choose("metric", metric=change.value)
