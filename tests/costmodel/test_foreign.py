"""Latency of networks that are not ours: every operator has a predictor, which was fitted on such networks. No clock."""

from dataclasses import is_dataclass, replace
from itertools import islice
from random import Random

import numpy as np
import pytest
from support import zoo_styles as zoo
from support.operator_facts import FACTS
from support.synthetic_profiles import made_up

import archs
import costmodel
from archs.interop.pytorch.importer import from_module
from archs.ir import ops
from archs.ir.graph import INPUT, Builder
from archs.ir.ops import Shape
from costmodel.calibration.fit import fit
from costmodel.calibration.sample import heavy, networks, synthetic_networks, table_networks
from costmodel.calibration.suite import suite
from costmodel.counting.kinds import FREE
from costmodel.latency.features import features
from costmodel.latency.operator_kinds import CATALOGUE_KINDS, VARIANTS
from costmodel.latency.profile import Regime
from costmodel.networks.synthetic import IMPORTED, MEDLEY, STYLES, SyntheticNetwork, made, read_recipe, recipe_dict
from costmodel.networks.synthetic_blocks import Pen, attention
from costmodel.timing.instrumented import InPlace
from costmodel.timing.stopwatch import Stopwatch

OPERATORS = {c for c in vars(ops).values() if is_dataclass(c) and issubclass(c, ops.Op)} - {ops.Opaque}
OPERATORS -= {
    ops.ComputedTensor,
    ops.Conv2dWith,
    ops.ConvTranspose2dWith,
    ops.LinearWith,
    ops.Recurrent,
    ops.Conv3d,
    ops.TensorFunction,
    ops.ExampleInput,
    ops.Outputs,
    ops.BatchMoved,
}  # not sampled: priced as what they are near


def alone(op, inputs):
    """A graph of one operator, whose inputs are parts of one line of numbers."""
    shapes = [Shape(*dims) for dims in inputs]
    b = Builder("alone", Shape(sum(shape.elements for shape in shapes)))
    sources, start = [], 0
    for i, shape in enumerate(shapes):
        piece = b.add(f"piece{i}", ops.Slice(0, start, start + shape.elements), INPUT)
        sources.append(b.add(f"part{i}", ops.View(tuple(shape)), piece))
        start += shape.elements
    b.add("op", op, *sources)
    return b.graph()


@pytest.fixture(scope="module")
def records():
    return [made_up(recipe) for recipe, _ in islice(networks(5), 30)]


@pytest.fixture(scope="module")
def held_out():
    return [made_up(recipe) for recipe, _ in islice(table_networks(6), 8)]


@pytest.fixture(scope="module")
def profile(shared_profile, records, held_out):
    return shared_profile(
        "synthetic_networks", lambda: fit(records, held_out, Regime(), "made up", {"device": "cpu"}, 1000.0, 1.0)
    )


# every operator


@pytest.mark.parametrize(("op", "inputs"), [row[:2] for row in FACTS], ids=lambda v: str(v)[:40])
def test_every_operator_has_a_kind_and_moves_its_elements(op, inputs):
    graph = alone(op, inputs)
    found = features(graph, batch=2)
    _, bytes_in, bytes_out, _, mult_adds = found.work[-1]
    shapes = graph.input_shapes(graph["op"])
    if type(op) in FREE or type(op) is ops.Reshape:  # of a plain tensor, of which it is a view
        assert found.kinds[-1] == "view"
        assert bytes_in == bytes_out == 0
    else:
        assert bytes_in == 2 * 4 * sum(shape.elements for shape in shapes)
        assert bytes_out == 2 * 4 * graph.output.elements
    if isinstance(op, (ops.MaxPool, ops.AvgPool)):  # what it compares or adds
        assert mult_adds == 2 * graph.output.elements * op.kernel[0] * op.kernel[1]
    else:
        assert mult_adds == 2 * op.mult_adds(*shapes)
    assert np.isfinite(found.columns).all()


def test_weights_that_are_not_trained_are_read_too():
    fixed = features(alone(ops.FixedConv2d(24, 3, groups=24), [(24, 8, 8)])).work[-1]
    constant = features(alone(ops.Scale((24, 1, 1), trained=False), [(24, 8, 8)])).work[-1]
    assert fixed[3] == 4 * 9 * 24
    assert constant[3] == 4 * 24


def test_an_opaque_operator_makes_a_lower_bound_that_names_it(profile):
    b = Builder("odd", Shape(4, 9, 9))
    b.add("neck/warp", ops.Opaque("aten.grid_sampler.default", (4, 7, 7)), INPUT)
    found = costmodel.predict(b.graph(), profile)
    assert found.interval is None
    assert found.interval_text == "at least: unknown and not in it: aten.grid_sampler.default"
    assert found.out_of_range[0].path == "neck/warp"


def test_two_operators_of_a_kind_are_told_apart():
    places = list(VARIANTS.values())
    free = [place for place in places if place[0] == "view"]
    assert len(set(places) - set(free)) == len(places) - len(free)


# the sample


@pytest.mark.parametrize("seed", range(6))
def test_the_first_foreign_network_has_every_kind(seed):
    _, graph = next(synthetic_networks(seed))
    kinds = set(features(graph).kinds)
    everything = {kind for op, inputs, *_ in FACTS for kind in features(alone(op, inputs)).kinds}
    assert everything - kinds <= CATALOGUE_KINDS


def test_the_foreign_sample_has_every_operator():
    met = {type(node.op) for _, graph in islice(synthetic_networks(1), 2 * len(STYLES)) for node in graph.nodes}
    ours = {type(node.op) for _, graph in islice(table_networks(1), 60) for node in graph.nodes}
    assert met | ours == OPERATORS


def test_one_network_in_ten_is_foreign_and_ours_are_what_they_were():
    sample = [recipe for recipe, _ in islice(networks(8), 30)]
    places = [i for i, recipe in enumerate(sample) if isinstance(recipe, SyntheticNetwork)]
    assert places == [4, 14, 24]
    assert [r for r in sample if not isinstance(r, SyntheticNetwork)] == [r for r, _ in islice(table_networks(8), 27)]


def test_foreign_networks_are_named_by_style_and_seed():
    some = list(islice(synthetic_networks(3), 2 * len(STYLES)))
    assert [recipe for recipe, _ in some] == [recipe for recipe, _ in islice(synthetic_networks(3), len(some))]
    assert {recipe.name for recipe, _ in some} == {MEDLEY, *STYLES}
    for recipe, graph in some:
        assert made(replace(recipe)) == graph
        assert not heavy(graph)


def test_a_recipe_survives_json():
    for recipe in (SyntheticNetwork("unet", 7), archs.spec("mobilenet_v2", width=0.5)):
        assert read_recipe(recipe_dict(recipe)) == recipe


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "unknown", "seed": 1}, "style is 'unknown'; allowed: medley"),
        ({"name": "unet", "seed": -1}, "seed is '-1'"),
        ({"name": "unet", "seed": 1 << 60}, "seed is"),
        ({"name": "unet", "seed": "1"}, "seed is '1'"),
        ({"name": ["unet"], "seed": 1}, "style is"),
        ({"name": "unet"}, "found format, name; allowed: format, name, seed"),
    ],
)
def test_a_recipe_that_is_none_is_refused(data, message):
    with pytest.raises(costmodel.CostError, match=message):
        read_recipe({"format": "costmodel.foreign/1"} | data)


def test_the_suite_judges_every_style_and_no_sample_has_it():
    imported = [entry for entry in suite() if entry.group == IMPORTED]
    assert [entry.spec.name for entry in imported] == list(STYLES)
    fitted = {graph for _, graph in islice(synthetic_networks(1), 40)}
    assert fitted.isdisjoint({entry.graph for entry in imported})


# predictions


ZOO = {
    "MobileNetV2": zoo.MobileNetV2,
    "MobileNetV2, functions": zoo.FunctionalMobileNetV2,
    "MobileNetV3-Large": lambda: zoo.MobileNetV3(zoo.MobileNetV3.LARGE, 1280),
    "MobileNetV3, by hand": lambda: zoo.MobileNetV3(
        zoo.MobileNetV3.SMALL, 1024, zoo.HandHardSwish, zoo.HandSqueezeExcite
    ),
    "ShuffleNetV2": zoo.ShuffleNetV2,
    "ShuffleNetV2, slices": lambda: zoo.ShuffleNetV2(zoo.shuffle_by_permute, zoo.by_slices),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_every_import_is_priced(profile, name):
    graph = from_module(ZOO[name]().to("meta"), (3, 96, 96))
    check(graph, profile)


@pytest.mark.parametrize("style", ["attention", "unet", "selective"])
def test_a_style_is_priced_as_made_and_as_imported(profile, style):
    graph = SyntheticNetwork(style, 1).graph()
    check(graph, profile)
    check(from_module(archs.to_module(graph), tuple(graph.input)), profile)


def check(graph, profile):
    prediction = costmodel.predict(graph, profile)
    table = prediction.table()
    assert (table["latency_ms"] > 0).all()
    assert table["latency_ms"].sum() == pytest.approx(prediction.latency_ms)


@pytest.mark.slow
def test_ours_have_the_interval_of_ours(records, held_out):
    foreign = [made_up(recipe) for recipe, _ in islice(synthetic_networks(9), 3)]
    slow = [record.speed_normalised(Regime(), {"all": 0.5}) for record in foreign]
    profile = fit(records, held_out, Regime(), "made up", {"device": "cpu"}, 1000.0, 1.0)
    both = fit(records, [*held_out, *slow], Regime(), "made up", {"device": "cpu"}, 1000.0, 1.0)
    assert both.half_interval == profile.half_interval
    assert both.node_interval == profile.node_interval
    assert both.held_out["all"] == profile.held_out["all"]
    assert both.held_out[IMPORTED].networks == 3
    ours, theirs = archs.build(archs.spec("mobilenet_v2")), foreign[0].spec.graph()
    spans = [both.half_interval_of(costmodel.predict(graph, both).kinds) for graph in (ours, theirs)]
    assert spans[0] == pytest.approx(profile.half_interval)
    assert spans[1] > 0.5


# in place


@pytest.fixture
def watch():
    with Stopwatch().running() as running:
        yield running


@pytest.mark.parametrize(("op", "inputs"), [row[:2] for row in FACTS], ids=lambda v: str(v)[:40])
def test_every_operator_is_clocked_once(watch, op, inputs):
    if op == ops.Conv2d(32, 3, stride=2) or sum(np.prod(dims) for dims in inputs) > 400_000:
        inputs = [(dims[0], 8, 8) for dims in inputs]
    graph = alone(op, inputs)
    placed = InPlace(graph, watch)
    assert len(placed.nodes_us()) == len(graph.nodes)


@pytest.mark.parametrize("style", [MEDLEY, *STYLES])
def test_foreign_networks_run_node_by_node(watch, style):
    import torch

    graph = SyntheticNetwork(style, 2).graph()
    placed = InPlace(graph, watch)
    assert len(placed.nodes_us()) == len(graph.nodes)
    assert placed.call().isfinite().all()
    assert torch.equal(placed._timed(placed.x), placed.call())


def test_a_block_keeps_its_shape():
    for seed in range(40):
        b = Builder("one", Shape(32, 30, 30))
        assert b.shape(attention(Pen(b, Random(seed)), INPUT)) == (32, 30, 30)
