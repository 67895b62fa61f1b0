"""Recurrent layers along a sequence: LSTM, GRU and Elman's, by the equations of torch.nn.LSTM, GRU and RNN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from archs.errors import ArchError, shorten
from archs.ir.operator import Module, Op, Shape, positive

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
"""Cell → matrices of the hidden width that it multiplies its input and its state with."""

CLASSES = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}

GIVES = ("outputs", "hidden", "cell", "all")


@dataclass(frozen=True)
class Recurrent(Op):
    """A recurrent layer along the first axis of T×F, (Hochreiter and Schmidhuber 1997).

    It gives its outputs at all T places, its last hidden or cell states of all layers, or all of them in one row.
    The first states, where they are no zeros, are its further inputs, of the shapes of the last ones.
    Of R×T×F, R sequences that each begin with zeros, it gives only its outputs.
    """

    cell: str
    hidden: int
    layers: int = 1
    bidirectional: bool = False
    bias: bool = True
    projected: int = 0
    """Width that an LSTM's hidden states are projected to (Sak et al. 2014); 0 without a projection."""
    gives: str = "outputs"

    def __post_init__(self) -> None:
        if self.cell not in GATES:
            raise ArchError(f"cell is {self.cell!r}; allowed: {', '.join(GATES)}")
        if self.gives not in GIVES or (self.gives == "cell" and self.cell != "lstm"):
            raise ArchError(f"a {self.cell} gives {self.gives!r}; allowed: {', '.join(GIVES)}, the cell of an lstm")
        positive(self.hidden, "hidden")
        positive(self.layers, "layers")
        if type(self.projected) is not int or not 0 <= self.projected < self.hidden:
            raise ArchError(f"projected is {shorten(self.projected)}; allowed: a whole number below {self.hidden}")
        if self.projected and self.cell != "lstm":
            raise ArchError(f"projected is {self.projected} in a {self.cell}; allowed: a projection in an lstm")

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def width(self) -> int:
        """Features of one direction's hidden state."""
        return self.projected or self.hidden

    def parts(self, *inputs: Shape) -> dict[str, Shape]:
        """What it gives → its shape, in the order in which all of it stands in one row."""
        states = self.layers * self.directions
        last = {"hidden": Shape(states, self.width)}
        if self.cell == "lstm":
            last["cell"] = Shape(states, self.hidden)
        several = len(inputs) == 1 and len(inputs[0]) == 3 and self.gives == "outputs"
        one = len(inputs) > 0 and len(inputs[0]) == 2 and inputs[1:] in ((), (*last.values(),))
        if not several and not one:
            found = ", ".join(map(str, inputs))
            raise ArchError(
                f"a recurrent layer takes places×features, these and its first states, or for its outputs "
                f"sequences×places×features, found {found}"
            )
        outputs = Shape(*inputs[0][:-1], self.directions * self.width)
        return {"outputs": outputs} if several else {"outputs": outputs, **last}

    def output(self, *inputs: Shape) -> Shape:
        parts = self.parts(*inputs)
        return Shape(sum(map(prod, parts.values()))) if self.gives == "all" else parts[self.gives]

    @staticmethod
    def places(x: Shape) -> int:
        """Places of all sequences of an input."""
        return prod(x[:-1])

    def matrices(self, features: int) -> Iterator[tuple[int, int]]:
        """Rows and columns of the weights of one layer after the other, both directions of each."""
        rows = GATES[self.cell] * self.hidden
        for layer in range(self.layers):
            for _ in range(self.directions):
                yield rows, features if layer == 0 else self.directions * self.width
                yield rows, self.width
                if self.projected:
                    yield self.projected, self.hidden

    def params(self, *inputs: Shape) -> int:
        biases = 2 * GATES[self.cell] * self.hidden * self.layers * self.directions if self.bias else 0
        return sum(map(prod, self.matrices(inputs[0][-1]))) + biases

    def mult_adds(self, *inputs: Shape) -> int:
        # each matrix once per place, as torch's FlopCounterMode counts the linear layers that a GRU is made of
        return self.places(inputs[0]) * sum(map(prod, self.matrices(inputs[0][-1])))

    def spelling(self, *inputs: Shape) -> Module:
        kwargs: list[tuple[str, object]] = []
        if self.layers > 1:
            kwargs.append(("num_layers", self.layers))
        if self.cell == "rnn_relu":
            kwargs.append(("nonlinearity", "relu"))
        if self.bidirectional:
            kwargs.append(("bidirectional", True))
        if not self.bias:
            kwargs.append(("bias", False))
        if self.projected:
            kwargs.append(("proj_size", self.projected))
        if self.gives != "outputs":
            kwargs.append(("gives", self.gives))
        return Module("Recurrent", (CLASSES[self.cell], inputs[0][-1], self.hidden), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return f"{'bidirectional ' if self.bidirectional else ''}{CLASSES[self.cell]} {self.hidden}"
