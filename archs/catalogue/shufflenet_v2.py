"""ShuffleNetV2: channel split, equal widths, concat and shuffle."""

from __future__ import annotations

from archs.catalogue.family import Family
from archs.tables.rows import AnyRow, Code, Conv, Downsample, GlobalPool, Linear, Pool, ShuffleV2
from archs.tables.table import Resolution, Spec

# Ma et al. 2018, arXiv:1807.11164v1, Table 5: output channels by scale.
# fmt: off
#               0.5×  1×    1.5×  2×       repeat: once with stride 2, then as often with stride 1
STEM =         (  24,   24,   24,   24)  # 112×112, then a 3×3 max pool to 56×56
CHANNELS = {
    "stage2":  (  48,  116,  176,  244), #  28×28
    "stage3":  (  96,  232,  352,  488), #  14×14
    "stage4":  ( 192,  464,  704,  976), #   7×7
}
CONV5 =        (1024, 1024, 1024, 2048)  #   7×7, 1×1
SCALES =       ( 0.5,  1.0,  1.5,  2.0)
REPEAT = {"stage2": 3, "stage3": 7, "stage4": 3}
# fmt: on


def shufflenet_v2(width: float = 1.0, resolution: Resolution = 224, code: Code = "megvii") -> Spec:
    """ShuffleNetV2 of scale `width`.

    The stride-2 unit has two published forms. `code="megvii"`, the authors': the shortcut branch keeps the input
    width, the main branch gives the rest; only this gives the paper's 41, 146, 299 and 591M. `code="torchvision"`:
    both give half; its pretrained weights fit this one.
    """
    column = SCALES.index(width)
    downsample: Downsample = "keep" if code == "megvii" else "half"
    rows: list[AnyRow] = [Conv(stage="stem", channels=STEM[column], stride=2), Pool(stage="stem")]
    for stage, channels in CHANNELS.items():
        rows += [
            ShuffleV2(stage=stage, channels=channels[column], stride=2, downsample=downsample),
            ShuffleV2(stage=stage, channels=channels[column], repeat=REPEAT[stage], downsample=downsample),
        ]
    rows += [
        Conv(stage="head", channels=CONV5[column], kernel=1),
        GlobalPool(stage="head", flat=True),  # torchvision's x.mean([2, 3])
        Linear(stage="head"),
    ]
    return Spec(name="shufflenet_v2", rows=tuple(rows), resolution=resolution, width=float(width), code=code)


FAMILY = Family(
    name="shufflenet_v2",
    title="ShuffleNetV2",
    year=2018,
    source="Ma et al. 2018, arXiv:1807.11164v1, Table 5",
    make=shufflenet_v2,
    knobs={"width": SCALES, "resolution": (128, 160, 192, 224), "code": ("megvii", "torchvision")},
    open_knobs=("resolution",),
)
