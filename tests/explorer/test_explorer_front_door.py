"""`explorer.estimate, diff, advise, pareto, sweep`: any network, tables that fit together, short reprs."""

import dataclasses
import math

import pytest
from torch import nn

import archs
import costmodel
import explorer

V2 = archs.spec("mobilenet_v2")


def test_a_sweep_is_a_table_that_pareto_takes():
    table = explorer.sweep("mobilenet_v2", {"width": [0.5, 1.0], "resolution": [96, 224]})
    assert table[["width", "resolution"]].to_numpy().tolist() == [[0.5, 96], [0.5, 224], [1.0, 96], [1.0, 224]]
    last = table.iloc[-1]
    assert last["mult_adds"] == 300_774_272
    assert last["latency_ms"] == costmodel.predict("mobilenet_v2").latency_ms
    assert last["top1_pct"] == explorer.estimate("mobilenet_v2").top1_pct
    assert {*costmodel.Counts._fields, "elementwise", "peak_activation"} <= set(table.columns)
    best = explorer.pareto(table, "latency_ms")
    assert best["latency_ms"].is_monotonic_increasing
    assert best["top1_pct"].is_monotonic_increasing
    drawn = explorer.figures.scatter(table, "latency_ms")
    assert list(drawn.data[0].x) == best["latency_ms"].tolist()
    assert list(drawn.data[1].x) == table["latency_ms"].tolist()
    with pytest.raises(costmodel.CostError, match=r"no column 'ms'; allowed: name, variant"):
        explorer.pareto(table, "ms")


def test_a_sweep_of_a_spec_with_an_edit():
    table = explorer.sweep(V2, {"width": [1.0]}, lambda spec: spec.edit_row(3, kernel=5), profile=None)
    assert table["mult_adds"].tolist() == [costmodel.count(V2.edit_row(3, kernel=5)).total.mult_adds]
    assert table["latency_ms"].isna().all()
    with pytest.raises(archs.ArchError, match="allowed for a Spec: width, resolution"):
        explorer.sweep(V2, {"groups": [2]})
    with pytest.raises(TypeError, match="edit returned a NoneType"):
        explorer.sweep(V2, {"width": [1.0]}, lambda spec: None)


def test_a_difference_takes_modules_too_and_has_milliseconds_with_a_profile():
    found = explorer.diff("mobilenet_v2", V2.edit_row(3, kernel=5), profile="cpu")
    assert found.total_ms == pytest.approx(
        costmodel.predict(V2.edit_row(3, kernel=5)).latency_ms - costmodel.predict(V2).latency_ms
    )
    assert len(repr(found)) < 200
    modules = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 8, 3)
    assert explorer.diff(*modules, input_shape=(1, 3, 8, 8)).total.params == 4 * 28


def test_advice_lowers_its_cost():
    for suggestion in explorer.advise(V2, limit=2):
        assert suggestion.gain > 0
        assert len(repr(suggestion)) < 200
    timed = explorer.advise("shufflenet_v1", profile="cpu", limit=1)
    assert all(suggestion.ranked_by == "latency_ms" for suggestion in timed)


@pytest.mark.parametrize("function", [explorer.estimate, explorer.advise])
def test_what_has_no_table_is_a_type_error(function):
    with pytest.raises(
        TypeError, match=r"allowed: a catalogue name, an archs.Spec, or an archs.Graph that has a table"
    ):
        function(nn.Conv2d(3, 4, 3))


@pytest.mark.parametrize(
    "change", [lambda graph: graph, archs.fold_batchnorm, lambda g: dataclasses.replace(g, spec=None)]
)
def test_a_graph_has_the_estimate_of_its_table(change):
    assert explorer.estimate(change(archs.build(V2))) == explorer.estimate(V2)


def test_no_estimate_is_a_missing_value_in_a_sweep():
    table = explorer.sweep(V2.edit(input_channels=1), {"width": [1.0]}, profile=None)
    assert math.isnan(table["top1_pct"][0])


def test_a_folded_graph_is_swept_as_it_is_and_estimated_as_its_table():
    folded = archs.fold_batchnorm(archs.build("mobilenet_v2"))
    [swept] = explorer.sweep(folded, {"width": [1.0]}, profile=None).to_dict("records")
    assert swept["batch_norm"] == 0
    assert swept["params"] == costmodel.count(folded).total.params
    assert explorer.estimate(folded) == explorer.estimate("mobilenet_v2")
