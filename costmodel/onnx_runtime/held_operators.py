"""What ONNX Runtime's optimiser makes of an exported file: which operators of it each node of the runtime holds.

Read from the model that the runtime writes (`optimized_model_filepath`); nothing is run here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

LAYOUT = "com.microsoft.nchwc"
"""The domain of operators on blocks of channels (8 or 16, by the processor's vectors)."""
SUFFIX = "_nchwc"
"""Of the names that the runtime gives to such nodes, behind the name of the value that they replace."""
BATCH_NORM = "_bn"
"""Before the suffix, where the node replaces a batch norm by itself."""
INLINED = "_inlfunc_"
"""Before the values within the definition of an operator without a kernel."""

ACTIVATIONS = ("Clip", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Tanh")
"""The operators that the runtime fuses into a convolution before them."""


@dataclass(frozen=True)
class RuntimeNode:
    """One node of the optimised graph."""

    output: str
    """Its first value. It is the same in every session, unlike the names of reorders."""
    operator: str
    """`Conv`, `FusedConv`, `nchwc Conv`, `nchwc ReorderInput`, …"""
    holds: tuple[str, ...]
    """The exported operators in it, in the file's order; none where the runtime adds the node, as a reorder."""
    layer: str
    """The attribute of the module whose weights it uses, `stage2.0.3`; empty where it has none."""


def runtime_nodes(exported: bytes, optimised: bytes) -> list[RuntimeNode]:
    """The nodes of the optimised model with what they hold of the exported one, in the runtime's order.

    Every exported operator but constants and what is folded into constants is held by one node; one that the runtime
    replaces by its definition is held by each node of the definition.
    """
    import onnx

    given, made = onnx.load_from_string(exported).graph, onnx.load_from_string(optimised).graph
    weights = {tensor.name for tensor in given.initializer}
    found = []
    for node, held in held_operators(given, made):
        weight = next((name for one in held for name in one.input if name in weights), "")
        holds = tuple([one.op_type for one in held])
        found.append(RuntimeNode(node.output[0], operator_name(node), holds, weight.rpartition(".")[0]))
    return found


def held_operators(given: onnx.GraphProto, made: onnx.GraphProto) -> list[tuple[onnx.NodeProto, list[onnx.NodeProto]]]:
    """Each node of the optimised graph with the exported operators in it, in the file's order."""
    return _Reading(given).nodes(made)


def operator_name(node: onnx.NodeProto) -> str:
    """`Conv`, `nchwc Conv`, …"""
    return f"nchwc {node.op_type}" if node.domain == LAYOUT else node.op_type


class _Reading:
    """The exported graph, whose operators are given to the runtime's nodes."""

    def __init__(self, given: onnx.GraphProto):
        self._position = {node.output[0]: number for number, node in enumerate(given.node)}
        self._named = {node.name: node for node in given.node}
        self._makers = {value: node for node in given.node for value in node.output}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in given.node:
            for value in node.input:
                self._readers.setdefault(value, []).append(node)

    def nodes(self, made: onnx.GraphProto) -> list[tuple[onnx.NodeProto, list[onnx.NodeProto]]]:
        nodes = [node for node in made.node if node.op_type != "Constant"]
        ends = [self._end(node) for node in nodes]
        known, taken, found = set(ends), set[str](), []
        for node, end in zip(nodes, ends):
            held = [] if _is_reorder(node) else [one for one in self._held(end, known) if one.output[0] not in taken]
            taken |= {one.output[0] for one in held}
            if not held and node.output[0].startswith(INLINED):
                held = [self._defined(node, nodes)]
            found.append((node, sorted(held, key=lambda one: self._position[one.output[0]])))
        return found

    def _end(self, node: onnx.NodeProto) -> str:
        """The exported value that a node computes, maybe in blocks of channels."""
        end, name = node.output[0], node.name.partition("/")[0]
        if node.domain == LAYOUT and node.name.endswith(SUFFIX):
            end = node.name.removesuffix(SUFFIX)
            end = end if end in self._makers else end.removesuffix(BATCH_NORM)
        elif end not in self._makers and name in self._named:
            end = self._named[name].output[0]
        if node.domain == LAYOUT and node.op_type == "Conv":
            if len(node.input) > 3:
                end = self._behind(end, ("Add",))
            if any(one.name == "activation" for one in node.attribute) and self._kind(end) not in ACTIVATIONS:
                end = self._behind(end, ACTIVATIONS)
        return end

    def _defined(self, node: onnx.NodeProto, nodes: list[onnx.NodeProto]) -> onnx.NodeProto:
        """The exported operator of whose definition a node is a part."""
        while node.output[0] not in self._makers:
            node = next(one for one in nodes if node.output[0] in one.input)
        return self._makers[node.output[0]]

    def _kind(self, value: str) -> str:
        return self._makers[value].op_type if value in self._makers else ""

    def _behind(self, value: str, kinds: tuple[str, ...]) -> str:
        """The value that the first reader of such a kind makes of it; itself where there is none."""
        readers = [node for node in self._readers.get(value, ()) if node.op_type in kinds]
        return readers[0].output[0] if readers else value

    def _held(self, end: str, ends: set[str]) -> Iterator[onnx.NodeProto]:
        """The operators between a value and the values of other nodes of the runtime."""
        waiting, seen = [end], set[str]()
        while waiting:
            maker = self._makers.get(waiting.pop())
            if maker is None or maker.output[0] in seen:
                continue
            seen.add(maker.output[0])
            if maker.op_type != "Constant":
                yield maker
            waiting += [value for value in maker.input if self._first(value) not in ends]

    def _first(self, value: str) -> str:
        """The first output of the operator that makes a value."""
        return self._makers[value].output[0] if value in self._makers else value


def _is_reorder(node: onnx.NodeProto) -> bool:
    return node.domain == LAYOUT and node.op_type.startswith("Reorder")
