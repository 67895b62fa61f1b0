"""The tiles: what the network costs, in seven words each, and how that relates to what the papers print."""

from __future__ import annotations

import re
from functools import lru_cache

import streamlit as st

from archs import Spec
from archs.catalogue import FAMILIES, citation
from archs.catalogue import published as is_published
from archs.published import Published, agrees, published
from costmodel import fragmentation
from explorer.metrics import METRICS, human, megabytes
from explorer.scenario import Scenario

ARXIV = re.compile(r"arXiv:\d{4}\.\d{5}")


def title(scenario: Scenario) -> None:
    graph = scenario.graph
    name, *_ = citation(scenario.spec)
    edited = scenario.spec.name in FAMILIES and not is_published(scenario.spec)
    st.title(f"{name}{', edited' if edited else ''}", anchor=False)
    folded = " · batch norm folded" if scenario.folded else ""
    st.caption(f"input {graph.input} · output {graph.output} · {len(graph.nodes)} operators{folded} · one image")


def tiles(scenario: Scenario) -> None:
    counts = scenario.counts
    total, size = counts.total, counts.convention.bytes_per_element
    rows = printed(scenario.spec)
    pieces = fragmentation(scenario.graph)
    worst = pieces.worst
    with st.container(key="tiles"):
        _tile(
            "mult_adds",
            human(total.mult_adds),
            _beside([row.mult_adds_m for row in rows]),
            f"Here: {total.mult_adds:,}.\n\n{_comparison(rows, 'mult_adds_m', total.mult_adds)}",
            title="Mult-adds (the papers' FLOPs)",
        )
        _tile(
            "params",
            human(total.params),
            _beside([row.params_m for row in rows]),
            f"Here: {total.params:,}.\n\n{_comparison(rows, 'params_m', total.params)}",
        )
        _tile(
            "mem_access",
            human(total.mem_access),
            f"elements · {megabytes(counts.mem_bytes)}",
            f"Here: {total.mem_access:,} elements, {megabytes(counts.mem_bytes)} in float32; paper form "
            f"{total.mem_access_paper:,} elements.",
            title="MAC (memory access cost)",
        )
        _tile(
            "peak_activation",
            megabytes(counts.peak_activation * size),
            f"{human(counts.peak_activation)} elements",
            f"Here: {counts.peak_activation:,} elements of {size} bytes.",
            title="Peak activation memory",
        )
        _tile(
            "kernels",
            f"{total.kernels:,}",
            f"of {len(scenario.graph.nodes):,} operators",
            "Published: no paper counts them.",
        )
        _tile(
            "fragments",
            f"{pieces.mean:.1f} per block",
            f"most {worst.fragments} · {worst.block}" if worst else "no convolution or pooling",
            "Published: the paper names it for single blocks only.",
        )


def _tile(metric: str, value: str, beside: str, here: str, title: str = "") -> None:
    shown = METRICS[metric]
    st.metric(
        title or shown.title,
        value,
        delta=beside,
        delta_color="off",
        delta_arrow="off",
        help=f"{shown.help}\n\n{here}",
        border=True,
    )


@lru_cache(256)
def printed(spec: Spec) -> tuple[Published, ...]:
    """What the literature prints for exactly this network, its own paper first; nothing for an edited one."""
    if not is_published(spec):
        return ()
    rows = [row for row in published() if row.name == spec.name and row.resolution == spec.resolution]
    own_paper = ARXIV.search(FAMILIES[spec.name].source)
    rows = [row for row in rows if row.spec() == spec]
    return tuple(sorted(rows, key=lambda row: own_paper is None or own_paper.group() not in row.source))


def _beside(figures: list[str]) -> str:
    first = next((figure for figure in figures if figure), None)
    return f"printed: {first} M" if first else "not printed for these knobs"


def _comparison(rows: tuple[Published, ...], field: str, count: int) -> str:
    """One line per different printed figure: whether it is ours rounded, else why not."""
    lines: dict[str, str] = {}
    for row in rows:
        if (figure := getattr(row, field)) and figure not in lines:
            why = "ours, rounded" if agrees(figure, count) else row.explained
            lines[figure] = f"* {figure} M, {row.source}: {why}"
    return "\n".join(["Published:", "", *list(lines.values())[:4]]) if lines else "Published: nothing for these knobs."
