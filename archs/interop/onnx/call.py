"""One node of an ONNX file as the rules see it, and the registry of the rules.

A rule takes a `OnnxCall` and returns a value, or a list of them for several outputs. Operators by the ONNX schemas
(github.com/onnx/onnx, docs/Operators.md), whose attributes and inputs change with the version of the operator set: what
was an attribute became an input. A use that has no counterpart in ATen raises `UnsupportedNode`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from archs.interop.onnx.emitter import Emitter, Known, Stack, UnsupportedNode, Value
from archs.interop.rule_registry import RuleRegistry

if TYPE_CHECKING:
    from torch import Tensor

MAX_INTS = 4096
WITHOUT_EFFECT = (
    *("consumed_inputs", "momentum", "is_test", "seed", "stash_type", "precision", "sorted"),
    *("hidden_size", "kernel_shape", "num_outputs", "noop_with_empty_axes", "storage_order"),
    *("nearest_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value"),
    *("saturate", "round_mode", "output_dtype"),
)
"""Attributes that change nothing where a rule does not ask for them: hints, and how statistics are gathered; sizes that
the weights or the outputs say; those of another mode of resizing; and of other kinds of numbers."""


@dataclass
class OnnxCall:
    """One node of the file: its inputs and attributes, and ATen calls in its name."""

    emitter: Emitter
    proto: Any
    inputs: list[Value]
    attributes: dict[str, Any]
    stack: Stack
    read: set[str] = field(default_factory=set)
    """The attributes that a rule asked for."""

    def __getitem__(self, index: int) -> Value:
        return self.inputs[index] if index < len(self.inputs) else None

    @property
    def op(self) -> str:
        return str(self.proto.op_type)

    @property
    def opset(self) -> int:
        return self.emitter.opset

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return self.attributes.get(name, default)

    @property
    def unread(self) -> set[str]:
        """Attributes that change what the node computes, and that its rule did not look at."""
        return {name for name in self.attributes if name not in (*self.read, *WITHOUT_EFFECT)}

    def known(self, index: int) -> Tensor:
        """An input that must be a constant with its elements at hand."""
        value = self[index]
        if not isinstance(value, Known) or value.tensor.is_meta:
            raise UnsupportedNode
        return value.tensor

    def ints(self, index: int) -> list[int] | None:
        """An input of whole numbers; None where it is left out."""
        if self[index] is None:
            return None
        found = self.known(index)
        if found.numel() > MAX_INTS:
            raise UnsupportedNode
        return [int(v) for v in found.reshape(-1).tolist()]

    def number(self, index: int) -> float | None:
        """An input of one number, as its shortest spelling; None where it is left out."""
        if self[index] is None:
            return None
        found = self.known(index)
        if found.numel() != 1:
            raise UnsupportedNode
        return shortest(found.item())

    def shape(self, index: int = 0) -> tuple[int, ...]:
        return self.emitter.shape(self[index])

    def aten(self, name: str, *args: Any, overload: str = "default", **kwargs: Any) -> Value:
        """An ATen call: its value, at once where no argument depends on the image."""
        return self.emitter.aten(self.stack, name, args, overload, kwargs)

    def as_operator(self, op: str, *inputs: Value, **attributes: Any) -> Value:
        """The same call as another operator."""
        proto = SimpleNamespace(op_type=op, output=self.proto.output, input=self.proto.input, name=self.proto.name)
        return RULES[op](
            OnnxCall(self.emitter, proto, list(inputs), self.attributes | attributes, self.stack, self.read)
        )

    def item(self, value: Value, index: int) -> Value:
        """One of the tensors that a call gave."""
        return self.emitter.item(self.stack, value, index)


RULES = RuleRegistry()
"""By ONNX names."""
rule = RULES.rule


def shortest(value: Any) -> Any:
    """The number that a float of 32 bits was written as: 1e-05 for 9.99999974e-06."""
    import numpy

    return float(str(numpy.float32(value))) if isinstance(value, float) and abs(value) < 3e38 else value


# Padding of convolutions and poolings


def pads_of(call: OnnxCall, rank: int, x: tuple[int, ...], kernel: list[int]) -> tuple[list[int], list[int]]:
    """Padding before and after each side, `auto_pad` worked out."""
    stride, dilation = call.get("strides", [1] * rank), call.get("dilations", [1] * rank)
    word = call.get("auto_pad", "NOTSET")
    if word in ("NOTSET", ""):
        pads = call.get("pads", [0] * 2 * rank)
        return pads[:rank], pads[rank:]
    if word == "VALID":
        return [0] * rank, [0] * rank
    total = [max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0) for n, s, d, k in zip(x, stride, dilation, kernel)]
    less, more = [t // 2 for t in total], [t - t // 2 for t in total]
    return (less, more) if word == "SAME_UPPER" else (more, less)


def padded(
    call: OnnxCall, x: Value, before: list[int], after: list[int], value: float = 0.0
) -> tuple[Value, list[int]]:
    """The input and the padding that is left to the operator: what differs between the ends is put on first."""
    if before == after:
        return x, before
    return call.aten("constant_pad_nd", x, both_ends(before, after), value), [0] * len(before)


def both_ends(before: list[int], after: list[int]) -> list[int]:
    """Padding as torch lists it: the last side first, before and after it."""
    return [side for pair in zip(reversed(before), reversed(after)) for side in pair]
