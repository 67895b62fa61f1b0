"""What is outside of a profile's calibrated range has no interval, and what is inside of it is predicted well."""

import json
import re
from math import isnan
from pathlib import Path
from random import Random

import numpy as np
import pytest
from support.operator_facts import FACTS

import archs
import costmodel
from archs.catalogue.registry import FAMILIES
from archs.catalogue.sampling import random_spec
from archs.ir import ops
from archs.ir.graph import INPUT, Builder
from archs.ir.ops import Shape
from costmodel.calibration.fit import _base
from costmodel.latency import trees
from costmodel.latency.calibrated_range import AXES, LIMIT, NEGLIGIBLE, Range, coordinates, cover
from costmodel.latency.features import STATIC, features
from costmodel.latency.operator_kinds import kind_of
from costmodel.latency.profile import Predictor
from costmodel.timing.timing_records import read_raw
from explorer.cli.main import main

TIMINGS = Path(__file__).parents[2] / ".github" / "timings"


def graph(shape, *operators):
    b, path = Builder("net", Shape(*shape)), INPUT
    for number, op in enumerate(operators):
        path = b.add(f"op{number}", op, path)
    return b.graph()


OUTSIDE = {
    "a depthwise kernel of 11": (graph((64, 56, 56), ops.Conv2d(64, 11, groups=64)), "kernel 11; .* has 7"),
    "a depthwise kernel of 31": (graph((64, 56, 56), ops.Conv2d(64, 31, groups=64)), "kernel 31"),
    "a convolution along a line": (graph((40, 101), ops.Conv1d(64, 3)), "this form"),
    "a wide one": (graph((1000, 512), ops.Conv1d(1000, 3)), "this form"),
    "bicubic": (graph((64, 56, 56), ops.Upsample(112, 112, "bicubic")), "bytes of input"),
    "transposed": (graph((256, 28, 28), ops.ConvTranspose2d(128, 4, 2, 1)), "multiply-adds"),
    "a large image": (archs.build(archs.spec("mobilenet_v1", width=8.0, resolution=2048)), "multiply-adds"),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_no_interval_is_claimed_outside(case):
    network, reason = OUTSIDE[case]
    found = costmodel.predict(network)
    assert found.interval is None
    assert isnan(found.low_ms)
    assert isnan(found.high_ms)
    assert re.search(reason, found.out_of_range[0].reason)
    assert "outside the calibrated range" in repr(found)
    outside = {one.path for one in found.out_of_range}
    table = found.table().set_index("path")
    assert set(table.index[table["low_ms"].isna()]) == outside


@pytest.mark.parametrize("profile", ["cpu", "cpu-2-threads", "cpu-batch-8"])
def test_mobile_networks_are_inside(profile):
    for name, family in FAMILIES.items():
        if name != "resnet50":  # too heavy to be timed
            found = costmodel.predict(family.spec(), profile)
            assert found.interval == (found.low_ms, found.high_ms), (name, found.out_of_range)


@pytest.mark.parametrize("profile", ["cpu", "cpu-2-threads", "cpu-batch-8"])
def test_every_kind_has_timed_nodes(profile):
    """Without any, a kind has no range: all of it would be inside."""
    kinds = {kind_of(op, tuple(Shape(*x) for x in inputs), 1)[0] for op, inputs, *_ in FACTS} - {"view"}
    assert kinds <= {kind for kind, p in costmodel.load_profile(profile).predictors.items() if p.timed}


def test_in_bulk_as_one_by_one():
    rng = Random(5)
    specs = [random_spec(rng) for _ in range(12)]
    graphs = [archs.build(s.edit(resolution=side)) for s in specs for side in (224, 1024)]
    single = [costmodel.predict(g) for g in graphs]
    found = costmodel.predict_many(graphs)
    assert {isnan(low) for _, low, _ in found} == {True, False}
    assert [isnan(low) for _, low, _ in found] == [one.interval is None for one in single]


def test_a_negligible_node_does_not_cost_the_interval():
    b = Builder("net", Shape(64, 56, 56))
    x = b.add("conv", ops.Conv2d(64, 3), INPUT)
    for number in range(40):
        x = b.add(f"conv{number}", ops.Conv2d(64, 3), x)
    x = b.add("pool", ops.GlobalAvgPool(), x)
    b.add("odd", ops.Upsample(2, 3, "bicubic"), x)
    found = costmodel.predict(b.graph())
    assert found.nodes_ms[-1] / found.latency_ms < NEGLIGIBLE
    assert found.out_of_range == ()


def test_a_line_is_priced_as_an_image_of_one_row():
    line = graph((1000, 512), ops.Conv1d(1000, 3))
    image = graph((1000, 1, 512), ops.Conv2d(1000, (1, 3)))
    assert costmodel.predict(line).latency_ms == pytest.approx(costmodel.predict(image).latency_ms, rel=0.05)
    gate = features(graph((1, 64), ops.Conv1d(1, 3)))
    assert gate.kinds == ("line_convolution",)


def test_the_command_line_says_it(capsys, tmp_path):
    path = tmp_path / "net.json"
    path.write_text(archs.spec("mobilenet_v1", width=8.0, resolution=2048).to_json())
    assert main(["predict", str(path), "--by", "block"]) == 0
    assert "outside the calibrated range, no interval: stem" in capsys.readouterr().out
    assert main(["predict", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["low_ms"] is found["high_ms"] is None
    assert found["out_of_range"][0]["path"].startswith("stem")


def test_a_cover_is_near_every_training_node():
    columns = np.vstack([features(archs.build(archs.spec(name))).columns for name in ("mobilenet_v2", "mnasnet_a1")])
    stored = cover(columns)
    predictor = Predictor.model_construct(timed=stored)
    distances = Range({"all": predictor}).distances(["all"] * len(columns), columns)
    assert distances.max() <= 0.51
    assert len(stored) < len(np.unique(coordinates(columns), axis=0))
    assert {len(row) for row in stored} == {len(AXES)}
    again = cover(columns, stored)
    assert again == stored


@pytest.mark.slow
def test_the_limit_separates_extrapolations_that_are_wrong():
    """Fitted without the largest, the smallest and the strided nodes: RMS errors of these within and beyond the limit."""
    regime, records = read_raw(TIMINGS / "cpu-batch-8.raw.jsonl.xz")
    rows: dict[str, list] = {}
    for record in records:
        found = features(regime.graph(record.spec), regime.batch)
        for kind, *row in zip(found.kinds, found.work, found.columns, record.nodes_us):
            rows.setdefault(kind, []).append(row)
    within, beyond = [], []
    for kind in ("pointwise", "depthwise", "convolution", "activation"):
        work, columns, time_us = (np.array(part) for part in zip(*rows[kind]))
        time_us = np.maximum(time_us, 0.05)
        for column, low, high in (("log_group_in", 0.1, 0.85), ("log_pixels", 0.1, 0.85), ("stride", 0.0, 0.7)):
            values = columns[:, STATIC.index(column)]
            for left_out in (values > np.quantile(values, high), values < np.quantile(values, low)):
                if left_out.sum() < 20:
                    continue
                rest = ~left_out
                base = _base(work[rest], time_us[rest])
                forest = trees.fit(columns[rest], np.log(time_us[rest] / (work[rest] @ base)), 40)
                predicted = work[left_out] @ base * np.exp(forest.predict(columns[left_out]))
                error = np.log(time_us[left_out] / predicted)[time_us[left_out] > 20]
                timed = Range({kind: Predictor.model_construct(timed=cover(columns[rest]))})
                far = timed.distances([kind] * int(left_out.sum()), columns[left_out])[time_us[left_out] > 20]
                within += error[far <= LIMIT].tolist()
                beyond += error[far > LIMIT].tolist()
    near, far_off = (float(np.sqrt(np.mean(np.square(some)))) for some in (within, beyond))
    assert min(len(within), len(beyond)) > 200
    assert near < 0.25
    assert far_off > 1.4 * near
