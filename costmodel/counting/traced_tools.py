"""Counters that see the operators of a traced or dispatched call: fvcore, FlopCounterMode, ptflops' aten backend.

One table per tool, from the operator's class to a rule. No tool is run here.
"""

from __future__ import annotations

from archs.ir import ops
from archs.ir.ops import Shape
from archs.ir.ops.recurrent import GATES
from costmodel.counting.rule import (
    ACTIVATIONS,
    ADAPTIVE,
    ARITHMETIC,
    LEARNED,
    MADE,
    MERGES,
    MOVES,
    REDUCTIONS,
    WEIGHTED,
    WINDOWS,
    FlatMean,
    Rule,
    Tool,
    affine_norm,
    attention,
    doubled,
    mult_adds_of,
    per_input,
    products,
    recurrent,
    rules_of,
    unseen,
    with_bias,
)

FVCORE = Tool(
    version="0.1.5.post20221221",
    call="fvcore.nn.FlopCountAnalysis(module, x).total()",
    drops_unread="the trace is pruned of what the output does not read (torch.jit._get_trace_graph)",
    rules={
        **rules_of(
            "bias",
            mult_adds_of,
            "ignored (fvcore/nn/jit_handles.py, conv_flop_count, linear_flop_jit)",
            *WEIGHTED,
            *MADE,
            ops.ConvTranspose2d,
        ),
        **products(1, "counted (jit_handles.py, matmul_flop_jit)"),
        **attention(0, "unsupported: aten::scaled_dot_product_attention (flop_count.py)"),
        **recurrent(lambda op, x, y: 0, "unsupported: aten::lstm, aten::gru, aten::rnn_tanh (flop_count.py)"),
        **rules_of(
            "batch norm",
            affine_norm(1, 2),
            "2 per element, 1 without a scale (jit_handles.py, batchnorm_flop_jit)",
            ops.BatchNorm,
        ),
        **rules_of(
            "other norms",
            affine_norm(4, 5),
            "5 per element, 4 without a scale (jit_handles.py, norm_flop_counter)",
            ops.LayerNorm,
            ops.GroupNorm,
        ),
        **unseen("rms norm", "unsupported: aten::rms_norm (flop_count.py)", ops.RMSNorm),
        **rules_of(
            "global pooling",
            per_input(1),
            "its input's elements (flop_count.py, aten::adaptive_avg_pool2d: elementwise_flop_counter(1, 0))",
            *ADAPTIVE,
        ),
        **rules_of(
            "upsampling",
            lambda op, x, y: {"nearest": 1, "bilinear": 4}.get(getattr(op, "mode", ""), 0) * y.elements,
            "1 per output, 4 where bilinear; bicubic is unsupported (flop_count.py, elementwise_flop_counter)",
            ops.Upsample,
        ),
        **unseen("max pooling", "unsupported: aten::adaptive_max_pool2d (flop_count.py)", ops.AdaptiveMaxPool),
        **unseen("reductions", "unsupported: aten::mean, aten::sum, aten::amax (flop_count.py)", *REDUCTIONS),
        **unseen("arithmetic", "unsupported or ignored (flop_count.py; jit_analysis.py, _IGNORED_OPS)", *ARITHMETIC),
        **unseen("learned scales and shifts", "unsupported: aten::mul, aten::add (flop_count.py)", *LEARNED),
        **unseen("global mean", "unsupported: `x.mean((2, 3))` is aten::mean (flop_count.py)", FlatMean),
        **unseen("pooling", "unsupported: aten::max_pool2d, aten::avg_pool2d (flop_count.py)", *WINDOWS),
        **unseen("ReLU", "ignored, without a warning (jit_analysis.py, _IGNORED_OPS)", ops.ReLU),
        **unseen(
            "other activations",
            "unsupported: hardtanh, sigmoid, hardsigmoid, silu, hardswish, gelu, softmax … (flop_count.py)",
            *ACTIVATIONS[1:],
            ops.PReLU,
            ops.Softmax,
        ),
        **unseen("add and multiply", "unsupported: aten::add, aten::mul (flop_count.py)", *MERGES),
        **unseen("data movement", "ignored (jit_analysis.py, _IGNORED_OPS)", *MOVES),
    },
)


def _recurrent(times: int, bias: int) -> dict[type[ops.Op], Rule]:
    """An LSTM on the CPU is one operator, `mkldnn_rnn_layer`, where its states are not projected; others are linear."""

    def amount(op: ops.Op, x: Shape, y: Shape) -> int:
        assert isinstance(op, ops.Recurrent)
        if op.cell == "lstm" and not op.projected:
            return 0
        biases = bias * op.places(x) * op.layers * op.directions * 2 * GATES[op.cell] * op.hidden if op.bias else 0
        return times * op.mult_adds(x) + biases

    return recurrent(amount, "the linear layers that torch makes of it, but none where it is mkldnn_rnn_layer")


def _only_products(table: str) -> dict[type[ops.Op], Rule]:
    """The rules of a tool whose `table` has convolutions and matrix products and nothing else."""
    reason = f"has no formula: only convolution and matrix products have one ({table})"
    return {
        **unseen("batch norm", reason, ops.BatchNorm),
        **unseen("other norms", reason, ops.LayerNorm, ops.GroupNorm, ops.RMSNorm),
        **unseen("activations", reason, *ACTIVATIONS, ops.PReLU, ops.Softmax),
        **unseen("pooling", reason, *WINDOWS, *ADAPTIVE, ops.AdaptiveMaxPool, FlatMean, *REDUCTIONS),
        **unseen("add and multiply", reason, *MERGES, *ARITHMETIC, *LEARNED),
        **unseen("data movement", reason, *MOVES, ops.Upsample),
    }


FLOP_COUNTER_MODE = Tool(
    version="torch 2.13.0",
    call="torch.utils.flop_counter.FlopCounterMode(display=False): get_total_flops()",
    rules={
        **rules_of(
            "factor two",
            doubled,
            "a multiply-add is two operations; bias ignored (torch/utils/flop_counter.py, conv_flop_count, mm_flop)",
            *WEIGHTED,
            *MADE,
            ops.ConvTranspose2d,
        ),
        **products(2, "a multiply-add is two operations (flop_counter.py, bmm_flop)"),
        **attention(2, "two operations each, but none where torch has one operator for it (flop_registry)"),
        **_recurrent(2, 0),
        **_only_products("flop_registry"),
    },
)

PTFLOPS_ATEN = Tool(
    version="0.7.5",
    call="ptflops.get_model_complexity_info(module, shape, as_strings=False, backend='aten')[0]",
    rules={
        **rules_of(
            "bias",
            with_bias,
            "1 per output (ptflops/aten_ops.py, conv_flop_count, addmm_flop)",
            *WEIGHTED,
            *MADE,
            ops.ConvTranspose2d,
        ),
        **products(1, "counted (aten_ops.py, bmm_flop)"),
        **attention(1, "counted, but not where torch has one operator for it (ATEN_OPS_MAPPING)"),
        **_recurrent(1, 1),
        **_only_products("ATEN_OPS_MAPPING"),
    },
)
