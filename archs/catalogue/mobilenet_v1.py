"""MobileNetV1: depthwise separable convolutions, a width and a resolution multiplier."""

from __future__ import annotations

from archs.catalogue.family import Family
from archs.tables.rows import AnyRow, Conv, GlobalPool, Linear, Separable
from archs.tables.table import Resolution, Spec

# Howard et al. 2017, arXiv:1704.04861v1, Table 1. A pair "Conv dw" and "Conv / s1" of the table is one line here:
# the stride of the depthwise, the output channels of the 1×1 after it.
# fmt: off
#        Conv dw  Conv      Input size of the dw
STEM = (       2,   32)   # 224 × 224 × 3, a full 3×3 convolution
BODY = ((      1,   64),  # 112 × 112 × 32
        (      2,  128),  # 112 × 112 × 64
        (      1,  128),  #  56 × 56 × 128
        (      2,  256),  #  56 × 56 × 128
        (      1,  256),  #  28 × 28 × 256
        (      2,  512),  #  28 × 28 × 256
        (      1,  512),  #  14 × 14 × 512, five times
        (      1,  512),
        (      1,  512),
        (      1,  512),
        (      1,  512),
        (      2, 1024),  #  14 × 14 × 512
        (      1, 1024))  #   7 × 7 × 1024; the table prints "s2" and keeps the 7×7: official code and 569M say 1
# fmt: on


def mobilenet_v1(width: float = 1.0, resolution: Resolution = 224) -> Spec:
    """MobileNetV1 with width multiplier α (`width`) and resolution multiplier ρ (`resolution` = 224 ρ)."""

    def scaled(channels: int) -> int:
        return max(8, int(channels * width))  # official code: depth(d) = max(int(d · α), min_depth = 8)

    stride, channels = STEM
    rows: list[AnyRow] = [Conv(stage="stem", channels=scaled(channels), stride=stride)]
    stage = 1
    for stride, channels in BODY:
        stage += stride == 2
        rows.append(Separable(stage=f"stage{stage}", channels=scaled(channels), stride=stride))
    # "Avg Pool / s1", "FC / s1"; the "Softmax / s1" row belongs to the loss, as in all official training code
    rows += [GlobalPool(stage="head"), Linear(stage="head")]
    return Spec(name="mobilenet_v1", rows=tuple(rows), resolution=resolution, width=float(width))


FAMILY = Family(
    name="mobilenet_v1",
    title="MobileNetV1",
    year=2017,
    source="Howard et al. 2017, arXiv:1704.04861v1, Table 1",
    make=mobilenet_v1,
    knobs={"width": (0.25, 0.5, 0.75, 1.0), "resolution": (128, 160, 192, 224)},
    open_knobs=("width", "resolution"),
)
