"""The exponent w from published networks: its slopes, where there is none, and the figure."""

from __future__ import annotations

import pytest

import costmodel
from explorer.figures.search import published_front as figures
from explorer.search.runs.published_front import BANDS, MARKS, PublishedFront, predicted, published


def test_the_slopes_of_the_pixel_are_near_the_exponents_of_mobilenet_v3():
    """0.16 from 10 to 25 ms and 0.07 above 40 ms: where -0.15 and -0.07 come from."""
    found = {w: published().slope(*band) for w, band in BANDS.items()}
    assert found[-0.15] == pytest.approx(0.16, abs=0.005)
    assert found[-0.07] == pytest.approx(0.07, abs=0.005)
    assert len(published().rows) == 47
    assert published().w(10 * 2.5**0.5) == -0.16


def test_the_offset_of_a_family_is_no_slope():
    """Two families whose points lie on lines of slope 0.1, one of them more accurate."""
    import pandas

    rows = [(family, ms, best * ms**0.1) for family, best in (("a", 50.0), ("b", 60.0)) for ms in (5.0, 6.0, 8.0)]
    front = PublishedFront("a test", pandas.DataFrame(rows, columns=["family", "latency_ms", "top1_pct"]))
    assert front.slope(1, 100) == pytest.approx(0.1)
    assert front.slope(1, 5.5) is None
    assert front.w(500.0) is None


def test_a_device_has_a_slope_of_its_own():
    front = predicted(costmodel.load_profile("cpu"))
    assert front.where == "cpu, predicted"
    w = front.w(float(front.rows["latency_ms"].median()))
    assert w is not None
    assert -1 < w < 0


def test_the_figure_has_both_exponents_and_the_target():
    front = published()
    drawn = figures.slopes(front, MARKS, 50.0)
    names = [one.name for one in drawn.data]
    assert names == ["MobileNetV2", "MnasNet-A1", "slope", *MARKS.values(), "target", "target"]
    curve = drawn.data[2]
    assert min(curve.y) > 0
    assert [list(one.y) for one in drawn.data if one.name in MARKS.values()] == [[0.07, 0.07], [0.15, 0.15]]
    assert [name for *_, name in figures.legend(front, 60.0)][2:] == ["slope within a factor of 2.5", "target"]
    assert len(figures.legend(front)) == 3  # without a target there is no such line
