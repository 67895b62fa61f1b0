"""The simple answers, fitted on the same timings as the profile, to stand beside it: what does the work buy?

FLOPs only, FLOPs + MAC, a roofline, and the sum of kernels timed alone (the usual look-up table).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from archs.ir.graph import INPUT, Builder, Graph
from archs.ir.ops import ChannelSplit, GlobalAvgPool, Op, Shape
from costmodel.counting.counts import count
from costmodel.latency.profile import Regime
from costmodel.timing.instrumented import InPlace
from costmodel.timing.stopwatch import Stopwatch, fastest
from costmodel.timing.timing_records import Record

Baseline = Callable[[Graph], float]
"""Graph → microseconds."""
BYTES = 4
ALONE_RUNS = 16


def counted(records: Sequence[Record], regime: Regime) -> dict[str, Baseline]:
    """The baselines that need counts only, each fitted to the records' networks by least squares on relative errors."""
    graphs = [regime.graph(record.spec) for record in records]
    time_us = np.array([record.network_us for record in records])

    def linear(terms: Callable[[Graph], list[float]]) -> Baseline:
        matrix = np.array([terms(graph) for graph in graphs])
        scale = matrix.max(axis=0)
        weights = np.linalg.lstsq(matrix / scale / time_us[:, None], np.ones(len(time_us)), rcond=None)[0] / scale
        return lambda graph: float(np.dot(terms(graph), weights))

    def total(graph: Graph):
        return count(graph).total

    roof = _balance(graphs, time_us)
    return {
        "FLOPs": linear(lambda graph: [total(graph).mult_adds]),
        "FLOPs + MAC": linear(lambda graph: [1.0, total(graph).mult_adds, total(graph).mem_access]),
        "roofline": linear(lambda graph: [_roofline(graph, roof)]),
    }


def _roofline(graph: Graph, balance: float) -> float:
    """Σ max(multiply-adds, balance · bytes): time in units of one multiply-add (Williams et al. 2009)."""
    return float(sum(max(c.mult_adds, balance * BYTES * c.mem_access) for c in count(graph).nodes))


def _balance(graphs: Sequence[Graph], time_us: np.ndarray) -> float:
    """The machine balance, multiply-adds per byte, that fits best."""
    best = (float("inf"), 1.0)
    for balance in np.geomspace(0.1, 100, 25):
        units = np.array([_roofline(graph, balance) for graph in graphs])
        ratio = units / time_us
        scale = ratio.sum() / (ratio * ratio).sum()
        best = min(best, (float(np.mean((scale * ratio - 1) ** 2)), float(balance)))
    return best[1]


def alone(graphs: Sequence[Graph], watch: Stopwatch, batch: int = 1) -> Baseline:
    """The sum of a look-up table: every distinct operator timed alone in a hot loop, as most tables are made."""
    table: dict[tuple[Op, tuple[Shape, ...]], float] = {}
    for graph in graphs:
        for node in graph.nodes:
            key = (node.op, graph.input_shapes(node))
            if key not in table:
                table[key] = _alone(*key, watch, batch)
    return lambda graph: sum(table[node.op, graph.input_shapes(node)] for node in graph.nodes)


def _alone(op: Op, inputs: tuple[Shape, ...], watch: Stopwatch, batch: int) -> float:
    """Microseconds of one operator; several inputs are parts of one image."""
    channels = tuple([shape[0] for shape in inputs])
    if len(inputs) == 1:
        b = Builder("alone", inputs[0])
        sources = [INPUT]
    elif inputs[1:] and any(shape[1:] != inputs[0][1:] for shape in inputs):
        b = Builder("alone", inputs[0])  # a gate of C×1×1: the pooled image
        sources = [INPUT, b.add("gate", GlobalAvgPool(), INPUT)]
    else:
        b = Builder("alone", Shape(sum(channels), *inputs[0][1:]))
        sources = [b.add(f"part{i}", ChannelSplit(channels, i), INPUT) for i in range(len(channels))]
    b.add("op", op, *sources)
    placed = InPlace(b.graph(), watch, batch)
    placed.nodes_us()
    return fastest([placed.nodes_us()[-1] for _ in range(ALONE_RUNS)])
