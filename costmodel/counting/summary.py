"""A network as a text tree with a row per stage, block and operator and a column per cost. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archs.ir.graph import Graph
from archs.networks import Text
from costmodel.errors import CostError

MAX_DEPTH = 16


def summary_text(graph: Graph, values: Mapping[str, Sequence[float]], depth: int) -> Text:
    """The tree down to `depth` levels of path; `values`: column → a number per node, summed over each branch.

    Raises CostError for a depth outside 1 to 16.
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= MAX_DEPTH:
        raise CostError(f"depth is {depth!r}; allowed: a whole number from 1 to {MAX_DEPTH}")
    sums: dict[tuple[str, ...], list[float]] = {}
    outputs: dict[tuple[str, ...], str] = {}
    for position, node in enumerate(graph.nodes):
        parts = tuple(node.path.split("/"))
        for level in range(min(depth, len(parts)) + 1):
            branch = sums.setdefault(parts[:level], [0] * len(values))
            outputs[parts[:level]] = str(node.output)
            for column, amounts in enumerate(values.values()):
                branch[column] += amounts[position]
    order = _depth_first(list(sums))
    rows = [(_label(path, order, graph.name), outputs[path], *map(_number, sums[path])) for path in order]
    head = ("Layer", "Output", *values)
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [
        "  ".join(f"{cell:{'<' if i < 2 else '>'}{widths[i]}}" for i, cell in enumerate(row)) for row in [head, *rows]
    ]
    rule = "─" * len(lines[0])
    return Text("\n".join([rule, lines[0], rule, *(line.rstrip() for line in lines[1:]), rule]))


def _depth_first(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The paths with each branch in one piece, in the order of first appearance."""
    children: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for path in paths:
        if path:
            children.setdefault(path[:-1], []).append(path)
    found: list[tuple[str, ...]] = []
    waiting: list[tuple[str, ...]] = [()] if paths else []
    while waiting:
        path = waiting.pop()
        found.append(path)
        waiting += reversed(children.get(path, []))
    return found


def _label(path: tuple[str, ...], order: list[tuple[str, ...]], name: str) -> str:
    if not path:
        return name
    bars = ""
    for level in range(1, len(path) + 1):
        last = [other for other in order if len(other) == level and other[:-1] == path[: level - 1]][-1]
        is_last = last == path[:level]
        if level == len(path):
            bars += "└─" if is_last else "├─"
        else:
            bars += "  " if is_last else "│ "
    return bars + path[-1]


def _number(value: float) -> str:
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"
