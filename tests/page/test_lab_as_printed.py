"""The guideline pages beside the paper's tables: printed speeds, printed channels, printed platform, one number."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest
from support.lab_pages import clean, guideline, said

from explorer.lab import sheet, theory
from explorer.lab.experiment import experiment, printed_channels
from explorer.lab.published import printed

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")


def opened(number: int) -> AppTest:
    at = guideline(number)
    return clean(at.button(key=f"g{number} skip").click().run())


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_printed_speeds_stand_beside_the_ratios(number):
    table = opened(number).dataframe[-1].value
    core = "ARM" if number == 1 else "CPU"  # as the head of each table has it
    assert list(table[f"paper, {core}, images/s"]) == [cell.speed for cell in printed(number, "ARM", 1)]
    assert list(table["paper, GPU, batches/s"]) == [cell.speed for cell in printed(number, "GPU", 1)]
    ratios = [float(table[f"paper, {core}, images/s"][0]) / float(v) for v in table[f"paper, {core}, images/s"]]
    assert list(table[f"paper, {core}"]) == [f"{ratio:.2f}" for ratio in ratios]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_platform_is_called_as_the_table_prints_it(number):
    at = opened(number)
    options = list(at.button_group(key=f"g{number} platform").options)
    assert options == ["GPU", "ARM" if number == 1 else "CPU"]
    explained = any("ARM, Snapdragon 810" in caption.value for caption in at.caption)
    assert explained == (number > 1)


def test_the_printed_channels_and_the_reason_stand_beside_ours():
    at = opened(2)
    for frame in (at.dataframe[0].value, at.dataframe[-1].value):
        assert list(frame["channels"]) == ["64", "90", "128", "184 (printed: 180)"]
    assert any("8 does not divide 180; the authors ran 184" in caption.value for caption in at.caption)
    assert printed_channels(experiment(2, "GPU")) == {}
    assert printed_channels(experiment(2, exact=True)) == {}


@pytest.mark.parametrize("number", [1, 2])
def test_one_number_for_one_thing(number):
    """The text above the table and the table say the same of the printed channels."""
    at = opened(number)
    in_table = list(at.dataframe[0].value["MAC over the first"])[1:]
    text = next(text for text in said(at).splitlines() if "×**" in text)
    shown = re.findall(r"\*\*(\d\.\d\d×)\*\*", text)
    assert shown[:1] == in_table[-1:] if number == 2 else shown == in_table


def test_the_options_to_be_ordered_are_shuffled_per_visitor():
    seen = set()
    for _ in range(6):
        at = guideline(3)
        options = at.multiselect(key="g3 order").options
        assert sorted(options) == sorted(variant.row for variant in experiment(3).variants)
        clean(at.run())
        assert at.multiselect(key="g3 order").options == options, "the order stays for one visitor"
        seen.add(tuple(options))
    assert len(seen) > 1


def test_the_class_sheet_does_not_list_the_rows_in_the_order_of_the_table():
    text = sheet.questions([experiment(number) for number in (1, 2, 3, 4)])
    for number in (1, 2, 3, 4):
        rows = [variant.row for variant in experiment(number).variants]
        places = [text.index(f"<td>{row}</td>") for row in rows]
        assert places != sorted(places)


def test_the_curves_have_no_kinks():
    """Between neighbouring points the slope on the logarithmic axis changes by little of its range."""
    import numpy as np

    for curve, axis in ((theory.g1(32, 56), "ratio"), (theory.g2(64, 56), "groups")):
        slopes = np.diff(curve["mem_access"]) / np.diff(np.log(curve[axis]))
        assert abs(np.diff(slopes)).max() < 0.1 * np.ptp(slopes)
