"""MnasNet-A1, the network that MobileNetV3-Large's search starts from."""

from __future__ import annotations

from archs.catalogue.family import Family
from archs.tables.blocks import round8
from archs.tables.rows import AnyRow, Conv, GlobalPool, InvertedResidual, Linear
from archs.tables.table import Resolution, Spec

# Tan et al. 2018, arXiv:1807.11626v3, Figure 7(a). SE is a quarter of the block's *input* channels (official code).
# fmt: off
#          t  k    SE     c  n  s
BLOCKS = ((1, 3, False,  16, 1, 1),  # 112×112×32, "SepConv"
          (6, 3, False,  24, 2, 2),  # 112×112×16
          (3, 5, True,   40, 3, 2),  #  56×56×24
          (6, 3, False,  80, 4, 2),  #  28×28×40
          (6, 3, True,  112, 2, 1),  #  14×14×80
          (6, 5, True,  160, 3, 2),  #  14×14×112
          (6, 3, False, 320, 1, 1))  #   7×7×160
STEM, HEAD = 32, 1280                # the head's 1×1 is not drawn in the figure: official code
# fmt: on


def mnasnet_a1(width: float = 1.0, resolution: Resolution = 224) -> Spec:
    """MnasNet-A1 with every channel count × `width` rounded to 8; the head stays 1280 (official 1.4×: 6.1M)."""
    rows: list[AnyRow] = [Conv(stage="stem", channels=round8(STEM * width), stride=2)]
    for number, (t, k, se, c, n, s) in enumerate(BLOCKS, 1):
        rows.append(
            InvertedResidual(
                stage=f"stage{number}",
                channels=round8(c * width),
                kernel=k,
                stride=s,
                repeat=n,
                expansion=float(t),
                activation="relu",
                se=0.25 if se else 0.0,
                se_of="input",
                gate="sigmoid",
            )
        )
    rows += [
        Conv(stage="head", channels=HEAD, kernel=1),
        GlobalPool(stage="head"),
        Linear(stage="head", dropout=0.2),
    ]
    return Spec(name="mnasnet_a1", rows=tuple(rows), resolution=resolution, width=float(width))


FAMILY = Family(
    name="mnasnet_a1",
    title="MnasNet-A1",
    year=2018,
    source="Tan et al. 2018, arXiv:1807.11626v3, Figure 7(a)",
    make=mnasnet_a1,
    knobs={"width": (0.5, 0.75, 1.0, 1.4), "resolution": (128, 160, 192, 224)},
    open_knobs=("width", "resolution"),
)
