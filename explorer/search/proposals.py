"""What can be taken away from a table: its knobs, and the smaller networks of each, the largest first.

A knob is a width, a kernel, a squeeze ratio or a block. Widths that a shortcut ties shrink together. No prices and no
accuracies here; `explorer.search.netadapt` chooses. To add a kind, add it to KINDS and give it knobs in `knobs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any, cast

from archs import ArchError, Spec, build
from archs.errors import shorten
from archs.tables.lower import block_paths
from archs.tables.rows import AnyRow, Bottleneck, InvertedResidual, Linear, ShuffleV1, ShuffleV2

KINDS = {
    "expansion": "the width inside a block",
    "bottleneck": "the width of all blocks that a shortcut ties",
    "width": "the width of any other layer",
    "kernel": "a kernel, down to 3×3",
    "se": "a squeeze ratio, halved or to none",
    "depth": "a block that keeps its input's shape",
}
"""The kinds of proposal, with what each shrinks."""

MULTIPLE = 8
"""Of which the proposed widths are multiples."""
TIED = (InvertedResidual, Bottleneck, ShuffleV1, ShuffleV2)
"""Rows whose blocks join their input at stride 1."""


@dataclass(frozen=True)
class Knob:
    """One column of rows that shrink together, or one row that can go (`column` "row")."""

    kind: str
    where: str
    """The paths of its blocks."""
    rows: tuple[int, ...]
    column: str
    now: float


@dataclass(frozen=True)
class Reduction:
    """A network with one knob smaller: `change` is "240 → 200"."""

    knob: Knob
    spec: Spec
    change: str

    @property
    def removed_row(self) -> int | None:
        """The row, from 0, that the network lacks."""
        return self.knob.rows[0] if self.knob.column == "row" else None


def unrolled(spec: Spec) -> Spec:
    """The same network with one row per block and expansions stated as widths, so that each shrinks alone.

    >>> import archs
    >>> flat = unrolled(archs.spec("mnasnet_a1"))
    >>> len(flat.rows), flat.rows[4].expanded, archs.build(flat).nodes == archs.build("mnasnet_a1").nodes
    (20, 72, True)
    """
    graph = build(spec)
    inputs = {block.nodes[0].block: graph.shapes[block.nodes[0].inputs[0]][0] for block in graph.subgraphs}
    rows: list[AnyRow] = []
    for row, paths in block_paths(spec):
        for number, path in enumerate(paths):
            changes: dict[str, Any] = {"repeat": 1}
            if number and "stride" in type(row).model_fields:
                changes["stride"] = 1
            if isinstance(row, InvertedResidual) and row.expansion and row.expansion != 1:
                changes |= {"expansion": None, "expanded": max(1, round(inputs[path] * row.expansion))}
            rows.append(cast("AnyRow", type(row)(**{**dict(row), **changes})))
    return spec.edit(rows=tuple(rows))


def knobs(spec: Spec, kinds: Sequence[str] = tuple(KINDS)) -> list[Knob]:
    """The knobs of an unrolled table. Raises ArchError for an unknown kind."""
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise ArchError(f"no kind of proposal {shorten(unknown[0])}; allowed: {', '.join(KINDS)}")
    paths = [paths[0] for _, paths in block_paths(spec)]
    found = []
    for group in _groups(spec):
        kind = "bottleneck" if any(isinstance(spec.rows[row], TIED) for row in group) else "width"
        where = paths[group[0]] + (f" … {paths[group[-1]]}" if len(group) > 1 else "")
        found.append(Knob(kind, where, group, "channels", spec.rows[group[0]].channels))  # type: ignore[union-attr]
    for index, row in enumerate(spec.rows):

        def add(kind: str, column: str, now: float, index: int = index) -> None:
            found.append(Knob(kind, paths[index], (index,), column, now))

        if isinstance(row, InvertedResidual) and row.expanded:
            add("expansion", "expanded", row.expanded)
        if isinstance(row, Bottleneck):
            add("expansion", "inner", row.inner)
        if isinstance(row, ShuffleV1):
            add("expansion", "bottleneck", round(row.channels * row.bottleneck))
        if getattr(row, "kernel", 1) > 3 and row.kind != "pool":
            add("kernel", "kernel", row.kernel)  # type: ignore[union-attr]
        if getattr(row, "se", 0.0) > 0:
            add("se", "se", row.se)  # type: ignore[union-attr]
        if _keeps_shape(spec, index):
            add("depth", "row", 1)
    return [knob for knob in found if knob.kind in kinds]


def reductions(spec: Spec, knob: Knob) -> Iterator[Reduction]:
    """The networks that build with the knob at a smaller value, the largest first."""
    if knob.column == "row":
        index = knob.rows[0]
        made = _tried(spec, (*spec.rows[:index], *spec.rows[index + 1 :]))
        if made:
            yield Reduction(knob, made, "removed")
        return
    for value in _values(spec, knob):
        rows = list(spec.rows)
        try:
            for index in knob.rows:
                row = rows[index]
                cell = value / row.channels if knob.column == "bottleneck" else value  # type: ignore[union-attr]
                rows[index] = type(row)(**{**dict(row), knob.column: cell})
        except ArchError:
            continue
        if made := _tried(spec, tuple(rows)):
            yield Reduction(knob, made, f"{knob.now:g} → {value:g}")


def _values(spec: Spec, knob: Knob) -> Iterator[float]:
    if knob.column == "kernel":
        yield from range(int(knob.now) - 2, 1, -2)
    elif knob.column == "se":
        yield from (knob.now / 2, 0.0) if knob.now > 0.125 else (0.0,)
    else:
        step = lcm(MULTIPLE, *[getattr(spec.rows[row], "groups", 1) for row in knob.rows])
        largest = (int(knob.now) - 1) // step * step
        yield from range(largest, 0, -step)


def _tried(spec: Spec, rows: tuple[AnyRow, ...]) -> Spec | None:
    try:
        made = spec.edit(rows=rows)
        build(made)
    except ArchError:
        return None
    return made


def _groups(spec: Spec) -> list[tuple[int, ...]]:
    """Rows whose widths a shortcut ties, in order; the classifier, which is the last, is in none."""
    groups: list[list[int]] = []
    wide = [index for index, row in enumerate(spec.rows) if hasattr(row, "channels")]
    for index in wide[:-1] if wide and isinstance(spec.rows[wide[-1]], Linear) else wide:
        if groups and _keeps_shape(spec, index) and getattr(spec.rows[index], "shortcut", True):
            groups[-1].append(index)
        else:
            groups.append([index])
    return [tuple(group) for group in groups]


def _keeps_shape(spec: Spec, index: int) -> bool:
    """Whether a block gives what it reads in size and width."""
    row = spec.rows[index]
    if not isinstance(row, TIED) or row.stride > 1:
        return False
    before = [other.channels for other in spec.rows[:index] if hasattr(other, "channels")]
    return (before[-1] if before else spec.input_channels) == row.channels
