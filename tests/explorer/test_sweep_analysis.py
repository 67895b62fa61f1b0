"""Distributions, Kolmogorov-Smirnov statistics and good ranges of a sweep, and its figures on the command line."""

from __future__ import annotations

import json
from random import Random

import numpy as np
import pandas
import pytest

from archs import ArchError
from explorer.cli.main import main
from explorer.figures.search import sweep as figures
from explorer.search.analysis.distribution import difference, edf, equal_latency, largest_distance
from explorer.search.analysis.sweep_table import (
    COSTS,
    SweepTable,
    good_ranges,
    influences,
    objective_of,
    of_rows,
    read,
    summary,
)
from explorer.search.nas_bench_macro import table as benchmark
from explorer.search.objectives import objective
from explorer.search.spaces import space


@pytest.fixture(scope="module")
def macro() -> SweepTable:
    """400 networks of NAS-Bench-Macro; their multiply-adds stand for the latency."""
    made, rng, known = space("nas_bench_macro"), Random(4), benchmark()
    genomes = [made.draw(rng) for _ in range(400)]
    places = [known.index[genome] for genome in genomes]
    costs = pandas.DataFrame({"latency_ms": known.mult_adds[places] / 1e7, "mult_adds": known.mult_adds[places]})
    costs["params"] = known.params[places]
    return of_rows(made, objective("nas_bench_macro"), genomes, costs)


def test_a_distribution_is_the_share_that_is_at_least_as_good():
    values, shares = edf(np.array([60.0, 80.0, 70.0, 70.0]))
    assert values.tolist() == [80.0, 70.0, 70.0, 60.0]
    assert shares.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert edf(np.array([60.0, 80.0]), np.array([3.0, 1.0]))[1].tolist() == [0.25, 1.0]


def test_bins_of_latency_weigh_equally_much():
    weights = equal_latency(np.array([1.0, 1.1, 1.2, 9.0]), bins=2)
    assert weights == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    assert equal_latency(np.array([2.0, 2.0])) == pytest.approx([0.5, 0.5])


def test_the_statistic_is_that_of_scipy():
    from scipy.stats import ks_2samp  # here alone: its import takes seconds of every collection

    rng = np.random.default_rng(1)
    one, other = rng.normal(0, 1, 80), rng.normal(0.5, 1, 120).round(1)
    assert largest_distance(one, other) == pytest.approx(ks_2samp(one, other).statistic)
    found = difference(one, other, 200, seed=0)
    assert 0 < found.low < found.high < 1
    assert found == difference(one, other, 200, seed=0)
    assert found.p_value < 0.05


def test_the_range_of_a_parameter_that_decides_is_narrow(macro):
    """Scores that only the first layer decides: the good values are its best option."""
    decided = SweepTable(macro.space, macro.objective, macro.genomes, macro.costs, macro.genes[:, 0].astype(float))
    first, second = good_ranges(decided, seed=0)[:2]
    assert first.positions == (1.0, 1.0, 1.0)
    assert second.positions[0] == 0.0
    assert second.positions[2] == 1.0
    ranked = influences(decided, seed=0)
    assert ranked[0].parameter == first.parameter
    assert ranked[0].difference.statistic == 1.0


def test_equal_seeds_give_equal_summaries(macro):
    one = summary(macro, seed=3)
    assert one == summary(macro, seed=3)
    assert [found.parameter for found in one.ranges[-3:]] == list(COSTS)
    assert one.influences[0].difference.statistic == max(found.difference.statistic for found in one.influences)


def test_the_figures_draw_errors_of_accuracies(macro):
    drawn = figures.every(macro, summary(macro))
    assert len(drawn) == 5
    plain, normalised = drawn[2].data
    assert list(plain.x) == sorted(100 - macro.scores)
    assert plain.y[-1] == pytest.approx(1.0)
    assert list(plain.x) == list(normalised.x)
    assert list(plain.y) != list(normalised.y)
    assert "D = " in drawn[3].data[0].name


def test_networks_without_a_score_or_a_latency_are_left_out(macro):
    costs = macro.costs.copy()
    costs.loc[:379, "latency_ms"] = float("nan")
    with_few = of_rows(macro.space, macro.objective, macro.genomes, costs)
    assert (len(with_few.scores), with_few.without) == (20, 380)
    costs.loc[380, "latency_ms"] = float("nan")
    with pytest.raises(ArchError, match="19 networks have a score and a latency; allowed: at least 20"):
        of_rows(macro.space, macro.objective, macro.genomes, costs)


def test_objectives_by_space():
    found = {name: objective_of(name) for name in ("nas_bench_macro", "mnasnet", "mobilenet_v2")}
    assert found == {"nas_bench_macro": "nas_bench_macro", "mnasnet": "estimated", "mobilenet_v2": "estimated"}


def test_a_folder_without_parts_is_refused(tmp_path):
    with pytest.raises(ArchError, match="holds no part of a sweep"):
        read(tmp_path, space("nas_bench_macro"), objective("nas_bench_macro"))
    with pytest.raises(ArchError, match="found 3 networks to score; allowed: at least 20"):
        read(tmp_path, space("nas_bench_macro"), objective("nas_bench_macro"), 3)


@pytest.mark.slow
def test_a_sweep_writes_its_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = ["sweep", "nas_bench_macro", "--samples", "60", "--output", "many", "--workers", "1", "--figures"]
    assert main([*asked, "figures.html", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["scored"] == 60
    assert document["tier"] == "published"
    assert {one["parameter"] for one in document["good_ranges"]} >= set(COSTS)
    assert (tmp_path / "figures.html").read_text().count("Plotly.newPlot") == 5
    assert main([*asked, "figures.txt"]) == 2
    assert "figures.txt" in capsys.readouterr().err
