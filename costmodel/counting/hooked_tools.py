"""Counters that hook modules and patch functions: ptflops' pytorch backend, THOP, torchinfo.

One table per tool, from the operator's class to a rule. No tool is run here.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from archs.ir import ops
from archs.ir.ops import Shape
from archs.ir.ops.recurrent import GATES
from costmodel.counting.rule import (
    ACTIVATIONS,
    ADAPTIVE,
    ARITHMETIC,
    GELUS,
    HARD,
    HOOKS_MATH,
    HOOKS_MEAN,
    HOOKS_MERGE,
    HOOKS_MOVE,
    LEARNED,
    MADE,
    MERGES,
    MOVES,
    REDUCTIONS,
    SMOOTH,
    WEIGHTED,
    WINDOWS,
    FlatMean,
    Tool,
    affine_norm,
    attention,
    mult_adds_of,
    outputs_of,
    params_of,
    per_input,
    products,
    recurrent,
    recurrent_products,
    rules_of,
    unseen,
    with_bias,
)

# Which backend is ptflops' default depends on whom one asks: 0.7.5's README says aten, the signature of
# get_model_complexity_info says pytorch. So both are here.
#
# The pytorch backend hooks modules and patches torch.nn.functional at once, so a module whose forward looks its
# function up there is counted by both.
_TWICE = "its hook (pytorch_ops.py, {}) and again the function that it calls (pytorch_engine.py, patch_functional)"


def _ptflops_recurrent(op: ops.Op, x: Shape, y: Shape) -> int:
    assert isinstance(op, ops.Recurrent)
    more = {"lstm": 10, "gru": 7}.get(op.cell, 1) + (2 * GATES[op.cell] if op.bias else 0)
    return recurrent_products(op, x) + op.places(x) * op.layers * op.directions * op.hidden * more


PTFLOPS_PYTORCH = Tool(
    version="0.7.5",
    call="ptflops.get_model_complexity_info(module, shape, as_strings=False, backend='pytorch')[0]",
    rules={
        **rules_of(
            "bias",
            with_bias,
            "1 per output (ptflops/pytorch_ops.py, conv_flops_counter_hook, linear_flops_counter_hook)",
            *WEIGHTED,
            ops.ConvTranspose2d,
        ),
        **unseen("convolutions of one's own", "hooks go by the exact class (pytorch_ops.py, MODULES_MAPPING)", *MADE),
        **products(1, "counted: torch.matmul is patched (pytorch_engine.py, patch_tensor_ops)"),
        **attention(0, "not patched (pytorch_engine.py, patch_functional)"),
        **recurrent(_ptflops_recurrent, "its biases and gates too (pytorch_ops.py, rnn_flops_counter_hook)"),
        **rules_of(
            "batch norm",
            affine_norm(1, 2),
            "2 per element, 1 without a scale (pytorch_ops.py, bn_flops_counter_hook)",
            ops.BatchNorm,
            ops.GroupNorm,
        ),
        **rules_of(
            "layer norm",
            per_input(1),
            "1 per element: no hook, but the patched F.layer_norm (pytorch_engine.py, patch_functional)",
            ops.LayerNorm,
        ),
        **unseen("rms norm", "no hook, and not patched (pytorch_ops.py, MODULES_MAPPING)", ops.RMSNorm),
        **rules_of(
            "upsampling",
            lambda op, x, y: 2 * y.elements,
            "2 per output: " + _TWICE.format("upsample_flops_counter_hook"),
            ops.Upsample,
        ),
        **unseen("arithmetic", HOOKS_MATH, *ARITHMETIC, *REDUCTIONS, *LEARNED),
        **rules_of(
            "ReLU",
            per_input(2),
            "2 per element: " + _TWICE.format("relu_flops_counter_hook"),
            *(ops.ReLU, ops.PReLU, ops.ELU, *GELUS),
        ),
        **rules_of(
            "ReLU6",
            per_input(1),
            "1 per element: its hook only, as nn.ReLU6 calls F.hardtanh, which is not patched (pytorch_ops.py)",
            ops.ReLU6,
            ops.LeakyReLU,
        ),
        **rules_of(
            "SiLU and softmax",
            per_input(1),
            "1 per element: no hook, but the patched F.silu or F.softmax (pytorch_engine.py, patch_functional)",
            ops.SiLU,
            ops.Softmax,
        ),
        **unseen(
            "other activations",
            "no hook, and not patched (pytorch_ops.py, MODULES_MAPPING)",
            *(ops.Sigmoid, *HARD, *SMOOTH),
        ),
        **rules_of(
            "pooling",
            per_input(2),
            "2 per input element: " + _TWICE.format("pool_flops_counter_hook"),
            *WINDOWS,
            *ADAPTIVE,
            ops.AdaptiveMaxPool,
        ),
        **unseen("global mean", HOOKS_MEAN, FlatMean),
        **unseen(
            "add and multiply",
            f"{HOOKS_MERGE}: torch.add and Tensor.add are patched, the operators are not (patch_tensor_ops)",
            *MERGES,
        ),
        **unseen("data movement", HOOKS_MOVE, *MOVES),
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


def _thop_recurrent(op: ops.Op, x: Shape, y: Shape) -> int:
    """Each gate's sums, biases and products of vectors; a projection of the states is not seen."""
    assert isinstance(op, ops.Recurrent)
    plain = replace(op, projected=0)
    more = {"lstm": 4, "gru": 4}.get(op.cell, 0) + GATES[op.cell] * (3 if op.bias else 1)
    return plain.mult_adds(x) + op.places(x) * op.layers * op.directions * op.hidden * more


THOP = Tool(
    version="0.1.1.post2209072238",
    call="thop.profile(module, (x,), verbose=False)[0]",
    rules={
        **rules_of("bias", mult_adds_of, "ignored (thop/vision/calc_func.py, calculate_conv2d_flops)", *WEIGHTED),
        **rules_of(
            "transposed convolution",
            _every_output,
            "the kernel at every output position (calc_func.py, calculate_conv2d_flops)",
            ops.ConvTranspose2d,
        ),
        **unseen("convolutions of one's own", "hooks go by the exact class (profile.py, register_hooks)", *MADE),
        **products(0, HOOKS_MATH),
        **attention(0, HOOKS_MATH),
        **recurrent(_thop_recurrent, "its biases and gates too (thop/rnn_hooks.py, count_lstm, count_gru, count_rnn)"),
        **rules_of(
            "batch norm",
            affine_norm(2, 4),
            "4 per element: 2, doubled where affine (thop/vision/basic_hooks.py, count_normalization)",
            ops.BatchNorm,
            ops.LayerNorm,
        ),
        **unseen("other norms", "no rule, taken as zero (profile.py, register_hooks)", ops.GroupNorm, ops.RMSNorm),
        **rules_of(
            "global pooling",
            _sum_and_division,
            "1 per input and per output: the sum and a division (basic_hooks.py, count_adap_avgpool)",
            *ADAPTIVE,
        ),
        **rules_of("prelu", per_input(1), "1 per element (basic_hooks.py, count_prelu)", ops.PReLU),
        **rules_of(
            "upsampling",
            lambda op, x, y: {"nearest": 1, "bilinear": 11}.get(getattr(op, "mode", ""), 259) * y.elements,
            "1 per output, 11 where bilinear, 259 where bicubic (calc_func.py, calculate_upsample)",
            ops.Upsample,
        ),
        **unseen("arithmetic", HOOKS_MATH, *ARITHMETIC, *REDUCTIONS, *LEARNED),
        **unseen("global mean", HOOKS_MEAN, FlatMean),
        **rules_of("average pooling", outputs_of, "1 per output (basic_hooks.py, count_avgpool)", ops.AvgPool),
        **unseen(
            "max pooling",
            "counted as zero or no rule (thop/profile.py, register_hooks: zero_ops)",
            ops.MaxPool,
            ops.AdaptiveMaxPool,
        ),
        **unseen("ReLU and ReLU6", "counted as zero (profile.py, register_hooks: zero_ops)", ops.ReLU, ops.ReLU6),
        **unseen(
            "other activations",
            "no rule, or one of zero (profile.py, register_hooks)",
            *ACTIVATIONS[2:],
        ),
        **rules_of(
            "softmax", _thop_softmax, "3n − 1: exp, sum, division (calc_func.py, calculate_softmax)", ops.Softmax
        ),
        **unseen("add and multiply", HOOKS_MERGE, *MERGES),
        **unseen("data movement", HOOKS_MOVE, *MOVES),
    },
)


_NO_PARAMETERS = "has no parameters, and only parameters are multiplied out"

TORCHINFO = Tool(
    version="1.8.0",
    call="torchinfo.summary(module, input_data=x, verbose=0).total_mult_adds",
    rules={
        **rules_of(
            "bias",
            with_bias,
            "1 per output (torchinfo/layer_info.py, calculate_macs)",
            *(ops.Conv2d, ops.Linear, ops.Conv1d, ops.Conv3d, ops.StandardizedConv2d),
        ),
        **unseen(
            "fixed convolutions",
            f"{_NO_PARAMETERS} (calculate_macs)",
            *(ops.FixedConv2d, ops.Conv2dWith, ops.ConvTranspose2dWith, ops.LinearWith),
        ),
        **rules_of(
            "linear at every position",
            params_of,
            "its parameters once, whatever the positions (layer_info.py, calculate_macs)",
            ops.LinearLast,
        ),
        **rules_of(
            "transposed convolution",
            lambda op, x, y: _every_output(op, x, y) + (y.elements if getattr(op, "bias", False) else 0),
            "the kernel and the bias at every output position (layer_info.py, calculate_macs)",
            ops.ConvTranspose2d,
        ),
        **products(0, HOOKS_MATH),
        **attention(0, HOOKS_MATH),
        **recurrent(lambda op, x, y: x[0] * op.params(x), "its parameters per place (layer_info.py, calculate_macs)"),
        **rules_of(
            "batch norm",
            params_of,
            "2 per channel: its parameters once, not per element (layer_info.py, calculate_macs)",
            ops.BatchNorm,
        ),
        **rules_of(
            "other parameters",
            params_of,
            "its parameters once, not per element (layer_info.py, calculate_macs)",
            *(ops.LayerNorm, ops.GroupNorm, ops.RMSNorm, ops.PReLU, *LEARNED),
        ),
        **unseen("activations", f"{_NO_PARAMETERS} (calculate_macs)", *ACTIVATIONS, ops.Softmax),
        **unseen("pooling", f"{_NO_PARAMETERS} (calculate_macs)", *WINDOWS, *ADAPTIVE, ops.AdaptiveMaxPool, FlatMean),
        **unseen("add and multiply", HOOKS_MERGE, *MERGES),
        **unseen("arithmetic", HOOKS_MATH, *ARITHMETIC, *REDUCTIONS),
        **unseen("data movement", f"{_NO_PARAMETERS} (calculate_macs)", *MOVES, ops.Upsample),
    },
)
