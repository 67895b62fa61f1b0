"""Candidates for a latency budget: which networks they are, what "meets" means, how they are ranked and drawn."""

from __future__ import annotations

import pytest

import archs
import costmodel
from archs import ArchError
from explorer.data import accuracy, frontier
from explorer.figures import tradeoff
from explorer.figures.search import budget as figures
from explorer.search import budget

TARGET, LEAST = 20.0, 70.0


@pytest.fixture(scope="module")
def found():
    return budget.options(archs.spec("mobilenet_v2"), "cpu", TARGET, LEAST)


def test_candidates_are_published_networks_and_variants_with_the_prices_of_predict(found):
    assert {one.tier for one in found} == {"published", "estimated"}
    for one in (found[0], found[-1]):
        priced = costmodel.predict(archs.build(one.spec), costmodel.load_profile("cpu"))
        expected = (priced.latency_ms, priced.low_ms, priced.high_ms)
        assert (one.latency_ms, one.low_ms, one.high_ms) == pytest.approx(expected)
        if one.tier == "published":
            assert one.top1_pct == frontier.published_top1(one.spec).top1_pct
        else:
            estimate = accuracy.estimate(one.spec)
            assert (one.top1_pct, one.top1_low_pct) == (estimate.top1_pct, estimate.low_pct)


def test_meets_means_the_whole_interval_and_those_come_first(found):
    assert all(one.low_ms <= TARGET and one.top1_high_pct >= LEAST for one in found)
    for tier in ("published", "estimated"):
        ranked = [one for one in found if one.tier == tier]
        meets = [one.meets(TARGET, LEAST) for one in ranked]
        assert meets == sorted(meets, reverse=True)
        best = [one.top1_pct for one in ranked if one.meets(TARGET, LEAST)]
        assert best == sorted(best, reverse=True)
    for one in found:
        assert one.meets(TARGET, LEAST) == (one.high_ms <= TARGET and one.top1_low_pct >= LEAST)
        assert ("may miss" in budget.verdict(one, TARGET, LEAST)) == (not one.meets(TARGET, LEAST))


def test_variants_differ_in_width_resolution_kernel_and_se():
    base = archs.spec("mobilenet_v2")
    lines = budget.variants(base)
    made = {spec: title for line in lines for spec, title in line}
    assert sum(map(len, lines)) == len(made) > 200
    words = " ".join(made.values())
    for change in ("width × 0.75", "192²", "kernel 5", "SE 0.25"):
        assert change in words
    (one,) = [spec for spec, title in made.items() if title == "width × 0.75, kernel 5, SE 0.25, 192²"]
    assert one.resolution == 192
    assert {(row.kernel, row.se) for row in one.rows if row.kind == "inverted_residual"} == {(5, 0.25)}


def test_the_widest_variant_of_a_series_that_meets_the_target_is_a_candidate(found):
    """Halving finds what pricing every variant finds."""
    line = budget.variants(archs.spec("mobilenet_v2"))[0]
    prices = costmodel.predict_many([archs.build(spec) for spec, _ in line], costmodel.load_profile("cpu"))
    meeting = [spec for (spec, _), (_, _, high) in zip(line, prices) if high <= TARGET]
    offered = budget.options(archs.spec("mobilenet_v2"), "cpu", TARGET)
    printed = frontier.published_networks()
    assert meeting[-1] in printed or meeting[-1] in [one.spec for one in offered]


def test_the_published_network_of_a_variant_stands_once(found):
    printed = frontier.published_networks()
    assert not [one for one in found if one.tier == "estimated" and one.spec in printed]


def test_every_point_of_a_catalogue_network_has_a_table_to_open():
    """Also one of another recipe, whose title is its source's."""
    points = frontier.table()
    known = frontier.catalogue_variants()
    assert set(points["variant"][points["counted"]]) == set(known)
    assert known["MobileNetV3 (re-trained by the MobileNetV4 authors)"] == archs.spec("mobilenet_v3_large")


@pytest.mark.parametrize(
    ("target", "least", "wrong"),
    [(0, 70, "target: found 0"), ("ten", 70, "target: found 'ten'"), (20, 101, "least top-1: found 101")],
)
def test_a_limit_that_is_none_is_refused_with_what_is_allowed(target, least, wrong):
    with pytest.raises(ArchError, match=f"{wrong}; allowed: "):
        budget.limits(target, least)


def test_a_target_that_nothing_meets_has_no_candidates_and_names_the_nearest():
    spec = archs.spec("mobilenet_v2")
    nearest = budget.nearest(spec, "cpu")
    assert budget.options(spec, "cpu", nearest / 3) == ()
    assert any(one.meets(nearest) for one in budget.options(spec, "cpu", nearest))


def test_a_network_that_is_not_for_imagenet_has_published_candidates_only():
    spec = archs.spec("mobilenet_v2").edit_row(-1, channels=10)
    assert {one.tier for one in budget.options(spec, "cpu", TARGET)} == {"published"}


def test_the_budget_is_a_line_in_the_frontier_and_marks_what_crosses_it(found):
    points = frontier.table(lambda graph: 20.0)
    plain = tradeoff.frontier(points, frontier.pareto(points, "latency_ms"), "latency_ms", families=frontier.families())
    target = (found[0].low_ms + found[0].high_ms) / 2
    figure = figures.with_budget(plain, target, found)
    traces = {trace.name: trace for trace in figure.data}
    assert set(traces[f"budget {target:g} ms"].x) == {target}
    crossing = [one for one in found if one.crosses(target)]
    assert list(traces[figures.CROSSING].x) == [one.latency_ms for one in crossing]
    assert found[0].title in [title for title, _ in traces[figures.CROSSING].customdata]
    assert traces["estimated candidate"].marker.symbol.endswith("-open")
    assert len(plain.data) + 4 == len(figure.data)
    signs = [(sign, name) for sign, _, name in tradeoff.legend(figure) if name not in frontier.families()]
    of_families = {sign for sign, _, name in tradeoff.legend(plain)} | set(tradeoff.SYMBOLS.values())
    assert (signs[-1][1], signs[-1][0] in of_families) == (figures.CROSSING, False)  # it was a family's ✖
