"""MobileNetV3-Large and -Small, their minimalistic variants, and the last stage before and after Figure 5."""

from __future__ import annotations

from functools import partial

from archs.catalogue.family import Family
from archs.tables.blocks import round8
from archs.tables.rows import ActivationWord, AnyRow, Code, Conv, GlobalPool, InvertedResidual, Linear
from archs.tables.table import Resolution, Spec

RE: ActivationWord = "relu"
HS: ActivationWord = "hard_swish"

# Howard et al. 2019, arXiv:1905.02244v5, Table 1. The first and the last rows are in `_mobilenet_v3`.
# fmt: off
#          bneck  exp size  #out    SE   NL  s      Input
LARGE = ((     3,       16,   16, False, RE, 1),  # 112² × 16
         (     3,       64,   24, False, RE, 2),  # 112² × 16
         (     3,       72,   24, False, RE, 1),  #  56² × 24
         (     5,       72,   40, True,  RE, 2),  #  56² × 24
         (     5,      120,   40, True,  RE, 1),  #  28² × 40
         (     5,      120,   40, True,  RE, 1),  #  28² × 40
         (     3,      240,   80, False, HS, 2),  #  28² × 40
         (     3,      200,   80, False, HS, 1),  #  14² × 80
         (     3,      184,   80, False, HS, 1),  #  14² × 80
         (     3,      184,   80, False, HS, 1),  #  14² × 80
         (     3,      480,  112, True,  HS, 1),  #  14² × 80
         (     3,      672,  112, True,  HS, 1),  #  14² × 112
         (     5,      672,  160, True,  HS, 2),  #  14² × 112
         (     5,      960,  160, True,  HS, 1),  #   7² × 160
         (     5,      960,  160, True,  HS, 1))  #   7² × 160

# Table 2.
#          bneck  exp size  #out    SE   NL  s      Input
SMALL = ((     3,       16,   16, True,  RE, 2),  # 112² × 16
         (     3,       72,   24, False, RE, 2),  #  56² × 16
         (     3,       88,   24, False, RE, 1),  #  28² × 24
         (     5,       96,   40, True,  HS, 2),  #  28² × 24
         (     5,      240,   40, True,  HS, 1),  #  14² × 40
         (     5,      240,   40, True,  HS, 1),  #  14² × 40
         (     5,      120,   48, True,  HS, 1),  #  14² × 40
         (     5,      144,   48, True,  HS, 1),  #  14² × 48
         (     5,      288,   96, True,  HS, 2),  #  14² × 48
         (     5,      576,   96, True,  HS, 1),  #   7² × 96
         (     5,      576,   96, True,  HS, 1))  #   7² × 96
# fmt: on

STEM = 16  # section 5.1: 16 filters of h-swish in place of 32
LAST = {"large": 960, "small": 576}  # "conv2d, 1×1"; Table 2 ticks SE for Small here, no official code has it
HEAD = {"large": 1280, "small": 1024}  # "conv2d 1×1, NBN" on the pooled 1×1 map
TABLES: dict[str, tuple[tuple[int, int, int, bool, ActivationWord, int], ...]] = {"large": LARGE, "small": SMALL}


def _mobilenet_v3(
    size: str,
    width: float = 1.0,
    resolution: Resolution = 224,
    code: Code = "paper",
    last_stage: str = "efficient",
    minimalistic: bool = False,
) -> Spec:
    """MobileNetV3 of `size` "large" or "small".

    `code` is the rule for widths other than 1. "paper" (the official code, which alone gives the published 155M of
    Large 0.75): the expansion keeps its ratio to the scaled input. "torchvision": the listed expansion is scaled.
    Minimalistic: no squeeze-and-excite, ReLU for h-swish, 3×3 for 5×5 (official code, README of the variants).
    """
    act = RE if minimalistic else HS
    channels = round8(STEM * width)
    rows: list[AnyRow] = [Conv(stage="stem", channels=channels, stride=2, activation=act)]
    stage, listed = 1, STEM
    for kernel, expanded, out, se, nl, stride in TABLES[size]:
        stage += stride == 2
        ratio_kept = round8(channels * expanded / listed)
        rows.append(
            InvertedResidual(
                stage=f"stage{stage}",
                channels=round8(out * width),
                kernel=3 if minimalistic else kernel,
                stride=stride,
                expanded=round8(expanded * width) if code == "torchvision" else ratio_kept,
                activation=RE if minimalistic else nl,
                se=0.25 if se and not minimalistic else 0.0,  # section 5.3: "1/4 of the channels in expansion layer"
            )
        )
        channels, listed = round8(out * width), out
    rows += _last_stage(size, width, code, last_stage, act, f"stage{stage}", channels)
    name = f"mobilenet_v3_{size}" + ("_minimalistic" if minimalistic else "")
    return Spec(name=name, rows=tuple(rows), resolution=resolution, width=float(width), code=code)


def _last_stage(
    size: str, width: float, code: Code, last_stage: str, act: ActivationWord, stage: str, channels: int
) -> list[AnyRow]:
    last = 6 * channels if code == "torchvision" else round8(LAST[size] * width)
    # Below width 1 the head keeps its width. Above it the published 1.25 nets differ: Large's 7.5M fits a head left
    # at 1280 (7.552M), Small's 3.6M one widened to 1280 (3.646M)
    head = round8(HEAD[size] * width) if code == "torchvision" or (size == "small" and width > 1) else HEAD[size]
    if (
        last_stage == "original"
    ):  # Figure 5, above: an inverted residual, its expansion and a 1×1 to the head, then pool
        return [
            InvertedResidual(stage=stage, channels=round8(320 * width), expanded=last, activation=act),
            Conv(stage="head", channels=head, kernel=1, activation=act),
            GlobalPool(stage="head"),
            Linear(stage="head", dropout=0.2),
        ]
    return [
        Conv(stage="head", channels=last, kernel=1, activation=act),
        GlobalPool(stage="head"),
        Linear(stage="head", channels=head, activation=act),
        Linear(stage="head", dropout=0.2),  # "dropout of 0.8" in section 6.1 is the probability to keep
    ]


def _family(size: str, minimalistic: bool, title: str, table: str, **more: tuple[object, ...]) -> Family:
    return Family(
        name=f"mobilenet_v3_{size}" + ("_minimalistic" if minimalistic else ""),
        title=title,
        year=2019,
        source=f"Howard et al. 2019, arXiv:1905.02244v5, {table}",
        make=partial(_mobilenet_v3, size, minimalistic=minimalistic),
        knobs={
            "width": (0.75, 1.0, 1.25),
            "resolution": (96, 128, 160, 192, 224, 256),
            "code": ("paper", "torchvision"),
            **more,
        },
        open_knobs=("width", "resolution"),
        eps=1e-3,  # official code and torchvision
    )


FAMILIES = (
    _family("large", False, "MobileNetV3-Large", "Table 1", last_stage=("efficient", "original")),
    _family("small", False, "MobileNetV3-Small", "Table 2"),
    _family("large", True, "MobileNetV3-Large minimalistic", "Table 1, minimalistic (official code)"),
    _family("small", True, "MobileNetV3-Small minimalistic", "Table 2, minimalistic (official code)"),
)
