"""The lab's runs: planned, timed node by node, stopped, in a process of their own."""

from __future__ import annotations

import pytest

import costmodel
from explorer.errors import LabError
from explorer.jobs import lab as jobs
from explorer.jobs.job import Busy, current
from explorer.lab.experiment import Settings, experiment
from explorer.lab.run import MIN_ROUNDS, ROUNDS, TimedRow, displace_allocations, plan, run
from explorer.lab.verdict import compare

SMALL = {"channels": 8, "resolution": 7}


def test_a_run_that_does_not_fit_is_refused_before_it_starts():
    assert plan([1, 1, 1, 1]) == (5, 10)
    assert plan([50, 50, 50, 50]) == (5, 10)
    assert plan([90, 90, 90, 90]) == (3, 10)
    assert plan([300, 300, 300, 300]) == (2, 5)
    assert plan([900, 900, 900, 900]) == (2, 5)  # takes more than the usual time
    with pytest.raises(LabError, match="take fewer channels"):
        plan([10_000])


@pytest.mark.parametrize("ms", [0.5, 7, 40, 110, 140, 250, 400, 1000, 1700])
def test_a_plan_fits_into_its_time_and_has_an_interval(ms):
    runs, rounds = plan([ms] * 2, 35)
    assert MIN_ROUNDS <= rounds <= ROUNDS
    assert runs >= 2  # a node's time is the mean of two
    assert rounds * runs * 2 * ms <= 35_000


class Network:
    """Stands in for a network in place: two nodes, whose runs take what is prepared."""

    def __init__(self, device, runs):
        self.watch, self.device, self._runs, self.moves = self, self, iter([(9e3, 9e3)] * 2 + runs), 0
        self.type = device

    def nodes_us(self):
        return list(next(self._runs))

    def call(self):
        raise AssertionError("only a stopwatch calls it")

    def span(self, call):
        assert call == self.call
        return sum(next(self._runs))

    def move(self):
        self.moves += 1


RUNS = [(10, 24), (14, 20), (99, 99), (12, 30), (40, 22), (50, 50)]


def test_a_row_takes_the_two_fastest_runs_of_each_node():
    row = TimedRow(Network("cpu", RUNS))
    row.visit(2)
    row.visit(1)
    assert row.network.moves == 2
    assert row.end_round() * 1e3 == pytest.approx(12 + 22)  # of 10 and 14, and of 24 and 20
    row.visit(3)
    assert row.end_round() * 1e3 == pytest.approx(26 + 26)  # of this round alone
    assert row.least_ms * 1e3 == pytest.approx(11 + 21)  # of both: 10 and 12, and 20 and 22


def test_a_row_is_timed_in_whole_calls_where_clocks_cost_more():
    row = TimedRow(Network("cuda", RUNS))
    row.visit(3)
    row.visit(3)
    assert row.end_round() * 1e3 == row.least_ms * 1e3 == pytest.approx((34 + 34) / 2)


def tiny(guideline=1):
    made = experiment(guideline, **SMALL)
    return made, [(v.row, v.graph) for v in made.variants]


@pytest.mark.slow
def test_a_run_measures_every_row_in_every_round():
    made, networks = tiny(3)
    seen = []
    result = run(networks, made.settings, lambda *news: seen.append(news), seconds=5)
    assert result.rows == tuple(v.row for v in made.variants)
    assert len(result.rounds) == len(seen) == ROUNDS
    assert all(len(turn) == 5 and min(turn) > 0 for turn in result.rounds)
    assert result.least == seen[-1][3]
    for row, best in enumerate(map(min, zip(*result.rounds))):
        assert 0 < result.least[row] <= best  # no round has its nodes faster than all rounds together
    assert not result.stopped
    assert result.environment["threads"] == 1
    assert 0.01 < result.environment["relu_gb_s"] < 10_000
    assert 0.1 < result.environment["start_us"] < 10_000
    assert all(any("conv" in name for name in kernels) for kernels in result.kernels)
    table = compare(made, result)
    assert (table["low"] <= table["measured"]).all()
    assert (table["measured"] <= table["high"]).all()


def test_every_visit_is_given_a_place_of_its_own(monkeypatch):
    import explorer.lab.run as running

    sizes = []

    def seen():
        blocks = displace_allocations()
        sizes.append(tuple(map(len, blocks)))
        return blocks

    monkeypatch.setattr(running, "displace_allocations", seen)
    made, networks = tiny()
    with pytest.raises(LabError, match="stopped after 0 of 10 rounds"):
        run(networks, made.settings, stop=lambda: len(sizes) == 24)
    assert len(set(sizes)) == len(sizes) == 24  # six visits to each of four rows
    assert {len(pair) for pair in sizes} == {2}


@pytest.mark.slow
def test_a_stopped_run_keeps_its_rounds():
    made, networks = tiny()
    done = []
    result = run(networks, made.settings, lambda *news: done.append(news), lambda: len(done) == 6, seconds=5)
    assert result.stopped
    assert len(result.rounds) == 6
    assert result.least == done[-1][3]  # the seventh round, which had begun, is not in it
    with pytest.raises(LabError, match="stopped after 0 of 10 rounds; 5 are needed"):
        run(networks, made.settings, stop=lambda: True)


def test_a_device_that_is_not_there():
    _, networks = tiny()
    with pytest.raises(costmodel.CostError, match="'abacus' is not there"):
        run(networks, Settings(device="abacus"))


@pytest.mark.slow
def test_a_job_runs_in_a_process_of_its_own():
    made = experiment(1, **SMALL)
    job = jobs.start([(v.row, v.spec.to_json()) for v in made.variants], made.settings, 5)
    with pytest.raises(Busy, match="a run of the guideline lab is going on"):
        jobs.start([], made.settings, 5)
    assert current() is job
    job.wait()
    assert not job.problem
    assert job.run.rows == job.rows
    assert job.run.rounds == tuple(job.rounds)
    assert job.run.least == job.least
    assert job.progress == 1
    assert current() is None


@pytest.mark.slow
def test_a_stopped_job_says_so_and_frees_the_machine():
    made = experiment(1, **SMALL)
    networks = [(v.row, v.spec.to_json()) for v in made.variants]
    job = jobs.start(networks, made.settings, 5)
    job.stop()
    job.wait()
    assert "stopped after 0 rounds" in job.problem
    assert job.run is None
    job = jobs.start(networks, Settings(device="abacus"), 5)
    job.wait()
    assert "'abacus' is not there" in job.problem


def test_a_job_that_is_stopped_late_keeps_its_rounds():
    made = experiment(1)
    job = jobs.LabJob(("a", "b"), made.settings, planned=11, _stopped=True)
    job.read({"environment": {"device": "cpu"}})
    for _ in range(6):
        job.read({"round": [1.1, 2.2], "least": [1.0, 2.0], "planned": 11})
    job.end()
    assert job.run.least == (1.0, 2.0)
    assert job.run.environment == {"device": "cpu"}
    assert job.run.stopped
    assert [r.middle for r in job.run.ratio] == [1, 2]


def test_a_worker_that_dies_is_a_message(monkeypatch):
    monkeypatch.setattr(jobs.LabJob, "worker", ("-c", "raise SystemExit('secret')"))
    job = jobs.start([("a", "{}")], Settings(), 5)
    job.wait()
    assert "ended by itself after 0 rounds" in job.problem
    assert "secret" not in job.problem
