"""The live figures as SVG: what the dictionaries say is what is drawn, and nothing that they say is passed over."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from xml.etree import ElementTree

import pandas
import pytest

import archs
from explorer.data.metrics import IN_THE_PICTURE
from explorer.editing.scenario import Scenario, start
from explorer.figures import charts as figures
from explorer.figures import diagram, svg
from explorer.page.panels.picture import kinds

SVG = "{http://www.w3.org/2000/svg}"
BLOCK = "stage3/block1"


def drawn(scenario: Scenario, block: str, edited: tuple[str, ...] = (), metric: str = "mult_adds") -> dict[str, Any]:
    """Name → the dictionary of the page's four figures."""
    made = {
        "picture": diagram.network(scenario.blocks, metric, block, edited),
        "block_graph": diagram.block(scenario.graph, block),
        "where": figures.where_by_block(scenario.blocks, block),
        "where_kind": figures.where_by_kind(kinds(scenario)),
    }
    return {name: figure.to_dict() for name, figure in made.items()}


FIGURES = drawn(start(), BLOCK, (BLOCK,))


def parsed(figure: dict[str, Any], name: str = "a", alt: str = "b", buttons: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(svg.drawing(figure, name, alt, buttons))


def marks(root: ElementTree.Element) -> list[ElementTree.Element]:
    return root.findall(f".//{SVG}g[@class='mark']")


def percent(element: ElementTree.Element, name: str) -> float:
    return float(element.attrib[name].removesuffix("%")) / 100


@pytest.mark.parametrize("network", archs.names())
def test_every_network_is_drawn(network):
    scenario = start().choose("network", spec=archs.spec(network), label=network)
    blocks = list(scenario.blocks["block"])
    for metric in IN_THE_PICTURE:
        if metric in scenario.blocks:
            drawing = parsed(drawn(scenario, blocks[0], tuple(blocks), metric)["picture"])
            assert [mark.attrib["data-name"] for mark in marks(drawing)] == blocks
            assert len(drawing.findall(f".//{SVG}circle")) == len(blocks)
    for block in blocks:
        parsed(drawn(scenario, block)["block_graph"])
    assert {mark.attrib["data-name"] for mark in marks(parsed(drawn(scenario, blocks[0])["where"]))} == set(blocks)


def test_the_picture_is_where_the_figure_says():
    figure = FIGURES["picture"]
    bar, low, high = figure["data"][0], *figure["layout"]["xaxis"]["range"]
    rects = [mark[0] for mark in marks(parsed(figure))]
    for number, rect in enumerate(rects):
        left = (bar["x"][number] - bar["width"][number] / 2 - low) / (high - low)
        assert percent(rect, "x") == pytest.approx(left, abs=1e-5)
        assert percent(rect, "width") == pytest.approx(bar["width"][number] / (high - low), abs=1e-5)
        assert float(rect.attrib["stroke-width"]) == bar["marker"]["line"]["width"][number]
    tallest = max(bar["y"])
    heights = [float(rect.attrib["height"]) for rect in rects]
    assert [height / heights[0] for height in heights] == pytest.approx([y / tallest for y in bar["y"]], abs=1e-3)


def test_the_bars_are_the_shares():
    bar = FIGURES["where"]["data"][0]
    drawing = marks(parsed(FIGURES["where"]))
    seen = [number for number, share in enumerate(bar["x"]) if share]
    assert [percent(mark[0], "width") for mark in drawing] == pytest.approx([bar["x"][n] for n in seen], abs=1e-5)
    assert [percent(mark[0], "x") for mark in drawing] == pytest.approx([bar["base"][n] for n in seen], abs=1e-5)
    assert [mark[0].attrib["fill"] for mark in drawing] == [bar["marker"]["color"][n] for n in seen]
    assert [mark[1].text for mark in drawing] == [bar["text"][n] for n in seen]
    rows = [float(mark[0].attrib["y"]) for mark in drawing]
    assert rows == sorted(rows), "the first metric is the uppermost"


def test_a_colour_lies_between_those_of_the_scale():
    marker = {"color": [0, 5, 10], "cmin": 0, "cmax": 10}
    marker["colorscale"] = [[0, "rgba(0, 0, 0, 0)"], [1, "rgba(200, 100, 50, 1)"]]
    assert svg._scaled(marker) == ["rgba(0, 0, 0, 0.000)", "rgba(100, 50, 25, 0.500)", "rgba(200, 100, 50, 1.000)"]


def test_a_block_says_its_operators_and_each_arrow_has_a_head():
    edges, names = FIGURES["block_graph"]["data"]
    drawing = parsed(FIGURES["block_graph"])
    assert [mark[1].text for mark in marks(drawing)] == names["text"]
    heads = [line for line in drawing.iter(f"{SVG}line") if "marker-end" in line.attrib]
    assert len(heads) == edges["x"].count(None)


def test_what_is_hovered_over_says_what_plotly_said():
    first = start().blocks.iloc[0]
    (label,) = {
        mark.attrib["aria-label"]
        for mark in marks(parsed(FIGURES["picture"]))
        if mark.get("data-name") == first["block"]
    }
    assert label.splitlines() == [
        f"{first['block']} · {first['kind']}",
        f"output {first['output']}",
        f"mult-adds {first['mult_adds']:,}",
        f"params {first['params']:,}",
        f"MAC {first['mem_access']:,} elements",
        f"{first['latency_ms']:.3f} ms",
    ]


@pytest.mark.parametrize("name", FIGURES)
def test_marks_can_be_pressed_only_where_something_comes_of_it(name):
    for buttons, role in ((True, "button"), (False, "img")):
        root = parsed(FIGURES[name], name, "what it shows", buttons)
        assert root.attrib["aria-label"] == "what it shows"
        assert {mark.attrib["role"] for mark in marks(root)} == {role}
        assert all(mark.attrib["aria-label"] for mark in marks(root))


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "]]><!--",
    "&lt;b&gt;",
    "{0}%{x}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_nothing_but_text(name):
    table = pandas.DataFrame(start().blocks)
    table["block"] = table["stage"] = table["kind"] = table["output"] = name
    table["kind"] = "linear"
    made = [diagram.network(table, "mult_adds", name, (name,)).to_dict(), figures.where_by_block(table).to_dict()]
    block = deepcopy(FIGURES["block_graph"])
    for part in ("text", "hovertext", "customdata"):
        block["data"][1][part] = [name] * len(block["data"][1][part])
    for plain, figure in zip(
        [*(FIGURES[known] for known in ("picture", "where")), FIGURES["block_graph"]], [*made, block]
    ):
        root = parsed(figure, "a", name)
        assert {e.tag for e in root.iter()} <= {e.tag for e in parsed(plain).iter()}
        assert {a for e in root.iter() for a in e.attrib} <= {a for e in parsed(plain).iter() for a in e.attrib}
        assert marks(root)[0].attrib["data-name"] == name


NOT_DRAWN = {
    "template": "colours of charts, which these state themselves",
    "type": "says how to draw",
    "mode": "says how to draw",
    "name": "of the trace, in legends",
    "showlegend": "there is none",
    "hoverinfo": "skip: without a hover text there is none; text: hovertext",
    "hoverlabel": "the tooltip's size is the page's",
    "dragmode": "nothing is dragged",
    "fixedrange": "nothing is zoomed",
    "barmode": "overlay: the bars have a base",
    "textposition": "inside",
    "insidetextanchor": "middle",
    "textangle": "0",
    "tickangle": "0",
    "ticks": "none",
    "showgrid": "none",
    "zeroline": "none",
    "showarrow": "none",
    "layer": "below: shapes are drawn first",
    "uniformtext": "data-room: a name that does not fit is hidden",
    "categoryorder": "that of categoryarray",
    "outlinewidth": "none",
    "angleref": "an arrow head follows its line",
    "symbol": "arrow",
    "yref": "data where it is not said",
    "side": "right of the ticks",
    "orientation": "h: says how to draw",
    "title": "of an axis, none",
    "layout.annotations.xref": "paper and data are the same on an axis from 0 to 1",
    "data.marker.line": "of an arrow head, none",
    "data.marker.line.width": "of an arrow head, 0",
}
"""Properties whose absence changes nothing, and why; of those that say something, the one value that is drawn."""

ONLY = {
    "barmode": "overlay", "textposition": "inside", "insidetextanchor": "middle", "textangle": 0, "tickangle": 0,
    "ticks": "", "showgrid": False, "zeroline": False, "showarrow": False, "layer": "below", "side": "right",
    "categoryorder": "array", "outlinewidth": 0, "angleref": "previous", "symbol": "arrow", "fixedrange": True,
    "dragmode": False, "showlegend": False, "type": ("bar", "scatter", "rect"), "hoverinfo": ("skip", "text"),
}  # fmt: skip


def properties(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every property of a figure, with the way to it."""
    members = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in members:
        if isinstance(key, str):
            yield (*path, key), value
        if key not in NOT_DRAWN or key == "title":
            yield from properties(value, (*path, key))


def without(figure: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    changed = deepcopy(figure)
    part = changed
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return changed


def said(figure: dict[str, Any]) -> str:
    """The drawing, or that there is none."""
    try:
        return svg.drawing(figure, "a", "b")
    except (KeyError, TypeError, IndexError, ValueError, StopIteration, RuntimeError):
        return ""


@pytest.mark.parametrize("name", FIGURES)
def test_no_property_is_passed_over(name):
    """Each that is left out changes the drawing, in one of its places; the others are listed above, with their value."""
    figure = {**FIGURES[name], "layout": {k: v for k, v in FIGURES[name]["layout"].items() if k != "template"}}
    whole = said(figure)
    assert whole
    matters: dict[str, bool] = {}
    for path, value in properties(figure):
        key = path[-1]
        kind = ".".join(part for part in path if isinstance(part, str))
        matters[kind] = matters.get(kind, False) or said(without(figure, path)) != whole
        if key in ONLY:
            assert value in (ONLY[key] if isinstance(ONLY[key], tuple) else (ONLY[key],)), kind
    passed_over = {kind for kind, does in matters.items() if not does}
    assert {kind for kind in passed_over if not {kind, kind.rpartition(".")[2]} & set(NOT_DRAWN)} == set()


def test_what_is_not_known_is_an_error():
    figure = deepcopy(FIGURES["where"])
    figure["layout"]["xaxis"]["tickformat"] = "%Y"
    with pytest.raises(KeyError, match="%Y"):
        svg.drawing(figure, "a", "b")
    figure = deepcopy(FIGURES["where"])
    figure["data"][0]["type"] = "violin"
    with pytest.raises(KeyError, match="violin"):
        svg.drawing(figure, "a", "b")
