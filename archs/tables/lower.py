"""Spec → Graph: the blocks of each row in order. An error names row and path. `archs.tables.lift` is the way back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from archs.caching import cached
from archs.errors import ArchError
from archs.ir.graph import INPUT, Builder, Graph, Subgraph
from archs.ir.ops import Shape
from archs.tables.blocks import BLOCKS
from archs.tables.rows import AnyRow, Row
from archs.tables.table import Spec


def block_paths(spec: Spec, seen: Counter[str] | None = None) -> Iterator[tuple[Row, list[str]]]:
    """Each row with the paths of its blocks: `stage3/block2`; other rows are `head/pool`, a second one `head/pool2`.

    `seen`: the number of blocks of each `stage/label` before the table, continued in place.
    """
    seen = Counter() if seen is None else seen
    for row in spec.rows:
        label, _ = BLOCKS[type(row)]
        paths = []
        for _ in range(row.repeat):
            seen[key := f"{row.stage}/{label}"] += 1
            paths.append(key if label != "block" and seen[key] == 1 else f"{key}{seen[key]}")
        yield row, paths


@cached(64, "an edit is tried, drawn and priced, each with the graph of the same spec")
def build(spec: Spec) -> Graph:
    """The graph of a spec. Raises ArchError with the row, the path, what was found and what is allowed.

    >>> import archs
    >>> print(str(build(archs.spec("mobilenet_v2"))).splitlines()[1])
    stem/conv/conv   conv 3×3 /2   3×224×224 → 32×112×112   weights 864   mult-adds 10,838,016
    """
    b = Builder(spec.name, spec.input_shape)
    _extend(b, spec, INPUT)
    return b.graph(spec)


def _extend(b: Builder, spec: Spec, x: str, seen: Counter[str] | None = None) -> None:
    for number, (row, paths) in enumerate(block_paths(spec, seen), 1):
        stride = getattr(row, "stride", 1)
        for path in paths:
            try:
                x = b.extend(_block(row, path, stride, x, b.shape(x)))
            except ArchError as error:
                raise error.at(row=number, path=path) from None
            stride = 1  # "the first layer of each sequence has a stride s": MobileNetV2, Table 2's caption


def place(rows: Sequence[AnyRow], x: str, shape: Shape, seen: Counter[str]) -> tuple[Subgraph, ...]:
    """The blocks of neighbouring rows that read `x`: what `build` makes of them in a whole table.

    `seen` counts the blocks before them by `stage/label`, and is added to: block numbers continue within a stage.
    Parts of many networks are placed once and put together by `assemble`. Raises ArchError.
    """
    b = Builder("part", shape, at=x)
    _extend(b, Spec(name="part", rows=tuple(rows)), x, seen)
    return b.graph().subgraphs


def assemble(name: str, image: Shape, blocks: Sequence[Subgraph], spec: Spec | None = None) -> Graph:
    """The graph of blocks that `place` made one behind the other, equal to the one that `build` makes of their rows."""
    nodes = tuple(chain.from_iterable([block.nodes for block in blocks]))
    kinds = tuple(chain.from_iterable([block.kinds for block in blocks]))
    graph = Graph(name, image, nodes, kinds, spec)
    object.__setattr__(graph, "subgraphs", tuple(blocks))
    return graph


@cached(2048, "an edit leaves most blocks as they were")
def _block(row: Row, path: str, stride: int, x: str, shape: Shape) -> Subgraph:
    b = Builder(path, shape, at=x)
    _, add_block = BLOCKS[type(row)]
    add_block(b, x, row, path, stride)
    return b.subgraph()
