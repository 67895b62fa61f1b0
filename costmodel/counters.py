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

from archs import ops
from archs.ops import Shape

Amount = Callable[[ops.Op, Shape, Shape], int]  # operator, its first input, its output → what the tool reports


@dataclass(frozen=True)
class Rule:
    term: str
    amount: Amount
    why: str


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
    if isinstance(op, ops.Conv2d):
        return op.channels * (x.channels // op.groups) * prod(op.kernel) * y.height * y.width
    assert isinstance(op, ops.Linear)
    return x.elements * op.features


def _with_bias(op: ops.Op, x: Shape, y: Shape) -> int:
    assert isinstance(op, (ops.Conv2d, ops.Linear))
    return _mult_adds(op, x, y) + (y.elements if op.bias else 0)


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


WEIGHTED = (ops.Conv2d, ops.Linear)
HARD = (ops.HardSigmoid, ops.HardSwish)
ACTIVATIONS = (ops.ReLU, ops.ReLU6, ops.Sigmoid, *HARD, ops.SiLU)
WINDOWS = (ops.MaxPool, ops.AvgPool)
MERGES = (ops.Add, ops.Multiply)
MOVES = (ops.Concat, ops.ChannelSplit, ops.ChannelShuffle, ops.Flatten, ops.ZeroPad, ops.Dropout)

_HOOKS_MERGE = "not seen: `x + y` and `x * y` are operators, and no module or patched function runs"
_HOOKS_MOVE = "data movement and dropout: functions that no hook sees, or modules without a rule"
_HOOKS_MEAN = "not seen: spelled `x.mean((2, 3))`, a method that is not hooked"

FVCORE = Tool(
    version="0.1.5.post20221221",
    call="fvcore.nn.FlopCountAnalysis(module, x).total()",
    drops_unread="the trace is pruned of what the output does not read (torch.jit._get_trace_graph)",
    rules={
        **_rules("bias", _mult_adds, "ignored (fvcore/nn/jit_handles.py, conv_flop_count, linear_flop_jit)", *WEIGHTED),
        **_rules("batch norm", _inputs(2), "2 per element (jit_handles.py, batchnorm_flop_jit)", ops.BatchNorm),
        **_rules(
            "global pooling",
            _inputs(1),
            "its input's elements (flop_count.py, aten::adaptive_avg_pool2d: elementwise_flop_counter(1, 0))",
            ops.GlobalAvgPool,
        ),
        **_unseen("global mean", "unsupported: `x.mean((2, 3))` is aten::mean (flop_count.py)", FlatMean),
        **_unseen("pooling", "unsupported: aten::max_pool2d, aten::avg_pool2d (flop_count.py)", *WINDOWS),
        **_unseen("ReLU", "ignored, without a warning (jit_analysis.py, _IGNORED_OPS)", ops.ReLU),
        **_unseen(
            "other activations",
            "unsupported: hardtanh, sigmoid, hardsigmoid, silu, hardswish, softmax (flop_count.py)",
            *ACTIVATIONS[1:],
            ops.Softmax,
        ),
        **_unseen("add and multiply", "unsupported: aten::add, aten::mul (flop_count.py)", *MERGES),
        **_unseen("data movement", "ignored (jit_analysis.py, _IGNORED_OPS)", *MOVES),
    },
)

_ATEN_ONLY = "has no formula: only convolution and matrix products have one"

FLOP_COUNTER_MODE = Tool(
    version="torch 2.13.0",
    call="torch.utils.flop_counter.FlopCounterMode(display=False): get_total_flops()",
    rules={
        **_rules(
            "factor two",
            _doubled,
            "a multiply-add is two operations; bias ignored (torch/utils/flop_counter.py, conv_flop_count, mm_flop)",
            *WEIGHTED,
        ),
        **_unseen("batch norm", f"{_ATEN_ONLY} (flop_registry)", ops.BatchNorm),
        **_unseen("activations", f"{_ATEN_ONLY} (flop_registry)", *ACTIVATIONS, ops.Softmax),
        **_unseen("pooling", f"{_ATEN_ONLY} (flop_registry)", *WINDOWS, ops.GlobalAvgPool, FlatMean),
        **_unseen("add and multiply", f"{_ATEN_ONLY} (flop_registry)", *MERGES),
        **_unseen("data movement", f"{_ATEN_ONLY} (flop_registry)", *MOVES),
    },
)

PTFLOPS_ATEN = Tool(
    version="0.7.5",
    call="ptflops.get_model_complexity_info(module, shape, as_strings=False, backend='aten')[0]",
    rules={
        **_rules("bias", _with_bias, "1 per output (ptflops/aten_ops.py, conv_flop_count, addmm_flop)", *WEIGHTED),
        **_unseen("batch norm", f"{_ATEN_ONLY} (ATEN_OPS_MAPPING)", ops.BatchNorm),
        **_unseen("activations", f"{_ATEN_ONLY} (ATEN_OPS_MAPPING)", *ACTIVATIONS, ops.Softmax),
        **_unseen("pooling", f"{_ATEN_ONLY} (ATEN_OPS_MAPPING)", *WINDOWS, ops.GlobalAvgPool, FlatMean),
        **_unseen("add and multiply", f"{_ATEN_ONLY} (ATEN_OPS_MAPPING)", *MERGES),
        **_unseen("data movement", f"{_ATEN_ONLY} (ATEN_OPS_MAPPING)", *MOVES),
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
        ),
        **_rules("batch norm", _inputs(2), "2 per element (pytorch_ops.py, bn_flops_counter_hook)", ops.BatchNorm),
        **_rules("ReLU", _inputs(2), "2 per element: " + _TWICE.format("relu_flops_counter_hook"), ops.ReLU),
        **_rules(
            "ReLU6",
            _inputs(1),
            "1 per element: its hook only, as nn.ReLU6 calls F.hardtanh, which is not patched (pytorch_ops.py)",
            ops.ReLU6,
        ),
        **_rules(
            "SiLU and softmax",
            _inputs(1),
            "1 per element: no hook, but the patched F.silu or F.softmax (pytorch_engine.py, patch_functional)",
            ops.SiLU,
            ops.Softmax,
        ),
        **_unseen(
            "other activations", "no hook, and not patched (pytorch_ops.py, MODULES_MAPPING)", ops.Sigmoid, *HARD
        ),
        **_rules(
            "pooling",
            _inputs(2),
            "2 per input element: " + _TWICE.format("pool_flops_counter_hook"),
            *WINDOWS,
            ops.GlobalAvgPool,
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


def _thop_global_pool(op: ops.Op, x: Shape, y: Shape) -> int:
    return (x.height * x.width + 1) * y.elements


def _thop_softmax(op: ops.Op, x: Shape, y: Shape) -> int:
    return 3 * x.elements - 1


THOP = Tool(
    version="0.1.1.post2209072238",
    call="thop.profile(module, (x,), verbose=False)[0]",
    rules={
        **_rules("bias", _mult_adds, "ignored (thop/vision/calc_func.py, calculate_conv2d_flops)", *WEIGHTED),
        **_rules(
            "batch norm",
            _inputs(4),
            "4 per element: 2, doubled where affine (thop/vision/basic_hooks.py, count_normalization)",
            ops.BatchNorm,
        ),
        **_rules(
            "global pooling",
            _thop_global_pool,
            "(H·W + 1) per output: the sum and a division (basic_hooks.py, count_adap_avgpool)",
            ops.GlobalAvgPool,
        ),
        **_unseen("global mean", _HOOKS_MEAN, FlatMean),
        **_rules("average pooling", _outputs, "1 per output (basic_hooks.py, count_avgpool)", ops.AvgPool),
        **_unseen("max pooling", "counted as zero (thop/profile.py, register_hooks: zero_ops)", ops.MaxPool),
        **_unseen("ReLU and ReLU6", "counted as zero (profile.py, register_hooks: zero_ops)", ops.ReLU, ops.ReLU6),
        **_unseen(
            "other activations", "no rule, taken as zero (profile.py, register_hooks)", ops.Sigmoid, *HARD, ops.SiLU
        ),
        **_rules("softmax", _thop_softmax, "3n − 1: exp, sum, division (calc_func.py, calculate_softmax)", ops.Softmax),
        **_unseen("add and multiply", _HOOKS_MERGE, *MERGES),
        **_unseen("data movement", _HOOKS_MOVE, *MOVES),
    },
)


def _torchinfo_norm(op: ops.Op, x: Shape, y: Shape) -> int:
    return op.params(x)


_NO_PARAMETERS = "has no parameters, and only parameters are multiplied out"

TORCHINFO = Tool(
    version="1.8.0",
    call="torchinfo.summary(module, input_data=x, verbose=0).total_mult_adds",
    rules={
        **_rules("bias", _with_bias, "1 per output (torchinfo/layer_info.py, calculate_macs)", *WEIGHTED),
        **_rules(
            "batch norm",
            _torchinfo_norm,
            "2 per channel: its parameters once, not per element (layer_info.py, calculate_macs)",
            ops.BatchNorm,
        ),
        **_unseen("activations", f"{_NO_PARAMETERS} (calculate_macs)", *ACTIVATIONS, ops.Softmax),
        **_unseen("pooling", f"{_NO_PARAMETERS} (calculate_macs)", *WINDOWS, ops.GlobalAvgPool, FlatMean),
        **_unseen("add and multiply", _HOOKS_MERGE, *MERGES),
        **_unseen("data movement", f"{_NO_PARAMETERS} (calculate_macs)", *MOVES),
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
