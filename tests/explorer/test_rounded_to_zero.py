"""A change that is rounded to zero has no sign, and a share that is not zero is not shown as zero."""

from __future__ import annotations

import ast

import pytest
from support.browser import ROOT

import archs
import costmodel
from explorer.data.metrics import minus, number, percent
from explorer.editing import diff
from explorer.page.widgets.data_table import _text


@pytest.mark.parametrize(
    ("share", "digits", "sign", "shown"),
    [
        (-0.0002, 1, "+", "<0.1 %"),
        (0.0002, 1, "+", "<0.1 %"),
        (0.004, 0, "", "<1 %"),
        (-0.0, 1, "+", "0.0 %"),
        (0.0, 0, "+", "0 %"),
        (-0.0006, 1, "+", "−0.1 %"),
        (float("inf"), 1, "+", "+inf %"),
    ],
)
def test_a_share(share, digits, sign, shown):
    assert percent(share, digits, sign) == shown


def test_a_number():
    assert [number(value, "+.3f") for value in (-0.0004, 0.0004, -0.0006)] == ["0.000", "0.000", "−0.001"]
    assert number(0, "+,d") == "0"
    assert [minus(text) for text in ("-0", "-0.05", "-10", "-0e+00")] == ["0", "−0.05", "−10", "0e+00"]
    assert _text(-0.001, "%.2f") == "0.00"
    assert _text(-0.2, "%.0f %%") == "0 %"


def test_a_difference_of_nothing_has_no_sign():
    counts = costmodel.count(archs.build(archs.spec("mobilenet_v2")))
    assert repr(diff.diff(counts, counts)).endswith("0 mult-adds, 0 params)")
    assert "+" not in repr(diff.diff(counts, counts))


def test_signs_are_written_by_the_one_function():
    """A format of its own would print "+0.0" and "-0.0"."""
    found = [
        f"{path.relative_to(ROOT)}:{part.lineno}"
        for path in sorted((ROOT / "explorer").rglob("*.py"))
        for part in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(part, ast.FormattedValue) and part.format_spec and "+" in ast.unparse(part.format_spec)
    ]
    assert found == []
