"""Files that a search continues from and that were edited, or are of another version: one sentence, and they stay."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pandas
import pytest

import archs
from archs import ArchError
from costmodel import load_profile
from explorer.search.logs.adapt_log import AdaptLog, row_of
from explorer.search.logs.search_log import SEARCH, Evaluated, SearchLog
from explorer.search.netadapt import AdaptedStep, Adapter, Proposal, TableScorer
from explorer.search.objectives import objective
from explorer.search.runs.adaptation import Adaptation
from explorer.search.search import Candidate
from explorer.search.spaces import space
from explorer.search.sweep import Plan, part, plan, read_part, sweep

SPACE = space("nas_bench_macro")
GENOME = (0,) * len(SPACE.lengths)
GOOD = Candidate(GENOME, SPACE.digest(GENOME), 70.0, 2.0, 1.5, 2.5, 1000, 10)
STEP = AdaptedStep(
    1, 0.1, archs.spec("mobilenet_v1"), 2.0, 1.5, 2.5, 70.0,
    (Proposal("width", "stage1", "64 → 56", 1.9, 1.4, 2.4, 0.1, 69.0, 10.0, True, "chosen"),),
)  # fmt: skip


def refused(path, make) -> str:
    """What is said of a file, which is left as it was."""
    before = path.read_bytes()
    with pytest.raises(ArchError) as found:
        make()
    assert "\n" not in str(found.value)
    assert path.read_bytes() == before
    return str(found.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"genome": [0]}, "a genome of 1 genes; allowed: 8 in space nas_bench_macro"),
        ({"genome": [*GENOME, 0]}, "a genome of 9 genes"),
        ({"genome": [*GENOME[1:], 99]}, "gene 8 is 99; allowed: 0 to 2"),
        ({"genome": [-1, *GENOME[1:]]}, "gene 1 is -1"),
        ({"genome": [1, *GENOME[1:]]}, "digest is "),
        ({"genome": 7}, "genome is 7; allowed: a list of whole numbers"),
        ({"genome": [True] * 8}, "allowed: a list of whole numbers"),
        ({"digest": "0" * 64}, f"allowed: {GOOD.digest}, which is the genome's"),
        ({"latency_ms": "2"}, "latency_ms is '2'; allowed: float"),
        ({"top1": 70.0}, "'top1' is unknown; allowed: genome, digest, score"),
    ],
)
def test_a_search_does_not_continue_from_a_network_of_another_space(changes, said, tmp_path):
    log = SearchLog(tmp_path / "x.jsonl", {}, SPACE)
    log.append(Evaluated(SEARCH, GOOD))
    assert SearchLog(log.path, {}, SPACE).entries == [Evaluated(SEARCH, GOOD)]
    row = {"origin": SEARCH, "candidate": asdict(GOOD) | changes}
    with log.path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    text = refused(log.path, lambda: SearchLog(log.path, {}, SPACE))
    assert text.startswith(f"{log.path}, line 3 is damaged (")
    assert said in text


@pytest.mark.parametrize("row", [[], "x", {}, {"origin": SEARCH}, {"origin": SEARCH, "candidate": 7}])
def test_a_line_that_is_no_evaluation_is_named_with_what_is_allowed(row, tmp_path):
    log = SearchLog(tmp_path / "x.jsonl", {}, SPACE)
    with log.path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    assert "line 2 is damaged (found " in refused(log.path, lambda: SearchLog(log.path, {}, SPACE))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chosen": 3}, "'chosen' is unknown; allowed: number, least_ms"),
        ({"proposals": {}}, "proposals is {}; allowed: a list"),
        ({"proposals": [7]}, "found 7; allowed: an object"),
        ({"proposals": [asdict(STEP.proposals[0]) | {"kind": 5}]}, "kind is 5; allowed: str"),
        ({"proposals": [{"kind": "width"}]}, "'change' is missing; allowed: kind, where"),
    ],
)
def test_an_adaptation_does_not_continue_from_another_step(changes, said, tmp_path):
    log = AdaptLog(tmp_path / "x.jsonl", {})
    log.append(replace(STEP, number=0, proposals=()))
    log.append(STEP)
    assert AdaptLog(log.path, {}).entries[1] == STEP
    lines = log.path.read_text().splitlines()
    lines[2] = json.dumps(row_of(STEP) | changes)
    log.path.write_text("\n".join(lines) + "\n")
    text = refused(log.path, lambda: AdaptLog(log.path, {}))
    assert text.startswith(f"{log.path}, line 3 is damaged (")
    assert said in text


def test_an_adaptation_does_not_continue_from_another_network(tmp_path):
    log = AdaptLog(tmp_path / "x.jsonl", {})
    log.append(replace(STEP, number=0, proposals=()))
    adapter = Adapter(load_profile("cpu"), 5.0, TableScorer(objective("mult_adds")))
    other = archs.spec("mobilenet_v2")
    text = refused(log.path, lambda: Adaptation(adapter, other, log, lambda *_: None))
    assert "is not mobilenet_v2" in text


@pytest.fixture(scope="module")
def made() -> tuple[Plan, bytes]:
    wanted = plan("nas_bench_macro", 3, 0, "cpu")
    return wanted, part(wanted, 0, 3)[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.assign(genome=[[0]] * 3), "found columns|a genome of 1 genes"),
        (lambda rows: rows.drop(columns="low_ms"), "found columns number, digest, genome, mult_adds"),
        (lambda rows: rows.assign(latency_ms="2"), "found columns"),
    ],
)
def test_a_part_of_another_version_is_named(change, said, made, tmp_path):
    path = tmp_path / "part-000000.parquet"
    path.write_bytes(made[1])
    assert len(read_part(path, SPACE)) == 3
    change(pandas.read_parquet(path)).to_parquet(path)
    with pytest.raises(ArchError, match=said):
        read_part(path, SPACE)
    assert "; remove it, and the same sweep makes it again" in refused(path, lambda: read_part(path, SPACE))


def test_a_damaged_part_and_one_of_another_space_are_named(made, tmp_path):
    path = tmp_path / "part-000000.parquet"
    path.write_bytes(made[1])
    assert "is no part of a sweep of mnasnet (a genome of 8 genes" in refused(
        path, lambda: read_part(path, space("mnasnet"))
    )
    path.write_bytes(made[1][:-9])
    refused(path, lambda: read_part(path, SPACE))


def test_a_folder_with_a_plan_in_no_text_is_another_sweep(made, tmp_path):
    path = tmp_path / "sweep.json"
    path.write_bytes(b"\xff\xfe")
    assert "holds another sweep" in refused(path, lambda: sweep(made[0], tmp_path))
