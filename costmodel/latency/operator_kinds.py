"""The kind and variant of every operator: operators of one kind share a kernel family and a predictor.

Tables and rules only, no costs. A new operator needs an entry in `VARIANTS` or a rule in `kind_of`.
"""

from __future__ import annotations

from typing import cast

from archs.ir import ops
from archs.ir.ops import Op, Shape
from archs.ir.ops.functions import FUNCTIONS
from costmodel.counting.kinds import FREE
from costmodel.errors import CostError

# PyTorch's `use_mkldnn` (aten/src/ATen/native/Convolution.cpp): below this many input elements an ungrouped
# convolution of kernel ≤ 3 takes the native path at batch 1.
MKLDNN_ELEMENTS = 20480

VARIANTS: dict[type[Op], tuple[str, int]] = {
    ops.BatchNorm: ("batch_norm", 0),
    ops.ReLU: ("activation", 0),
    ops.ReLU6: ("activation", 1),
    ops.HardSwish: ("activation", 2),
    ops.HardSigmoid: ("activation", 3),
    ops.Sigmoid: ("activation", 4),
    ops.SiLU: ("activation", 5),
    ops.MaxPool: ("max_pool", 0),
    ops.AvgPool: ("average_pool", 0),
    ops.AdaptiveAvgPool: ("pool", 2),
    ops.AdaptiveMaxPool: ("pool", 3),
    ops.Add: ("add", 0),
    ops.Subtract: ("add", 1),
    ops.Maximum: ("add", 2),
    ops.Multiply: ("multiply", 0),
    ops.Divide: ("multiply", 2),
    ops.Concat: ("concat", 0),
    ops.Stack: ("concat", 1),
    ops.ChannelShuffle: ("shuffle", 0),
    ops.Linear: ("linear", 0),
    **dict.fromkeys(FREE, ("view", 3)),
    ops.ChannelSplit: ("view", 0),
    ops.Flatten: ("view", 1),
    ops.Dropout: ("view", 2),
    # only imported networks have these
    ops.AddConstant: ("elementwise", 0),
    ops.MultiplyConstant: ("elementwise", 1),
    ops.Clamp: ("elementwise", 2),
    ops.LeakyReLU: ("elementwise", 3),
    ops.Shift: ("elementwise", 4),
    ops.Scale: ("elementwise", 5),
    ops.PReLU: ("elementwise", 6),
    ops.Exp: ("transcendental", 0),
    ops.Tanh: ("transcendental", 1),
    ops.ELU: ("transcendental", 2),
    ops.Softplus: ("transcendental", 3),
    ops.GELU: ("transcendental", 4),
    ops.TanhGELU: ("transcendental", 5),
    ops.Mish: ("transcendental", 6),
    ops.LayerNorm: ("norm", 0),
    ops.GroupNorm: ("norm", 1),
    ops.RMSNorm: ("norm", 2),
    ops.Mean: ("reduction", 0),
    ops.Sum: ("reduction", 1),
    ops.Amax: ("reduction", 2),
    ops.LinearLast: ("matmul", 0),
    ops.MatMul: ("matmul", 1),
    ops.Attention: ("matmul", 2),
    ops.LinearWith: ("matmul", 3),
    ops.Recurrent: ("matmul", 4),
    ops.ComputedTensor: ("elementwise", 8),
    ops.ConvTranspose2d: ("transposed_convolution", 0),
    ops.ConvTranspose2dWith: ("transposed_convolution", 1),
    ops.Reshape: ("copy", 0),
    ops.PixelShuffle: ("copy", 1),
    ops.PixelUnshuffle: ("copy", 2),
    ops.ZeroPad: ("copy", 3),
    ops.ConstantPad: ("copy", 4),
    ops.ChannelPad: ("copy", 5),
}
"""Kind and variant of operators; `kind_of` has those that depend on shapes or attributes."""

FUNCTION_KINDS = {
    "copy": ("copy", 8),
    "pooling": ("reduction", 6),
    "add": ("elementwise", 9),
    "nonlinearity": ("transcendental", 8),
}
"""Column of a function's work → its kind and variant: no function is sampled."""

CATALOGUE_KINDS = frozenset(
    """batch_norm activation max_pool average_pool global_pool mean add multiply concat shuffle linear view pointwise
    grouped_pointwise depthwise convolution native_convolution grouped_convolution""".split()  # noqa: SIM905 one name per line would fill a page
)
"""Kinds of operators that catalogue networks and their edits contain."""


UNKNOWN = "unknown"
"""The kind of operators that the importer does not know: they are priced at nothing, and the prediction says so."""

NEAREST = {
    "max_pool": "average_pool",
    "average_pool": "max_pool",
    "convolution": "native_convolution",
    "native_convolution": "convolution",
    "grouped_convolution": "convolution",
    "grouped_pointwise": "pointwise",
}
"""Kind → the kind whose predictor is used if a short calibration has no sample of it."""

UPSAMPLING = {"nearest": 0, "nearest-exact": 0, "bilinear": 1, "bicubic": 2}
PADDING = {"reflect": 6, "circular": 6, "replicate": 7}
LINE = -1
"""Variant of a convolution along a line, below those that were timed: the predictors' trees take it for the first."""
VOLUME = -2
"""Variant of a convolution of volumes, which none was timed of."""
SIMPLE_POWERS = (2, 3, 0.5, -0.5, -1, -2)
"""Exponents that PyTorch computes without a power (aten/src/ATen/native/cpu/PowKernel.cpp)."""
STANDARDIZING = 7  # kernels that bring filters to mean 0 and variance 1
CODE = {"global_pool": "mean", "mean": "mean", "pointwise": "gemm", "grouped_pointwise": "gemm"}
"""Kinds that run the same machine code: after one of them, another finds it in the caches."""


def kind_of(op: Op, inputs: tuple[Shape, ...], batch: int) -> tuple[str, int]:
    """(kind, variant) of an operator. Raises CostError for an operator without a predictor."""
    if type(op) in VARIANTS:  # first, as isinstance takes long where a class is abstract
        kind, variant = VARIANTS[type(op)]
        if kind == "multiply":
            return kind, variant + (inputs[1] != inputs[0])  # a gate of C×1×1 is broadcast
        if kind == "add":
            return kind, variant + 3 * (inputs[1] != inputs[0])
        if kind == "reduction":
            return kind, variant + 3 * (len(inputs[0]) - 1 not in cast(ops.Mean, op).axes)
        return kind, variant
    if isinstance(op, ops.Conv2d):
        kind, variant = _convolution(op, inputs[0], batch)
        if type(op) is ops.StandardizedConv2d:
            return "standardized_convolution", ("pointwise", "depthwise", "convolution").index(kind.split("_")[-1])
        return kind, variant
    if type(op) is ops.Conv1d:
        return _line_convolution(op, inputs[0], batch)
    if type(op) is ops.Conv3d:
        return "convolution", VOLUME
    if isinstance(op, ops.GlobalAvgPool):
        return ("mean" if op.flat else "global_pool"), 0
    if isinstance(op, ops.Power):
        return ("elementwise", 7) if op.exponent in SIMPLE_POWERS else ("transcendental", 7)
    if isinstance(op, ops.Softmax):
        return "softmax", int(op.axis != len(inputs[0]) - 1)
    if isinstance(op, ops.Upsample):
        return "upsample", UPSAMPLING[op.mode]
    if isinstance(op, ops.Pad):
        return "copy", PADDING[op.mode]
    if isinstance(op, ops.TensorFunction):
        return FUNCTION_KINDS[FUNCTIONS[op.name]]
    if isinstance(op, ops.Opaque):
        return UNKNOWN, 0
    known = ", ".join(cls.__name__ for cls in VARIANTS)
    raise CostError(f"operator {type(op).__name__} has no latency predictor; known: Conv2d, {known}")


def _convolution(op: ops.Conv2d, x: Shape, batch: int) -> tuple[str, int]:
    if op.kernel == (1, 1) and op.stride == (1, 1):
        return ("grouped_pointwise" if op.groups > 1 else "pointwise"), 0
    dilated = op.dilation != (1, 1)
    if op.depthwise(x):
        return "depthwise", int(dilated)
    if op.groups > 1:
        return "grouped_convolution", int(dilated)
    library = min(op.kernel) > 3 or batch > 1 or x.elements > MKLDNN_ELEMENTS
    return ("convolution" if library else "native_convolution"), int(dilated)


def _line_convolution(op: ops.Conv1d, x: Shape, batch: int) -> tuple[str, int]:
    """PyTorch runs it as a 1×k convolution; of one channel, as gates have it, it has timings of its own."""
    if x[0] == op.channels == 1:
        return "line_convolution", 0
    image = ops.Conv2d(op.channels, (1, op.kernel), (1, op.stride), (0, op.padding), (1, op.dilation), op.groups)
    return _convolution(image, Shape(x[0], 1, x[1]), batch)[0], LINE


def starts_of(op: Op, kind: str, groups: int) -> int:
    """Kernels that an operator starts on a CPU."""
    if kind == "standardized_convolution":
        return 1 + STANDARDIZING + cast(ops.StandardizedConv2d, op).gain
    return groups if kind == "grouped_pointwise" else 1
