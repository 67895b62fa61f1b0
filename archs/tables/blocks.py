"""The papers' blocks: one function per kind of row adds its nodes to a builder. `x` is the path of the block's input.

A convolution's nodes are `name`, `name_bn` and `name_act`. Exported classes are named after the kind of a scope, so
blocks of another structure (no shortcut, no expansion, with squeeze-and-excite) have another kind.
"""

from __future__ import annotations

from collections.abc import Callable

from archs.caching import cached
from archs.errors import ArchError
from archs.ir.graph import Builder
from archs.ir.ops import (
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
)
from archs.tables import rows

_conv = cached(4096, "repeated blocks share operators instead of checking the same numbers again")(Conv2d)
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


def depthwise(
    b: Builder, x: str, name: str, kernel: int, stride: int, act: str | None = "none", norm: bool = True
) -> str:
    """A depthwise k×k convolution with batch norm and activation; gives its path."""
    channels = b.shape(x).channels
    return conv(b, x, name, channels, kernel, stride, channels, act or "none", norm)


def _activate(b: Builder, x: str, name: str, act: str) -> str:
    return x if act == "none" else b.add(name, ACTIVATIONS[act], x)


def conv_row(b: Builder, x: str, row: rows.Conv, scope: str, stride: int) -> str:
    """The block of a `Conv` row."""
    kind = "conv" + ("_bn" if row.norm else "") + ("_act" if row.activation != "none" else "")
    with b.scope(scope, kind):
        x = b.add("conv", _conv(row.channels, row.kernel, stride, groups=row.groups, bias=not row.norm), x)
        if row.norm:
            x = b.add("bn", _BN, x)
        return _activate(b, x, "act", row.activation)


def separable(b: Builder, x: str, row: rows.Separable, scope: str, stride: int) -> str:
    """The block of a `Separable` row."""
    with b.scope(scope, "depthwise_separable"):
        x = depthwise(b, x, "dw", row.kernel, stride, row.dw_activation or row.activation, row.norm)
        return conv(b, x, "pw", row.channels, act=row.activation, norm=row.norm)


def inverted_residual(b: Builder, x: str, row: rows.InvertedResidual, scope: str, stride: int) -> str:
    """The block of an `InvertedResidual` row."""
    inputs = b.shape(x)
    expanded = row.expanded or max(1, round(inputs.channels * (row.expansion or 1)))
    expands = expanded != inputs.channels  # t = 1 has no expansion layer, in all official code
    shortcut = row.shortcut and stride == 1 and inputs.channels == row.channels
    kind = ("inverted" if expands else "separable") + ("_residual" if shortcut else "_bottleneck")
    with b.scope(scope, kind + ("_se" if row.se else "")):
        y = conv(b, x, "expand", expanded, act=row.activation, norm=row.norm) if expands else x
        y = depthwise(b, y, "dw", row.kernel, stride, row.dw_activation or row.activation, row.norm)
        if row.se:
            squeezed = round8(expanded * row.se) if row.se_of == "expanded" else int(inputs.channels * row.se)
            y = squeeze_excite(b, y, max(1, squeezed), row.gate)
        y = conv(b, y, "project", row.channels, act=row.out_activation, norm=row.norm)
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


def _with_se(b: Builder, x: str, ratio: float) -> str:
    """Squeeze-and-excite at the end of a branch as in SENet: ratio of the width, sigmoid; none at ratio 0."""
    return squeeze_excite(b, x, max(1, round(b.shape(x).channels * ratio)), "sigmoid") if ratio else x


def shuffle_v1(b: Builder, x: str, row: rows.ShuffleV1, scope: str, stride: int) -> str:
    """The unit of a `ShuffleV1` row."""
    inputs = b.shape(x).channels
    downsamples = stride > 1
    # None: "add" turns into "concat" at stride 2 (section 3.2), and into nothing where a repeat changes the width
    merge = row.merge or ("concat" if downsamples else "add" if inputs == row.channels else None)
    if merge == "concat" and row.channels <= inputs:
        where = f"a unit with stride {stride} " if downsamples else "the unit "
        raise ArchError(f"{where}concatenates its input: channels must be over its {inputs}", "channels")
    # The paper's quarter; where g does not divide it (small scales), the next multiple of g
    middle = -(-round(row.channels * row.bottleneck) // row.groups) * row.groups

    def shuffled(y: str, place: str) -> str:
        here = row.shuffle and row.groups > 1 and row.shuffle_after == place
        return b.add("shuffle", ChannelShuffle(row.groups), y) if here else y

    with b.scope(scope, ("shuffle_v1_down" if downsamples else "shuffle_v1_unit") + ("_se" if row.se else "")):
        # The first unit's 1×1 has no groups in stage 2, "because the number of input channels is relatively small"
        first = row.groups if row.group_first else 1
        y = conv(b, x, "reduce", middle, groups=first, act=row.activation, norm=row.norm)
        y = shuffled(y, "reduce")
        y = depthwise(b, y, "dw", row.kernel, stride, row.dw_activation, row.norm)
        y = shuffled(y, "depthwise")
        given = row.channels - inputs if merge == "concat" else row.channels
        y = conv(b, y, "restore", given, groups=row.groups, norm=row.norm)
        y = _with_se(b, shuffled(y, "restore"), row.se)
        if merge:
            shortcut = b.add("pool", AvgPool(3, stride, 1), x) if downsamples else x
            if merge == "concat":
                y = b.add("concat", Concat(), shortcut, y)
            else:
                shortcut = (
                    shortcut if inputs == row.channels else conv(b, shortcut, "shortcut", row.channels, norm=row.norm)
                )
                y = b.add("add", Add(), shortcut, y)
        # ReLU after the merge, as in Figure 2b and 2c; megvii's code has it on the branch only, which gives the same
        # numbers as the pooled input is never negative
        return _activate(b, y, "act", row.activation)


def shuffle_v2(b: Builder, x: str, row: rows.ShuffleV2, scope: str, stride: int) -> str:
    """The unit of a `ShuffleV2` row."""
    inputs, adds = b.shape(x).channels, row.merge == "add"
    downsamples = stride > 1 or row.channels != inputs
    kind = ("shuffle_v2_down" if downsamples else "shuffle_v2_unit") + ("_se" if row.se else "")
    if downsamples:  # Figure 3d: no split, both branches see all channels
        left = inputs if row.downsample == "keep" else row.channels // 2
        if left >= row.channels and not adds:
            raise ArchError(
                f"the shortcut branch gives {left} channels; the unit's channels must be over that", "channels"
            )
        with b.scope(scope, kind):
            x = _shuffled(b, x, row, "start")
            with b.scope("shortcut"):
                y1 = depthwise(b, x, "dw", row.kernel, stride, row.dw_activation, row.norm)
                y1 = conv(b, y1, "pw", row.channels if adds else left, act=row.activation, norm=row.norm)
            with b.scope("main"):
                # megvii: the middle is half of the output; torchvision: the branch's own width, which is the same
                y2 = _main_branch(b, x, row, row.channels // 2, row.channels - (0 if adds else left), stride)
            return _merge(b, y1, y2, row)
    left = round(inputs * row.split)
    if not 0 < left < inputs:
        raise ArchError(f"split {row.split} of {inputs} channels leaves a branch without any", "split")
    with b.scope(scope, kind):
        x = _shuffled(b, x, row, "start")
        if adds:
            return _merge(b, x, _main_branch(b, x, row, inputs - left, inputs, 1), row)
        y1 = b.add("left", ChannelSplit((left, inputs - left), 0), x)
        y2 = b.add("right", ChannelSplit((left, inputs - left), 1), x)
        return _merge(b, y1, _main_branch(b, y2, row, inputs - left, inputs - left, 1), row)


def _main_branch(b: Builder, x: str, row: rows.ShuffleV2, middle: int, channels: int, stride: int) -> str:
    x = conv(b, x, "pw1", middle, act=row.activation, norm=row.norm)
    x = depthwise(b, x, "dw", row.kernel, stride, row.dw_activation, row.norm)
    return _with_se(b, conv(b, x, "pw2", channels, act=row.activation, norm=row.norm), row.se)


def _shuffled(b: Builder, x: str, row: rows.ShuffleV2, place: str) -> str:
    return b.add("shuffle", ChannelShuffle(2), x) if row.shuffle and row.shuffle_at == place else x


def _merge(b: Builder, left: str, right: str, row: rows.ShuffleV2) -> str:
    y = b.add("add", Add(), left, right) if row.merge == "add" else b.add("concat", Concat(), left, right)
    return _shuffled(b, y, row, "end")


def bottleneck(b: Builder, x: str, row: rows.Bottleneck, scope: str, stride: int) -> str:
    """The block of a `Bottleneck` row."""
    inputs = b.shape(x)
    act = row.activation if row.relu else "none"
    projects = row.shortcut and (stride > 1 or inputs.channels != row.channels)
    kind = "bottleneck" + ("_down" if projects else "" if row.shortcut else "_plain") + ("_se" if row.se else "")
    with b.scope(scope, kind):
        y = conv(b, x, "reduce", row.inner, stride=stride if row.stride_first else 1, act=act, norm=row.norm)
        y = conv(
            b, y, "spatial", row.inner, row.kernel, 1 if row.stride_first else stride, row.groups, act, norm=row.norm
        )
        y = _with_se(b, conv(b, y, "restore", row.channels, norm=row.norm), row.se)
        if row.shortcut:
            if projects:
                x = conv(b, x, "shortcut", row.channels, stride=stride, norm=row.norm)
            y = b.add("add", Add(), x, y)
        return _activate(b, y, "act", act)


def fragments(b: Builder, x: str, row: rows.Fragments, scope: str, stride: int) -> str:
    """The block of a `Fragments` row."""
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


def pool(b: Builder, x: str, row: rows.Pool, scope: str, stride: int) -> str:
    """The pooling of a `Pool` row."""
    cls = MaxPool if row.mode == "max" else AvgPool
    return b.add(scope, cls(row.kernel, stride, row.kernel // 2), x)


def global_pool(b: Builder, x: str, row: rows.GlobalPool, scope: str, stride: int) -> str:
    """The mean of each map."""
    return b.add(scope, GlobalAvgPool(row.flat), x)


def linear(b: Builder, x: str, row: rows.Linear, scope: str, stride: int) -> str:
    """A linear layer after its dropout, before its activation."""
    with b.scope(scope):
        if len(b.shape(x)) == 3:
            x = b.add("flatten", Flatten(), x)
        if row.dropout:
            x = b.add("dropout", Dropout(row.dropout), x)
        x = b.add("linear", Linear(row.channels), x)
        return _activate(b, x, "act", row.activation)


# Kind of scope → docstring of the exported class
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

BLOCKS: dict[type[rows.Row], tuple[str, Callable[..., str]]] = {
    rows.Conv: ("conv", conv_row),
    rows.Separable: ("block", separable),
    rows.InvertedResidual: ("block", inverted_residual),
    rows.ShuffleV1: ("block", shuffle_v1),
    rows.ShuffleV2: ("block", shuffle_v2),
    rows.Bottleneck: ("block", bottleneck),
    rows.Fragments: ("block", fragments),
    rows.Pool: ("pool", pool),
    rows.GlobalPool: ("pool", global_pool),
    rows.Linear: ("linear", linear),
}
"""Row class → (the name of its blocks in a path, the function that adds one)."""
