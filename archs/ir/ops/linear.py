"""Matrix products: linear layers, products of two tensors, attention."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archs.errors import ArchError
from archs.ir.operator import (
    Function,
    Module,
    Op,
    Shape,
    broadcast,
    finite,
    one_input,
    positive,
)


@dataclass(frozen=True)
class Linear(Op):
    """A fully connected layer on the last dimension of a flat tensor."""

    features: int
    bias: bool = True

    def __post_init__(self) -> None:
        positive(self.features, "features")

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if len(x) != 1:
            raise ArchError(f"linear takes a flat tensor, found {x}; put a flatten or a flat global pool before it")
        return Shape(self.features)

    def params(self, *inputs: Shape) -> int:
        return inputs[0][0] * self.features + (self.features if self.bias else 0)

    def mult_adds(self, *inputs: Shape) -> int:
        return inputs[0][0] * self.features

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Linear", (inputs[0][0], self.features), () if self.bias else (("bias", False),))

    def describe(self, *inputs: Shape) -> str:
        return "linear"


@dataclass(frozen=True)
class LinearLast(Op):
    """A linear layer along the last axis of a tensor of any rank, at every position of the others."""

    features: int
    bias: bool = True

    def __post_init__(self) -> None:
        positive(self.features, "features")

    def output(self, *inputs: Shape) -> Shape:
        return Shape(*one_input(inputs, self)[:-1], self.features)

    def params(self, *inputs: Shape) -> int:
        return inputs[0][-1] * self.features + (self.features if self.bias else 0)

    def mult_adds(self, *inputs: Shape) -> int:
        return inputs[0].elements * self.features

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Linear", (inputs[0][-1], self.features), () if self.bias else (("bias", False),))

    def describe(self, *inputs: Shape) -> str:
        return "linear at every position"


@dataclass(frozen=True)
class MatMul(Op):
    """The product of …×M×K and …×K×N, for each of the leading axes, which are broadcast."""

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2:
            raise ArchError(f"matrix product takes 2 inputs, found {len(inputs)}")
        a, b = inputs
        if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
            raise ArchError(f"matrix product takes …×M×K and …×K×N, found {a} and {b}")
        return Shape(*broadcast((Shape(*a[:-2]), Shape(*b[:-2])), "matrix product"), a[-2], b[-1])

    def params(self, *inputs: Shape) -> int:
        return 0

    def mult_adds(self, *inputs: Shape) -> int:
        # as in torch's FlopCounterMode (bmm_flop): both inputs are data, so no parameters
        return self.output(*inputs).elements * inputs[0][-1]

    def spelling(self, *inputs: Shape) -> Function:
        return Function("torch.matmul({0}, {1})")

    def describe(self, *inputs: Shape) -> str:
        return "matrix product"


@dataclass(frozen=True)
class Attention(Op):
    """softmax(Q·Kᵀ · scale)·V for queries, keys and values of heads×tokens×features (Vaswani et al. 2017).

    `masked`: a fourth input is added to the products, or says which of them count. `causal`: none of later tokens does.
    """

    scale: float | None = None
    causal: bool = False
    masked: bool = False

    def __post_init__(self) -> None:
        finite(self.scale, "scale")

    def output(self, *inputs: Shape) -> Shape:
        count = 4 if self.masked else 3
        if len(inputs) != count:
            raise ArchError(f"attention takes {count} inputs, found {len(inputs)}")
        q, k, v, *mask = inputs
        fits = len(q) == len(k) == len(v) >= 2 and q[:-2] == k[:-2] == v[:-2] and q[-1] == k[-1] and k[-2] == v[-2]
        if not fits:
            raise ArchError(f"attention takes queries, keys and values that fit, found {q}, {k} and {v}")
        products = (*q[:-2], q[-2], k[-2])
        for m in mask:
            if len(m) > len(products) or any(a not in (1, b) for a, b in zip(m[::-1], products[::-1])):
                raise ArchError(f"an attention mask of {m} does not stretch over {Shape(*products)}")
        return Shape(*q[:-1], v[-1])

    def params(self, *inputs: Shape) -> int:
        return 0

    def mult_adds(self, *inputs: Shape) -> int:
        q, k, v = inputs[:3]
        return prod(q[:-2]) * q[-2] * k[-2] * (q[-1] + v[-1])  # the two products

    def spelling(self, *inputs: Shape) -> Function:
        named: list[tuple[str, object]] = []
        if self.causal:
            named.append(("is_causal", True))
        if self.scale is not None:
            named.append(("scale", self.scale))
        given = "{0}, {1}, {2}" + (", attn_mask={3}" if self.masked else "")
        given += "".join(f", {name}={{{name}}}" for name, _ in named)
        return Function(f"nn.functional.scaled_dot_product_attention({given})", tuple(named))

    def describe(self, *inputs: Shape) -> str:
        return "attention"
