"""The micro-networks of ShuffleNetV2's four guidelines: every cell of its Tables 1 to 4 as a spec.

Batch 1, 56×56 input. ×2 and ×4 multiply the channels (an author's answer, megvii-model/ShuffleNet-Series issue 35).
The convolutions stand alone, with a bias and without batch norm or activation: the paper fuses those, and gives
the blocks in its captions alone. "CPU" in Tables 2 to 4 is the ARM platform by the text.
"""

from __future__ import annotations

from dataclasses import dataclass

from archs.tables.rows import AnyRow, Bottleneck, Conv, FragmentCount, Fragments, Layout
from archs.tables.table import Spec

SIZE = 56
BLOCKS = 10
SCALES = (1, 2, 4)

# Ma et al. 2018, arXiv:1807.11164v1.
# fmt: off
# Table 1.  c1:c2    GPU: (c1, c2)  ARM: (c1, c2)   for ×1; a block is c1 → c2 and back
TABLE1 = (("1:1",   (128, 128),    (32,  32)),
          ("1:2",   ( 90, 180),    (22,  44)),
          ("1:6",   ( 52, 312),    (13,  78)),
          ("1:12",  ( 36, 432),    ( 9, 108)))

# Table 2.  g   GPU: c   CPU: c    for ×1
TABLE2 = ((1,      128,      64),
          (2,      180,      90),
          (4,      256,     128),
          (8,      360,     184))  # see PRINTED_OTHERWISE

# Table 3.  Channels of 1-fragment; the others are adjusted to its FLOPs
TABLE3 = ("1-fragment",
          "2-fragment-series",
          "4-fragment-series",
          "2-fragment-parallel",
          "4-fragment-parallel")
# What the tables print in other words than these: (guideline, row, platform) → channels at ×1, and why they differ.
PRINTED_OTHERWISE = {
    (2, "g = 8", "CPU"): (180, "8 does not divide 180; the authors ran 184"),  # the author's answer, issue 35 above
}
FRAGMENT_COUNTS: dict[str, FragmentCount] = {"1": 1, "2": 2, "4": 4}
WIDTHS3 = {"GPU": (128, 256, 512), "CPU": (64, 128, 256)}

# Table 4.  ReLU   short-cut
TABLE4 = ((True,  True),
          (True,  False),
          (False, True),
          (False, False))
WIDTHS4 = {"GPU": (32, 64, 128), "CPU": (32, 64, 128)}
# fmt: on


@dataclass(frozen=True)
class PrintedCell:
    """One cell of a table: which network it timed. `row` is the first of its guideline where `row == base`."""

    guideline: int
    row: str
    base: str
    platform: str
    column: str
    spec: Spec


def cells(guideline: int) -> tuple[PrintedCell, ...]:
    """All cells of guideline 1, 2, 3 or 4, row by row.

    >>> [len(cells(g)) for g in (1, 2, 3, 4)]
    [24, 24, 30, 24]
    """
    return {1: _table1, 2: _table2, 3: _table3, 4: _table4}[guideline]()


def _spec(name: str, channels: int, *rows: AnyRow) -> Spec:
    return Spec(name=name, rows=rows, input_channels=channels, resolution=SIZE)


def _conv(channels: int, groups: int = 1, repeat: int = 1) -> Conv:
    return Conv(stage="g", channels=channels, kernel=1, groups=groups, norm=False, activation="none", repeat=repeat)


def _table1() -> tuple[PrintedCell, ...]:
    found = []
    for ratio, gpu, arm in TABLE1:
        for platform, (c1, c2) in (("GPU", gpu), ("ARM", arm)):
            for scale in SCALES:
                block = (_conv(c2 * scale), _conv(c1 * scale))
                name = f"g1_{ratio.replace(':', '_to_')}"
                spec = _spec(name, c1 * scale, *block * BLOCKS)
                found.append(PrintedCell(1, f"c1:c2 = {ratio}", "c1:c2 = 1:1", platform, f"×{scale}", spec))
    return tuple(found)


def _table2() -> tuple[PrintedCell, ...]:
    found = []
    for groups, gpu, cpu in TABLE2:
        for platform, channels in (("GPU", gpu), ("CPU", cpu)):
            for scale in SCALES:
                spec = _spec(f"g2_groups_{groups}", channels * scale, _conv(channels * scale, groups, BLOCKS))
                found.append(PrintedCell(2, f"g = {groups}", "g = 1", platform, f"×{scale}", spec))
    return tuple(found)


def fragment_channels(channels: int, fragments: int) -> int:
    """The width at which `fragments` 1×1 convolutions cost what one of `channels` does, rounded down.

    n·c² = c₁² gives c = c₁ / √n; the paper's other tables round down too and write 90 for 64·√2.

    >>> fragment_channels(128, 2), fragment_channels(128, 4)
    (90, 64)
    """
    return int(channels / fragments**0.5)


def _table3() -> tuple[PrintedCell, ...]:
    found = []
    for structure in TABLE3:
        fragments = FRAGMENT_COUNTS[structure[0]]
        layout: Layout = "parallel" if structure.endswith("parallel") else "series"
        for platform, widths in WIDTHS3.items():
            for width in widths:
                channels = fragment_channels(width, fragments)
                row = Fragments(stage="g", channels=channels, fragments=fragments, layout=layout, repeat=BLOCKS)
                name = f"g3_{structure.replace('-', '_')}"
                spec = _spec(name, channels, row)
                found.append(PrintedCell(3, structure, TABLE3[0], platform, f"c={width}", spec))
    return tuple(found)


def _table4() -> tuple[PrintedCell, ...]:
    found = []
    for relu, shortcut in TABLE4:
        label = f"ReLU {'yes' if relu else 'no'}, short-cut {'yes' if shortcut else 'no'}"
        for platform, widths in WIDTHS4.items():
            for width in widths:
                row = Bottleneck(
                    stage="g",
                    channels=width,
                    inner=width // 4,  # inferred: only c/4 fits the speeds on both platforms
                    norm=False,
                    relu=relu,
                    shortcut=shortcut,
                    repeat=BLOCKS,
                )
                name = f"g4_relu_{'yes' if relu else 'no'}_shortcut_{'yes' if shortcut else 'no'}"
                spec = _spec(name, width, row)
                found.append(PrintedCell(4, label, "ReLU yes, short-cut yes", platform, f"c={width}", spec))
    return tuple(found)
