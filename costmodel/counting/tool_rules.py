"""The public counters as tables: for each tool, what it reports for a node, and why that differs from `mult_adds`.

One table per tool, from the operator's class to a rule for such a node of the module that `archs.to_source` spells:
the amount, the term under which its difference is listed, and the reason with the tool's file and function. What a
tool does not see has a rule too, with the amount 0. Everything is for one image in inference.

No tool is run here and no graph is walked: `costmodel.reconcile` does that.
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
    term: str
    amount: Amount
    why: str
    times_ours: Callable[[Shape, Shape], int] | None = None
    """Where the amount is that many times our multiply-adds, for a first input and an output."""


class FlatMean(ops.GlobalAvgPool):
    """The key of `GlobalAvgPool(flat=True)`: spelled `x.mean((2, 3))`, which the tools see as another operator."""


@dataclass(frozen=True)
class Tool:
    version: str
    call: str
    rules: dict[type[ops.Op], Rule]
    drops_unread: str = ""
    """Why nodes that the output does not depend on are not counted; empty where they are."""


# What a node is reported as. The weight tensor has C_out × C_in/g × kernel elements (torch.nn.Conv2d, "Variables").


def _mult_adds(op: ops.Op, x: Shape, y: Shape) -> int:
    if isinstance(op, (ops.Conv2d, ops.Conv1d)):
        window = prod(op.kernel) if isinstance(op, ops.Conv2d) else op.kernel
        return x.channels // op.groups * window * y.elements
    if isinstance(op, ops.ConvTranspose2d):
        return op.channels // op.groups * prod(op.kernel) * x.elements
    assert isinstance(op, (ops.Linear, ops.LinearLast))
    return x.elements * op.features


def _with_bias(op: ops.Op, x: Shape, y: Shape) -> int:
    return _mult_adds(op, x, y) + (y.elements if getattr(op, "bias", False) else 0)


def _affine(plain: int, affine: int) -> Amount:
    """That many per element of a norm without, and with, a learned scale."""
    return lambda op, x, y: (affine if getattr(op, "affine", True) else plain) * x.elements


def _params(op: ops.Op, x: Shape, y: Shape) -> int:
    return op.params(x)


def _doubled(op: ops.Op, x: Shape, y: Shape) -> int:
    return 2 * _mult_adds(op, x, y)


def _inputs(times: int) -> Amount:
    return lambda op, x, y: times * x.elements


def _outputs(op: ops.Op, x: Shape, y: Shape) -> int:
    return y.elements


def _nothing(op: ops.Op, x: Shape, y: Shape) -> int:
    return 0


def _rules(term: str, amount: Amount, why: str, *kinds: type[ops.Op]) -> dict[type[ops.Op], Rule]:
    return dict.fromkeys(kinds, Rule(term, amount, why))


def _unseen(term: str, why: str, *kinds: type[ops.Op]) -> dict[type[ops.Op], Rule]:
    return _rules(term, _nothing, why, *kinds)


WEIGHTED = (ops.Conv2d, ops.Linear, ops.Conv1d, ops.LinearLast)
MADE = (ops.FixedConv2d, ops.StandardizedConv2d)
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
)
LEARNED = (ops.Scale, ops.Shift)
MOVES = (
    *(ops.Concat, ops.ChannelSplit, ops.ChannelShuffle, ops.Flatten, ops.ZeroPad, ops.Dropout),
    *(ops.View, ops.Reshape, ops.Permute, ops.Expand, ops.Slice, ops.Stack),
    *(ops.Pad, ops.ConstantPad, ops.ChannelPad, ops.PixelShuffle, ops.PixelUnshuffle),
)


def _products(times: int, why: str) -> dict[type[ops.Op], Rule]:
    return {ops.MatMul: Rule("matrix products", _nothing, why, lambda x, y: times)}


def _attention(times: int, why: str) -> dict[type[ops.Op], Rule]:
    """Attention where a tool sees it only as the matrix products that torch makes of it.

    On the CPU torch does so unless queries, keys and values are batched heads of one size: for those it has one
    operator, `_scaled_dot_product_flash_attention_for_cpu` (aten/src/ATen/native/transformers/sdp_utils_cpp.cpp).
    """
    return {ops.Attention: Rule("attention", _nothing, why, lambda x, y: 0 if _is_one_operator(x, y) else times)}


def _is_one_operator(x: Shape, y: Shape) -> bool:
    return len(x) == 3 and x[-1] == y[-1]


_HOOKS_MATH = "not seen: operators and methods of tensors, and no module or patched function runs"
_HOOKS_MERGE = "not seen: `x + y` and `x * y` are operators, and no module or patched function runs"
_HOOKS_MOVE = "data movement and dropout: functions that no hook sees, or modules without a rule"
_HOOKS_MEAN = "not seen: spelled `x.mean((2, 3))`, a method that is not hooked"

FVCORE = Tool(
    version="0.1.5.post20221221",
    call="fvcore.nn.FlopCountAnalysis(module, x).total()",
    drops_unread="the trace is pruned of what the output does not read (torch.jit._get_trace_graph)",
    rules={
        **_rules(
            "bias",
            _mult_adds,
            "ignored (fvcore/nn/jit_handles.py, conv_flop_count, linear_flop_jit)",
            *WEIGHTED,
            *MADE,
            ops.ConvTranspose2d,
        ),
        **_products(1, "counted (jit_handles.py, matmul_flop_jit)"),
        **_attention(0, "unsupported: aten::scaled_dot_product_attention (flop_count.py)"),
        **_rules(
            "batch norm",
            _affine(1, 2),
            "2 per element, 1 without a scale (jit_handles.py, batchnorm_flop_jit)",
            ops.BatchNorm,
        ),
        **_rules(
            "other norms",
            _affine(4, 5),
            "5 per element, 4 without a scale (jit_handles.py, norm_flop_counter)",
            ops.LayerNorm,
            ops.GroupNorm,
        ),
        **_unseen("rms norm", "unsupported: aten::rms_norm (flop_count.py)", ops.RMSNorm),
        **_rules(
            "global pooling",
            _inputs(1),
            "its input's elements (flop_count.py, aten::adaptive_avg_pool2d: elementwise_flop_counter(1, 0))",
            *ADAPTIVE,
        ),
        **_rules(
            "upsampling",
            lambda op, x, y: {"nearest": 1, "bilinear": 4}.get(getattr(op, "mode", ""), 0) * y.elements,
            "1 per output, 4 where bilinear; bicubic is unsupported (flop_count.py, elementwise_flop_counter)",
            ops.Upsample,
        ),
        **_unseen("max pooling", "unsupported: aten::adaptive_max_pool2d (flop_count.py)", ops.AdaptiveMaxPool),
        **_unseen("reductions", "unsupported: aten::mean, aten::sum, aten::amax (flop_count.py)", *REDUCTIONS),
        **_unseen("arithmetic", "unsupported or ignored (flop_count.py; jit_analysis.py, _IGNORED_OPS)", *ARITHMETIC),
        **_unseen("learned scales and shifts", "unsupported: aten::mul, aten::add (flop_count.py)", *LEARNED),
        **_unseen("global mean", "unsupported: `x.mean((2, 3))` is aten::mean (flop_count.py)", FlatMean),
        **_unseen("pooling", "unsupported: aten::max_pool2d, aten::avg_pool2d (flop_count.py)", *WINDOWS),
        **_unseen("ReLU", "ignored, without a warning (jit_analysis.py, _IGNORED_OPS)", ops.ReLU),
        **_unseen(
            "other activations",
            "unsupported: hardtanh, sigmoid, hardsigmoid, silu, hardswish, gelu, softmax … (flop_count.py)",
            *ACTIVATIONS[1:],
            ops.PReLU,
            ops.Softmax,
        ),
        **_unseen("add and multiply", "unsupported: aten::add, aten::mul (flop_count.py)", *MERGES),
        **_unseen("data movement", "ignored (jit_analysis.py, _IGNORED_OPS)", *MOVES),
    },
)


def _only_products(table: str) -> dict[type[ops.Op], Rule]:
    """The rules of a tool whose `table` has convolutions and matrix products and nothing else."""
    why = f"has no formula: only convolution and matrix products have one ({table})"
    return {
        **_unseen("batch norm", why, ops.BatchNorm),
        **_unseen("other norms", why, ops.LayerNorm, ops.GroupNorm, ops.RMSNorm),
        **_unseen("activations", why, *ACTIVATIONS, ops.PReLU, ops.Softmax),
        **_unseen("pooling", why, *WINDOWS, *ADAPTIVE, ops.AdaptiveMaxPool, FlatMean, *REDUCTIONS),
        **_unseen("add and multiply", why, *MERGES, *ARITHMETIC, *LEARNED),
        **_unseen("data movement", why, *MOVES, ops.Upsample),
    }


FLOP_COUNTER_MODE = Tool(
    version="torch 2.13.0",
    call="torch.utils.flop_counter.FlopCounterMode(display=False): get_total_flops()",
    rules={
        **_rules(
            "factor two",
            _doubled,
            "a multiply-add is two operations; bias ignored (torch/utils/flop_counter.py, conv_flop_count, mm_flop)",
            *WEIGHTED,
            *MADE,
            ops.ConvTranspose2d,
        ),
        **_products(2, "a multiply-add is two operations (flop_counter.py, bmm_flop)"),
        **_attention(2, "two operations each, but none where torch has one operator for it (flop_registry)"),
        **_only_products("flop_registry"),
    },
)

PTFLOPS_ATEN = Tool(
    version="0.7.5",
    call="ptflops.get_model_complexity_info(module, shape, as_strings=False, backend='aten')[0]",
    rules={
        **_rules(
            "bias",
            _with_bias,
            "1 per output (ptflops/aten_ops.py, conv_flop_count, addmm_flop)",
            *WEIGHTED,
            *MADE,
            ops.ConvTranspose2d,
        ),
        **_products(1, "counted (aten_ops.py, bmm_flop)"),
        **_attention(1, "counted, but not where torch has one operator for it (ATEN_OPS_MAPPING)"),
        **_only_products("ATEN_OPS_MAPPING"),
    },
)

# Which backend is ptflops' default depends on whom one asks: 0.7.5's README says aten, the signature of
# get_model_complexity_info says pytorch. So both are here.
#
# The pytorch backend hooks modules and patches torch.nn.functional at once, so a module whose forward looks its
# function up there is counted by both.
_TWICE = "its hook (pytorch_ops.py, {}) and again the function that it calls (pytorch_engine.py, patch_functional)"

PTFLOPS_PYTORCH = Tool(
    version="0.7.5",
    call="ptflops.get_model_complexity_info(module, shape, as_strings=False, backend='pytorch')[0]",
    rules={
        **_rules(
            "bias",
            _with_bias,
            "1 per output (ptflops/pytorch_ops.py, conv_flops_counter_hook, linear_flops_counter_hook)",
            *WEIGHTED,
            ops.ConvTranspose2d,
        ),
        **_unseen("convolutions of one's own", "hooks go by the exact class (pytorch_ops.py, MODULES_MAPPING)", *MADE),
        **_products(1, "counted: torch.matmul is patched (pytorch_engine.py, patch_tensor_ops)"),
        **_attention(0, "not patched (pytorch_engine.py, patch_functional)"),
        **_rules(
            "batch norm",
            _affine(1, 2),
            "2 per element, 1 without a scale (pytorch_ops.py, bn_flops_counter_hook)",
            ops.BatchNorm,
            ops.GroupNorm,
        ),
        **_rules(
            "layer norm",
            _inputs(1),
            "1 per element: no hook, but the patched F.layer_norm (pytorch_engine.py, patch_functional)",
            ops.LayerNorm,
        ),
        **_unseen("rms norm", "no hook, and not patched (pytorch_ops.py, MODULES_MAPPING)", ops.RMSNorm),
        **_rules(
            "upsampling",
            lambda op, x, y: 2 * y.elements,
            "2 per output: " + _TWICE.format("upsample_flops_counter_hook"),
            ops.Upsample,
        ),
        **_unseen("arithmetic", _HOOKS_MATH, *ARITHMETIC, *REDUCTIONS, *LEARNED),
        **_rules(
            "ReLU",
            _inputs(2),
            "2 per element: " + _TWICE.format("relu_flops_counter_hook"),
            *(ops.ReLU, ops.PReLU, ops.ELU, *GELUS),
        ),
        **_rules(
            "ReLU6",
            _inputs(1),
            "1 per element: its hook only, as nn.ReLU6 calls F.hardtanh, which is not patched (pytorch_ops.py)",
            ops.ReLU6,
            ops.LeakyReLU,
        ),
        **_rules(
            "SiLU and softmax",
            _inputs(1),
            "1 per element: no hook, but the patched F.silu or F.softmax (pytorch_engine.py, patch_functional)",
            ops.SiLU,
            ops.Softmax,
        ),
        **_unseen(
            "other activations",
            "no hook, and not patched (pytorch_ops.py, MODULES_MAPPING)",
            *(ops.Sigmoid, *HARD, *SMOOTH),
        ),
        **_rules(
            "pooling",
            _inputs(2),
            "2 per input element: " + _TWICE.format("pool_flops_counter_hook"),
            *WINDOWS,
            *ADAPTIVE,
            ops.AdaptiveMaxPool,
        ),
        **_unseen("global mean", _HOOKS_MEAN, FlatMean),
        **_unseen(
            "add and multiply",
            f"{_HOOKS_MERGE}: torch.add and Tensor.add are patched, the operators are not (patch_tensor_ops)",
            *MERGES,
        ),
        **_unseen("data movement", _HOOKS_MOVE, *MOVES),
    },
)


def _sum_and_division(op: ops.Op, x: Shape, y: Shape) -> int:
    return x.elements + y.elements


def _thop_softmax(op: ops.Op, x: Shape, y: Shape) -> int:
    assert isinstance(op, ops.Softmax)
    return 3 * x.elements - x.elements // x[op.axis]


def _every_output(op: ops.Op, x: Shape, y: Shape) -> int:
    """The weights times the output's positions, as if a transposed convolution were a plain one."""
    assert isinstance(op, ops.ConvTranspose2d)
    return prod(op.kernel) * x.channels * op.channels // op.groups * y.height * y.width


THOP = Tool(
    version="0.1.1.post2209072238",
    call="thop.profile(module, (x,), verbose=False)[0]",
    rules={
        **_rules("bias", _mult_adds, "ignored (thop/vision/calc_func.py, calculate_conv2d_flops)", *WEIGHTED),
        **_rules(
            "transposed convolution",
            _every_output,
            "the kernel at every output position (calc_func.py, calculate_conv2d_flops)",
            ops.ConvTranspose2d,
        ),
        **_unseen("convolutions of one's own", "hooks go by the exact class (profile.py, register_hooks)", *MADE),
        **_products(0, _HOOKS_MATH),
        **_attention(0, _HOOKS_MATH),
        **_rules(
            "batch norm",
            _affine(2, 4),
            "4 per element: 2, doubled where affine (thop/vision/basic_hooks.py, count_normalization)",
            ops.BatchNorm,
            ops.LayerNorm,
        ),
        **_unseen("other norms", "no rule, taken as zero (profile.py, register_hooks)", ops.GroupNorm, ops.RMSNorm),
        **_rules(
            "global pooling",
            _sum_and_division,
            "1 per input and per output: the sum and a division (basic_hooks.py, count_adap_avgpool)",
            *ADAPTIVE,
        ),
        **_rules("prelu", _inputs(1), "1 per element (basic_hooks.py, count_prelu)", ops.PReLU),
        **_rules(
            "upsampling",
            lambda op, x, y: {"nearest": 1, "bilinear": 11}.get(getattr(op, "mode", ""), 259) * y.elements,
            "1 per output, 11 where bilinear, 259 where bicubic (calc_func.py, calculate_upsample)",
            ops.Upsample,
        ),
        **_unseen("arithmetic", _HOOKS_MATH, *ARITHMETIC, *REDUCTIONS, *LEARNED),
        **_unseen("global mean", _HOOKS_MEAN, FlatMean),
        **_rules("average pooling", _outputs, "1 per output (basic_hooks.py, count_avgpool)", ops.AvgPool),
        **_unseen(
            "max pooling",
            "counted as zero or no rule (thop/profile.py, register_hooks: zero_ops)",
            ops.MaxPool,
            ops.AdaptiveMaxPool,
        ),
        **_unseen("ReLU and ReLU6", "counted as zero (profile.py, register_hooks: zero_ops)", ops.ReLU, ops.ReLU6),
        **_unseen(
            "other activations",
            "no rule, or one of zero (profile.py, register_hooks)",
            *ACTIVATIONS[2:],
        ),
        **_rules("softmax", _thop_softmax, "3n − 1: exp, sum, division (calc_func.py, calculate_softmax)", ops.Softmax),
        **_unseen("add and multiply", _HOOKS_MERGE, *MERGES),
        **_unseen("data movement", _HOOKS_MOVE, *MOVES),
    },
)


_NO_PARAMETERS = "has no parameters, and only parameters are multiplied out"

TORCHINFO = Tool(
    version="1.8.0",
    call="torchinfo.summary(module, input_data=x, verbose=0).total_mult_adds",
    rules={
        **_rules(
            "bias",
            _with_bias,
            "1 per output (torchinfo/layer_info.py, calculate_macs)",
            *(ops.Conv2d, ops.Linear, ops.Conv1d, ops.StandardizedConv2d),
        ),
        **_unseen("fixed convolutions", f"{_NO_PARAMETERS} (calculate_macs)", ops.FixedConv2d),
        **_rules(
            "linear at every position",
            _params,
            "its parameters once, whatever the positions (layer_info.py, calculate_macs)",
            ops.LinearLast,
        ),
        **_rules(
            "transposed convolution",
            lambda op, x, y: _every_output(op, x, y) + (y.elements if getattr(op, "bias", False) else 0),
            "the kernel and the bias at every output position (layer_info.py, calculate_macs)",
            ops.ConvTranspose2d,
        ),
        **_products(0, _HOOKS_MATH),
        **_attention(0, _HOOKS_MATH),
        **_rules(
            "batch norm",
            _params,
            "2 per channel: its parameters once, not per element (layer_info.py, calculate_macs)",
            ops.BatchNorm,
        ),
        **_rules(
            "other parameters",
            _params,
            "its parameters once, not per element (layer_info.py, calculate_macs)",
            *(ops.LayerNorm, ops.GroupNorm, ops.RMSNorm, ops.PReLU, *LEARNED),
        ),
        **_unseen("activations", f"{_NO_PARAMETERS} (calculate_macs)", *ACTIVATIONS, ops.Softmax),
        **_unseen("pooling", f"{_NO_PARAMETERS} (calculate_macs)", *WINDOWS, *ADAPTIVE, ops.AdaptiveMaxPool, FlatMean),
        **_unseen("add and multiply", _HOOKS_MERGE, *MERGES),
        **_unseen("arithmetic", _HOOKS_MATH, *ARITHMETIC, *REDUCTIONS),
        **_unseen("data movement", f"{_NO_PARAMETERS} (calculate_macs)", *MOVES, ops.Upsample),
    },
)

TOOLS: dict[str, Tool] = {
    "fvcore": FVCORE,
    "FlopCounterMode": FLOP_COUNTER_MODE,
    "ptflops (aten)": PTFLOPS_ATEN,
    "ptflops (pytorch)": PTFLOPS_PYTORCH,
    "THOP": THOP,
    "torchinfo": TORCHINFO,
}
"""The tools by name, in the order of the reports."""
