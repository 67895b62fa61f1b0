"""The table as a grid: every kind's columns, and what a browser reports back."""

from __future__ import annotations

import pytest

import archs
from archs.tables.rows import KINDS
from explorer.editing import cells


@pytest.mark.parametrize("name", archs.names())
@pytest.mark.parametrize("everything", [False, True])
def test_the_grid_has_every_stated_value(name, everything):
    spec = archs.spec(name)
    kept = cells.shown(spec, everything)
    lines = cells.lines(spec, kept)
    names = {column.name for column in kept}
    assert len(lines) == len(spec.rows)
    for row, values in zip(spec.rows, lines):
        line = dict(zip([column.name for column in kept], values, strict=True))
        assert line["kind"] == row.kind
        assert {name for name, value in line.items() if value is None} == names - {"kind", *type(row).model_fields}
        for column, field in type(row).model_fields.items():
            value = getattr(row, column)
            if column not in names:
                assert not everything
                assert value == field.default
            else:
                assert line[column] == cells.text(value)


@pytest.mark.parametrize("name", archs.names())
def test_what_is_shown_typed_again_changes_nothing(name):
    spec = archs.spec(name)
    kept = cells.shown(spec, True)
    typed = {
        (index, column.name): value
        for index, line in enumerate(cells.lines(spec, kept))
        for column, value in zip(kept, line)
        if value is not None
    }
    assert cells.changes(spec, typed) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_of_every_kind_is_typed(kind):
    forms = {column.name: column.form for column in cells.columns(KINDS[kind])}
    assert forms.keys() == KINDS[kind].model_fields.keys() - {"stage"}
    assert forms["repeat"] == "whole"
    assert not {"norm", "shuffle", "shortcut", "flat"} & {name for name, form in forms.items() if form != "switch"}


READ = [
    ("kernel", "5", 5), ("kernel", " 5.0 ", 5), ("kernel", "five", "five"), ("kernel", "5.5", 5.5), ("kernel", "", None),
    ("expansion", "2.5", 2.5), ("expansion", "1e2", 100), ("shortcut", False, False), ("activation", "swish", "swish"),
    ("activation", "loud", "loud"), ("dw_activation", "none", "none"), ("stage", "other", "other"), ("kind", "pool", "pool"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "said", "value"), READ)
def test_what_was_typed_is_read_by_its_column(column, said, value):
    read = cells.changes(archs.spec("mobilenet_v2"), {(3, column): said})[3, column]
    assert (read, type(read)) == (value, type(value))


def test_numbers_among_words_are_numbers():
    spec = archs.Spec(name="own", rows=(KINDS["fragments"](stage="a", channels=8),))
    assert cells.changes(spec, {(0, "fragments"): "4", (0, "layout"): "parallel"}) == {
        (0, "fragments"): 4,
        (0, "layout"): "parallel",
    }


def test_what_no_cell_of_the_table_says_is_left_out():
    spec = archs.spec("mobilenet_v2")
    report = [[3, "kernel", "9" * 100], [3, "norm", False], [99, "kernel", "5"], [3, "spec", "5"], [3, "kernel", 5], 7]
    assert cells.typed(spec, report) == {(3, "kernel"): "9" * cells.LONGEST, (3, "norm"): False}
    assert cells.typed(spec, "words") == {}


def test_what_was_attempted_has_the_values_that_the_table_takes():
    spec = archs.spec("mobilenet_v2")
    tried = cells.attempted(spec, {(3, "kernel"): 4, (3, "channels"): 40})
    assert (tried.rows[3].kernel, tried.rows[3].channels) == (3, 40)


def test_a_label_says_what_was_typed():
    assert cells.label({(3, "kernel"): 5, (4, "expanded"): None}) == "row 4, kernel: 5; row 5, expanded: not stated"
    assert cells.label({(3, "se"): 0.25}) == "row 4, squeeze-and-excitation ratio: 0.25"
    assert cells.label({(3, "dw_activation"): None}) == "row 4, depthwise activation: as the activation"
    assert cells.label({(i, "kernel"): 5 for i in range(5)}).endswith("and 2 more")
