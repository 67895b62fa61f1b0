"""What each operator counts as: free, element-wise, with weights, a product; and the kind that reports group it by.

An operator that no table here knows is an error in `costmodel.counting.counts`, never a zero.
"""

from __future__ import annotations

from archs.ir import ops
from archs.ir.ops import Shape
from archs.ir.ops.functions import FUNCTIONS
from costmodel.errors import CostError

FREE: dict[type[ops.Op], str] = {
    ops.Flatten: "a view of its input",
    ops.ChannelSplit: "a view of its input",
    ops.Dropout: "the identity in inference",
    ops.ExampleInput: "given, not computed",
    ops.Outputs: "a tuple of tensors that are there",
    ops.BatchMoved: "a view of its input",
    **dict.fromkeys((ops.View, ops.Permute, ops.Slice, ops.Expand), "a view of its input"),
}
"""Operators that cost nothing, each with the reason."""

ELEMENTWISE: dict[type[ops.Op], str] = {
    **dict.fromkeys((ops.BatchNorm, ops.LayerNorm, ops.GroupNorm, ops.RMSNorm), "batch_norm"),
    **dict.fromkeys((ops.ReLU, ops.ReLU6, ops.Sigmoid, ops.HardSigmoid), "nonlinearity"),
    **dict.fromkeys((ops.SiLU, ops.HardSwish, ops.Softmax), "nonlinearity"),
    **dict.fromkeys((ops.GELU, ops.TanhGELU, ops.Mish, ops.Tanh, ops.Softplus, ops.ELU), "nonlinearity"),
    **dict.fromkeys((ops.LeakyReLU, ops.PReLU, ops.Clamp, ops.Power, ops.Exp), "nonlinearity"),
    **dict.fromkeys((ops.Add, ops.AddConstant, ops.Shift, ops.Subtract, ops.Maximum), "add"),
    **dict.fromkeys((ops.Multiply, ops.MultiplyConstant, ops.Scale, ops.Divide), "multiply"),
    **dict.fromkeys((ops.MaxPool, ops.AvgPool, ops.GlobalAvgPool), "pooling"),
    **dict.fromkeys((ops.AdaptiveAvgPool, ops.AdaptiveMaxPool, ops.Mean, ops.Sum, ops.Amax), "pooling"),
    **dict.fromkeys((ops.Concat, ops.ChannelShuffle, ops.ZeroPad, ops.Stack, ops.Reshape), "copy"),
    **dict.fromkeys((ops.Pad, ops.ConstantPad, ops.ChannelPad), "copy"),
    **dict.fromkeys((ops.Upsample, ops.PixelShuffle, ops.PixelUnshuffle), "copy"),
}
"""The column in which an operator's element-wise work stands."""

WEIGHTED: dict[type[ops.Op], str] = {
    **dict.fromkeys((ops.Conv2d, ops.Conv1d, ops.Conv3d, ops.ConvTranspose2d), "a convolution"),
    **dict.fromkeys(
        (ops.FixedConv2d, ops.StandardizedConv2d), "a convolution whose weights are not trained as they are"
    ),
    **dict.fromkeys((ops.Linear, ops.LinearLast), "a linear layer"),
    **dict.fromkeys((ops.Conv2dWith, ops.ConvTranspose2dWith, ops.LinearWith), "a layer whose weight is computed"),
}
"""Operators whose multiply-adds stand with weights: the paper form of memory access counts them and no others."""

PRODUCTS: dict[type[ops.Op], str] = {
    ops.MatMul: "multiplies two tensors of the network",
    ops.Attention: "multiplies two tensors of the network, twice",
    ops.ComputedTensor: "a weight computed from parameters; its matrix products count",
    ops.Recurrent: "multiplies each place and the state before it with its weights",
}
"""Operators with multiply-adds that are neither convolutions nor linear layers."""

WHOLE = frozenset((ops.GlobalAvgPool, ops.AdaptiveAvgPool, ops.AdaptiveMaxPool, ops.Mean, ops.Sum, ops.Amax))
"""Poolings and reductions that read each element of their input once."""

FIXED = frozenset((ops.FixedConv2d, ops.Scale, ops.Shift))
"""Operators that read weights which are not all trained, so that `params` does not count them."""


_OF_COLUMN = {
    "batch_norm": "other norm",
    "nonlinearity": "activation",
    "add": "add, multiply",
    "multiply": "add, multiply",
    "pooling": "pooling",
    "copy": "copy",
}

KIND: dict[type[ops.Op], str] = {
    **dict.fromkeys(WEIGHTED, "conv k×k"),  # the kind of a two-dimensional one depends on its shape: see `kind_of`
    **dict.fromkeys((ops.Linear, ops.LinearLast), "linear"),
    **dict.fromkeys(PRODUCTS, "matrix product"),
    **{op: _OF_COLUMN[column] for op, column in ELEMENTWISE.items()},
    ops.BatchNorm: "batch norm",
    **dict.fromkeys(FREE, "free"),
    ops.ChannelSplit: "copy",  # free where it is a view, and by convention a copy
    ops.Opaque: "unknown",
}
"""Operator → its kind, taken from the tables above, so that an operator with a cost has a kind."""

KINDS = (
    "conv 1×1",
    "conv k×k",
    "grouped conv",
    "depthwise",
    "linear",
    "batch norm",
    "activation",
    "add, multiply",
    "pooling",
    "copy",
    "matrix product",
    "other norm",
    "unknown",
    "free",
)
"""The kinds in the order of tables and charts."""


def column_of(op: ops.Op) -> str | None:
    """The column of an operator's element-wise work; None where it has none."""
    if isinstance(op, ops.TensorFunction):
        return FUNCTIONS[op.name]
    return ELEMENTWISE.get(type(op))


def kind_of(op: ops.Op, x: Shape) -> str:
    """The kind of an operator on an input of shape `x`, one of KINDS. Raises CostError for an operator without one."""
    if isinstance(op, ops.Conv2d):  # its imported forms too
        if op.depthwise(x):
            return "depthwise"
        if op.groups > 1:
            return "grouped conv"
        return "conv 1×1" if op.kernel == (1, 1) else "conv k×k"
    if isinstance(op, ops.TensorFunction):
        return _OF_COLUMN[FUNCTIONS[op.name]]
    if type(op) not in KIND:
        raise CostError(f"operator {type(op).__name__} has no kind; add it to costmodel.counting.kinds")
    return KIND[type(op)]
