"""Rows that are edited in place are changed rows, bars have names of their own, and a suggested value is an allowed one."""

from __future__ import annotations

import re

import pandas
import pytest

import archs
import costmodel
from archs import ArchError
from explorer.editing import diff as compare
from explorer.editing import edits
from explorer.editing.whole_network import apply_guideline
from explorer.figures import tradeoff


def difference(before, after):
    return compare.diff(*[costmodel.count(archs.build(spec)) for spec in (before, after)])


@pytest.mark.parametrize("name", ["mobilenet_v3_large", "mobilenet_v2"])
def test_a_guideline_in_every_row_changes_rows_and_adds_none(name):
    spec = archs.spec(name)
    pairs = difference(spec, apply_guideline(spec, 1).spec).pairs
    assert {pair.status for pair in pairs} == {"same", "changed"}
    assert all(pair.before == pair.after for pair in pairs)


def test_an_inserted_row_is_still_added():
    spec = archs.spec("mobilenet_v3_large")
    table = difference(spec, edits.duplicate(spec, 4).spec).table()
    assert list(table["status"]).count("added") == 1
    assert "removed" not in set(table["status"])


def test_no_two_bars_share_a_name():
    """One block was removed and another one added under its path."""
    spec = archs.spec("mobilenet_v2")
    table = difference(spec, spec.edit_row(3, kernel=5)).table()
    both = pandas.concat([table.assign(status="removed"), table.assign(status="added")])
    names = tradeoff.differences(both, "params").layout.xaxis.ticktext
    assert len(set(names)) == len(names) > 2


@pytest.mark.parametrize("groups", [7, 9, 11])
def test_a_suggested_group_count_is_one_of_those_allowed(groups):
    with pytest.raises(ArchError) as refused:
        edits.set_cell(archs.spec("shufflenet_v1"), 3, "groups", groups)
    (problem,) = refused.value.problems
    allowed = re.search("allowed: ([0-9, ]+)", problem.message)[1].split(", ")
    assert str(problem.fix.value) in allowed
    for value in allowed[:3]:
        edits.set_cell(archs.spec("shufflenet_v1"), 3, "groups", int(value))
