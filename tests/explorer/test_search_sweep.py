"""Sweeps: resumed parts are byte-identical, rows are priced networks, other plans are refused."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import archs
import costmodel
from archs import ArchError
from explorer.cli.main import main
from explorer.search import cluster, sweep
from explorer.search.spaces import space

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plan(monkeypatch):
    monkeypatch.setattr(sweep, "PART", 10)
    return sweep.plan("nas_bench_macro", 35, 7, "cpu")


def parts(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def test_a_sweep_that_lost_parts_is_the_same_again(plan, tmp_path):
    assert sweep.sweep(plan, tmp_path / "a", workers=1) == 35
    first = parts(tmp_path / "a")
    assert len(first) == 4
    (tmp_path / "a" / "part-000001.parquet").unlink()
    (tmp_path / "a" / "part-000001.draft-1").write_bytes(b"half a part")
    assert sweep.sweep(plan, tmp_path / "a", workers=1) == 10
    assert parts(tmp_path / "a") == first
    assert not list((tmp_path / "a").glob("*.draft-*"))


def test_rows_are_networks_with_their_costs(plan):
    rows = sweep.rows_of(plan, 0, 5)
    bench, profile = space("nas_bench_macro"), costmodel.load_profile("cpu")
    for row in rows:
        graph = archs.build(bench.spec(tuple(row["genome"])))
        assert row["params"] == costmodel.count(graph).total.params
        assert row["latency_ms"] == pytest.approx(costmodel.predict(graph, profile).latency_ms, abs=1e-9)
        assert row["digest"] == bench.digest(tuple(row["genome"]))


def test_a_network_without_a_price_is_a_row(plan, monkeypatch):
    profile = costmodel.load_profile("cpu")
    without = {kind: one for kind, one in profile.predictors.items() if kind != "pointwise"}
    broken = profile.model_copy(update={"predictors": without})
    monkeypatch.setattr(sweep, "_loaded", lambda *_: (space("nas_bench_macro"), broken))
    rows = sweep.rows_of(plan, 0, 3)
    assert all("no predictor for pointwise" in row["problem"] and row["latency_ms"] is None for row in rows)


def test_the_parts_carry_the_plan(plan, tmp_path):
    sweep.sweep(plan, tmp_path, workers=1)
    noted = json.loads(pq.read_schema(tmp_path / "part-000000.parquet").metadata[b"sweep"])
    assert (noted["seed"], noted["fingerprint"]) == (7, plan.fingerprint)


def test_a_folder_of_another_sweep_is_refused(plan, tmp_path):
    sweep.sweep(plan, tmp_path, workers=1)
    with pytest.raises(ArchError, match="another sweep"):
        sweep.sweep(sweep.plan("nas_bench_macro", 35, 8, "cpu"), tmp_path, workers=1)
    with pytest.raises(ArchError, match="at least 1"):
        sweep.plan("nas_bench_macro", 0, 0, "cpu")


def test_search_and_sweep_on_the_command_line(tmp_path, capsys):
    arguments = ["search", "nas_bench_macro", "--target", "8", "--objective", "nas_bench_macro", "--evaluations", "5"]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["meets_target"]
    assert document["tier"] == "published"
    assert archs.Spec.from_json(document["spec"]).name == "nas_bench_macro"
    assert main(["sweep", "nas_bench_macro", "--samples", "5", "--workers", "1", "--output", str(tmp_path / "s")]) == 0
    assert main(["search", "darts", "--target", "8"]) == 2
    assert "allowed: mnasnet" in capsys.readouterr().err


def test_a_profile_that_changed_is_refused(plan):
    with pytest.raises(ArchError, match="profile cpu has changed"):
        sweep.rows_of(replace(plan, fingerprint="0" * 64), 0, 1)


def test_calls_are_submitted_through_a_window(monkeypatch):
    """However many there are, WINDOW per worker are under way."""

    class Pool(ThreadPoolExecutor):
        under_way = most = 0

        def submit(self, function, *arguments):
            future = super().submit(function, *arguments)
            Pool.under_way += 1
            Pool.most = max(Pool.most, Pool.under_way)
            return future

    @contextmanager
    def threads(workers):
        with Pool(workers) as pool:
            yield pool, workers

    monkeypatch.setattr(cluster, "_processes", threads)
    monkeypatch.setattr(cluster, "_then_freeze", lambda function, *arguments: function(*arguments))
    found = []
    for one in cluster.results(lambda x: x, [(n,) for n in range(40)], workers=3):
        Pool.under_way -= 1
        found.append(one)
    assert sorted(found) == list(range(40))
    assert Pool.most <= 3 * cluster.WINDOW


def test_a_killed_worker_is_one_line():
    with pytest.raises(ArchError, match="worker process was killed.*continues"):
        list(cluster.results(os._exit, [(9,)], workers=2))


def test_dask_that_is_missing_or_away_is_one_line(monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 1)
    for address in ("tcp://127.0.0.1:9", "nowhere"):
        with pytest.raises(ArchError, match="no Dask scheduler at"):
            list(cluster.results(abs, [(1,)], 2, address))
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ArchError, match="pip install distributed"):
        list(cluster.results(abs, [(1,)], 2, "tcp://127.0.0.1:9"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of distributed's own shutdown
def test_a_dask_cluster_gives_the_same_rows(tmp_path):
    from distributed import LocalCluster

    made = sweep.plan("nas_bench_macro", 2500, 7, "cpu")
    sweep.sweep(made, tmp_path / "here", workers=1)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as two:
        assert sweep.sweep(made, tmp_path / "dask", scheduler=two.scheduler_address) == 2500
    assert parts(tmp_path / "dask") == parts(tmp_path / "here")


@pytest.mark.slow
def test_a_killed_sweep_is_continued_to_the_same_bytes(tmp_path):
    command = [sys.executable, "-m", "explorer", "sweep", "nas_bench_macro", "--samples", "4000", "--output"]
    subprocess.run([*command, str(tmp_path / "whole")], cwd=ROOT, check=True, capture_output=True)
    killed = subprocess.Popen([*command, str(tmp_path / "killed")], cwd=ROOT, start_new_session=True, stderr=-3)
    while not list((tmp_path / "killed").glob("part-*")):
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    subprocess.run([*command, str(tmp_path / "killed")], cwd=ROOT, check=True, capture_output=True)
    assert parts(tmp_path / "killed") == parts(tmp_path / "whole")
