"""Graph → Spec: the table of an imported network whose blocks are all rows of a table.

From the input on, each candidate row is built and compared with the graph. A row matches where each of its operators
has an equal one in the graph and nothing else reads the block's inner tensors. `archs.tables.lower` is the way back.
"""

from __future__ import annotations

from archs.errors import ArchError
from archs.ir.graph import INPUT, Builder, Graph, Node
from archs.ir.isomorphism import COMMUTATIVE, matching_nodes
from archs.tables import rows
from archs.tables.blocks import BLOCKS
from archs.tables.lower import build
from archs.tables.row_patterns import candidates
from archs.tables.table import Spec


def spec_of(graph: Graph, name: str | None = None) -> Spec:
    """The table of a graph whose blocks are all ours; `archs.build` of it is the same graph up to names.

    Raises ArchError with the path where the first operators stand that no kind of row describes.

    Args:
        graph: built by `build`, edited, or imported.
        name: of the table; the graph's by default.
    """
    if len(graph.input) != 3:
        raise ArchError(f"{graph.name} takes {graph.input}; allowed in a table: channels×height×width")
    found: list[rows.AnyRow] = []
    at, last = INPUT, graph.nodes[-1].path
    while at != last:
        row, at = _next(graph, at)
        found.append(row)
    spec = Spec(
        name=name or graph.name, rows=tuple(_merged(_staged(found))), input_channels=graph.input[0],
        resolution=(graph.input[1], graph.input[2]),
    )  # fmt: skip
    matching_nodes(build(spec), graph)  # says where they differ, should they
    return spec


def _next(graph: Graph, at: str) -> tuple[rows.AnyRow, str]:
    for row in candidates(graph, at):
        end = _matched_end(graph, at, row)
        if end is not None:
            return row, end
    node = graph.consumers[at][0]
    raise ArchError(
        f"{node.path}: {node.op.describe(*graph.input_shapes(node))} starts nothing that a table's rows describe"
    )


def _matched_end(graph: Graph, at: str, row: rows.Row) -> str | None:
    """The path of the row's output in the graph, where the row's block follows `at`; else None."""
    b = Builder("row", graph.shapes[at])
    try:
        label, add = BLOCKS[type(row)]
        end = add(b, INPUT, row, f"x/{label}", getattr(row, "stride", 1))
        block = b.graph()
    except ArchError:
        return None
    place = {INPUT: at}
    used: set[str] = set()
    for node in block.nodes:
        inputs = [place[path] for path in node.inputs]
        like = next(
            (n for n in graph.consumers[inputs[0]] if n.path not in used and _same_operator(n, node, inputs)), None
        )
        if like is None:
            return None
        place[node.path] = like.path
        used.add(like.path)
    inside = [at, *(path for mine, path in place.items() if mine not in (INPUT, end))]
    closed = all(reader.path in used for path in inside for reader in graph.consumers[path])
    return place[end] if closed else None


def _same_operator(found: Node, wanted: Node, inputs: list[str]) -> bool:
    if found.op != wanted.op or found.output != wanted.output:
        return False
    either = isinstance(wanted.op, COMMUTATIVE)
    return sorted(found.inputs) == sorted(inputs) if either else list(found.inputs) == inputs


# The table


BLOCK_KINDS = (rows.InvertedResidual, rows.Bottleneck, rows.Separable, rows.ShuffleV1, rows.ShuffleV2)


def _staged(found: list[rows.AnyRow]) -> list[rows.AnyRow]:
    """The rows with stages: what stands before the first block, a stage from each stride on, what stands behind."""
    blocks = [i for i, row in enumerate(found) if isinstance(row, BLOCK_KINDS)]
    first, last = (blocks[0], blocks[-1]) if blocks else (len(found), len(found))
    named, stage = [], 0
    for i, row in enumerate(found):
        if first <= i <= last and (i == first or getattr(row, "stride", 1) > 1):
            stage += 1
        name = "stem" if i < first else "head" if i > last else f"stage{stage}"
        named.append(row.model_copy(update={"stage": name}))
    return named


def _merged(found: list[rows.AnyRow]) -> list[rows.AnyRow]:
    """Equal rows as one that is repeated; a row's stride is that of its first block."""
    merged: list[rows.AnyRow] = []
    for row in found:
        before = merged[-1] if merged else None
        alike = type(row) is type(before) and isinstance(row, (*BLOCK_KINDS, rows.Conv)) and row.stride == 1
        first = {"stride": 1, "repeat": 1}
        if isinstance(row, rows.Bottleneck):
            first["stride_first"] = row.stride_first  # of a block without a stride it says nothing
        if before is not None and alike and row == before.model_copy(update=first):
            merged[-1] = before.model_copy(update={"repeat": before.repeat + 1})
        else:
            merged.append(row)
    return merged
