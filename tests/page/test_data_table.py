"""Tables in the presentation view: HTML with all text literal, numbers as the grid formats them."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest
from support.apptest import displayed
from support.browser import ROOT
from support.lab_pages import clean

SCRIPT = """
import pandas
import streamlit as st
from explorer.page.widgets import chart, data_table

st.session_state[chart.PRESENTATION] = {on}
table = pandas.DataFrame({{"student": ["<b>Ada</b>"], "n": [1234567], "share": [0.25], "w": [-0.07], "ms": [None]}})
data_table.show(
    table,
    key="t",
    columns={{
        "n": st.column_config.NumberColumn("<i>", format="localized"),
        "share": "part",
        "w": st.column_config.NumberColumn(format="%.3f"),
    }},
)
"""


def html_of(at: AppTest) -> str:
    return "".join(block.proto.body for block in at.get("html"))


def test_the_presentation_view_has_html_in_which_every_text_is_literal():
    at = clean(AppTest.from_string(SCRIPT.format(on=True)).run())
    assert not at.dataframe
    found = html_of(at)
    assert "&lt;b&gt;Ada&lt;/b&gt;" in found
    assert "<b>" not in found
    assert "&lt;i&gt;" in found
    assert ">1,234,567</td>" in found
    assert ">part</th>" in found
    assert ">0.25</td>" in found
    assert ">−0.070</td>" in found
    assert "None" not in found
    at = clean(AppTest.from_string(SCRIPT.format(on=False)).run())
    assert len(at.dataframe) == 1
    assert displayed(at.dataframe[0])["w"].tolist() == ["−0.070"]  # the grid's own format has a hyphen
    assert not html_of(at)


def test_every_table_of_the_lab_can_be_enlarged():
    """The grid's text stayed at 14 px for a class at a projector."""
    lab = sorted((ROOT / "explorer" / "page" / "lab").rglob("*.py"))
    assert [path.name for path in lab if "st.dataframe(" in path.read_text(encoding="utf-8")] == []


def test_a_missing_value_is_a_dash_in_every_table():
    """The blocks of designs that do not have as many said "None"."""
    (table,) = clean(AppTest.from_string(SCRIPT.format(on=False)).run()).dataframe
    assert table.proto.placeholder == "–"
    callers = [path.name for path in (ROOT / "explorer").rglob("*.py") if "st.dataframe(" in path.read_text()]
    assert callers == ["data_table.py"]
