"""The published networks: every row is met or explained, the Pareto line, and the estimate with its errors."""

import math

import numpy as np
import pandas
import pytest

import archs
import costmodel
from archs.catalogue.published import agrees
from archs.catalogue.registry import FAMILIES
from explorer.data import accuracy, frontier
from explorer.data.accuracy import errors, estimate
from explorer.editing import edits
from explorer.editing import whole_network as whole

OURS = [row for row in frontier.rows() if row["name"]]
V2 = archs.spec("mobilenet_v2")


@pytest.mark.parametrize("row", OURS, ids=lambda row: f"{row['name']}-{row['variant']}-{row['resolution']}")
def test_published_figures_are_met_or_explained(row):
    ours = costmodel.count(archs.build(frontier.spec_of(row))).total
    met = agrees(row["madds_m"], ours.mult_adds) and agrees(row["params_m"], ours.params)
    told = row["explained"].replace("top-1: ", "")
    assert met == (not row["explained"]), (row["madds_m"], ours.mult_adds, row["params_m"], ours.params)
    for figure, count in ((row["madds_m"], ours.mult_adds), (row["params_m"], ours.params)):
        assert agrees(figure, count) or f"{count:,}" in told or f"{count - 1000:,}" in told


def test_every_row_has_a_source_a_recipe_and_a_believable_accuracy():
    for row in frontier.rows():
        assert row["source"]
        assert row["recipe"]
        assert 2012 <= int(row["year"]) <= 2026
        assert 35 < float(row["top1_pct"]) < 90
        assert row["name"] in {"", *FAMILIES}
        assert row["name"] or (float(row["madds_m"]) > 10 and not row["explained"])


def test_table_has_no_figure_twice_and_counts_what_it_can():
    points = frontier.table()
    assert len(points) > 200
    assert not points.duplicated(["family", "variant", "resolution", "recipe", "top1_pct"]).any()
    counted = points[points["counted"]]
    assert set(counted["name"]) >= set(FAMILIES) - {"mobilenet_v3_large_minimalistic"}
    v2 = counted[(counted["name"] == "mobilenet_v2") & (counted["top1_pct"] == 71.8)].iloc[0]
    assert (v2["mult_adds"], v2["params"]) == (300_774_272, 3_504_872)
    assert points.loc[~points["counted"], "mem_access"].isna().all()
    assert "latency_ms" not in points


def test_predicted_latency_of_the_catalogue_only():
    calls = []
    points = frontier.table(lambda graph: calls.append(graph) or float(len(graph.nodes)))
    assert points.loc[points["counted"], "latency_ms"].notna().all()
    assert points.loc[~points["counted"], "latency_ms"].isna().all()
    assert len(calls) == len({graph.spec for graph in calls}) < points["counted"].sum()


def test_pareto_by_hand():
    points = pandas.DataFrame({"cost": [3, 1, 2, 2, 4, 5, 6, math.nan], "top1_pct": [70, 50, 60, 65, 69, 71, 71, 99]})
    line = frontier.pareto(points, "cost")
    assert list(zip(line["cost"], line["top1_pct"])) == [(1, 50), (2, 65), (3, 70), (5, 71)]


@pytest.mark.parametrize("cost", ["mult_adds", "params", "mem_access"])
def test_no_network_beats_the_pareto_line(cost):
    points = frontier.table()
    line = frontier.pareto(points, cost)
    assert line[cost].is_monotonic_increasing
    assert line["top1_pct"].is_monotonic_increasing
    for _, point in points.dropna(subset=[cost]).iterrows():
        best = line[line[cost] <= point[cost]]["top1_pct"].max()
        assert best >= point["top1_pct"]


def test_filters():
    points = frontier.table()
    paper = frontier.choose(points, recipes=["paper"])
    assert set(paper["recipe"]) == {"paper"}
    assert set(frontier.choose(points, families=["MobileNetV2"])["family"]) == {"MobileNetV2"}
    assert frontier.choose(points, years=(2019, 2020))["year"].between(2019, 2020).all()
    assert len(frontier.choose(points)) == len(points)
    assert frontier.pareto(frontier.choose(points, families=[]), "mult_adds").empty


def test_published_latencies_are_on_their_own_devices():
    found = frontier.latencies()
    assert len(found) > 150
    assert (found["latency_ms"] > 0).all()
    assert found[["device", "runtime", "source", "printed"]].notna().all().all()
    assert (found["device"] != "").all()
    # ShuffleNetV2, Table 8: 57.0 images per second on ARM
    [arm] = found[(found["printed"] == "57.0 images/s")]["latency_ms"]
    assert arm == pytest.approx(1000 / 57)
    assert not set(found.columns) & {"low_ms", "profile"}


# the estimate


def test_its_errors_on_networks_left_out():
    """The figures that the page shows; the README has them too. A change of data or method is to be seen here."""
    one, whole_family = errors("network"), errors("family")
    assert one.networks == whole_family.networks == len(accuracy.training()) > 100
    assert one.mean == pytest.approx(0.66, abs=0.05)
    assert one.rms == pytest.approx(0.89, abs=0.05)
    assert whole_family.mean == pytest.approx(3.2, abs=0.2)
    assert whole_family.rms == pytest.approx(3.95, abs=0.2)
    assert one.worst < whole_family.worst < 13
    with pytest.raises(ValueError, match="allowed: network, family"):
        errors("year")


def test_a_network_left_out_is_left_out():
    """By hand for one: least squares on the others, with a row per weight that holds it to zero."""
    features, target, _ = accuracy._data()
    keep = [i for i in range(len(target)) if i != 30]
    known, wide = features[keep], features.shape[1]
    rows = np.block([[known, np.ones((len(known), 1))], [np.eye(wide), np.zeros((wide, 1))]])
    *weights, constant = np.linalg.lstsq(rows, np.r_[target[keep], np.zeros(wide)], rcond=None)[0]
    by_hand = float(features[30] @ weights) + constant
    assert accuracy._held_out("network")[30] == pytest.approx(by_hand)
    assert abs(accuracy._model()(features[30:31])[0] - target[30]) < abs(by_hand - target[30])


def test_each_family_is_fitted_in_one_recipe():
    known = accuracy.training()
    assert (known.groupby("name")["recipe"].nunique() == 1).all()
    assert set(known["name"]) == set(accuracy.FITTED)
    assert known.groupby("name").size().min() >= 4


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("mobilenet_v2", 71.8),
        ("shufflenet_v2", 69.4),
        ("mobilenet_v3_large", 75.2),
        ("mobilenet_v1", 70.9),
        ("mnasnet_a1", 75.2),
    ],
)
def test_a_published_network_is_within_its_interval(name, printed):
    found = estimate(archs.spec(name))
    assert found.low_pct < printed < found.high_pct
    assert found.high_pct - found.low_pct < 4
    assert (found.changed, found.extrapolated, found.family) == (0.0, False, name)


@pytest.mark.parametrize("name", accuracy.FITTED)
def test_it_grows_with_width_and_with_resolution(name):
    family = FAMILIES[name]
    widths = [0.3 + 0.1 * step for step in range(12)] if "width" in family.open_knobs else family.knobs["width"]
    by_width = [estimate(family.spec(width=round(width, 2))).top1_pct for width in widths]
    assert by_width == sorted(by_width)
    by_side = [estimate(family.spec(resolution=side)).top1_pct for side in (96, 128, 160, 192, 224)]
    assert by_side == sorted(by_side)


def test_the_interval_widens_with_what_was_changed():
    """Another width changes nothing of a family's blocks; another stage some; the guideline for all blocks most."""
    plain = estimate(whole.set_width(V2, 0.9).spec)
    stage = estimate(edits.replace_stage(V2, "stage3", "shuffle_v2").spec)
    every = estimate(whole.apply_guideline(V2, 1).spec)
    other = estimate(archs.spec("resnet50"))
    assert stage.changed > 0.1  # by what the paper had there
    assert plain.changed == 0 < stage.changed < every.changed < other.changed == 1
    widths = [found.high_pct - found.low_pct for found in (plain, stage, every)]
    assert 2 * widths[0] < min(widths[1:])  # of a family left out
    assert (other.family, other.recipe) == (None, None)


def _in_all_blocks(spec, **columns):
    return spec.edit(
        rows=tuple(
            row.model_copy(update={c: v for c, v in columns.items() if c in type(row).model_fields})
            if row.kind == "inverted_residual"
            else row
            for row in spec.rows
        )
    )


def test_the_name_does_not_change_the_estimate():
    for spec in (V2, V2.edit_row(3, kernel=5), archs.spec("mobilenet_v3_large", width=0.75)):
        assert estimate(spec.edit(name="mine")) == estimate(spec)
        assert estimate(spec.edit(name="mobilenet_v1")) == estimate(spec)


def test_kernels_and_se_change_it_as_in_the_ablations():
    """Not by their multiply-adds: 7×7 kernels gained 1.9 points, and SE, which costs next to nothing, 0.03."""
    plain, five, seven, gated = (
        estimate(_in_all_blocks(V2, **columns)) for columns in ({}, {"kernel": 5}, {"kernel": 7}, {"se": 0.25})
    )
    assert 0.5 < five.top1_pct - plain.top1_pct < 1  # MnasNet's Table 6 has 0.7
    assert seven.top1_pct == pytest.approx(five.top1_pct)
    assert 0.5 < gated.top1_pct - plain.top1_pct < 1.6  # ShuffleNetV1's Table 5 has 1.6, ShuffleNetV2's Table 8 0.5


def test_a_column_that_no_ablation_covers_takes_the_interval_of_a_family_left_out():
    five, seven = estimate(V2.edit_row(3, kernel=5)), estimate(V2.edit_row(3, kernel=7))
    assert (five.outside, seven.outside) == ((), ("kernel",))
    assert seven.high_pct - seven.low_pct > 2 * (five.high_pct - five.low_pct)
    assert estimate(V2.edit_row(3, expansion=4.0)).outside == ("expansion",)


def test_a_network_that_is_not_for_imagenet_has_none():
    ten, grey = whole.set_classes(V2, 10).spec, V2.edit(input_channels=1)
    assert estimate(ten) is None
    assert estimate(grey) is None
    assert "10 classes" in accuracy.not_estimated(ten)
    assert "1 channels" in accuracy.not_estimated(grey)
    wide = archs.spec("mobilenet_v2", resolution=(224, 320))
    assert "224×320" in accuracy.not_estimated(wide)
    assert accuracy.estimate(wide) is None
    assert estimate(ten, measured_pct=90.0).top1_pct == 90.0


def test_what_is_beyond_the_published_says_so():
    assert estimate(archs.spec("mobilenet_v2", width=5)).extrapolated
    tiny = estimate(archs.spec("mobilenet_v2", width=0.05, resolution=16))
    assert tiny.extrapolated
    assert 0 <= tiny.low_pct <= tiny.top1_pct <= tiny.high_pct < 100


def test_a_measured_accuracy_takes_its_place():
    found = estimate(V2, measured_pct=73.3)
    assert (found.top1_pct, found.low_pct, found.high_pct, found.measured) == (73.3, 73.3, 73.3, True)
