"""Diffs: the attribution adds up exactly, the alignment is the one that a reader would make."""

import math
from random import Random

import pytest

import archs
import costmodel
from archs.catalogue.sampling import random_edit, random_spec
from costmodel.counting.counts import Counts
from explorer.editing import edits
from explorer.editing import whole_network as whole
from explorer.editing.diff import STATUSES, diff, touched

V2 = archs.spec("mobilenet_v2")


def counted(spec):
    return costmodel.count(archs.build(spec))


def added_up(pairs):
    return Counts(*map(sum, zip(*[pair.difference for pair in pairs])))


def statuses(result):
    return [pair.status for pair in result.pairs]


def check(before, after):
    assert touched(before, after) == {p.after for p in diff(before, after).pairs if p.after and p.status != "same"}
    """The pairs cover both networks, each block once, in order; and they add up."""
    result = diff(before, after)
    for side, counts in (("before", before), ("after", after)):
        assert [p for pair in result.pairs if (p := getattr(pair, side))] == list(counts.groups("block"))
    assert added_up(result.pairs) == result.total
    assert before.total + result.total == after.total
    for pair in result.pairs:
        assert pair.status in STATUSES
        assert (pair.before is None, pair.after is None) == (pair.status == "added", pair.status == "removed")
        assert pair.status != "same" or pair.difference == Counts.zero()
    return result


def test_a_network_with_itself():
    assert set(statuses(check(counted(V2), counted(V2)))) == {"same"}


@pytest.mark.parametrize("name", archs.names())
def test_every_two_published_networks(name):
    for other in ("mobilenet_v2", "shufflenet_v2"):
        check(counted(archs.spec(name)), counted(archs.spec(other)))


@pytest.mark.parametrize("chunk", range(4))
def test_random_edits_add_up(chunk):
    for seed in range(20 * chunk, 20 * chunk + 20):
        rng = Random(seed)
        spec = random_spec(rng)
        edited, _ = random_edit(spec, rng)
        check(counted(spec), counted(edited))
        check(counted(spec), counted(random_spec(rng)))


def test_a_cell():
    """A wider kernel changes its row's three blocks and nothing else."""
    result = check(counted(V2), counted(edits.set_cell(V2, 3, "kernel", 5).spec))
    changed = [pair for pair in result.pairs if pair.status == "changed"]
    assert [(pair.before, pair.after) for pair in changed] == [(f"stage3/block{n}",) * 2 for n in (1, 2, 3)]
    assert [pair.difference.params for pair in changed] == [16 * 144, 16 * 192, 16 * 192]
    assert set(statuses(result)) == {"same", "changed"}
    assert {pair.what for pair in changed} == {"kernel 3 → 5 in dw"}


def test_an_inserted_row():
    result = check(counted(V2), counted(edits.duplicate(V2, 3).spec))
    assert statuses(result).count("added") == 3
    assert "removed" not in statuses(result)
    assert "changed" not in statuses(result)


def test_a_deleted_row():
    result = check(counted(archs.spec("mobilenet_v1")), counted(edits.delete(archs.spec("mobilenet_v1"), 8).spec))
    assert statuses(result).count("removed") == 1
    assert "changed" not in statuses(result)


def test_a_stage_taken_out_before_one_that_changed():
    """Stage 3 goes, stage 4 has another kernel and larger maps: stage 4 is still stage 4."""
    spec = edits.delete(edits.set_cell(V2, 4, "kernel", 5).spec, 3).spec
    pairs = [(pair.before, pair.after) for pair in check(counted(V2), counted(spec)).pairs]
    assert [before for before, after in pairs if after is None] == [f"stage3/block{n}" for n in (1, 2, 3)]
    assert all(before == after for before, after in pairs if after is not None)


def test_a_replaced_stage_is_changed_in_place():
    result = check(counted(V2), counted(edits.replace_stage(V2, "stage3", "shuffle_v2").spec))
    changed = {pair.after: pair for pair in result.pairs if pair.status == "changed"}
    assert list(changed) == ["stage3/block1", "stage3/block2", "stage3/block3"]
    assert changed["stage3/block2"].what.startswith("inverted residual → shuffle v2 unit")
    assert changed["stage3/block1"].difference.params < 0


def test_kinds_are_spelled_out():
    large = archs.spec("mobilenet_v3_large")
    result = diff(counted(large), counted(edits.set_cell(large, 5, "stride", 2).spec))
    said = next(pair.what for pair in result.pairs if pair.what.startswith("inverted residual, squeeze"))
    assert said.startswith("inverted residual, squeeze-and-excitation → inverted bottleneck, squeeze-and-excitation")


def test_what_came_and_went_is_named():
    large = archs.spec("mobilenet_v3_large")
    result = diff(counted(V2), counted(whole.apply_guideline(V2, 4).spec))
    assert "− dw_act" in {pair.what for pair in result.pairs}
    result = diff(counted(large), counted(edits.set_cell(large, 2, "se", 0.25).spec))
    [pair] = [pair for pair in result.pairs if pair.status == "changed"]
    assert "squeeze-and-excitation" in pair.what


def test_another_width_or_resolution_keeps_every_block_in_place():
    for other in (archs.spec("mobilenet_v2", width=1.4), archs.spec("mobilenet_v2", resolution=160)):
        result = check(counted(V2), counted(other))
        assert all(pair.before == pair.after for pair in result.pairs)


def test_milliseconds_are_attributed_too():
    before, after = counted(V2), counted(edits.delete(V2, 6).spec)
    times = [{node.path: 0.001 * (i % 7) + 0.01 for i, node in enumerate(c.graph.nodes)} for c in (before, after)]
    result = diff(before, after, *times)
    expected = math.fsum(times[1].values()) - math.fsum(times[0].values())
    assert result.total_ms == pytest.approx(expected, rel=1e-12)
    assert math.fsum(pair.difference_ms for pair in result.pairs) == result.total_ms
    assert "latency_ms" in result.table()
    assert diff(before, after).total_ms is None


def test_table():
    result = diff(counted(V2), counted(edits.duplicate(V2, 3).spec))
    table = result.table()
    assert list(table.columns[:5]) == ["status", "block", "before", "after", "what"]
    assert table["mult_adds"].sum() == result.total.mult_adds
    assert table["elementwise"].sum() == result.total.elementwise
    assert "latency_ms" not in table


WORDS = [
    (lambda s: edits.set_cell(s, 0, "kernel", 5), "stem/conv", "kernel 3 → 5 in conv"),
    (
        lambda s: edits.set_cell(s, 3, "activation", "hard_swish"),
        "stage3/block1",
        "relu6 → hard swish in expand_act, dw_act",
    ),
    (lambda s: edits.set_cell(s, 3, "expansion", 3.0), "stage3/block2", "channels 192 → 96 in expand, dw"),
    (lambda s: edits.set_cell(s, 3, "stride", 1), "stage3/block1", "stride 2 → 1 in dw; 32×28×28 → 32×56×56"),
    (lambda s: edits.set_cell(s, 10, "channels", 100), "head/linear", "features 1000 → 100 in linear; 1000 → 100"),
    (lambda s: edits.set_cell(s, 8, "channels", 640), "head/pool", "1280×1×1 → 640×1×1"),
    (lambda s: edits.set_cell(s, 2, "kernel", 5), "stage2/block2", "kernel 3 → 5 in dw"),
]


@pytest.mark.parametrize(("edit", "block", "what"), WORDS)
def test_what_changed_is_said_in_words(edit, block, what):
    found = {pair.block: pair.what for pair in check(counted(V2), counted(edit(V2).spec)).pairs}
    assert found[block] == what


def test_what_is_touched():
    edited = edits.set_cell(V2, 3, "kernel", 5).spec
    assert touched(counted(V2), counted(V2)) == frozenset()
    assert touched(counted(V2), counted(edited)) == {f"stage3/block{n}" for n in (1, 2, 3)}
    assert touched(counted(V2), counted(edits.duplicate(V2, 1).spec)) == {"stage1/block2"}
