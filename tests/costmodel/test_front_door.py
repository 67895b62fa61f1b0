"""The first calls that a user would guess: any network, any profile, one line, a short repr."""

import sys
from types import ModuleType

import pytest
import torch
from torch import nn

import archs
import costmodel


@pytest.fixture(scope="module")
def module():
    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())


def test_a_name_a_spec_a_graph_and_a_module_are_networks(module):
    spec = archs.spec("mobilenet_v2")
    expected = costmodel.count(archs.build(spec))
    assert costmodel.count("mobilenet_v2") == costmodel.count(spec) == expected
    assert costmodel.predict("mobilenet_v2") == costmodel.predict(archs.build(spec), costmodel.load_profile("cpu"))
    assert costmodel.fragmentation("mobilenet_v2") == costmodel.fragmentation(archs.build(spec))
    assert costmodel.reconcile("mobilenet_v2") == costmodel.reconcile(archs.build(spec))
    assert costmodel.count(module, input_shape=(3, 32, 32)).total.mult_adds == 27 * 8 * 256
    assert costmodel.count(module, input_shape=(1, 3, 32, 32)).total.params == 27 * 8 + 16


def test_an_input_shape_sets_the_image_of_a_name():
    small = costmodel.count("mobilenet_v2", input_shape=(1, 3, 96, 96))
    assert small == costmodel.count(archs.spec("mobilenet_v2", resolution=96))
    assert costmodel.count("mobilenet_v2", input_shape=torch.zeros(1, 1, 96, 96)).graph.input == (1, 96, 96)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.ReLU, r"the class ReLU \(make an instance of it first: ReLU\(\)\)"),
        (nn.ReLU(), r"pass input_shape=\(channels, height, width\)"),
        ({}, "load_state_dict"),
        (3, "an int; a network is a catalogue name"),
    ],
)
def test_anything_else_is_a_type_error_with_what_to_call(network, message):
    for function in (costmodel.count, costmodel.predict, costmodel.profile, costmodel.fragmentation):
        with pytest.raises(TypeError, match=message):
            function(network)


@pytest.mark.parametrize("shape", [(8, 3, 224, 224), (224, 224), (3, 0, 5), 224, "large"])
def test_a_wrong_shape_is_an_error_with_the_allowed_ones(module, shape):
    with pytest.raises((costmodel.CostError, ValueError), match=r"channels, height, width"):
        costmodel.count(module, input_shape=shape)


def test_a_graph_has_its_shape():
    with pytest.raises(costmodel.CostError, match=r"this graph is of \(3, 224, 224\)"):
        costmodel.count(archs.build(archs.spec("mobilenet_v2")), input_shape=(3, 96, 96))


def test_a_profile_is_a_name_a_path_or_a_device_profile(tmp_path):
    costmodel.load_profile("cpu").save(tmp_path / "mine.json")
    by_path = costmodel.predict("mobilenet_v1", tmp_path / "mine.json")
    assert by_path.latency_ms == costmodel.predict("mobilenet_v1", "cpu").latency_ms
    with pytest.raises(TypeError, match=r"costmodel\.load_profile"):
        costmodel.predict("mobilenet_v1", 3)
    with pytest.raises(costmodel.CostError, match="shipped: cpu"):
        costmodel.predict("mobilenet_v1", "gpu")


def test_one_line_counts_and_prices_a_network(module):
    found = costmodel.profile("mobilenet_v2", (1, 3, 224, 224))
    assert (found.mult_adds, found.params) == (300_774_272, 3_504_872)
    assert found.latency_ms == costmodel.predict("mobilenet_v2").latency_ms
    assert found.table()["latency_ms"].sum() == pytest.approx(found.latency_ms)
    assert costmodel.profile(module, (1, 3, 32, 32)).prediction.low_ms > 0


@pytest.mark.parametrize("level", ["stage", "block", "kind"])
def test_counts_and_predictions_are_summed_by_one_level(level):
    found = costmodel.profile("shufflenet_v2")
    table = found.by(level)
    assert table["mult_adds"].sum() == found.mult_adds
    assert table["latency_ms"].sum() == pytest.approx(found.latency_ms)
    assert found.prediction.by(level)["share"].sum() == pytest.approx(1)
    assert set(found.prediction.by(level)[level]) <= set(table[level])


def test_an_unknown_operator_leaves_the_counts_and_a_lower_bound():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.logcumsumexp(x, 1)

    found = costmodel.profile(Odd(), (3, 8, 8))
    assert found.prediction is not None
    assert found.prediction.interval is None
    assert "logcumsumexp" in found.prediction.lower_bound
    assert found.counts.total.unknown == 1


def test_reprs_are_one_short_line():
    found = costmodel.profile("mobilenet_v2")
    values = [found, found.counts, found.prediction, found.prediction.profile, costmodel.fragmentation("mobilenet_v2")]
    for value in values:
        assert len(repr(value)) < 200
        assert "\n" not in repr(value)
    for value in values[:3]:
        assert value._repr_html_().count("<tr") > 15


def test_the_summary_is_a_tree_whose_rows_add_up():
    found = costmodel.profile("mobilenet_v2")
    lines = found.summary(depth=1).splitlines()
    rows = [line.split() for line in lines[4:-2]]
    assert sum(int(row[-2].replace(",", "")) for row in rows) == found.mult_adds
    assert sum(float(row[-1]) for row in rows) == pytest.approx(found.latency_ms, abs=0.01)
    assert len(found.summary(depth=3).splitlines()) > len(found.summary(depth=2).splitlines()) > len(lines)
    with pytest.raises(costmodel.CostError, match="whole number from 1"):
        found.summary(depth=0)


def test_the_shipped_profiles_are_a_table():
    table = costmodel.profiles()
    assert {"cpu", "cpu-batch-8", "cuda"} <= set(table["name"])
    assert (table["mape"] > 0).all()


def test_many_networks_are_names_and_specs_too():
    spec = archs.spec("mobilenet_v1", width=0.5)
    (v2, _, _), (half, _, _) = costmodel.predict_many(["mobilenet_v2", spec])
    assert v2 == pytest.approx(costmodel.predict("mobilenet_v2").latency_ms)
    assert half == pytest.approx(costmodel.predict(spec).latency_ms)
    assert costmodel.count_many(["mobilenet_v2"]) == [costmodel.count("mobilenet_v2").total]


def test_networks_are_priced_while_another_thread_imports_torch(monkeypatch):
    """A visitor's page was drawn with an AttributeError during somebody else's export."""
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    monkeypatch.delitem(sys.modules, "torch.nn")
    assert costmodel.predict_many(["mobilenet_v1"], "cpu")
    assert costmodel.count_many(["mobilenet_v1"])
    with pytest.raises(TypeError, match="a network is"):
        costmodel.predict(3, "cpu")


@pytest.mark.parametrize("name", ["pixel1", "cpu"])
def test_a_profile_of_any_kind_has_a_short_repr(name):
    profile = costmodel.load_profile(name)
    assert str(profile) == repr(profile)
    assert len(repr(profile)) < 250
    assert repr(profile).startswith(f"{type(profile).__name__}({profile.name!r}: ")


def test_a_summary_shows_its_lines_in_an_interactive_session():
    found = costmodel.profile("mobilenet_v1")
    for text in (
        found.summary(1),
        found.counts.summary(1),
        found.prediction.summary(1),
        archs.summary("mobilenet_v1", 1),
    ):
        assert repr(text) == str(text)
        assert len(repr(text).splitlines()) > 3
