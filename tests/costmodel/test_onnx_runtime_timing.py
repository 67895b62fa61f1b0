"""Timing with ONNX Runtime: the file in fresh processes, and which operators each node of the runtime holds."""

import importlib.util
from collections import Counter
from pathlib import Path

import onnx
import pytest
from onnx import helper

import archs
from archs.ir import ops
from archs.ir.graph import INPUT, Builder
from costmodel import CostError
from costmodel.onnx_runtime import timing
from costmodel.onnx_runtime.timing import measure_onnx_runtime


@pytest.fixture(scope="module")
def graph():
    """A residual block, whose activation and sum a runtime fuses into convolutions."""
    b = Builder("residual", ops.Shape(3, 32, 32))
    x = b.add("stem", ops.Conv2d(16, 3, stride=2), INPUT)
    x = b.add("norm", ops.BatchNorm(), x)
    x = b.add("act", ops.ReLU(), x)
    y = b.add("conv", ops.Conv2d(16, 1), x)
    y = b.add("sum", ops.Add(), x, y)
    y = b.add("pool", ops.GlobalAvgPool(flat=True), y)
    b.add("classes", ops.Linear(10), y)
    return b.graph()


@pytest.fixture(scope="module")
def exported(graph):
    return archs.to_onnx(graph)


def test_every_exported_operator_is_held_by_one_node(exported):
    found = measure_onnx_runtime(exported, processes=2, seconds=0.05)
    held = Counter(kind for node in found.nodes for kind in node.holds)
    given = Counter(node.op_type for node in onnx.load_from_string(exported).graph.node)
    given.pop("Constant", None)
    assert held == given
    assert any("Conv" in node.holds and "Relu" in node.holds for node in found.nodes)
    assert len(found.processes_ms) == 2
    assert min(found.processes_ms) > 0
    assert len(found.nodes_ms) == len(found.nodes)
    assert {"stem", "conv", "classes"} <= {node.layer for node in found.nodes}


def test_a_missing_runtime_is_one_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CostError, match="onnxruntime is not installed; install it with `pip install onnxruntime`"):
        measure_onnx_runtime(b"")


def test_a_file_that_the_runtime_refuses_is_one_line():
    with pytest.raises(CostError, match="ONNX Runtime failed in a process of its own") as raised:
        measure_onnx_runtime(b"no model", seconds=0.05)
    assert "\n" not in str(raised.value)


def test_a_process_without_an_end_is_stopped(exported, monkeypatch):
    monkeypatch.setattr(timing, "TIME_LIMIT", 0.01)
    with pytest.raises(CostError, match="nothing was timed"):
        measure_onnx_runtime(exported)


def test_times_are_matched_by_value(exported, monkeypatch):
    """A session numbers the names of its reorders in an order of its own."""
    sessions = iter([("a", "b"), ("b", "a")])

    def run(wanted, threads):
        first, second = next(sessions)
        nodes = [helper.make_node("Relu", ["input"], ["x"], first), helper.make_node("Relu", ["x"], ["y"], second)]
        optimised = helper.make_model(helper.make_graph(nodes, "network", [], []))
        onnx.save(optimised, Path(wanted["folder"]) / "optimised.onnx")
        return {"version": "1", "median_ms": 3.0, "undisturbed_ms": 3.0, "nodes": {first: 1.0, second: 2.0}}

    monkeypatch.setattr(timing, "_run", run)
    assert measure_onnx_runtime(exported, processes=2).nodes_ms == (1.0, 2.0)
