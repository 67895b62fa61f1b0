"""The model that ONNX Runtime makes of a file, as the nodes that `fuse_for_onnx_runtime` predicts.

`exported_nodes` reads which operator of the file is which of a graph, `executed_nodes` what the runtime makes of them.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import onnx
import onnxruntime
from onnx import helper

import archs
from archs.networks import Network, build
from archs.transforms.onnx_runtime import FusedGraph, fuse_for_onnx_runtime
from archs.transforms.onnx_runtime.exported import exported
from archs.transforms.onnx_runtime.onnx_graph import OnnxGraph, OnnxNode
from costmodel.onnx_runtime.writer import ATTRIBUTES, quick_onnx

LAYOUT, CONTRIBUTED = "com.microsoft.nchwc", "com.microsoft"
ACTIVATIONS = ("Clip", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Tanh")


class Executed(NamedTuple):
    """One node of the runtime, by what a prediction says of it."""

    operator: str
    activation: str
    adds: bool
    groups: int
    holds: frozenset[str]
    reads: tuple[int, ...]


def predicted_nodes(fused: FusedGraph) -> list[Executed]:
    return [Executed(n.operator, n.activation, n.adds, n.groups, frozenset(n.holds), n.reads) for n in fused.nodes]


def differences(found: list[Executed], expected: list[Executed]) -> list[str]:
    """What is different, the order apart: the runtime orders reorders by addresses in memory."""
    ours, theirs = Counter(_identities(found)), Counter(_identities(expected))
    return [f"predicted {one}" for one in ours - theirs] + [f"executed {one}" for one in theirs - ours]


def _identities(nodes: list[Executed]) -> list[object]:
    """Each node with the numbers of what it reads replaced by their identities."""
    made: list[object] = []
    for node in nodes:
        read = [hash(made[one]) if one >= 0 else 0 for one in node.reads]
        made.append((node._replace(reads=()), tuple(read)))
    return made


def exported_nodes(data: bytes, made: OnnxGraph) -> dict[str, OnnxNode]:
    """Value of an exported file → the predicted operator that makes it. AssertionError where the two differ."""
    graph = onnx.load_from_string(data).graph
    given = [node for node in graph.node if node.op_type != "Constant"]
    held = {node.output[0] for node in graph.node if node.op_type == "Constant"} | {t.name for t in graph.initializer}
    ours = made.by_number()
    assert [node.op for node in ours] == [node.op_type for node in given]
    values = {graph.input[0].name: "input"}
    for node, one in zip(ours, given):
        read = [values[value] for value in one.input if value and value not in held]
        assert read == [value for value in node.inputs if value not in made.constants], node.op
        attributes = {a.name: helper.get_attribute_value(a) for a in one.attribute}
        for name, value in node.attributes.items():
            if (key := ATTRIBUTES.get(name, name)) in attributes:
                found = attributes[key].decode() if isinstance(attributes[key], bytes) else attributes[key]
                assert (list(value) if isinstance(value, tuple) else value) == found, (node.op, name)
        values.update(zip(one.output, node.outputs))
    return {value: made.maker[ours] for value, ours in values.items() if ours in made.maker}


def executed_nodes(data: bytes, paths: dict[str, OnnxNode]) -> list[Executed]:
    """What the runtime makes of a file, where `paths` gives the operator of the graph behind each value."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        made = onnx.load(options.optimized_model_filepath).graph
    return _Reading(onnx.load_from_string(data).graph, paths).nodes(made)


class _Reading:
    """A file's operators, which are given to the runtime's nodes."""

    def __init__(self, given: onnx.GraphProto, paths: dict[str, OnnxNode]):
        self._paths = paths
        self._named = {node.name: node for node in given.node}
        self._makers = {value: node for node in given.node for value in node.output}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in given.node:
            for value in node.input:
                self._readers.setdefault(value, []).append(node)

    def nodes(self, made: onnx.GraphProto) -> list[Executed]:
        nodes = [node for node in made.node if node.op_type != "Constant"]
        constants = {tensor.name for tensor in made.initializer}
        constants |= {node.output[0] for node in made.node if node.op_type == "Constant"}
        ends = [self._end(node) for node in nodes]
        position = {value: number for number, node in enumerate(nodes) for value in node.output}
        known, taken, found = set(ends), set[str](), []
        for node, end in zip(nodes, ends):
            held = [] if _is_reorder(node) else [value for value in self._held(end, known) if value not in taken]
            taken |= set(held)
            if not held and node.output[0].startswith("_inlfunc_"):
                held = [self._function(node, nodes)]
            paths = frozenset(path for value in held if value in self._paths for path in self._paths[value].paths)
            attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
            prefix = "nchwc " if node.domain == LAYOUT else ""
            activation = attributes.get("activation", b"").decode()
            read = [position.get(value, -1) for value in node.input if value and value not in constants]
            groups = attributes.get("group", 1)
            adds = node.op_type in ("Conv", "FusedConv") and len(node.input) > 3
            found.append(Executed(f"{prefix}{node.op_type}", activation, adds, groups, paths, tuple(read)))
        return found

    def _end(self, node: onnx.NodeProto) -> str:
        """The value of the file that a node computes, maybe in blocks of channels."""
        end = node.output[0]
        if node.domain == LAYOUT and node.name.endswith("_nchwc"):
            end = node.name.removesuffix("_nchwc")
            end = end if end in self._makers else end.removesuffix("_bn")  # of a batch norm by itself
        elif end not in self._makers and node.name.partition("/")[0] in self._named:
            end = self._named[node.name.partition("/")[0]].output[0]
        if node.domain == LAYOUT and node.op_type == "Conv":
            if len(node.input) > 3:
                end = self._behind(end, ("Add",))
            if any(one.name == "activation" for one in node.attribute) and self._kind(end) not in ACTIVATIONS:
                end = self._behind(end, ACTIVATIONS)
        return end

    def _function(self, node: onnx.NodeProto, nodes: list[onnx.NodeProto]) -> str:
        """The value of the file's operator that a node is a part of, which the runtime replaced by its definition."""
        while node.output[0] not in self._makers:
            node = next(one for one in nodes if node.output[0] in one.input)
        return node.output[0]

    def _kind(self, value: str) -> str:
        return self._makers[value].op_type if value in self._makers else ""

    def _behind(self, value: str, kinds: tuple[str, ...]) -> str:
        """The value that the first reader of such a kind makes of it; itself where there is none."""
        readers = [node for node in self._readers.get(value, ()) if node.op_type in kinds]
        return readers[0].output[0] if readers else value

    def _held(self, end: str, ends: set[str]) -> list[str]:
        """The values between a value and the values of other nodes of the runtime."""
        waiting, seen = [end], dict[str, None]()
        while waiting:
            maker = self._makers.get(waiting.pop())
            if maker is not None and maker.output[0] not in seen:
                seen[maker.output[0]] = None
                waiting += [value for value in maker.input if self._first(value) not in ends]
        return list(seen)

    def _first(self, value: str) -> str:
        """The first output of the operator that makes a value."""
        return self._makers[value].output[0] if value in self._makers else value


def _is_reorder(node: onnx.NodeProto) -> bool:
    return node.domain == LAYOUT and node.op_type.startswith("Reorder")


def compared(network: Network, block: int | None = None) -> list[str]:
    """How a prediction differs from the runtime, on a file of the prediction's own operators."""
    graph = build(network)
    executed = executed_nodes(quick_onnx(graph), exported(graph).maker)
    return differences(predicted_nodes(fuse_for_onnx_runtime(graph, block)), executed)


def compared_to_file(network: Network, block: int | None = None) -> list[str]:
    """How a prediction differs from the runtime, on the file that `archs.to_onnx` writes."""
    graph = build(network)
    data = archs.to_onnx(graph)
    executed = executed_nodes(data, exported_nodes(data, exported(graph)))
    return differences(predicted_nodes(fuse_for_onnx_runtime(graph, block)), executed)
