"""Candidate rows: which rows of a table could start at a place of a graph, read off the operators that follow.

Each kind has a reader that gives columns; `archs.tables.lift` builds the row and compares it with the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from archs.errors import ArchError
from archs.ir.graph import INPUT, Graph, Node
from archs.ir.ops import (
    ACTIVATIONS,
    Add,
    AvgPool,
    BatchNorm,
    ChannelShuffle,
    ChannelSplit,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Multiply,
    Op,
)
from archs.tables import rows

WORDS: dict[Op, str] = {op: word for word, op in ACTIVATIONS.items()}
USUAL_RATIO = 0.25
"""The squeeze ratio of most networks, tried before the ratio that the widths give."""


class _ConvUnit(NamedTuple):
    """A convolution with the norm and the activation behind it."""

    op: Conv2d
    depthwise: bool
    norm: bool
    act: str
    end: str


def candidates(graph: Graph, at: str) -> Iterator[rows.AnyRow]:
    """The rows whose first block may begin at a node; `lift` builds them and compares."""
    for read in (_shuffle_v2, _shuffle_v1, _inverted, _bottleneck, _separable, _conv, _others):
        for kind, fields in read(graph, at):
            try:
                yield kind(stage="x", **fields)
            except ArchError:  # a number that the table does not allow: an even kernel, a stride of two numbers
                continue


Fields = Iterator[tuple[type[rows.AnyRow], dict[str, Any]]]


def _read(graph: Graph, node: Node) -> _ConvUnit | None:
    if type(node.op) is not Conv2d:
        return None
    end, norm, act = node.path, False, "none"
    for wanted in (BatchNorm, None):
        readers = graph.consumers[end]
        if len(readers) != 1:
            break
        op = readers[0].op
        if wanted and isinstance(op, wanted):
            end, norm = readers[0].path, True
        elif wanted is None and op in WORDS and not _gates(graph, readers[0]):
            end, act = readers[0].path, WORDS[op]
    return _ConvUnit(node.op, node.op.depthwise(graph.input_shapes(node)[0]), norm, act, end)


def _gates(graph: Graph, node: Node) -> bool:
    return all(isinstance(reader.op, Multiply) for reader in graph.consumers[node.path])


def _convs(graph: Graph, at: str) -> list[_ConvUnit]:
    return [conv for node in graph.consumers[at] if (conv := _read(graph, node))]


def _number(pair: Any) -> Any:
    return pair[0] if pair[0] == pair[1] else pair


def _squeezed(graph: Graph, at: str) -> tuple[int, str, str]:
    """Of a squeeze-and-excite behind `at`: its inner width, the word of its gate, and its end; width 0 for none."""
    product = next((n for n in graph.consumers[at] if isinstance(n.op, Multiply)), None)
    pool = next((n for n in graph.consumers[at] if isinstance(n.op, GlobalAvgPool)), None)
    if product is None or pool is None:
        return 0, "", at
    gate = next((path for path in product.inputs if path != at), at)
    convs = _convs(graph, pool.path)
    if not convs or gate == INPUT or graph[gate].op not in WORDS:
        return 0, "", at
    return convs[0].op.channels, WORDS[graph[gate].op], product.path


def _ratios(squeezed: int, of: int) -> list[float]:
    return [USUAL_RATIO, min(1.0, squeezed / of), min(1.0, squeezed / of + 1e-9)] if squeezed else [0.0]


def _inverted(graph: Graph, at: str) -> Fields:
    inputs = graph.shapes[at][0]
    for first in _convs(graph, at):
        expands = not first.depthwise
        for middle in _convs(graph, first.end) if expands else [first]:
            if not middle.depthwise or (expands and first.op.kernel != (1, 1)):
                continue
            squeezed, gate, end = _squeezed(graph, middle.end)
            for last in _convs(graph, end):
                if not expands and last.act != "none" and not squeezed:
                    continue  # MobileNetV1's
                fields: dict[str, Any] = {
                    "channels": last.op.channels,
                    "kernel": _number(middle.op.kernel),
                    "stride": _number(middle.op.stride),
                    "activation": first.act,
                    "dw_activation": None if middle.act == first.act else middle.act,
                    "out_activation": last.act,
                    "norm": middle.norm,
                }
                width = middle.op.channels
                wide = {"expansion": float(width // inputs)} if width % inputs == 0 else {"expanded": width}
                for of in ("expanded", "input") if squeezed else ("expanded",):
                    for se in _ratios(squeezed, width if of == "expanded" else inputs):
                        for shortcut in (True, False):
                            more = {"se": se, "se_of": of, "gate": gate} if squeezed else {}
                            yield rows.InvertedResidual, {**fields, **wide, **more, "shortcut": shortcut}


def _bottleneck(graph: Graph, at: str) -> Fields:
    for first in _convs(graph, at):
        for middle in _convs(graph, first.end):
            for last in _convs(graph, middle.end):
                squeezed, *_ = _squeezed(graph, last.end)
                for se in _ratios(squeezed, last.op.channels):
                    for shortcut in (True, False):
                        yield (
                            rows.Bottleneck,
                            {
                                "channels": last.op.channels,
                                "inner": first.op.channels,
                                "kernel": _number(middle.op.kernel),
                                "stride": max(first.op.stride[0], middle.op.stride[0]),
                                "groups": middle.op.groups,
                                "stride_first": first.op.stride[0] > 1,
                                "norm": first.norm,
                                "relu": first.act != "none",
                                "activation": first.act if first.act != "none" else "relu",
                                "shortcut": shortcut,
                                "se": se,
                            },
                        )


def _separable(graph: Graph, at: str) -> Fields:
    for first in _convs(graph, at):
        for last in _convs(graph, first.end) if first.depthwise else ():
            yield (
                rows.Separable,
                {
                    "channels": last.op.channels,
                    "kernel": _number(first.op.kernel),
                    "stride": _number(first.op.stride),
                    "activation": last.act,
                    "dw_activation": None if first.act == last.act else first.act,
                    "norm": first.norm,
                },
            )


def _conv(graph: Graph, at: str) -> Fields:
    for conv in _convs(graph, at):
        yield (
            rows.Conv,
            {
                "channels": conv.op.channels,
                "kernel": _number(conv.op.kernel),
                "stride": _number(conv.op.stride),
                "groups": conv.op.groups,
                "norm": conv.norm,
                "activation": conv.act,
            },
        )


def _shuffle_v1(graph: Graph, at: str) -> Fields:
    for first in _convs(graph, at):
        shuffle = next((n for n in graph.consumers[first.end] if isinstance(n.op, ChannelShuffle)), None)
        for middle in _convs(graph, shuffle.path if shuffle else first.end):
            for last in _convs(graph, middle.end):
                merge = next((n for n in graph.consumers[last.end] if isinstance(n.op, (Add, Concat))), None)
                if merge is None or not middle.depthwise:
                    continue
                channels = merge.output[0]
                yield (
                    rows.ShuffleV1,
                    {
                        "channels": channels,
                        "kernel": _number(middle.op.kernel),
                        "stride": _number(middle.op.stride),
                        "groups": last.op.groups,
                        "bottleneck": first.op.channels / channels,
                        "group_first": first.op.groups > 1 or last.op.groups == 1,
                        "shuffle": shuffle is not None,
                        "activation": first.act,
                        "dw_activation": middle.act,
                        "norm": first.norm,
                    },
                )


def _shuffle_v2(graph: Graph, at: str) -> Fields:
    readers = graph.consumers[at]
    opens = len(readers) == 1 and isinstance(readers[0].op, ChannelShuffle)
    start = readers[0].path if opens else at
    parts = [n for n in graph.consumers[start] if isinstance(n.op, ChannelSplit) and n.op.part == 1]
    inputs = graph.shapes[at][0]
    for first in _convs(graph, parts[0].path if parts else start):
        for middle in _convs(graph, first.end):
            for last in _convs(graph, middle.end):
                concat = next((n for n in graph.consumers[last.end] if isinstance(n.op, Concat)), None)
                if concat is None or not middle.depthwise:
                    continue
                closes = [n for n in graph.consumers[concat.path] if isinstance(n.op, ChannelShuffle)]
                for downsample in ("keep",) if parts else ("half", "keep"):
                    for shuffled in [True, False] if closes else [opens]:
                        yield (
                            rows.ShuffleV2,
                            {
                                "channels": concat.output[0],
                                "kernel": _number(middle.op.kernel),
                                "stride": _number(middle.op.stride),
                                "split": parts[0].op.sizes[0] / inputs if parts else 0.5,  # type: ignore[attr-defined]
                                "downsample": downsample,
                                "shuffle": shuffled,
                                "shuffle_at": "start" if opens else "end",
                                "activation": first.act,
                                "dw_activation": middle.act,
                                "norm": first.norm,
                            },
                        )


def _others(graph: Graph, at: str) -> Fields:
    path, dropout = at, 0.0
    for node in graph.consumers[at]:
        if isinstance(node.op, (MaxPool, AvgPool)):
            mode = "max" if isinstance(node.op, MaxPool) else "average"
            yield rows.Pool, {"mode": mode, "kernel": _number(node.op.kernel), "stride": _number(node.op.stride)}
        if isinstance(node.op, GlobalAvgPool):
            yield rows.GlobalPool, {"flat": node.op.flat}
    while len(readers := graph.consumers[path]) == 1 and isinstance(readers[0].op, (Flatten, Dropout)):
        path = readers[0].path
        dropout = readers[0].op.p if isinstance(readers[0].op, Dropout) else dropout
    for node in graph.consumers[path]:
        if isinstance(node.op, Linear):
            behind = graph.consumers[node.path]
            act = WORDS.get(behind[0].op, "none") if len(behind) == 1 else "none"
            for activation in dict.fromkeys((act, "none")):
                fields = {"channels": node.op.features, "dropout": dropout, "activation": activation}
                yield rows.Linear, fields
