"""Colours, for every chart and table alike, readable by the colour-blind and on a light and a dark page.

Okabe and Ito's colours (2008, "Color Universal Design") tell kinds and stages apart, with a few more of another
lightness. "More" is one hue that grows out of the page's own background, so the same scale works on both.
"""

from __future__ import annotations

from collections.abc import Sequence

from costmodel.counting.kinds import KINDS

SELECTED = "#1E88E5"
EDITED = "#C0408F"  # a purple with a contrast over 3 on either page; never alone: with a dot, a star, a thicker line
OUTLINE = "rgba(128, 128, 128, 0.75)"
BAND = "rgba(128, 128, 128, 0.10)"
TARGET = "#D55E00"  # the dashed line of a budget or a target

HEAT_RGB = (213, 94, 0)  # vermillion
HEAT_TEXT = 0.62  # the strongest heat behind text: black and white text both stay readable on it
HEAT = tuple((i / 4, f"rgba({HEAT_RGB[0]}, {HEAT_RGB[1]}, {HEAT_RGB[2]}, {0.06 + 0.94 * i / 4:.3f})") for i in range(5))
"""The sequential colour scale of the figures."""

STAGES = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (150, 150, 150),
    (91, 76, 176),
    (214, 200, 40),
    (150, 50, 90),
)

STAGE_COLOURS = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in STAGES]
"""One colour per stage, or per family of networks."""

KIND_COLOURS: dict[str, str] = dict(
    zip(
        KINDS,
        (
            "#0072B2",
            "#56B4E9",
            "#332288",
            "#E69F00",
            "#117733",
            "#999999",
            "#D55E00",
            "#CC79A7",
            "#009E73",
            "#F0E442",
            "#882255",
            "#BBBBBB",
            "#444444",
            "#DDDDDD",
        ),
    )
)
"""One colour per kind of operator."""


def block_colours(blocks: Sequence[str]) -> dict[str, str]:
    """One colour per block: a hue per stage, the blocks of a stage in alternating strength."""
    stages: dict[str, int] = {}
    seen: dict[str, int] = {}
    colours = {}
    for block in blocks:
        stage = block.partition("/")[0]
        hue = STAGES[stages.setdefault(stage, len(stages)) % len(STAGES)]
        seen[stage] = seen.get(stage, -1) + 1
        lift = 0.28 if seen[stage] % 2 else 0.0
        red, green, blue = (round(c + (255 - c) * lift) for c in hue)
        colours[block] = f"#{red:02x}{green:02x}{blue:02x}"
    return colours


def heat(share: float) -> str:
    """The CSS colour behind a table's number that is `share` of its column's largest."""
    strength = HEAT_TEXT * min(1.0, max(0.0, share))
    return f"rgba({HEAT_RGB[0]}, {HEAT_RGB[1]}, {HEAT_RGB[2]}, {strength:.2f})"


def text_on(colour: str) -> str:
    """Black or white, whichever reads better on a #rrggbb colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#111111" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"
