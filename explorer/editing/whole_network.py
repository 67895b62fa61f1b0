"""Edits of the whole network: width, resolution, classes, hard-swish, and ShuffleNetV2's guidelines as table edits.

`change` has the cells that each guideline sets in a row. The paper states G1 to G3 for a fixed number of multiply-adds:
after them, one factor scales the channels from the first to the last block so that the multiply-adds are as before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import lcm
from typing import Any

from archs import ArchError, Spec, build
from archs.caching import cached
from archs.catalogue.registry import FAMILIES
from archs.tables.blocks import round8
from archs.tables.rows import (
    Bottleneck,
    Conv,
    Fragments,
    InvertedResidual,
    Linear,
    Row,
    Separable,
    ShuffleV1,
    ShuffleV2,
)
from explorer.data.originals import paper
from explorer.editing.images import resolution_of
from explorer.editing.repair import Edited, check, repair, word

BLOCKS = (Separable, InvertedResidual, ShuffleV1, ShuffleV2, Bottleneck, Fragments)
GUIDELINES = {
    1: "equal channel width minimizes memory access cost",
    2: "excessive group convolution increases memory access cost",
    3: "network fragmentation reduces the degree of parallelism",
    4: "element-wise operations are non-negligible",
}
"""ShuffleNetV2, section 2, in the paper's words."""

ACTIVATIONS = ("activation", "dw_activation", "out_activation")
WIDEST = 16384
COARSEST = 24  # channels; depthwise convolutions as rows have as many groups as channels, which nothing should be


def set_width(spec: Spec, width: float) -> Edited:
    """The network `width` times as wide as its paper's at 1. Raises ArchError.

    A published network takes its paper's table at that width. An edited one, or a width that the paper has no table
    for, has every channel count scaled but the classifier's, rounded to 8 as MobileNetV2 rounds.
    """
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not 0.05 <= width <= 8:
        raise ArchError(f"found {width!r}; allowed: a number from 0.05 to 8", "width")
    if paper(spec) == spec:
        knobs = {k: v for k in FAMILIES[spec.name].knobs if (v := getattr(spec, k, None)) is not None}
        try:
            return Edited(check(FAMILIES[spec.name].spec(**knobs | {"width": width})))
        except ArchError:
            pass  # the paper has no table at this width: scaled as an edited network is
    factor = width / (spec.width or 1.0)
    last = max((index for index, row in enumerate(spec.rows) if isinstance(row, Linear)), default=-1)
    every = set(range(len(spec.rows))) - {last}
    return repair(spec.edit(rows=scaled(spec, factor, every).rows, width=float(width)))


def set_resolution(spec: Spec, resolution: int | tuple[int, int] | str) -> Edited:
    """The network for other images: their side, (height, width), or either as text. Raises ArchError."""
    typed = resolution_of(resolution) if isinstance(resolution, str) else resolution
    return Edited(check(spec.edit(resolution=typed)))


def set_classes(spec: Spec, classes: int) -> Edited:
    """The network with another number of classes: the width of its last linear layer. Raises ArchError."""
    last = [index for index, row in enumerate(spec.rows) if isinstance(row, Linear)]
    if not last:
        raise ArchError("the network has no linear row; insert one at its end", "classes")
    return Edited(check(spec.edit_row(last[-1], channels=classes)))


def hard_swish(spec: Spec) -> Edited:
    """The network with hard-swish for every ReLU and ReLU6 (MobileNetV3, section 5.2, does so in its second half)."""
    rows = []
    for row in spec.rows:
        changed = {c: "hard_swish" for c in ACTIVATIONS if getattr(row, c, None) in ("relu", "relu6")}
        rows.append(row.model_copy(update=changed))
    if tuple(rows) == spec.rows:
        raise ArchError("no row has a ReLU or a ReLU6; nothing to change", "activation")
    return Edited(check(spec.edit(rows=tuple(rows))))


def apply_guideline(spec: Spec, guideline: int, rows: Collection[int] | None = None) -> Edited:
    """The network with a guideline applied to the rows given (from 0), or to all; what that means stands above.

    Raises ArchError where no row has anything to change, or where the result does not build.
    """
    if guideline not in GUIDELINES:
        raise ArchError(f"found {guideline!r}; allowed: 1, 2, 3, 4", "guideline")
    changes = {i: c for i, row in enumerate(spec.rows) if (rows is None or i in rows) and (c := change(row, guideline))}
    if not changes:
        raise ArchError(f"G{guideline}, {GUIDELINES[guideline]}: no row has anything to change", "guideline")
    edited = tuple(row.model_copy(update=changes.get(index, {})) for index, row in enumerate(spec.rows))
    done = [f"row {index + 1}: {_said(spec.rows[index], cells)}" for index, cells in changes.items()]
    plain = spec.edit(rows=edited)
    if guideline == 4:
        return Edited(check(plain), tuple(done))
    wide = set(changes) if rows is not None else _body(spec)
    fitted, factor = at_mult_adds(lambda f: scaled(plain, f, wide), mult_adds(spec))
    notes = (f"channels × {factor:.2f}, so that the multiply-adds stay", *fitted.notes) if fitted.spec != plain else ()
    return Edited(fitted.spec, (*done, *notes))


def _said(row: Row, cells: dict[str, Any]) -> str:
    return ", ".join(f"{column} {word(getattr(row, column))} → {word(value)}" for column, value in cells.items())


def change(row: Row, guideline: int) -> dict[str, Any]:
    """The cells of a row that a guideline changes, with their new values; empty where there is none."""
    wanted: dict[str, Any] = {}
    if guideline == 1:
        if isinstance(row, InvertedResidual):
            wanted = {"expansion": 1.0, "expanded": None}
        elif isinstance(row, ShuffleV1):
            wanted = {"bottleneck": 1.0}
        elif isinstance(row, Bottleneck):
            wanted = {"inner": row.channels}
    elif guideline == 2:
        if isinstance(row, (Conv, ShuffleV1, Bottleneck)):
            wanted = {"groups": 1}
    elif guideline == 3:
        if isinstance(row, Fragments):
            wanted = {"fragments": 1}
        elif isinstance(row, (InvertedResidual, ShuffleV1, ShuffleV2, Bottleneck)):
            wanted = {"se": 0.0}
    elif isinstance(row, (Separable, InvertedResidual)):
        wanted = {"dw_activation": "none"} if row.activation != "none" else {}
    elif isinstance(row, ShuffleV1):
        wanted = {"dw_activation": "none"}
    elif isinstance(row, ShuffleV2):
        wanted = {"dw_activation": "none", "merge": "concat"}
    return {column: value for column, value in wanted.items() if getattr(row, column) != value}


def _body(spec: Spec) -> set[int]:
    """The rows from the first block to the last; in a network of convolutions alone, all of those but the first."""
    blocks = [index for index, row in enumerate(spec.rows) if isinstance(row, BLOCKS)]
    if blocks:
        return set(range(blocks[0], blocks[-1] + 1))
    return {index for index, row in enumerate(spec.rows) if isinstance(row, Conv) and index}


def scaled(spec: Spec, factor: float, rows: Collection[int]) -> Spec:
    """The spec with the channels (and stated inner widths) of some rows × `factor`.

    Rounded to what the network's group counts divide; to 2 for ShuffleNetV2's units, which halve; else as `round8`.
    """
    if factor == 1:
        return spec
    multiple = lcm(*[row.groups for row in spec.rows if isinstance(row, (Conv, ShuffleV1, Bottleneck))])
    return spec.edit(
        rows=tuple(_wider(row, factor, multiple) if index in rows else row for index, row in enumerate(spec.rows))
    )


def _wider(row: Row, factor: float, multiple: int) -> Row:
    if isinstance(row, ShuffleV2):
        multiple = lcm(multiple, 2)
    changed = {}
    for column in ("channels", "inner", "expanded"):
        if width := getattr(row, column, None):
            exact = width * factor
            wide = max(1, round(exact / multiple)) * multiple if 1 < multiple <= COARSEST else round8(exact)
            changed[column] = min(WIDEST, wide)
    return row.model_copy(update=changed)


@cached(128, "a search for a factor asks for the same specs again")
def mult_adds(spec: Spec) -> int:
    """The multiply-adds of a spec's graph. Raises ArchError."""
    graph = build(spec)
    return sum(node.op.mult_adds(*graph.input_shapes(node)) for node in graph.nodes)


def at_mult_adds(make: Callable[[float], Spec], target: int, tries: int = 8) -> tuple[Edited, float]:
    """`make(factor)` with the factor at which its multiply-adds are nearest to the target, and that factor.

    Multiply-adds grow about as the square of the widths; each try corrects the factor by the root of the miss.
    """
    found: dict[float, tuple[Edited, float]] = {}
    factor = 1.0
    for _ in range(tries):
        edited = repair(make(factor))
        reached = mult_adds(edited.spec)
        found[abs(reached - target)] = edited, factor
        if abs(reached - target) < target * 0.002:
            break
        factor *= (target / max(1, reached)) ** 0.5
        factor = min(max(factor, 0.02), 50.0)
    return found[min(found)]
