"""The formulas of the guidelines as tables, in elements. No timing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from archs.ir import ops
from costmodel import count
from explorer.lab.experiment import Experiment, first_convolution

if TYPE_CHECKING:
    import pandas

RATIOS = (1, 2, 6, 12, 16)
GROUPS = (1, 2, 4, 8, 16, 32)
STEPS = 96  # points between the ends of a curve, on a logarithmic axis: a line between few points has kinks


def mem_access(c1: float, c2: float, hw: int, groups: float = 1) -> float:
    """Memory access cost of a 1×1 convolution in elements: hw(c1 + c2) + c1·c2/g (ShuffleNetV2, G1 and G2)."""
    return hw * (c1 + c2) + c1 * c2 / groups


def lower_bound(mult_adds: float, hw: int) -> float:
    """Lower bound on the memory access of a 1×1 convolution with B multiply-adds: 2·√(hw·B) + B/hw (G1)."""
    return 2 * (hw * mult_adds) ** 0.5 + mult_adds / hw


def g1(channels: int, size: int) -> pandas.DataFrame:
    """MAC over c2/c1 at the multiply-adds of `channels` → `channels`, both sides of 1:1; real channel counts."""
    import pandas

    hw = size * size
    work = hw * channels**2
    points = []
    for ratio in _steps(1 / RATIOS[-1], *(1 / r for r in RATIOS[1:-1]), *RATIOS):
        c1 = channels / ratio**0.5
        c2 = channels * ratio**0.5
        cost = mem_access(c1, c2, hw)
        points.append({"ratio": ratio, "c1": c1, "c2": c2, "mem_access": cost, "bound": lower_bound(work, hw)})
    table = pandas.DataFrame(points)
    table["relative"] = table["mem_access"] / table["bound"]
    return table


def g2(channels: int, size: int) -> pandas.DataFrame:
    """MAC over g at fixed multiply-adds (c grows with √g), and beside it at fixed channels (the work shrinks)."""
    import pandas

    hw = size * size
    points = []
    for groups in _steps(*GROUPS):
        c = channels * groups**0.5
        points.append(
            {
                "groups": groups,
                "channels": c,
                "mem_access": mem_access(c, c, hw, groups),
                "same_channels": mem_access(channels, channels, hw, groups),
                "mult_adds_same_channels": hw * channels**2 / groups,
            }
        )
    return pandas.DataFrame(points)


def _steps(*exact: float) -> list[float]:
    """Points of a curve on a logarithmic axis, the exact ones among them."""
    low, high = math.log(min(exact)), math.log(max(exact))
    between = [math.exp(low + (high - low) * step / STEPS) for step in range(1, STEPS)]
    return sorted(
        {*exact, *(x for x in between if min(abs(math.log(x / e)) for e in exact) > (high - low) / STEPS / 2)}
    )


def rows(experiment: Experiment) -> pandas.DataFrame:
    """The rows of a G1 or G2 experiment on these curves: row, ratio c2/c1, groups, MAC of one convolution."""
    import pandas

    found = []
    for variant in experiment.variants:
        spec = variant.spec
        c1, convolution = spec.input_channels, first_convolution(spec)
        side = cast("int", spec.resolution)  # an experiment's images are square
        cost = mem_access(c1, convolution.channels, side**2, convolution.groups)
        ratio = convolution.channels / c1
        found.append({"row": variant.row, "ratio": ratio, "groups": convolution.groups, "mem_access": cost})
    return pandas.DataFrame(found)


def g4(experiment: Experiment) -> pandas.DataFrame:
    """Per variant and kind (convolution, ReLU, shortcut's addition): operations, memory access, shares of both.

    An operation is a multiply-add, or one element that an element-wise operator writes.
    """
    import pandas

    parts = []
    for variant in experiment.variants:
        counts = count(variant.graph)
        sums: dict[str, list[int]] = {}
        for node, cost in zip(counts.graph.nodes, counts.nodes):
            kind = "convolution" if isinstance(node.op, ops.Conv2d) else "add" if cost.add else "ReLU"
            total = sums.setdefault(kind, [0, 0])
            total[0] += cost.mult_adds + cost.elementwise
            total[1] += cost.mem_access
        operations, accesses = (sum(total[i] for total in sums.values()) for i in (0, 1))
        for kind, (work, memory) in sums.items():
            parts.append(
                {
                    "row": variant.row,
                    "kind": kind,
                    "operations": work,
                    "mem_access": memory,
                    "operations_share": work / operations,
                    "mem_access_share": memory / accesses,
                }
            )
    return pandas.DataFrame(parts)
