"""Prediction and profiles: what is priced, what refuses, what survives a file. No clock: the times are made up."""

import json

import pytest

import archs
import costmodel
from archs.ir.graph import INPUT, Builder
from archs.ir.ops import Activation, BatchNorm, ChannelShuffle, Conv2d, ReLU, Shape
from costmodel.latency.features import COLUMNS
from costmodel.latency.predictor import price
from costmodel.latency.profile import DEFAULT, FORMAT, DeviceProfile, Regime, load_profile, names, nearest
from explorer.cli.main import main


@pytest.fixture(scope="module")
def profile(made_up_profile) -> DeviceProfile:
    return made_up_profile


@pytest.mark.parametrize("name", archs.names())
def test_every_network_is_priced_and_the_nodes_add_up(profile, name):
    prediction = costmodel.predict(archs.build(archs.spec(name)), profile)
    table = prediction.table()
    assert table["latency_ms"].sum() == pytest.approx(prediction.latency_ms)
    assert (table["latency_ms"] > 0).all()
    assert set(table["bound"]) <= {"compute", "memory", "launch"}
    inside = table[table["low_ms"].notna()]  # of 45 fitted networks some do not reach that far
    assert prediction.interval is None or prediction.low_ms < prediction.latency_ms < prediction.high_ms
    assert (prediction.interval is None) == (len(inside) < len(table))
    assert (inside["low_ms"] <= inside["latency_ms"]).all()  # made up without noise: the interval may be nothing
    assert sum(prediction.by_block.values()) == pytest.approx(prediction.latency_ms)


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
    with pytest.raises(costmodel.CostError, match="not a JSON text: .* cut off|found an empty text"):
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


@pytest.mark.slow
def test_the_nearest_profile_is_of_as_many_threads_before_it_is_of_the_same_layout(tmp_path, monkeypatch):
    shipped = load_profile(DEFAULT)
    regimes = {
        "one": Regime(),
        "one-last": Regime(layout="channels_last", batch=8),
        "one-many": Regime(batch=4),
        "two": Regime(threads=2),
        "two-folded": Regime(threads=2, folded=True),
    }
    for name, regime in regimes.items():
        shipped.model_copy(update={"name": name, "regime": regime}).save(tmp_path / f"{name}.json")
    monkeypatch.setattr("costmodel.latency.profile.SHIPPED", tmp_path)
    for regime, name in (
        (Regime(), "one"),
        (Regime(batch=8), "one-many"),
        (Regime(layout="channels_last"), "one-last"),
        (Regime(threads=16), "two"),
        (Regime(threads=2, layout="channels_last"), "two"),
        (Regime(threads=4, batch=8, folded=True), "two-folded"),
    ):
        assert nearest(regime).name == name
    assert nearest(Regime(device="mps")) is None


# what the predictors see


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
        (["predict", "mobilenet_v1", "--profile", "gtx-1080-ti"], "the nearest name is 'gtx_1080ti'"),
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
