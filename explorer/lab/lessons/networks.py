"""Networks and tables of the lessons. The networks of a lesson differ only in its subject. No timing.

Counts come from `costmodel.count` on graphs of the catalogue's builders. Formulas are given beside the counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import archs
from archs import Spec
from archs.catalogue.guidelines import BLOCKS
from archs.tables.rows import AnyRow, Bottleneck, Conv, InvertedResidual, Separable
from costmodel import count

if TYPE_CHECKING:
    import pandas

Networks = list[tuple[str, Spec]]


def _spec(name: str, channels: int, resolution: int, *rows: AnyRow) -> Spec:
    return Spec(name=name, rows=rows, input_channels=channels, resolution=resolution)


def totals(networks: Networks) -> pandas.DataFrame:
    """One row per network: its counts, and each over the first network's."""
    import pandas

    rows = []
    for label, spec in networks:
        counts = count(archs.build(spec))
        total = counts.total
        rows.append(
            {
                "network": label,
                "mult_adds": total.mult_adds,
                "params": total.params,
                "mem_access": total.mem_access,
                "elementwise": total.elementwise,
                "peak_activation": counts.peak_activation,
                "kernels": total.kernels,
                "intensity": counts.intensity,
            }
        )
    table = pandas.DataFrame(rows)
    for column in ("mult_adds", "params", "mem_access"):
        table[f"{column}_ratio"] = table[column] / table[column].iloc[0]
    return table


# Depthwise separable convolutions (MobileNetV1, section 3.1)


def separable_networks(c_in: int, c_out: int, kernel: int, size: int) -> Networks:
    """A standard convolution and the depthwise separable one in its place, without batch norm and activation."""
    standard = Conv(stage="s", channels=c_out, kernel=kernel, norm=False, activation="none")
    split = Separable(stage="s", channels=c_out, kernel=kernel, norm=False, activation="none")
    return [
        (f"standard {kernel}×{kernel}", _spec("standard", c_in, size, standard)),
        (f"depthwise {kernel}×{kernel} + 1×1", _spec("separable", c_in, size, split)),
    ]


def separable_ratio(c_out: int, kernel: int) -> float:
    """Separable over standard multiply-adds: 1/C_out + 1/K² (MobileNetV1, section 3.1)."""
    return 1 / c_out + 1 / kernel**2


def article_ratio(c_out: int, kernel: int) -> int:
    """The article's "ratio", C_out + K²: the separable cost per pixel and input channel, not divided by K²·C_out."""
    return c_out + kernel**2


def separable_curve(kernel: int) -> pandas.DataFrame:
    """The ratio over C_out, with its limit 1/K²."""
    import pandas

    outs = [2**i for i in range(11)]
    return pandas.DataFrame(
        {"c_out": outs, "ratio": [separable_ratio(c, kernel) for c in outs], "limit": [1 / kernel**2] * len(outs)}
    )


# Width and resolution multipliers (MobileNetV1, section 3.3)

WIDTHS = (0.25, 0.5, 0.75, 1.0)
RESOLUTIONS = (128, 160, 192, 224)


def multipliers(width: float, resolution: int) -> pandas.DataFrame:
    """MobileNetV1 at the published multipliers and at the chosen ones, with what α²ρ² would say."""
    import pandas

    full = count(archs.build(archs.spec("mobilenet_v1"))).total
    rows = []
    for alpha in sorted({*WIDTHS, width}):
        for size in sorted({*RESOLUTIONS, resolution}):
            total = count(archs.build(archs.spec("mobilenet_v1", width=alpha, resolution=size))).total
            rows.append(
                {
                    "width": alpha,
                    "resolution": size,
                    "mult_adds": total.mult_adds,
                    "params": total.params,
                    "mem_access": total.mem_access,
                    "share": total.mult_adds / full.mult_adds,
                    "rule": alpha**2 * (size / 224) ** 2,
                    "chosen": (alpha, size) == (width, resolution),
                }
            )
    return pandas.DataFrame(rows)


def multiplier_networks(width: float, resolution: int) -> Networks:
    """Full size, thinner only, smaller only, both."""
    return [
        ("full: 1.0, 224", archs.spec("mobilenet_v1")),
        (f"thinner: {width:g}, 224", archs.spec("mobilenet_v1", width=width)),
        (f"smaller: 1.0, {resolution}", archs.spec("mobilenet_v1", resolution=resolution)),
        (f"both: {width:g}, {resolution}", archs.spec("mobilenet_v1", width=width, resolution=resolution)),
    ]


# Channel shuffle (ShuffleNetV1, section 3.1)


def shuffle_networks(groups: int) -> Networks:
    """ShuffleNetV1 with its shuffles, and without them: no multiply-add between the two."""
    with_shuffle = archs.spec("shufflenet_v1", groups=groups)
    without = with_shuffle
    for number, row in enumerate(with_shuffle.rows):
        if row.kind == "shuffle_v1":
            without = without.edit_row(number, shuffle=False)
    return [("with channel shuffle", with_shuffle), ("without", without)]


# Residual and inverted residual (MobileNetV2, Figure 3)


def residual_networks(channels: int, factor: int, size: int) -> Networks:
    """Stacks of both blocks with the same wide width: wide → narrow → wide with the shortcut at the wide ends, and
    narrow → wide → narrow with it at the narrow ones. The first has a dense 3×3 inside, the second a depthwise one.
    """
    narrow = max(1, channels // factor)
    residual = Bottleneck(stage="s", channels=channels, inner=narrow, norm=False, repeat=BLOCKS)
    inverted = InvertedResidual(stage="s", channels=narrow, expanded=channels, norm=False, repeat=BLOCKS)
    return [
        (f"residual: {channels} → {narrow} → {channels}", _spec("residual", channels, size, residual)),
        (f"inverted residual: {narrow} → {channels} → {narrow}", _spec("inverted", narrow, size, inverted)),
    ]


# MobileNetV3's efficient last stage (its section 5.1, Figure 5)

PAPER_SAVED_MS = 7.0
PAPER_SAVED_SHARE = 0.11
"""On the paper's phone: "7 milliseconds which is 11% of the running time" (section 5.1)."""


def last_stage_networks() -> Networks:
    """MobileNetV3-Large with its first last stage and with the published one."""
    return [
        ("original last stage", archs.spec("mobilenet_v3_large", last_stage="original")),
        ("efficient last stage", archs.spec("mobilenet_v3_large", last_stage="efficient")),
    ]


def last_stage_tails() -> dict[str, pandas.DataFrame]:
    """Both forms from the first operator on in which they differ, with what each costs."""
    tables = {label: count(archs.build(spec)).table() for label, spec in last_stage_networks()}
    keys = [list(zip(table["path"], table["operator"], table["output"])) for table in tables.values()]
    shared = next(number for number, (a, b) in enumerate(zip(*keys)) if a != b)
    shown = ["path", "operator", "input", "output", "mult_adds", "params", "mem_access"]
    return {label: table.iloc[shared:][shown].reset_index(drop=True) for label, table in tables.items()}


# swish and hard-swish (MobileNetV3, section 5.2)


def swish_networks() -> Networks:
    """MobileNetV3-Large with its hard-swishes, with swishes, and with ReLUs in their place."""
    published = archs.spec("mobilenet_v3_large")
    return [
        ("ReLU", _with_activation(published, "relu")),
        ("hard-swish", published),
        ("swish", _with_activation(published, "swish")),
    ]


def _with_activation(spec: Spec, activation: str) -> Spec:
    for number, row in enumerate(spec.rows):
        if getattr(row, "activation", None) == "hard_swish":
            spec = spec.edit_row(number, activation=activation)
    return spec


# Squeeze-and-excite (MobileNetV3, section 5.3)


def squeeze_networks(ratio: float) -> Networks:
    """MobileNetV3-Large without squeeze-and-excite, and with it at a ratio of the expanded width."""
    published = archs.spec("mobilenet_v3_large")
    without = with_ratio = published
    for number, row in enumerate(published.rows):
        if getattr(row, "se", 0):
            without = without.edit_row(number, se=0.0)
            with_ratio = with_ratio.edit_row(number, se=ratio)
    return [("no squeeze-and-excite", without), (f"squeezed to {reduction(ratio)}", with_ratio)]


def reduction(ratio: float) -> str:
    """A squeeze ratio as the paper prints it.

    >>> reduction(0.25), reduction(1.0)
    ('1/4', '1')
    """
    return "1" if ratio == 1 else f"1/{1 / ratio:g}"
