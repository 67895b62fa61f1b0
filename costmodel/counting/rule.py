"""What a rule about a counter is, and the amounts, groups of operators and reasons that several counters share.

No tool is run here. The tools themselves are in `traced_tools` and `hooked_tools`, their list in `tool_rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from archs.ir import ops
from archs.ir.ops import Shape

Amount = Callable[[ops.Op, Shape, Shape], int]  # operator, its first input, its output → what the tool reports


@dataclass(frozen=True)
class Rule:
    """What a tool reports for one kind of operator, as a term beside the multiply-adds."""

    term: str
    amount: Amount
    reason: str
    times_ours: Callable[[Shape, Shape], int] | None = None
    """Where the amount is that many times our multiply-adds, for a first input and an output."""


class FlatMean(ops.GlobalAvgPool):
    """The key of `GlobalAvgPool(flat=True)`: spelled `x.mean((2, 3))`, which the tools see as another operator."""


@dataclass(frozen=True)
class Tool:
    """A counter: its version, how it is called, and a rule for each kind of operator."""

    version: str
    call: str
    rules: dict[type[ops.Op], Rule]
    drops_unread: str = ""
    """Why nodes that the output does not depend on are not counted; empty where they are."""


# What a node is reported as. The weight tensor has C_out × C_in/g × kernel elements (torch.nn.Conv2d, "Variables").


def mult_adds_of(op: ops.Op, x: Shape, y: Shape) -> int:
    """The multiply-adds, without bias."""
    if isinstance(op, (ops.Conv2d, ops.Conv1d, ops.Conv3d)):
        window = op.kernel if isinstance(op, ops.Conv1d) else prod(op.kernel)
        return x.channels // op.groups * window * y.elements
    if isinstance(op, ops.ConvTranspose2d):
        return op.channels // op.groups * prod(op.kernel) * x.elements
    assert isinstance(op, (ops.Linear, ops.LinearLast))
    return x.elements * op.features


def with_bias(op: ops.Op, x: Shape, y: Shape) -> int:
    """The multiply-adds with one addition per output element where there is a bias."""
    return mult_adds_of(op, x, y) + (y.elements if getattr(op, "bias", False) else 0)


def affine_norm(plain: int, affine: int) -> Amount:
    """That many per element of a norm without, and with, a learned scale."""
    return lambda op, x, y: (affine if getattr(op, "affine", True) else plain) * x.elements


def params_of(op: ops.Op, x: Shape, y: Shape) -> int:
    """The trainable parameters."""
    return op.params(x)


def doubled(op: ops.Op, x: Shape, y: Shape) -> int:
    """Twice the multiply-adds."""
    return 2 * mult_adds_of(op, x, y)


def per_input(times: int) -> Amount:
    """`times` for each element of the first input."""
    return lambda op, x, y: times * x.elements


def outputs_of(op: ops.Op, x: Shape, y: Shape) -> int:
    """One for each output element."""
    return y.elements


def nothing(op: ops.Op, x: Shape, y: Shape) -> int:
    """0, for what a tool does not count."""
    return 0


def rules_of(term: str, amount: Amount, reason: str, *kinds: type[ops.Op]) -> dict[type[ops.Op], Rule]:
    """One rule for several kinds of operators."""
    return dict.fromkeys(kinds, Rule(term, amount, reason))


def unseen(term: str, reason: str, *kinds: type[ops.Op]) -> dict[type[ops.Op], Rule]:
    """Rules for kinds of operators that a tool does not count."""
    return rules_of(term, nothing, reason, *kinds)


WEIGHTED = (ops.Conv2d, ops.Linear, ops.Conv1d, ops.Conv3d, ops.LinearLast)
MADE = (ops.FixedConv2d, ops.StandardizedConv2d, ops.Conv2dWith, ops.ConvTranspose2dWith, ops.LinearWith)
HARD = (ops.HardSigmoid, ops.HardSwish)
GELUS = (ops.GELU, ops.TanhGELU)
SMOOTH = (ops.Mish, ops.Tanh, ops.Softplus)
ACTIVATIONS = (ops.ReLU, ops.ReLU6, ops.Sigmoid, *HARD, ops.SiLU, *GELUS, *SMOOTH, ops.ELU, ops.LeakyReLU)
WINDOWS = (ops.MaxPool, ops.AvgPool)
ADAPTIVE = (ops.GlobalAvgPool, ops.AdaptiveAvgPool)
REDUCTIONS = (ops.Mean, ops.Sum, ops.Amax)
MERGES = (ops.Add, ops.Multiply)
ARITHMETIC = (
    ops.AddConstant,
    ops.MultiplyConstant,
    ops.Subtract,
    ops.Divide,
    ops.Maximum,
    ops.Clamp,
    ops.Power,
    ops.Exp,
    ops.TensorFunction,
)
LEARNED = (ops.Scale, ops.Shift, ops.ComputedTensor)
MOVES = (
    *(ops.Concat, ops.ChannelSplit, ops.ChannelShuffle, ops.Flatten, ops.ZeroPad, ops.Dropout),
    *(ops.ExampleInput, ops.Outputs, ops.BatchMoved),
    *(ops.View, ops.Reshape, ops.Permute, ops.Expand, ops.Slice, ops.Stack),
    *(ops.Pad, ops.ConstantPad, ops.ChannelPad, ops.PixelShuffle, ops.PixelUnshuffle),
)


def products(times: int, reason: str) -> dict[type[ops.Op], Rule]:
    """A product of two tensors of the network, counted `times` per multiply-add."""
    return {ops.MatMul: Rule("matrix products", nothing, reason, lambda x, y: times)}


def attention(times: int, reason: str) -> dict[type[ops.Op], Rule]:
    """Attention where a tool sees it only as the matrix products that torch makes of it.

    On the CPU torch does so unless queries, keys and values are batched heads of one size: for those it has one
    operator, `_scaled_dot_product_flash_attention_for_cpu` (aten/src/ATen/native/transformers/sdp_utils_cpp.cpp).
    """
    return {ops.Attention: Rule("attention", nothing, reason, lambda x, y: 0 if _is_one_operator(x, y) else times)}


def _is_one_operator(x: Shape, y: Shape) -> bool:
    return len(x) == 3 and x[-1] == y[-1]


def recurrent(amount: Amount, reason: str) -> dict[type[ops.Op], Rule]:
    return {ops.Recurrent: Rule("recurrent layers", amount, reason)}


def recurrent_products(op: ops.Op, x: Shape) -> int:
    """Its multiply-adds without the projection of its states."""
    assert isinstance(op, ops.Recurrent)
    return op.mult_adds(x) - op.places(x) * op.layers * op.directions * op.projected * op.hidden


HOOKS_MATH = "not seen: operators and methods of tensors, and no module or patched function runs"
HOOKS_MERGE = "not seen: `x + y` and `x * y` are operators, and no module or patched function runs"
HOOKS_MOVE = "data movement and dropout: functions that no hook sees, or modules without a rule"
HOOKS_MEAN = "not seen: spelled `x.mean((2, 3))`, a method that is not hooked"
