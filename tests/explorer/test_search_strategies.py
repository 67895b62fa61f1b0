"""Strategies: regret on NAS-Bench-Macro; a search keeps its promise on the interval; equal seeds, equal results."""

import sys
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

import archs
import costmodel
from archs import ArchError
from explorer.search import search as searching
from explorer.search.nas_bench_macro import table
from explorer.search.objectives import objective, price, rank_correlation
from explorer.search.runs.baselines import width_baseline
from explorer.search.search import best, candidates, search
from explorer.search.spaces import space
from explorer.search.strategies import STRATEGIES, Exhausted, RandomSearch, Strategy, strategy
from explorer.search.strategies.base import BLOCKS

EVALUATIONS = 100
MAX_REGRET = 0.08  # points; random search has 0.17


def regret(name, seeds):
    """Mean regret under the median multiply-adds."""
    known, bench = table(), space("nas_bench_macro")
    limit = float(np.median(known.mult_adds))
    best, found = known.best_under(limit), []
    for seed in seeds:
        searching = strategy(name)(bench, seed, lambda genome: known.mult_adds[known.index[genome]] <= limit)
        for _ in range(EVALUATIONS):
            genome = searching.ask()
            searching.tell(genome, float(known.accuracy[known.index[genome]]))
        found.append(best - max(reward for reward, _ in searching.history))
    return float(np.mean(found))


def test_evolution_has_half_the_regret_of_random_search():
    assert regret("evolution", range(40)) <= MAX_REGRET < regret("random", range(40))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seeds"), [("evolution", 200), ("surrogate", 40), ("tpe", 20)])
def test_regret_over_many_seeds(name, seeds):
    assert regret(name, range(1000, 1000 + seeds)) <= MAX_REGRET


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_search_meets_its_target_and_repeats_itself(name):
    arguments = (space("nas_bench_macro"), costmodel.load_profile("cpu"), 4.5, objective("nas_bench_macro"))
    found = search(*arguments, strategy(name), evaluations=30, seed=4)
    assert all(one.high_ms <= 4.5 for one in found.candidates)
    assert len({one.digest for one in found.candidates}) == 30
    assert found == search(*arguments, strategy(name), evaluations=30, seed=4)
    latencies = [one.latency_ms for one in found.front()]
    assert latencies == sorted(latencies)
    assert found.front()[-1].score == max(one.score for one in found.candidates)


@pytest.mark.parametrize("name", ["tpe", "nsga2", "pareto"])
def test_a_strategy_of_optuna_says_how_to_install_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ArchError, match="pip install optuna"):
        strategy(name)(space("nas_bench_macro"), 0)


def test_a_search_may_be_stopped():
    arguments = (space("nas_bench_macro"), costmodel.load_profile("cpu"), 8.0, objective("nas_bench_macro"))
    seen = []
    found = search(*arguments, strategy("random"), progress=lambda one: seen.append(one) or len(seen) < 3)
    assert found.stopped
    assert found.candidates == tuple(seen)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_search_that_was_ended_goes_on_as_it_would_have(name):
    arguments = (space("nas_bench_macro"), costmodel.load_profile("cpu"), 8.0, objective("nas_bench_macro"))
    whole = list(islice(candidates(*arguments, strategy(name), seed=3), 40))
    log = [*islice(candidates(*arguments, strategy(name), seed=3), 27)]
    rest = islice(candidates(*arguments, strategy(name), seed=3, log=log), 13)
    assert [*log, *rest] == whole


def test_a_target_that_few_networks_meet_is_walked_to():
    """Of NAS-Bench-Macro's 6,561 networks 17 have at most as many multiply-adds."""
    known, bench = table(), space("nas_bench_macro")
    cost = lambda genome: float(known.mult_adds[known.index[genome]])  # noqa: E731
    limit = float(np.sort(known.mult_adds)[16])
    searching = strategy("random")(bench, 0, lambda genome: cost(genome) <= limit, cost)
    found = [searching.ask() for _ in range(8)]
    assert len(set(found)) == 8
    assert max(map(cost, found)) <= limit


@pytest.mark.parametrize("name", ["evolution", "surrogate"])
def test_the_blocks_of_proposals_change_nothing(name, monkeypatch):
    """Neither which networks are evaluated nor the last digit of a latency."""
    arguments = (space("nas_bench_macro"), costmodel.load_profile("cpu"), 5.0, objective("nas_bench_macro"))
    together = list(islice(candidates(*arguments, strategy(name), seed=2), 12))
    monkeypatch.setattr(Strategy, "blocks", (1,) * sum(BLOCKS))
    assert list(islice(candidates(*arguments, strategy(name), seed=2), 12)) == together


def test_proposals_are_priced_in_blocks(monkeypatch):
    sizes = []
    monkeypatch.setattr(searching, "price", lambda graphs, profile: sizes.append(len(graphs)) or price(graphs, profile))
    arguments = (space("nas_bench_macro"), costmodel.load_profile("cpu"), 4.5, objective("nas_bench_macro"))
    search(*arguments, strategy("random"), evaluations=12)
    assert sum(sizes) >= 2 * len(sizes)


def test_of_equal_scores_the_fastest_is_the_best():
    one = next(
        candidates(space("nas_bench_macro"), costmodel.load_profile("cpu"), 8.0, objective("params"), RandomSearch)
    )
    slower, faster = replace(one, high_ms=7.0, digest="z"), replace(one, high_ms=6.0, digest="a")
    assert best([slower, faster], 8.0, None) is faster
    assert best([replace(slower, score=one.score + 1e-12), faster], 8.0, None) is faster
    assert best([slower, replace(faster, high_ms=float("nan"))], 8.0, None) is slower


def test_an_unreachable_target_names_the_nearest():
    arguments = (space("nas_bench_macro"), costmodel.load_profile("cpu"), 0.01, objective("nas_bench_macro"))
    with pytest.raises(ArchError, match=r"no network .* meets 0.01 ms .* needs \d"):
        search(*arguments, strategy("random"), evaluations=3)


def test_the_soft_reward_trades_score_for_latency():
    arguments = (space("nas_bench_macro"), costmodel.load_profile("cpu"), 8.0, objective("nas_bench_macro"))
    best = [search(*arguments, strategy("random"), 40, w=w).best.latency_ms for w in (0.0, -1.0)]
    assert best[1] < best[0]


def test_an_exhausted_space_ends():
    taken = []
    searching = strategy("random")(space("nas_bench_macro"), 0, lambda genome: len(taken) < 2)
    taken += [searching.ask(), searching.ask()]
    with pytest.raises(Exhausted, match="new and within the budget"):
        searching.ask()


def test_parameters_rank_backwards_within_a_band():
    """The proxies' correlations as the benchmark's README gives them."""
    known = table()
    assert rank_correlation(known.mult_adds, half=None) == pytest.approx(0.748, abs=0.001)
    assert rank_correlation(known.params, half=None) == pytest.approx(0.318, abs=0.001)
    assert rank_correlation(known.params) < -0.3


def test_an_objective_says_whose_number_it_is():
    assert objective("estimated").tier == "estimated"
    assert objective("params").tier == "proxy"
    assert objective("nas_bench_macro").tier == "published"
    own = objective("operator:index")
    assert (own.tier, own.is_accuracy) == ("own", False)
    for name in ("operator:nothing", "no_such_module:f", "accuracy"):
        with pytest.raises(ArchError, match="allowed"):
            objective(name)


def test_the_width_baseline_meets_the_target():
    profile, bench = costmodel.load_profile("cpu"), archs.spec("mobilenet_v2")
    width, spec = width_baseline(bench, profile, 12.0)
    assert 0.2 <= width <= 2
    assert costmodel.predict(archs.build(spec), profile).high_ms <= 12.0
    assert width_baseline(bench, profile, 0.01) is None
