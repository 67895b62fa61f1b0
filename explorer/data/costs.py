"""Counts as tidy DataFrames: one row per block, per layer, per stage, per kind of operator, in execution order."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress
from typing import TYPE_CHECKING, Any

from archs import Graph, Node
from costmodel import Counts, NetworkCounts
from costmodel.counting.fragmentation import Fragmentation, fragmentation
from costmodel.counting.kinds import KINDS, kind_of

if TYPE_CHECKING:
    import pandas

WORK = ["batch_norm", "nonlinearity", "add", "multiply", "pooling", "copy"]
"""The columns of element-wise work."""


def kind_title(kind: str) -> str:
    """A kind of block in words.

    >>> kind_title("inverted_residual_se")
    'inverted residual, squeeze-and-excitation'
    """
    name = kind.removesuffix("_se")
    return name.replace("_", " ") + (", squeeze-and-excitation" if name != kind else "")


def layers(counts: NetworkCounts) -> pandas.DataFrame:
    """One row per node: `counts.table()` with the kind of operator and the element-wise work in one column."""
    import pandas

    return pandas.DataFrame(layer_columns(counts))


def layer_columns(counts: NetworkCounts, block: str | None = None) -> dict[str, list[Any]]:
    """Column → its values, of `layers`; of one block's nodes or of all."""
    table = _worked(counts, "node", block)
    graph = counts.graph
    nodes = [graph[path] for path in table["path"]]
    kinds = [kind_of(node.op, graph.shapes[node.inputs[0]]) for node in nodes]
    return _after("operator", {"kind": kinds}, table)


def blocks(counts: NetworkCounts, pieces: Fragmentation | None = None) -> pandas.DataFrame:
    """One row per block: its counts, its place, its output's channels and resolution, its fragmentation."""
    import pandas

    pieces = pieces or fragmentation(counts.graph)
    table = _worked(counts, "block")
    paths = table["block"]
    outputs = {node.block: node.output for node in counts.graph.nodes}
    kinds = _block_kinds(counts.graph)
    place = {
        "stage": [block.partition("/")[0] for block in paths],
        "kind": [kinds[block] for block in paths],
    }
    shapes = [outputs[block] for block in paths]
    table["channels"] = [shape.channels for shape in shapes]
    table["resolution"] = [shape.height if len(shape) == 3 else 1 for shape in shapes]
    table["map_width"] = [shape.width if len(shape) == 3 else 1 for shape in shapes]
    fragments = {f.block: f for f in pieces.blocks}
    for column in ("fragments", "branches", "depth"):
        table[column] = [getattr(fragments.get(block), column, 0) for block in paths]
    return pandas.DataFrame(_after("block", place, table))


def _block_kinds(graph: Graph) -> dict[str, str]:
    """Each block's kind in words; of one without a kind, as in a file of ONNX, the kinds of its operators."""
    named = {block: kind_title(kind) for block, kind in graph.kinds}
    others: dict[str, dict[str, None]] = {}
    for node in graph.nodes:
        if node.block not in named:
            others.setdefault(node.block, {})[kind_of(node.op, graph.shapes[node.inputs[0]])] = None
    return named | {block: ", ".join(found) for block, found in others.items()}


def stages(counts: NetworkCounts) -> pandas.DataFrame:
    """One row per stage."""
    import pandas

    return pandas.DataFrame(_worked(counts, "stage"))


def _worked(counts: NetworkCounts, level: str, block: str | None = None) -> dict[str, list[Any]]:
    """The columns of the counts, with all element-wise work in one."""
    table = counts.columns(level, block)
    table["elementwise"] = [sum(work) for work in zip(*[table[column] for column in WORK])]
    return table


def _after(column: str, more: dict[str, list[Any]], table: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The columns with more of them behind one."""
    names = list(table)
    at = names.index(column) + 1
    names[at:at] = more
    return {name: (table | more)[name] for name in names}


def kinds(counts: NetworkCounts) -> pandas.DataFrame:
    """One row per kind of operator that the network has, in the order of KINDS."""
    import pandas

    return pandas.DataFrame(_kind_columns(counts))


def _kind_columns(counts: NetworkCounts) -> dict[str, list[Any]]:
    shapes = counts.graph.shapes
    found: dict[str, list[Counts]] = {}
    for node, row in zip(counts.graph.nodes, counts.nodes):
        found.setdefault(kind_of(node.op, shapes[node.inputs[0]]), []).append(row)
    sums = {kind: Counts(*map(sum, zip(*found[kind]))) for kind in KINDS if kind in found}
    columns = (*WORK, "mult_adds", "params", "mem_access", "kernels", "elementwise")
    return {"kind": list(sums), **{name: [getattr(row, name) for row in sums.values()] for name in columns}}


def timed_kinds(counts: NetworkCounts, nodes_ms: Mapping[str, float] | None) -> pandas.DataFrame:
    """`kinds` with `latency_ms` where there are milliseconds by node path; without kinds that cost nothing."""
    import pandas

    table = _kind_columns(counts)
    graph = counts.graph
    costing = ["mult_adds", "params", "mem_access", "elementwise"]
    if nodes_ms:
        spent = dict.fromkeys(table["kind"], 0.0)
        for node in graph.nodes:
            spent[kind_of(node.op, graph.shapes[node.inputs[0]])] += nodes_ms.get(node.path, 0.0)
        table["latency_ms"] = list(spent.values())
        costing.append("latency_ms")
    costs = [any(row) for row in zip(*[table[column] for column in costing])]
    return pandas.DataFrame({column: list(compress(values, costs)) for column, values in table.items()})


def nodes_of(counts: NetworkCounts, block: str) -> tuple[Node, ...]:
    """The nodes of a block in execution order."""
    return tuple(node for node in counts.graph.nodes if node.block == block)
