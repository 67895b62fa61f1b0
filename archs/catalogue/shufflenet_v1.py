"""ShuffleNetV1: pointwise group convolutions with channel shuffle."""

from __future__ import annotations

from archs.catalogue.family import Family
from archs.tables.rows import AnyRow, Conv, GlobalPool, Linear, Pool, ShuffleV1
from archs.tables.table import Resolution, Spec

# Zhang et al. 2017, arXiv:1707.01083v2, Table 1: output channels by number of groups.
# fmt: off
#          g:  1    2    3    4     8     repeat: once with stride 2, then as often with stride 1
CHANNELS = {
    "stage2": (144, 200, 240, 272,  384), # 28×28
    "stage3": (288, 400, 480, 544,  768), # 14×14
    "stage4": (576, 800, 960, 1088, 1536),#  7×7
}
GROUPS =     (  1,   2,   3,   4,     8)
REPEAT = {"stage2": 3, "stage3": 7, "stage4": 3}
STEM = 24
# fmt: on

# The stem at scale s is 24·s, except where the authors' code (megvii-model/ShuffleNet-Series) says otherwise.
AUTHORS_STEM = {(3, 0.5): 12, (8, 0.5): 16, (3, 1.5): 24, (8, 1.5): 24, (3, 2.0): 48, (8, 2.0): 48}


def shufflenet_v1(width: float = 1.0, groups: int = 3, resolution: Resolution = 224) -> Spec:
    """ShuffleNetV1 of scale s (`width`) with g `groups`.

    The paper only says "s×": "scale the number of channels". Where a scaled count is not divisible by g, the next
    count that is stands in: for a stage, the nearest multiple of g; for the stem, the first from which the stride-2
    unit's main branch (out − in) splits into g, which gives the authors' 12 and 16 at 0.5×.
    """
    column = GROUPS.index(groups)
    stages = {stage: max(1, round(c[column] * width / groups)) * groups for stage, c in CHANNELS.items()}
    stem = AUTHORS_STEM.get((groups, width), max(1, round(STEM * width)))
    while (stages["stage2"] - stem) % groups:
        stem += 1
    rows: list[AnyRow] = [Conv(stage="stem", channels=stem, stride=2), Pool(stage="stem")]
    for stage, channels in stages.items():
        first = ShuffleV1(stage=stage, channels=channels, stride=2, groups=groups, group_first=stage != "stage2")
        rows += [first, ShuffleV1(stage=stage, channels=channels, groups=groups, repeat=REPEAT[stage])]
    rows += [GlobalPool(stage="head"), Linear(stage="head")]
    return Spec(name="shufflenet_v1", rows=tuple(rows), resolution=resolution, width=float(width), groups=groups)


FAMILY = Family(
    name="shufflenet_v1",
    title="ShuffleNetV1",
    year=2017,
    source="Zhang et al. 2017, arXiv:1707.01083v2, Table 1",
    make=shufflenet_v1,
    knobs={"width": (0.25, 0.5, 1.0, 1.5, 2.0), "groups": GROUPS, "resolution": (128, 160, 192, 224)},
    open_knobs=("width", "resolution"),
)
