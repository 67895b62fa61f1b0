"""ResNet-50: the classical bottleneck that the mobile blocks are compared with."""

from __future__ import annotations

from archs.catalogue.family import Family
from archs.tables.rows import AnyRow, Bottleneck, Code, Conv, GlobalPool, Linear, Pool
from archs.tables.table import Resolution, Spec

# He et al. 2015, arXiv:1512.03385v1, Table 1, column "50-layer".
# fmt: off
#                    1×1  3×3  1×1   ×
STAGES = {"conv2_x": ( 64,      256, 3),  # 56×56, after a 7×7, 64, stride 2 and a 3×3 max pool, stride 2
          "conv3_x": (128,      512, 4),  # 28×28
          "conv4_x": (256,     1024, 6),  # 14×14
          "conv5_x": (512,     2048, 3)}  #  7×7
# fmt: on


def resnet50(width: float = 1.0, resolution: Resolution = 224, code: Code = "paper") -> Spec:
    """ResNet-50. `code="paper"` strides in the first 1×1 of a stage, `code="torchvision"` in its 3×3."""

    def scaled(channels: int) -> int:
        return max(1, int(channels * width))

    rows: list[AnyRow] = [Conv(stage="conv1", channels=scaled(64), kernel=7, stride=2), Pool(stage="conv1")]
    for stage, (inner, channels, repeat) in STAGES.items():
        rows.append(
            Bottleneck(
                stage=stage,
                channels=scaled(channels),
                inner=scaled(inner),
                repeat=repeat,
                stride=1 if stage == "conv2_x" else 2,
                stride_first=code == "paper",
            )
        )
    rows += [GlobalPool(stage="head"), Linear(stage="head")]
    return Spec(name="resnet50", rows=tuple(rows), resolution=resolution, width=float(width), code=code)


FAMILY = Family(
    name="resnet50",
    title="ResNet-50",
    year=2015,
    source="He et al. 2015, arXiv:1512.03385v1, Table 1",
    make=resnet50,
    knobs={"width": (0.25, 0.5, 0.75, 1.0), "resolution": (128, 160, 192, 224), "code": ("paper", "torchvision")},
    open_knobs=("width", "resolution"),
)
