"""The stages of a space's networks, each built once per place and put together: a network in some 50 µs.

A stage's blocks depend on its own options, on the tensor that it reads and on nothing else. No choices are made here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import product
from typing import NamedTuple, cast

from archs import ArchError, Graph, Shape, Spec
from archs.ir.graph import INPUT, Subgraph
from archs.tables.lower import assemble, place
from archs.tables.rows import AnyRow

Genome = tuple[int, ...]
"""One option's number per choice of a space."""
KEPT = 100_000
"""Stages in their place that are kept, of some 2 kB each: most differ from another in the path that they read alone."""


class Unit(NamedTuple):
    """Neighbouring rows of a stage, and the genes that their cells depend on."""

    stage: str
    rows: tuple[int, ...]
    genes: tuple[int, ...]


Seen = tuple[tuple[str, int], ...]
"""How many blocks of each label the stage has before a unit."""


class _End(NamedTuple):
    """Where a unit begins or ends: a tensor, and the blocks of its stage so far."""

    path: str
    shape: Shape
    seen: Seen


class _UnitAt(NamedTuple):
    """A unit behind a tensor: its blocks and its end; or why there is none."""

    blocks: tuple[Subgraph, ...]
    end: _End
    problem: ArchError | None = None


class Parts:
    """What was built of a space."""

    def __init__(
        self,
        base: Spec,
        units: Sequence[Unit],
        lengths: Sequence[int],
        edited: Callable[[Sequence[int], Genome], tuple[AnyRow, ...]],
    ):
        """`lengths`: options per gene; `edited`: the rows of the base, by number, with a genome's cells."""
        self._base, self._lengths, self._edited = base, lengths, edited
        self._units = units
        firsts = [i == 0 or units[i - 1].stage != unit.stage for i, unit in enumerate(units)]
        self._walk = [(i, unit.genes, first) for i, (unit, first) in enumerate(zip(units, firsts))]
        self._rows: dict[tuple[int, Genome], tuple[AnyRow, ...]] = {}
        self._placed: dict[tuple[int, Genome, _End], _UnitAt] = {}
        self._built: dict[tuple[int, Genome, Shape, Seen], tuple[str, _UnitAt]] = {}
        self._texts: dict[tuple[int, Genome], str] = {}
        self._heads: dict[int, tuple[str, str]] = {}

    def rows(self, genome: Genome) -> tuple[AnyRow, ...]:
        """The rows of a genome's table. Raises ArchError."""
        return tuple([row for unit, genes, _ in self._walk for row in self._rows_of(unit, _options(genes, genome))])

    def blocks(self, genome: Genome, resolution: int) -> list[Subgraph]:
        """The blocks of a genome's network. Raises ArchError."""
        end = _End(INPUT, Shape(self._base.input_channels, resolution, resolution), ())
        blocks: list[Subgraph] = []
        for unit, genes, first in self._walk:
            if first:
                end = _End(end.path, end.shape, ())
            options = tuple([genome[gene] for gene in genes])
            placed = self._placed.get((unit, options, end)) or self._place(unit, options, end)
            if placed.problem:
                raise placed.problem
            blocks += placed.blocks
            end = placed.end
        return blocks

    def graph(self, genome: Genome, resolution: int) -> Graph:
        image = Shape(self._base.input_channels, resolution, resolution)
        return assemble(self._base.name, image, self.blocks(genome, resolution))

    def digest(self, genome: Genome, resolution: int) -> str:
        """SHA-256 of the JSON that `Spec.to_json` gives, put together from the stages' lines."""
        if resolution not in self._heads:
            text = self._base.edit(resolution=resolution).to_json()
            lines = [line for line in text.splitlines(keepends=True)]
            self._heads[resolution] = "".join(lines[: -2 - len(self._base.rows)]), "".join(lines[-2:])
        head, tail = self._heads[resolution]
        texts = [self._text(unit, _options(genes, genome)) for unit, genes, _ in self._walk]
        body = ",\n  ".join([text for text in texts if text])
        return sha256(f"{head}  {body}\n{tail}".encode()).hexdigest()

    def networks(self) -> int:
        """How many different graphs there are, at one resolution.

        Counted stage by stage: from each shape that a stage may read, the different graphs of the stage by the shape
        that they end with.
        """
        base = self._base
        side = cast("int", base.resolution)  # of square images only
        counts: dict[tuple[Shape, Seen], int] = {(Shape(base.input_channels, side, side), ()): 1}
        for unit, genes, first in self._walk:
            after: dict[tuple[Shape, Seen], int] = {}
            for (shape, seen), networks in counts.items():
                begin = _End(INPUT, shape, () if first else seen)
                for end, different in self._different(unit, genes, begin).items():
                    after[end] = after.get(end, 0) + networks * different
            counts = after
        return sum(counts.values())

    def _different(self, unit: int, genes: Sequence[int], begin: _End) -> dict[tuple[Shape, Seen], int]:
        found: dict[tuple[Shape, Seen], set[object]] = {}
        for options in product(*[range(self._lengths[gene]) for gene in genes]):
            placed = self._place(unit, options, begin)
            if not placed.problem:
                nodes = tuple([block.nodes for block in placed.blocks])
                found.setdefault((placed.end.shape, placed.end.seen), set()).add(nodes)
        return {end: len(graphs) for end, graphs in found.items()}

    def _rows_of(self, unit: int, options: Genome) -> tuple[AnyRow, ...]:
        if (unit, options) not in self._rows:
            genome = [0] * len(self._lengths)
            for gene, option in zip(self._units[unit].genes, options):
                genome[gene] = option
            self._rows[unit, options] = self._edited(self._units[unit].rows, tuple(genome))
        return self._rows[unit, options]

    def _place(self, unit: int, options: Genome, begin: _End) -> _UnitAt:
        """A unit behind a tensor: built behind the first tensor of a shape, and read from the others' paths then."""
        if len(self._placed) > KEPT:
            self._placed.clear()
        key = unit, options, begin.shape, begin.seen
        if key not in self._built:
            if len(self._built) > KEPT:
                self._built.clear()
            self._built[key] = begin.path, self._build(unit, options, begin)
        path, placed = self._built[key]
        if path != begin.path and not placed.problem:
            blocks = tuple([block.behind(path, begin.path) for block in placed.blocks])
            placed = _UnitAt(blocks, placed.end if blocks else begin)
        self._placed[unit, options, begin] = placed
        return placed

    def _build(self, unit: int, options: Genome, begin: _End) -> _UnitAt:
        try:
            rows = self._rows_of(unit, options)
            seen = Counter(dict(begin.seen))
            blocks = place(rows, begin.path, begin.shape, seen) if rows else ()
        except ArchError as error:
            return _UnitAt((), begin, error)
        last = blocks[-1].nodes[-1] if blocks else None
        end = _End(last.path, last.output, tuple(sorted(seen.items()))) if last else begin
        return _UnitAt(blocks, end)

    def _text(self, unit: int, options: Genome) -> str:
        if (unit, options) not in self._texts:
            rows = self._rows_of(unit, options)
            dumped = [json.dumps({"kind": row.kind} | row.model_dump(exclude_defaults=True)) for row in rows]
            self._texts[unit, options] = ",\n  ".join(dumped)
        return self._texts[unit, options]


def _options(genes: Sequence[int], genome: Genome) -> Genome:
    return tuple([genome[gene] for gene in genes])


def digest_of(spec: Spec) -> str:
    """The content hash of a table."""
    return sha256(spec.to_json().encode()).hexdigest()
