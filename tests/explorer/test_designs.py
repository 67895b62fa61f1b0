"""A collection of designs: its names, its text, the tables of designs side by side."""

from __future__ import annotations

import pytest

import archs
from archs import ArchError
from explorer.editing import designs, links
from explorer.editing.designs import Design
from explorer.editing.scenario import start
from explorer.figures.designs import side_by_side
from explorer.figures.tradeoff import legend
from explorer.views import designs as views


def collection(number):
    spec = archs.spec("mobilenet_v2")
    made = [spec.edit_row(3, kernel=5, channels=32 + 8 * step) for step in range(number)]
    return tuple(Design(f"design {step}", one, measured_pct=70.0 + step / 10) for step, one in enumerate(made))


def test_fifty_versions_fit_into_one_link_and_come_back():
    kept = collection(designs.LIMIT)
    text = designs.link(kept)
    assert len(text) <= links.MAX_LINK
    assert designs.unpack(text) == kept


def test_a_name_is_taken_once_and_fifty_are_the_limit():
    kept = collection(3)
    for name in ("design 1", "", "x" * 61):
        with pytest.raises(ArchError, match="allowed: a name"):
            designs.keep(kept, Design(name, kept[0].spec))
    assert designs.free_name(kept, "design 1") == "design 1 (2)"
    with pytest.raises(ArchError, match="found 50 designs; allowed: up to 50"):
        designs.keep(collection(50), Design("one more", kept[0].spec))


def test_two_collections_have_equal_designs_once():
    kept = collection(3)
    other = Design("design 0", archs.spec("mobilenet_v1"))
    both = designs.merged(kept, (kept[1], other))
    assert both == (*kept, Design("design 0 (2)", other.spec))
    assert designs.merged(both, (kept[1], other)) == both  # the same link once more
    assert len(designs.merged(collection(49), [Design(f"other {n}", other.spec) for n in range(5)])) == designs.LIMIT


@pytest.mark.parametrize("text", ["", "0", "1!", "1abc", links.encode(archs.spec("mobilenet_v2")), "1" + "A" * 300_000])
def test_a_hostile_text_is_refused(text):
    with pytest.raises(ArchError):
        designs.unpack(text)


@pytest.mark.parametrize(
    "content", [[["a", 0, None, []]], [["a", False, 200.0, {}]], [["a", False, None, {"rows": []}]]]
)
def test_hostile_content_is_refused(content):
    with pytest.raises(ArchError):
        designs.unpack(links.pack(content))


def test_designs_stand_side_by_side_with_their_tiers():
    spec = archs.spec("mobilenet_v2")
    kept = (Design("paper", spec), Design("edited", spec.edit_row(3, kernel=5)), Design("measured", spec, True, 71.0))
    rows = views.table(kept, start())
    assert list(rows["accuracy_tier"]) == ["published", "estimated", "measured by you"]
    assert rows["kernels"][2] < rows["kernels"][0]
    assert rows["latency_ms"].between(rows["low_ms"], rows["high_ms"]).all()
    tiles = views.tiles(rows)
    assert list(tiles.columns) == ["", "paper", "edited", "measured"]
    assert tiles["edited"].iloc[-1].startswith("est. ")
    blocks = views.blocks(kept, start(), "mult_adds")
    assert [blocks[name].sum() for name in ("paper", "edited")] == list(rows["mult_adds"][:2])
    figure = side_by_side(rows, "latency_ms")
    drawn = figure.data
    assert [trace.name for trace in drawn] == ["paper", "edited", "measured"]
    assert drawn[1].marker.symbol.endswith("-open")
    assert drawn[0].error_x.array[0] == rows["high_ms"][0] - rows["latency_ms"][0]


def test_the_designs_are_named_below_their_chart():
    """Names beside the points were cut off at the edges of the chart on a phone."""
    spec = archs.spec("mobilenet_v2")
    kept = tuple(Design(f"kernel {k}", spec.edit_row(3, kernel=k)) for k in (3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23))
    figure = side_by_side(views.table(kept, start()), "mult_adds")
    assert [name for _, _, name in legend(figure)] == [one.name for one in kept]
    assert {trace.text for trace in figure.data} == {None}


def test_a_network_without_an_estimate_has_no_point():
    kept = (Design("cifar", archs.spec("mobilenet_v2").edit_row(-1, channels=10)),)
    rows = views.table(kept, start())
    assert views.tiles(rows)["cifar"].iloc[-1] == "no estimate"
    assert len(side_by_side(rows, "latency_ms").data) == 0
