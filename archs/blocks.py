"""The papers' blocks as graph builders: one function per kind of row, `x` being the path that the block reads.

A convolution's nodes are `name`, `name_bn` and `name_act`. The kind given to a scope is the name that the exported
class gets, so blocks of another structure (no shortcut, no expansion, with squeeze-and-excite) say another kind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from archs import spec
from archs.errors import ArchError
from archs.graph import Builder
from archs.ops import (
    ACTIVATIONS,
    Add,
    AvgPool,
    BatchNorm,
    ChannelShuffle,
    ChannelSplit,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Multiply,
    ReLU,
)

# Operators are immutable values: a repeated block shares them instead of checking the same numbers again.
_conv = lru_cache(4096)(Conv2d)
_BN = BatchNorm()


def round8(channels: float) -> int:
    """The multiple of 8 nearest to `channels`, at least 8, and never below 90 % of it (MobileNetV2's official code).

    >>> round8(32 * 0.35), round8(24 * 1.4)
    (16, 32)
    """
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def conv(
    b: Builder,
    x: str,
    name: str,
    channels: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    act: str = "none",
    norm: bool = True,
) -> str:
    """Convolution, batch norm (or a bias in its place), activation."""
    x = b.add(name, _conv(channels, kernel, stride, groups=groups, bias=not norm), x)
    if norm:
        x = b.add(f"{name}_bn", _BN, x)
    return _activate(b, x, f"{name}_act", act)


def depthwise(b: Builder, x: str, name: str, kernel: int, stride: int, act: str = "none") -> str:
    channels = b.shape(x).channels
    return conv(b, x, name, channels, kernel, stride, channels, act)


def _activate(b: Builder, x: str, name: str, act: str) -> str:
    return x if act == "none" else b.add(name, ACTIVATIONS[act], x)


def conv_row(b: Builder, x: str, row: spec.Conv, scope: str, stride: int) -> str:
    kind = "conv" + ("_bn" if row.norm else "") + ("_act" if row.activation != "none" else "")
    with b.scope(scope, kind):
        x = b.add("conv", _conv(row.channels, row.kernel, stride, groups=row.groups, bias=not row.norm), x)
        if row.norm:
            x = b.add("bn", _BN, x)
        return _activate(b, x, "act", row.activation)


def separable(b: Builder, x: str, row: spec.Separable, scope: str, stride: int) -> str:
    with b.scope(scope, "depthwise_separable"):
        x = depthwise(b, x, "dw", row.kernel, stride, row.activation)
        return conv(b, x, "pw", row.channels, act=row.activation)


def inverted_residual(b: Builder, x: str, row: spec.InvertedResidual, scope: str, stride: int) -> str:
    inputs = b.shape(x)
    expanded = row.expanded or max(1, round(inputs.channels * row.expansion))
    expands = expanded != inputs.channels  # t = 1 has no expansion layer, in all official code
    shortcut = row.shortcut and stride == 1 and inputs.channels == row.channels
    kind = ("inverted" if expands else "separable") + ("_residual" if shortcut else "_bottleneck")
    with b.scope(scope, kind + ("_se" if row.se else "")):
        y = conv(b, x, "expand", expanded, act=row.activation) if expands else x
        y = depthwise(b, y, "dw", row.kernel, stride, row.activation)
        if row.se:
            squeezed = round8(expanded * row.se) if row.se_of == "expanded" else int(inputs.channels * row.se)
            y = squeeze_excite(b, y, max(1, squeezed), row.gate)
        y = conv(b, y, "project", row.channels)  # linear: MobileNetV2, section 3.2
        return b.add("add", Add(), x, y) if shortcut else y


def squeeze_excite(b: Builder, x: str, squeezed: int, gate: str) -> str:
    """Global pool, two 1×1 convolutions with bias, gate (MobileNetV3, section 5.3)."""
    channels = b.shape(x).channels
    with b.scope("se", "squeeze_excite"):
        y = b.add("pool", GlobalAvgPool(), x)
        y = conv(b, y, "reduce", squeezed, act="relu", norm=False)
        y = conv(b, y, "restore", channels, norm=False)
        y = b.add("gate", ACTIVATIONS[gate], y)
        return b.add("scale", Multiply(), x, y)


def shuffle_v1(b: Builder, x: str, row: spec.ShuffleV1, scope: str, stride: int) -> str:
    inputs = b.shape(x).channels
    downsamples = stride > 1
    if downsamples and row.channels <= inputs:
        raise ArchError(
            f"a unit with stride {stride} concatenates its input: channels must be over its {inputs}", "channels"
        )
    # The paper's quarter; where g does not divide it (small scales), the next multiple of g
    middle = -(-round(row.channels * row.bottleneck) // row.groups) * row.groups
    with b.scope(scope, "shuffle_v1_down" if downsamples else "shuffle_v1_unit"):
        # The first unit's 1×1 has no groups in stage 2, "because the number of input channels is relatively small"
        y = conv(b, x, "reduce", middle, groups=row.groups if row.group_first else 1, act=row.activation)
        if row.shuffle and row.groups > 1:
            y = b.add("shuffle", ChannelShuffle(row.groups), y)
        y = depthwise(b, y, "dw", row.kernel, stride)
        y = conv(b, y, "restore", row.channels - inputs if downsamples else row.channels, groups=row.groups)
        if downsamples:
            pooled = b.add("pool", AvgPool(3, stride, 1), x)
            y = b.add("concat", Concat(), pooled, y)
        elif inputs == row.channels:
            y = b.add("add", Add(), x, y)
        # ReLU after the merge, as in Figure 2b and 2c; megvii's code has it on the branch only, which gives the same
        # numbers as the pooled input is never negative
        return _activate(b, y, "act", row.activation)


def shuffle_v2(b: Builder, x: str, row: spec.ShuffleV2, scope: str, stride: int) -> str:
    inputs, act = b.shape(x).channels, row.activation
    if stride > 1 or row.channels != inputs:  # Figure 3d: no split, both branches see all channels
        left = inputs if row.downsample == "keep" else row.channels // 2
        if left >= row.channels:
            raise ArchError(
                f"the shortcut branch gives {left} channels; the unit's channels must be over that", "channels"
            )
        with b.scope(scope, "shuffle_v2_down"):
            with b.scope("shortcut"):
                y1 = depthwise(b, x, "dw", row.kernel, stride)
                y1 = conv(b, y1, "pw", left, act=act)
            with b.scope("main"):
                # megvii: the middle is half of the output; torchvision: the branch's own width, which is the same
                y2 = conv(b, x, "pw1", row.channels // 2, act=act)
                y2 = depthwise(b, y2, "dw", row.kernel, stride)
                y2 = conv(b, y2, "pw2", row.channels - left, act=act)
            return _merge(b, y1, y2, row.shuffle)
    left = round(inputs * row.split)
    if not 0 < left < inputs:
        raise ArchError(f"split {row.split} of {inputs} channels leaves a branch without any", "split")
    with b.scope(scope, "shuffle_v2_unit"):
        y1 = b.add("left", ChannelSplit((left, inputs - left), 0), x)
        y2 = b.add("right", ChannelSplit((left, inputs - left), 1), x)
        y2 = conv(b, y2, "pw1", inputs - left, act=act)
        y2 = depthwise(b, y2, "dw", row.kernel, 1)
        y2 = conv(b, y2, "pw2", inputs - left, act=act)
        return _merge(b, y1, y2, row.shuffle)


def _merge(b: Builder, left: str, right: str, shuffle: bool) -> str:
    # The shuffle closes the unit (section 4, Figure 3c and 3d); megvii's code opens the next one with it
    y = b.add("concat", Concat(), left, right)
    return b.add("shuffle", ChannelShuffle(2), y) if shuffle else y


def bottleneck(b: Builder, x: str, row: spec.Bottleneck, scope: str, stride: int) -> str:
    inputs = b.shape(x)
    act = "relu" if row.relu else "none"
    projects = row.shortcut and (stride > 1 or inputs.channels != row.channels)
    kind = "bottleneck" + ("_down" if projects else "" if row.shortcut else "_plain")
    with b.scope(scope, kind):
        y = conv(b, x, "reduce", row.inner, stride=stride if row.stride_first else 1, act=act, norm=row.norm)
        y = conv(
            b, y, "spatial", row.inner, row.kernel, 1 if row.stride_first else stride, row.groups, act, norm=row.norm
        )
        y = conv(b, y, "restore", row.channels, norm=row.norm)
        if row.shortcut:
            if projects:
                x = conv(b, x, "shortcut", row.channels, stride=stride, norm=row.norm)
            y = b.add("add", Add(), x, y)
        return b.add("act", ReLU(), y) if row.relu else y


def fragments(b: Builder, x: str, row: spec.Fragments, scope: str, stride: int) -> str:
    with b.scope(scope, f"fragments_{row.layout}"):
        if row.layout == "series" or row.fragments == 1:
            for number in range(1, row.fragments + 1):
                x = conv(b, x, f"conv{number}", row.channels, norm=False)
            return x
        parts = [conv(b, x, f"conv{number}", row.channels, norm=False) for number in range(1, row.fragments + 1)]
        y = parts[0]
        for number, part in enumerate(parts[1:], 1):
            y = b.add(f"add{number}", Add(), y, part)
        return y


def pool(b: Builder, x: str, row: spec.Pool, scope: str, stride: int) -> str:
    cls = MaxPool if row.mode == "max" else AvgPool
    return b.add(scope, cls(row.kernel, stride, row.kernel // 2), x)


def global_pool(b: Builder, x: str, row: spec.GlobalPool, scope: str, stride: int) -> str:
    return b.add(scope, GlobalAvgPool(row.flat), x)


def linear(b: Builder, x: str, row: spec.Linear, scope: str, stride: int) -> str:
    with b.scope(scope):
        if len(b.shape(x)) == 3:
            x = b.add("flatten", Flatten(), x)
        if row.dropout:
            x = b.add("dropout", Dropout(row.dropout), x)
        x = b.add("linear", Linear(row.channels), x)
        return _activate(b, x, "act", row.activation)


# What the scopes are, for the docstrings of exported classes.
DOCS = {
    "conv_bn_act": "Convolution, batch norm, activation.",
    "conv_bn": "Convolution and batch norm.",
    "conv_act": "Convolution and activation.",
    "depthwise_separable": "MobileNetV1's block: a depthwise convolution, then a 1x1.",
    "inverted_residual": "MobileNetV2's block: expand, depthwise, linear projection, shortcut.",
    "inverted_residual_se": "MobileNetV3's block: an inverted residual with squeeze-and-excite.",
    "inverted_bottleneck": "An inverted residual whose shape changes: no shortcut.",
    "inverted_bottleneck_se": "An inverted residual with squeeze-and-excite, no shortcut.",
    "separable_residual": "An inverted residual at expansion 1: no expansion layer.",
    "separable_residual_se": "An inverted residual at expansion 1, with squeeze-and-excite.",
    "separable_bottleneck": "An inverted residual at expansion 1, no shortcut.",
    "separable_bottleneck_se": "An inverted residual at expansion 1, squeezed, no shortcut.",
    "squeeze_excite": "Squeeze-and-excite: a gate per channel from its mean.",
    "shuffle_v1_unit": "ShuffleNetV1's unit, Figure 2(b).",
    "shuffle_v1_down": "ShuffleNetV1's unit with a stride, Figure 2(c).",
    "shuffle_v2_unit": "ShuffleNetV2's unit, Figure 3(c): split, transform a part, concat.",
    "shuffle_v2_down": "ShuffleNetV2's unit with a stride, Figure 3(d).",
    "bottleneck": "ResNet's bottleneck.",
    "bottleneck_down": "ResNet's bottleneck with a projected shortcut.",
    "bottleneck_plain": "ResNet's bottleneck without its shortcut.",
    "fragments_series": "Guideline G3: 1x1 convolutions in a row.",
    "fragments_parallel": "Guideline G3: 1x1 convolutions side by side, added.",
}

BLOCKS: dict[type[spec.Row], tuple[str, Callable[..., str]]] = {
    spec.Conv: ("conv", conv_row),
    spec.Separable: ("block", separable),
    spec.InvertedResidual: ("block", inverted_residual),
    spec.ShuffleV1: ("block", shuffle_v1),
    spec.ShuffleV2: ("block", shuffle_v2),
    spec.Bottleneck: ("block", bottleneck),
    spec.Fragments: ("block", fragments),
    spec.Pool: ("pool", pool),
    spec.GlobalPool: ("pool", global_pool),
    spec.Linear: ("linear", linear),
}
"""Row class → (what its blocks are called in a path, the function that builds one)."""
