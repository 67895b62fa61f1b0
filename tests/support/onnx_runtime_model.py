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
from costmodel.onnx_runtime.held_operators import held_operators, operator_name
from costmodel.onnx_runtime.writer import ATTRIBUTES, quick_onnx


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
    constants = {tensor.name for tensor in made.initializer}
    constants |= {node.output[0] for node in made.node if node.op_type == "Constant"}
    nodes = held_operators(onnx.load_from_string(data).graph, made)
    position = {value: number for number, (node, _) in enumerate(nodes) for value in node.output}
    found = []
    for node, held in nodes:
        holds = frozenset(path for one in held if one.output[0] in paths for path in paths[one.output[0]].paths)
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        activation = attributes.get("activation", b"").decode()
        read = [position.get(value, -1) for value in node.input if value and value not in constants]
        adds = node.op_type in ("Conv", "FusedConv") and len(node.input) > 3
        groups = attributes.get("group", 1)
        found.append(Executed(operator_name(node), activation, adds, groups, holds, tuple(read)))
    return found


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
