"""The table as a grid: every kind's columns, and what a browser reports back."""

from __future__ import annotations

import pytest

import archs
from archs.rows import KINDS
from explorer import cells


@pytest.mark.parametrize("name", archs.names())
@pytest.mark.parametrize("everything", [False, True])
def test_the_grid_has_every_stated_value(name, everything):
    spec = archs.spec(name)
    kept = cells.shown(spec, everything)
    grid = cells.grid(spec, kept)
    names = {column.name for column in kept}
    assert len(grid) == len(spec.rows)
    for row, (_, line) in zip(spec.rows, grid.iterrows()):
        assert line["kind"] == row.kind
        for column, field in type(row).model_fields.items():
            value = getattr(row, column)
            if column not in names:
                assert not everything
                assert value == field.default
            elif value is not None:
                assert line[column] == value


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_of_every_kind_is_typed(kind):
    forms = {column.name: column.form for column in cells.columns(KINDS[kind])}
    assert forms.keys() == KINDS[kind].model_fields.keys() - {"stage"}
    assert forms["repeat"] == "whole"
    assert not {"norm", "shuffle", "shortcut", "flat"} & {name for name, form in forms.items() if form != "switch"}


def test_what_a_browser_reports():
    typed = {"3": {"kernel": 5.0, "expansion": 2.5}, 4: {"se_of": None}}
    assert cells.changes(typed) == {(3, "kernel"): 5, (3, "expansion"): 2.5, (4, "se_of"): None}
    assert type(cells.changes(typed)[3, "kernel"]) is int


def test_what_was_attempted_has_the_values_that_the_table_takes():
    spec = archs.spec("mobilenet_v2")
    tried = cells.attempted(spec, {(3, "kernel"): 4, (3, "channels"): 40})
    assert (tried.rows[3].kernel, tried.rows[3].channels) == (3, 40)


def test_a_label_says_what_was_typed():
    assert cells.said({(3, "kernel"): 5, (4, "expanded"): None}) == "row 4, kernel: 5; row 5, expanded: nothing"
    assert cells.said({(i, "kernel"): 5 for i in range(5)}).endswith("and 2 more")
