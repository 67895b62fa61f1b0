"""What a suggestion changes, in words, and what it costs in estimated accuracy."""

from __future__ import annotations

import archs
from explorer.data import accuracy
from explorer.editing.changed_cells import accuracy_change, changed_cells
from explorer.editing.whole_network import apply_guideline


def test_columns_name_their_rows_and_both_values():
    spec = archs.spec("mobilenet_v3_large")
    cells = changed_cells(spec, apply_guideline(spec, 1).spec)
    assert "rows 2–16: expanded 16 … 960 → not stated" in cells, cells
    assert any(cell.startswith("rows 2–16: expansion not stated → 1") for cell in cells)
    assert changed_cells(spec, spec) == ()
    rows = len(spec.rows)
    assert changed_cells(spec, spec.delete_row(3)) == (f"{rows} → {rows - 1} rows",)


def test_columns_are_spelled_out():
    spec = archs.spec("mobilenet_v2")
    (cell,) = changed_cells(spec, spec.edit_row(3, dw_activation="none"))
    assert cell == "row 4: depthwise activation as the activation → none"


def test_a_published_accuracy_is_not_called_an_estimate():
    spec = archs.spec("mobilenet_v2")
    words, _ = accuracy_change(spec, apply_guideline(spec, 4).spec)
    assert words.startswith("top-1: published 72.0 % → estimated ")


def test_an_interval_that_explodes_is_a_reason_against_the_edit():
    spec = archs.spec("mobilenet_v3_large")
    after = apply_guideline(spec, 1).spec
    words, against = accuracy_change(spec, after)
    found = accuracy.estimate(after)
    assert f"{found.top1_pct:.1f} % ({found.low_pct:.1f}–{found.high_pct:.1f})" in words
    assert "Why not" in against
    assert "expan" in against
    narrow = spec.edit_row(3, channels=32)
    assert accuracy_change(spec, narrow)[1] == ""


def test_a_network_that_is_not_for_imagenet_says_why_it_has_no_estimate():
    spec = archs.spec("mobilenet_v2").edit_row(-1, channels=10)
    words, against = accuracy_change(spec, spec)
    assert words.startswith("no estimated accuracy: it has 10 classes")
    assert against == ""
