"""Profiles of ONNX Runtime: writer, calibration without a clock, prediction per operator, and what is refused."""

import json
import math

import numpy as np
import pytest
from support.onnx_runtime_profiles import PROFILER_US, few_trees, made_up, made_up_profile

import archs
import costmodel
from archs.ir import ops
from archs.ir.graph import INPUT, Builder
from archs.transforms.onnx_runtime import block_size, fuse_for_onnx_runtime
from costmodel import CostError
from costmodel.calibration.sample import table_networks
from costmodel.onnx_runtime import calibrate
from costmodel.onnx_runtime.features import COLUMNS, features
from costmodel.onnx_runtime.fit import without_profiler
from costmodel.onnx_runtime.node_times import matched, time_networks
from costmodel.onnx_runtime.profile import OnnxRuntimeProfile
from costmodel.onnx_runtime.timing_child import undisturbed
from costmodel.onnx_runtime.writer import quick_onnx
from costmodel.timing.session import Cancelled


@pytest.fixture(scope="module")
def profile():
    return made_up_profile()


def test_a_fit_finds_the_rule_and_takes_the_profilers_cost_out(profile):
    assert profile.profiler_us == pytest.approx(PROFILER_US, abs=0.5)
    graph = archs.build(archs.spec("mobilenet_v2", width=0.75))
    found = costmodel.predict(graph, profile)
    assert found.latency_ms == pytest.approx(made_up(None, graph).call_us / 1e3, rel=0.05)
    assert found.low_ms < found.latency_ms < found.high_ms
    assert profile.held_out["all"].mape < 10


def test_nodes_that_the_profiler_slows_add_up_to_a_call():
    nodes = np.array([10.0, 30.0, 160.0])
    slowed = 1.25 * nodes + PROFILER_US
    assert without_profiler(slowed, nodes.sum(), PROFILER_US) == pytest.approx(nodes)
    assert without_profiler(nodes, nodes.sum(), PROFILER_US) == pytest.approx(nodes)
    assert without_profiler(nodes / 2, nodes.sum(), PROFILER_US) == pytest.approx(nodes)


def test_the_work_of_poolings_and_of_plain_convolutions():
    b = Builder("work", ops.Shape(6, 8, 8))
    b.add("plain", ops.Conv2d(channels=6, kernel=3, groups=3), INPUT)
    b.add("pool", ops.AvgPool((5, 5), (1, 1), (2, 2)), "plain")
    plain, pool = features(fuse_for_onnx_runtime(b.graph(), 8)).work
    assert plain.tolist() == [1, 4 * (6 * 64 + 6 * 9 * 64), 4 * 6 * 64, 4 * 6 * 2 * 9, 6 * 2 * 9 * 64]
    assert pool.tolist() == [1, 4 * 6 * 64, 4 * 6 * 64, 0, 6 * 64 * 25]


def test_a_fused_nodes_time_stands_on_one_row_and_blocks_add_up(profile):
    found = costmodel.predict("shufflenet_v2", profile)
    table = found.table().set_index("path")
    fused = table[table["bound"].str.startswith("fused into ")]
    assert (fused["latency_ms"] == 0).all()
    assert table.loc["stem/conv/conv", "bound"] == "fused into stem/conv/act"
    assert table.loc["stem/conv/act", "latency_ms"] > 0
    assert table["latency_ms"].sum() == pytest.approx(found.latency_ms)
    assert found.by("block")["latency_ms"].sum() == pytest.approx(found.latency_ms)


def test_a_profile_is_a_validated_file(profile, tmp_path):
    profile.save(tmp_path / "mine.json")
    loaded = costmodel.load_profile(tmp_path / "mine.json")
    assert loaded == profile
    assert loaded.regime.label == "onnxruntime 1.2.3, CPUExecutionProvider, level all, 1 thread, batch 1"
    assert (
        costmodel.predict_many(["mobilenet_v1"], loaded)[0][0] == costmodel.predict("mobilenet_v1", profile).latency_ms
    )
    data = json.loads((tmp_path / "mine.json").read_text())
    for change in ({"columns": list(COLUMNS[1:])}, {"scale": -1}, {"regime": {"version": "1", "block": 7}}):
        (tmp_path / "bad.json").write_text(json.dumps(data | change))
        with pytest.raises(CostError, match=r"bad\.json: "):
            costmodel.load_profile(tmp_path / "bad.json")


def test_what_a_profile_cannot_price_is_an_error_with_the_path(profile):
    b = Builder("odd", ops.Shape(8, 8, 8))
    b.add("head/gelu", ops.GELU(), INPUT)
    with pytest.raises(CostError, match="head/gelu: .*no predictor"):
        costmodel.predict(b.graph(), profile)
    with pytest.raises(CostError, match="has no cost of a page fault"):
        costmodel.predict("mobilenet_v1", profile, allocator="default")


def test_a_network_that_the_runtime_removes_takes_a_call_alone(profile):
    b = Builder("identity", ops.Shape(3, 8, 8))
    b.add("dropout", ops.Dropout(), INPUT)
    found = costmodel.predict(b.graph(), profile)
    assert found.latency_ms == profile.per_call_us / 1e3
    assert found.nodes_ms == (0.0,)


def test_runs_are_matched_by_operator_and_shapes():
    b = Builder("two", ops.Shape(8, 4, 4))
    x = b.add("one", ops.Sigmoid(), INPUT)
    b.add("two", ops.HardSigmoid(), x)
    fused = fuse_for_onnx_runtime(b.graph(), 8)
    shape = {"input_type_shape": [{"float": [1, 8, 4, 4]}], "output_type_shape": [{"float": [1, 8, 4, 4]}]}
    runs = [("n0", "Sigmoid", 3), ("n1", "HardSigmoid", 7), ("n0", "Sigmoid", 5), ("n1", "HardSigmoid", 9)]
    events = [
        {"cat": "Node", "name": f"{name}_kernel_time", "dur": time, "args": {"op_name": kind, **shape}}
        for name, kind, time in runs
    ]
    assert matched(fused, events, {}) == (3.0, 7.0)
    assert matched(fused, events[:1], {}) is None
    assert undisturbed([9, 1, 2, 3, 8, 7]) == 1.5


@pytest.mark.slow
def test_calibration_without_a_clock(monkeypatch, tmp_path):
    def timed(networks, threads, seconds, progress, cancel, seed):
        for done in range(14):
            progress(done / 14, "timing")
            if cancel and cancel():
                raise Cancelled
            yield made_up(*next(networks), block_size())  # of this processor, as the calibration takes it

    monkeypatch.setattr(calibrate, "time_networks", timed)
    monkeypatch.setattr(calibrate, "_with_fresh_processes", lambda timed, threads, cancel: timed)
    shares = []
    with few_trees():
        found = calibrate.calibrate_onnx_runtime(
            progress=lambda done, text: shares.append(done), path=tmp_path / "mine.json", name="mine"
        )
    assert isinstance(found, OnnxRuntimeProfile)
    assert found.environment["threads"] == 1
    assert str(found.environment["runtime"]).startswith("onnxruntime ")
    assert costmodel.load_profile(tmp_path / "mine.json") == found
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    with pytest.raises(Cancelled):
        calibrate.calibrate_onnx_runtime(cancel=lambda: True, path=tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()
    with pytest.raises(CostError, match="threads is 0; allowed"):
        calibrate.calibrate_onnx_runtime(threads=0)


@pytest.mark.slow
def test_the_runtime_makes_the_same_of_the_quick_file_as_was_predicted():
    """Networks of the sample: each node of the runtime is one of the predicted ones, with the same shapes."""
    pytest.importorskip("onnxruntime")
    networks = table_networks(9)
    found = list(time_networks((next(networks) for _ in range(16)), 1, 1.0, seed=1))
    assert len(found) >= 15
    assert all(one.call_us > 0 and min(one.nodes_us) >= 0 for one in found)
    assert all(math.isfinite(sum(one.nodes_us)) for one in found)


def test_the_quick_writer_refuses_what_tables_do_not_have():
    b = Builder("odd", ops.Shape(8, 8, 8))
    b.add("head/gelu", ops.GELU(), INPUT)
    with pytest.raises(CostError, match="head/gelu: .* not timed with ONNX Runtime"):
        quick_onnx(b.graph())
