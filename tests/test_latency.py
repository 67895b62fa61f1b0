"""Prediction and profiles: what is priced, what refuses, what survives a file. No clock: the times are made up."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest

import archs
import costmodel
from archs.graph import INPUT, Builder
from archs.ops import Activation, BatchNorm, ChannelShuffle, ChannelSplit, Concat, Conv2d, ReLU, Shape
from archs.sampling import random_edit
from costmodel import trees
from costmodel.counts import FREE
from costmodel.features import BEFORE, COLUMNS, PASSED_ON, WORK, _static, features
from costmodel.fit import HOLDS, SESSIONS, SPAN, errors, fit, with_errors
from costmodel.foreign import made
from costmodel.latency import price
from costmodel.lifetimes import _frames, _lives
from costmodel.profile import (
    DEFAULT,
    FORMAT,
    DeviceProfile,
    Regime,
    load_profile,
    names,
    nearest,
    percentile_half_width,
)
from costmodel.records import Record
from costmodel.sample import STACK, networks, our_networks
from explorer.__main__ import main

US_PER_START, US_PER_BYTE, US_PER_MULT_ADD = 5.0, 1e-4, 2e-5


def made_up(spec) -> Record:
    """A machine whose times are a straight line: what the physical base can hold exactly."""
    work = features(made(spec)).work
    weights = np.array([US_PER_START, US_PER_BYTE, US_PER_BYTE, US_PER_BYTE, US_PER_MULT_ADD])
    nodes = work @ weights
    return Record(spec, float(1.02 * nodes.sum() + 0.5 * len(nodes)), tuple(nodes.tolist()), 0.01, 9)


@pytest.fixture(scope="module")
def profile() -> DeviceProfile:
    sample = networks(3)
    records = [made_up(next(sample)[0]) for _ in range(60)]
    return fit(records[:45], records[45:], Regime(), "made up", {"device": "cpu"}, 1000.0, 1.0)


@pytest.mark.parametrize("name", archs.names())
def test_every_network_is_priced_and_the_nodes_add_up(profile, name):
    prediction = costmodel.predict(archs.build(archs.spec(name)), profile)
    table = prediction.table()
    assert table["latency_ms"].sum() == pytest.approx(prediction.latency_ms)
    assert (table["latency_ms"] > 0).all()
    assert set(table["bound"]) <= {"compute", "memory", "launch"}
    assert prediction.low_ms < prediction.latency_ms < prediction.high_ms
    assert (table["low_ms"] <= table["latency_ms"]).all()  # made up without noise: the interval may be nothing
    assert sum(prediction.by_block.values()) == pytest.approx(prediction.latency_ms)


def test_a_straight_line_is_learned(profile):
    held_out = profile.held_out["all"]
    assert held_out.mape < 1
    assert held_out.within_10 == 100
    record = made_up(archs.spec("mobilenet_v2", width=1.3))
    predicted = costmodel.predict(archs.build(record.spec), profile).latency_ms
    assert predicted == pytest.approx(record.network_us / 1e3, rel=0.06)


def test_a_slow_minute_of_a_session_is_divided_out():
    sample, minutes = our_networks(3), 3
    records = [made_up(next(sample)[0]) for _ in range(90)]
    records = [
        replace(record.evened(Regime(), {"all": 1.0 if i % minutes else 1 / 1.3}), chunk=i % minutes)
        for i, record in enumerate(records)
    ]
    found = fit(records[:72], records[72:], Regime(), "made up", {"device": "cpu"}, 1000.0, 1.0)
    assert found.held_out["all"].mape < 3


def test_what_is_doubtful_in_the_judged_does_not_widen_the_interval(profile):
    sample = our_networks(5)
    judged = [made_up(next(sample)[0]).evened(Regime(), {"all": 1.1 if i % 2 else 0.9}) for i in range(20)]

    def variance(doubt: float) -> float:
        half = with_errors(profile, [replace(record, doubt=doubt) for record in judged]).half_interval
        return half**2 - (SPAN * SESSIONS) ** 2

    assert variance(0.0) > 0.1**2
    assert variance(0.08) == pytest.approx(variance(0.0) * (1 - 0.08**2 / 0.1**2), rel=0.2)
    assert variance(1.0) == pytest.approx(variance(0.0) / 4)  # it may not explain everything


def stepped(spec) -> Record:
    """A machine that takes its time where a width does not fill a vector."""
    record = made_up(spec)
    odd = features(made(spec)).columns[:, COLUMNS.index("out_mod_8")] > 0
    nodes = np.array(record.nodes_us) * np.where(odd, 1.8, 1.0)
    return replace(record, nodes_us=tuple(nodes.tolist()), network_us=float(nodes.sum()))


def test_a_fit_goes_on_from_the_forests_of_another_machine():
    sample = (spec for spec, _ in our_networks(7) if spec.name != STACK)  # in two nodes, luck decides
    met = [stepped(next(sample)) for _ in range(60)]
    prior = fit(met[:50], met[50:], Regime(), "met", {"device": "cpu"}, 1.0, 1.0)
    here = [stepped(next(sample)).evened(Regime(), {"all": 0.5}) for _ in range(40)]  # twice as slow
    few = [record for record in here[:20] if "grouped_convolution" not in record.kinds(Regime())][:10]
    anew, on = (fit(few, here[20:], Regime(), "few", {}, 1.0, 1.0, prior=known) for known in (None, prior))
    assert (anew.prior, on.prior) == (None, "met")
    assert (anew.hold, on.hold) == (None, max(HOLDS))
    assert on.held_out["all"].mape < 0.5 * anew.held_out["all"].mape
    assert "no grouped_convolution was timed: it is priced as convolution" in anew.warnings
    assert "no grouped_convolution was timed: it is priced as met has it, at this machine's speed" in on.warnings


def test_a_fit_goes_on_from_a_machine_with_other_strengths(profile):
    def unlike(spec) -> Record:
        """Ten times as long to start a kernel."""
        work = features(made(spec)).work
        nodes = work @ np.array([10 * US_PER_START, *[US_PER_BYTE] * 3, US_PER_MULT_ADD])
        return Record(spec, float(nodes.sum()), tuple(nodes.tolist()), 0.01, 9)

    sample = (spec for spec, _ in our_networks(6) if spec.name != STACK)
    records = [unlike(next(sample)) for _ in range(80)]
    found = fit(records[:60], records[60:], Regime(), "unlike", {}, 1.0, 1.0, prior=profile)
    assert found.held_out["all"].mape < 2
    assert found.node_interval < 0.1
    assert found.hold == min(HOLDS)


def test_what_bounds_a_node(profile):
    b = Builder("bounds", Shape(512, 28, 28))
    heavy = b.add("heavy", Conv2d(512, 3), INPUT)
    wide = b.add("wide", ReLU(), heavy)
    b.add("tiny/conv", Conv2d(8, 3, stride=28, padding=0), wide)
    bounds = dict(zip(("heavy", "wide", "tiny/conv"), price(b.graph(), profile).bounds))
    assert (bounds["heavy"], bounds["wide"]) == ("compute", "memory")


def test_what_flops_do_not_see_is_priced(profile):
    """Guidelines G2 and G4: groups, shuffle, concat and element-wise work cost time at no multiply-adds."""
    x = Shape(240, 28, 28)

    def ms(*ops):
        b = Builder("g", x)
        path = INPUT
        for i, op in enumerate(ops):
            path = b.add(f"op{i}", op, path)
        return costmodel.predict(b.graph(), profile).latency_ms

    grouped = Conv2d(240, groups=3)
    assert ms(grouped) > ms(Conv2d(240)) / 3
    assert ms(grouped, ChannelShuffle(3)) > ms(grouped)
    assert ms(grouped, BatchNorm(), ReLU()) > ms(grouped, BatchNorm()) > ms(grouped)


class Odd(Activation):
    """An operator that nobody has told the predictors about."""


def test_an_operator_without_a_predictor_is_an_error(profile):
    b = Builder("odd", Shape(10))
    b.add("head/odd", Odd(), INPUT)
    with pytest.raises(costmodel.CostError, match="head/odd.*Odd.*known.*Conv2d"):
        costmodel.predict(b.graph(), profile)
    lacking = profile.model_copy(update={"predictors": {k: v for k, v in profile.predictors.items() if k != "shuffle"}})
    with pytest.raises(costmodel.CostError, match="stage2.*no predictor for shuffle"):
        costmodel.predict(archs.build(archs.spec("shufflenet_v1")), lacking)


def test_a_profile_survives_a_file(profile, tmp_path):
    path = tmp_path / "p.json"
    profile.save(path)
    again = costmodel.load_profile(path)
    graph = archs.build(archs.spec("shufflenet_v2"))
    assert costmodel.predict(graph, again).latency_ms == costmodel.predict(graph, profile).latency_ms
    assert again == profile
    assert [p.name for p in tmp_path.iterdir()] == ["p.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d | {"format": "costmodel.profile/0"}, "version 'costmodel.profile/0'"),
        (lambda d: {"format": "archs.spec/1"}, "not a device profile"),
        (lambda d: [1, 2], "not a device profile"),
        (lambda d: {k: v for k, v in d.items() if k != "predictors"}, "predictors"),
        (lambda d: d | {"columns": ["other"]}, "other features"),
        (lambda d: d | {"scale": float("nan")}, "scale"),
        (lambda d: d | {"surprise": 1}, "surprise"),
        (lambda d: d | {"regime": d["regime"] | {"threads": 0}}, "threads"),
    ],
)
def test_a_profile_that_is_none_is_refused(profile, tmp_path, change, message):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(change(profile.model_dump(mode="json"))))
    with pytest.raises(costmodel.CostError, match=message):
        load_profile(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_profile_is_refused(profile, tmp_path, share):
    path = tmp_path / "p.json"
    profile.save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(costmodel.CostError, match="truncated or not JSON"):
        load_profile(path)


def test_a_predictor_whose_tables_do_not_fit_is_refused(profile, tmp_path):
    data = profile.model_dump(mode="json")
    data["predictors"]["pointwise"]["columns"][0][0] = len(COLUMNS)
    path = tmp_path / "p.json"
    path.write_text(json.dumps(data))
    with pytest.raises(costmodel.CostError, match="do not fit together"):
        load_profile(path)


def test_a_profile_that_is_not_there_is_refused():
    with pytest.raises(costmodel.CostError, match="no profile 'nowhere'.*shipped"):
        load_profile("nowhere")


def test_shipped_profiles_load_and_carry_their_errors():
    graph = archs.build(archs.spec("shufflenet_v1", groups=8))
    for name in names():
        shipped = load_profile(name)
        assert shipped.held_out["all"].networks > 0
        assert shipped.format == FORMAT
        graph_of_regime = archs.fold_batchnorm(graph) if shipped.regime.folded else graph
        assert costmodel.predict(graph_of_regime, shipped).latency_ms > 0


def test_the_nearest_profile_is_of_as_many_threads_before_it_is_of_the_same_layout(tmp_path, monkeypatch):
    shipped = load_profile(DEFAULT)
    regimes = {
        "one": Regime(),
        "one-last": Regime(layout="channels_last", batch=8),
        "two": Regime(threads=2),
        "two-folded": Regime(threads=2, folded=True),
    }
    for name, regime in regimes.items():
        shipped.model_copy(update={"name": name, "regime": regime}).save(tmp_path / f"{name}.json")
    monkeypatch.setattr(costmodel.profile, "SHIPPED", tmp_path)
    for regime, name in (
        (Regime(batch=8), "one"),
        (Regime(layout="channels_last"), "one-last"),
        (Regime(threads=16), "two"),
        (Regime(threads=2, layout="channels_last"), "two"),
        (Regime(threads=4, batch=8, folded=True), "two-folded"),
    ):
        assert nearest(regime).name == name
    assert nearest(Regime(device="cuda")) is None


# what the predictors see


def test_features_have_one_row_per_node_and_name_their_columns():
    graph = archs.build(archs.spec("mobilenet_v3_small"))
    found = features(graph)
    assert found.columns.shape == (len(graph.nodes), len(COLUMNS))
    assert found.work.shape == (len(graph.nodes), len(WORK))
    assert np.isfinite(found.columns).all()
    assert (found.work[:, 0] >= 1).all()


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "shufflenet_v2", "mnasnet_a1"])
def test_what_is_remembered_of_other_networks_does_not_change_a_number(name):
    rng, spec = random.Random(13), archs.spec(name)
    edited = [random_edit(spec, rng)[1] for _ in range(6)]
    remembered = [features(graph) for graph in edited]
    for graph, found in zip(edited, remembered):
        for cache in (_static, _lives, _frames):
            cache.cache_clear()
        alone = features(graph)
        assert found.kinds == alone.kinds
        assert found.work.tobytes() == alone.work.tobytes()
        assert found.columns.tobytes() == alone.columns.tobytes()


def test_a_batch_moves_more_bytes_but_no_more_weights():
    graph = archs.build(archs.spec("mobilenet_v1", width=0.25))
    one, eight = features(graph).work, features(graph, batch=8).work
    assert (eight[:, 1] == 8 * one[:, 1]).all()
    assert (eight[:, 3] == one[:, 3]).all()
    assert (eight[:, 4] == 8 * one[:, 4]).all()


def test_a_node_knows_what_ran_before_it():
    """A view runs nothing: what stands behind one follows what stands before it."""
    graph = archs.build(archs.spec("shufflenet_v2"))
    found = features(graph)
    before = dict(zip([node.path for node in graph.nodes], found.columns[:, -len(BEFORE) :]))
    own = dict(zip([node.path for node in graph.nodes], found.columns))
    paths = [node.path for node in graph.nodes]
    assert before[paths[0]].tolist() == [-1] + [0] * (len(BEFORE) - 1)
    split = next(i for i, kind in enumerate(found.kinds) if kind == "view")
    after = next(i for i in range(split, len(paths)) if found.kinds[i] != "view")
    passed_on = [COLUMNS.index(column) for column in PASSED_ON]
    assert before[paths[after]][1:].tolist() == own[paths[split - 1]][passed_on].tolist()
    assert before[paths[split]].tolist() == before[paths[after]].tolist()
    kinds = {found.kinds[i - 1]: before[paths[i]][0] for i in range(1, len(paths)) if found.kinds[i - 1] != "view"}
    assert len(set(kinds.values())) == len(kinds)


def test_views_own_no_memory():
    graph = archs.build(archs.spec("shufflenet_v2"))
    for node, work in zip(graph.nodes, features(graph).work):
        if type(node.op) in FREE:
            assert work[1:].sum() == 0


def test_no_sampled_network_lacks_a_kind():
    sample = networks(11)
    for _ in range(80):
        _, graph = next(sample)
        features(graph)


# trees and errors


def test_trees_find_steps():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (1500, 4))
    y = np.where(x[:, 1] > 0.5, 0.3, -0.1) + 0.2 * (x[:, 2] > 0.25)
    forest = trees.fit(x, y)
    new = rng.uniform(0, 1, (300, 4))
    expected = np.where(new[:, 1] > 0.5, 0.3, -0.1) + 0.2 * (new[:, 2] > 0.25)
    assert np.abs(forest.predict(new) - expected).mean() < 0.02


def test_boosting_goes_on_from_another_forest():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (400, 3))
    step, slope = (x[:, 0] > 0.2) * 1.0, 0.3 * (x[:, 1] > -0.1)
    first = trees.fit(x, step, 60)
    both = trees.fit(x, step + slope + 0.5, 60, onto=first)
    assert len(both.columns) == 120
    assert np.array_equal(both.values[:60], first.values)
    assert np.abs(both.predict(x) - (step + slope + 0.5)).mean() < 0.03
    few = trees.fit(x[:4], step[:4] + 0.5, 60, onto=first)  # too few to learn more from than a level
    assert np.allclose(few.predict(x) - first.predict(x), 0.5, atol=0.03)


def test_forests_say_together_what_their_trees_say_one_by_one():
    rng = np.random.default_rng(2)
    forests = [
        trees.Forest(
            start,
            rng.integers(0, 5, (size, trees.LEVELS)),
            rng.integers(0, 9, (size, trees.LEVELS)) / 2,
            rng.normal(size=(size, 1 << trees.LEVELS)),
        )
        for start, size in ((0.3, 7), (-1.0, 0), (2.0, 12), (0.1, 3))
    ]

    def one_by_one(forest: trees.Forest, x: np.ndarray) -> float:
        found = forest.start
        for columns, thresholds, values in zip(forest.columns, forest.thresholds, forest.values):
            leaf = 0
            for column, threshold in zip(columns, thresholds):
                leaf = 2 * leaf + int(x[column] > threshold)
            found += values[leaf]
        return found

    x = rng.integers(0, 9, (60, 5)) / 2  # many lie on a threshold
    which = rng.choice([0, 1, 3], 60)  # the largest has no samples
    expected = [one_by_one(forests[i], sample) for i, sample in zip(which, x)]
    assert trees.Forests(forests).predict(x, which) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    for forest in forests:
        assert forest.predict(x) == pytest.approx([one_by_one(forest, sample) for sample in x], rel=1e-12, abs=1e-12)


def test_trees_of_nothing_to_learn_are_a_constant():
    forest = trees.fit(np.ones((50, 3)), np.full(50, 0.7))
    assert forest.predict(np.zeros((4, 3))).tolist() == [0.7] * 4


def test_one_interrupted_timing_does_not_move_its_neighbours():
    x = np.repeat(np.arange(20.0)[:, None], 20, axis=0)
    y = np.zeros(400)
    y[7] = 5.0
    assert np.abs(trees.fit(x, y).predict(x)).max() < 0.03


def test_errors_are_relative_to_what_was_measured():
    found = errors([100, 100, 100, 100], [103, 93, 108, 120], half_interval=0.1)
    assert (found.mape, found.within_5, found.within_10) == (9.5, 25.0, 75.0)
    assert found.bias == 6.0
    assert found.coverage == 75.0


def test_the_interval_covers_its_share_of_new_residuals():
    rng = random.Random(1)
    covered = []
    for _ in range(300):
        half = percentile_half_width([rng.gauss(0, 0.03) for _ in range(80)])
        covered.append(abs(rng.gauss(0, 0.03)) <= half)
    assert 0.85 < sum(covered) / len(covered) < 0.95


def test_concat_and_split_are_told_apart():
    b = Builder("parts", Shape(16, 8, 8))
    left = b.add("left", ChannelSplit((4, 12), 0), INPUT)
    right = b.add("right", ChannelSplit((4, 12), 1), INPUT)
    b.add("concat", Concat(), right, left)
    assert features(b.graph()).kinds == ("view", "view", "concat")


# the command line


def test_predict_on_the_command_line(profile, tmp_path, capsys):
    path = tmp_path / "p.json"
    profile.save(path)
    assert main(["predict", "shufflenet_v2", "--profile", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = costmodel.predict(archs.build(archs.spec("shufflenet_v2")), profile)
    assert found["latency_ms"] == expected.latency_ms
    assert [row["path"] for row in found["nodes"]] == [node.path for node in expected.graph.nodes]
    assert main(["predict", "shufflenet_v2", "--profile", str(path)]) == 0
    assert "90 % between" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "mobilenet_v1", "--profile", "nowhere.json"], "no profile 'nowhere.json'"),
        (["validate", "--profile", "nowhere.json"], "no profile 'nowhere.json'"),
        (["calibrate", "--output", "nowhere/p.json"], "nowhere is no directory"),
        (["calibrate", "--output", "p.json", "--device", "npu"], "device 'npu' is not there"),
        (["calibrate", "--output", "p.json", "--threads", "0"], "threads is 0"),
        (["calibrate", "--output", "p.json", "--batch", "0"], "batch is 0"),
    ],
)
def test_bad_input_ends_with_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert list(tmp_path.iterdir()) == []
