"""MobileNetV2: inverted residuals with linear bottlenecks."""

from __future__ import annotations

from archs.catalogue.family import Family
from archs.tables.blocks import round8
from archs.tables.rows import AnyRow, Conv, GlobalPool, InvertedResidual, Linear
from archs.tables.table import Resolution, Spec

# Sandler et al. 2018, arXiv:1801.04381v4, Table 2.
# fmt: off
#                   t     c  n  s
STEM =                (  32, 1, 2)   # 224² × 3     conv2d
BOTTLENECKS = (( 1,  16, 1, 1),      # 112² × 32
               ( 6,  24, 2, 2),      # 112² × 16
               ( 6,  32, 3, 2),      #  56² × 24
               ( 6,  64, 4, 2),      #  28² × 32
               ( 6,  96, 3, 1),      #  14² × 64
               ( 6, 160, 3, 2),      #  14² × 96
               ( 6, 320, 1, 1))      #   7² × 160
LAST =                (1280, 1, 1)   #   7² × 320   conv2d 1×1, then avgpool 7×7
# fmt: on


def mobilenet_v2(width: float = 1.0, resolution: Resolution = 224) -> Spec:
    """MobileNetV2 with every channel count × `width` rounded to 8; the last 1×1 is not narrowed below width 1."""
    channels, _, stride = STEM
    rows: list[AnyRow] = [Conv(stage="stem", channels=round8(channels * width), stride=stride, activation="relu6")]
    for number, (t, c, n, s) in enumerate(BOTTLENECKS, 1):
        stage = f"stage{number}"
        rows.append(InvertedResidual(stage=stage, channels=round8(c * width), expansion=float(t), repeat=n, stride=s))
    last = round8(LAST[0] * max(1.0, width))  # section 4.1: "we apply the multiplier to all but the last layer"
    rows += [
        Conv(stage="head", channels=last, kernel=1, activation="relu6"),
        GlobalPool(stage="head"),
        # The table prints a "conv2d 1×1" on the 1×1 map: the same weights as a linear layer. Dropout: official code
        Linear(stage="head", dropout=0.2),
    ]
    return Spec(name="mobilenet_v2", rows=tuple(rows), resolution=resolution, width=float(width))


FAMILY = Family(
    name="mobilenet_v2",
    title="MobileNetV2",
    year=2018,
    source="Sandler et al. 2018, arXiv:1801.04381v4, Table 2",
    make=mobilenet_v2,
    knobs={"width": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4), "resolution": (96, 128, 160, 192, 224)},
    open_knobs=("width", "resolution"),
)
