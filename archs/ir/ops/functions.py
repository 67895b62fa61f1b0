"""Functions of tensors that are known by a table: what each counts as, and its call as PyTorch text.

For operators of imported networks that have no parameters and whose work is one pass over their elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

from archs.errors import ArchError, shorten
from archs.ir.operator import Function, Shape, Unweighted

COPIES = (
    *("roll.default", "flip.default", "repeat.default", "repeat_interleave.self_int", "unfold.default"),
    *("index.Tensor", "index_select.default", "gather.default", "take_along_dim.default", "im2col.default"),
    *("where.self", "where.ScalarSelf", "where.ScalarOther", "where.Scalar", "masked_fill.Scalar"),
    *("max_unpool2d.default", "max_pool2d_with_indices.default", "adaptive_max_pool2d.default"),
    *("tril.default", "triu.default", "topk.default", "sort.default", "argsort.default", "_to_copy.default"),
    *("scatter.src", "scatter.value", "slice_scatter.default", "constant_pad_nd.default", "col2im.default"),
    *("grid_sampler.default", "grid_sampler_2d.default"),
    *("reflection_pad1d.default", "replication_pad1d.default", "reflection_pad3d.default", "replication_pad3d.default"),
    *("upsample_nearest1d.vec", "_upsample_nearest_exact1d.vec", "upsample_linear1d.vec", "upsample_nearest3d.vec"),
    *("_upsample_nearest_exact3d.vec", "upsample_trilinear3d.vec"),
    *("_upsample_bilinear2d_aa.vec", "_upsample_bicubic2d_aa.vec", "max_unpool3d.default"),
    *("diagonal.default", "index_put.default", "index_add.default", "index_copy.default"),
)
REDUCTIONS = (
    *("argmax.default", "argmin.default", "amin.default", "prod.dim_int", "logsumexp.default", "any.dim", "all.dim"),
    *("max.dim", "min.dim", "std.correction", "norm.ScalarOpt_dim", "linalg_vector_norm.default"),
    *("max_pool3d.default", "max_pool3d_with_indices.default", "avg_pool3d.default", "adaptive_avg_pool3d.default"),
    *("adaptive_max_pool3d.default", "max_pool1d.default", "max_pool1d_with_indices.default", "median.dim"),
    *("kthvalue.default", "cumsum.default", "cumprod.default"),
)
ARITHMETIC = (
    *("minimum.default", "remainder.Scalar", "fmod.Scalar", "floor_divide.default", "atan2.default", "lerp.Scalar"),
    *("gt.Scalar", "ge.Scalar", "lt.Scalar", "le.Scalar", "eq.Scalar", "ne.Scalar", "nan_to_num.default"),
    *("gt.Tensor", "ge.Tensor", "lt.Tensor", "le.Tensor", "eq.Tensor", "ne.Tensor"),
    *("logical_and.default", "logical_or.default", "logical_not.default", "bitwise_not.default", "sub.Scalar"),
)
NONLINEARITIES = (
    *("log.default", "log1p.default", "log2.default", "expm1.default", "sin.default", "cos.default", "erf.default"),
    *("sign.default", "floor.default", "ceil.default", "round.default", "trunc.default", "selu.default"),
    *("celu.default", "hardshrink.default", "softshrink.default", "log_sigmoid.default", "threshold.default"),
    *("softplus.default", "elu.default", "glu.default", "log10.default", "exp2.default", "sinc.default"),
    *("tan.default", "sinh.default", "cosh.default", "asin.default", "acos.default", "acosh.default"),
    *("atanh.default", "erfc.default", "frac.default", "logit.default"),
    *("pow.Tensor_Tensor", "pow.Scalar", "atan.default", "asinh.default"),
)
FUNCTIONS: dict[str, str] = {
    **dict.fromkeys(COPIES, "copy"),
    **dict.fromkeys(REDUCTIONS, "pooling"),
    **dict.fromkeys(ARITHMETIC, "add"),
    **dict.fromkeys(NONLINEARITIES, "nonlinearity"),
}
"""ATen operator → the column of its element-wise work in `costmodel.counting`."""

WHERE = ("where.self", "where.ScalarSelf", "where.ScalarOther")
ALIGNED = (*ARITHMETIC, *WHERE, "masked_fill.Scalar", "pow.Tensor_Tensor")
"""Functions whose operands are broadcast from their last dimension on."""

WINDOWED = (
    *("max_pool1d.default", "max_pool1d_with_indices.default"),
    *("max_pool3d.default", "max_pool3d_with_indices.default", "avg_pool3d.default"),
)
"""Functions that read a window, their second argument, for each output."""

KINDS = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
"""Kinds of elements that an argument may name."""


@dataclass(frozen=True)
class TensorFunction(Unweighted):
    """An ATen operator of FUNCTIONS on its inputs. `arguments`: "$1" is the second input, the rest are literals."""

    name: str
    sizes: tuple[int, ...]
    arguments: tuple[object, ...]
    keywords: tuple[tuple[str, object], ...] = ()
    item: int | None = None
    """Which of the tensors that the operator gives."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        if self.name not in FUNCTIONS:
            raise ArchError(f"function is {shorten(self.name)}; allowed: {', '.join(sorted(FUNCTIONS))}")
        if any(not name.isidentifier() for name, _ in self.keywords):
            raise ArchError(f"keywords are {shorten(self.keywords)}; allowed: names with values")
        for value in (*self.arguments, *[value for _, value in self.keywords]):
            _literal(value)

    @property
    def window(self) -> int:
        """Elements that are read for each of the output's; 0 where all of the input are read once."""
        if self.name not in WINDOWED:
            return 0
        kernel: Any = self.arguments[1]
        sides = 1 if "1d" in self.name else 3
        return int(kernel[0] ** sides) if len(kernel) == 1 else prod(kernel)

    def output(self, *inputs: Shape) -> Shape:
        return Shape(*self.sizes)

    def spelling(self, *inputs: Shape) -> Function:
        given = [_literal(a) for a in self.arguments] + [f"{name}={_literal(value)}" for name, value in self.keywords]
        item = "" if self.item is None else f"[{self.item}]"
        return Function(f"torch.ops.aten.{self.name}({', '.join(given)}){item}")

    def describe(self, *inputs: Shape) -> str:
        return self.name.partition(".")[0].strip("_").replace("_", " ")


def _literal(value: object) -> str:
    """A value as it stands in the text. Raises ArchError for what is no number, known word or input."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))}{',' if len(value) == 1 else ''})"
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if isfinite(value) else f'float("{value}")'
    if isinstance(value, str) and value[:1] == "$" and value[1:].isdecimal():
        return f"{{{value[1:]}}}"
    if isinstance(value, str) and value in KINDS:
        return f"torch.{value}"
    raise ArchError(f"argument is {shorten(value)}; allowed: numbers, None, inputs as $0, {', '.join(KINDS)}")
