"""Design your own: two kinds of block at the channels for which their multiply-adds are equal."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

import archs
from archs import Spec
from archs.caching import cached
from archs.catalogue.guidelines import BLOCKS
from archs.tables.rows import AnyRow, Bottleneck, Conv, Fragments, InvertedResidual, Separable, ShuffleV1, ShuffleV2
from costmodel import count
from explorer.errors import LabError
from explorer.lab.experiment import check

MAX_CHANNELS = 512


class Kind(NamedTuple):
    """A kind of block: `row(channels)` for channels that are multiples of `step`."""

    title: str
    step: int
    row: Callable[[int], AnyRow]


KINDS: dict[str, Kind] = {
    "conv1": Kind("1×1 convolution", 1, lambda c: _conv(c, 1)),
    "conv3": Kind("3×3 convolution", 1, lambda c: _conv(c, 3)),
    "group4": Kind("1×1 convolution in 4 groups", 4, lambda c: _conv(c, 1, 4)),
    "separable": Kind("depthwise separable (MobileNetV1)", 1, lambda c: Separable(stage="s", channels=c)),
    "inverted": Kind(
        "inverted residual, t = 6 (MobileNetV2)", 1, lambda c: InvertedResidual(stage="s", channels=c, expansion=6)
    ),
    "inverted_se": Kind(
        "inverted residual with squeeze-and-excite (MobileNetV3)",
        1,
        lambda c: InvertedResidual(stage="s", channels=c, expansion=6, activation="hard_swish", se=0.25),
    ),
    "shuffle_v1": Kind("ShuffleNetV1's unit, g = 4", 16, lambda c: ShuffleV1(stage="s", channels=c, groups=4)),
    "shuffle_v2": Kind("ShuffleNetV2's unit", 2, lambda c: ShuffleV2(stage="s", channels=c)),
    "bottleneck": Kind("bottleneck (ResNet)", 4, lambda c: Bottleneck(stage="s", channels=c, inner=c // 4)),
    "parallel": Kind(
        "four 1×1 convolutions side by side",
        1,
        lambda c: Fragments(stage="s", channels=c, fragments=4, layout="parallel"),
    ),
}


def _conv(channels: int, kernel: int, groups: int = 1) -> AnyRow:
    return Conv(stage="s", channels=channels, kernel=kernel, groups=groups)


def network(kind: str, channels: int, size: int, blocks: int = BLOCKS) -> Spec:
    """A stack of one kind of block, as wide at its input. Raises LabError for channels that the kind cannot have."""
    chosen = _kind(kind)
    check("channels", channels, chosen.step, MAX_CHANNELS)
    if channels % chosen.step:
        raise LabError(f"channels: found {channels}; a {chosen.title} takes multiples of {chosen.step}")
    row = chosen.row(channels).model_copy(update={"repeat": blocks})
    return Spec(name=f"own_{kind}", rows=(row,), input_channels=channels, resolution=size)


@cached(4096, "a slider asks for the same networks again")
def mult_adds(kind: str, channels: int, size: int) -> int:
    """The multiply-adds of a stack of blocks of one kind."""
    return count(archs.build(network(kind, channels, size))).total.mult_adds


def matching(kind: str, target: int, size: int) -> int:
    """The channels for which a kind is nearest to `target` multiply-adds, which increase with the channels."""
    chosen = _kind(kind)
    candidates = range(chosen.step, MAX_CHANNELS + 1, chosen.step)
    above = bisect_left(candidates, target, key=lambda channels: mult_adds(kind, channels, size))
    near = [candidates[i] for i in (above - 1, above) if 0 <= i < len(candidates)]
    return min(near, key=lambda channels: abs(mult_adds(kind, channels, size) - target))


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise LabError(f"kind: found {str(kind)[:40]!r}; allowed: {', '.join(KINDS)}")
    return KINDS[kind]
