"""The live figures as SVG: every fact of a drawing's marks is rendered, and text is never markup."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any
from xml.etree import ElementTree

import pandas
import pytest

import archs
from explorer.data.metrics import IN_THE_PICTURE
from explorer.editing.scenario import Scenario, start
from explorer.figures import charts as figures
from explorer.figures import diagram, svg
from explorer.figures.marks import Arrows, ColourScale, Columns, Drawing, Labels, Segments
from explorer.page.panels.picture import kinds

SVG = "{http://www.w3.org/2000/svg}"
BLOCK = "stage3/block1"


def drawn(
    scenario: Scenario, block: str, edited: tuple[str, ...] = (), metric: str = "mult_adds"
) -> dict[str, Drawing]:
    """Name → drawing of the page's four figures."""
    return {
        "picture": diagram.network(scenario.blocks, metric, block, edited),
        "block_graph": diagram.block(scenario.graph, block),
        "where": figures.where_by_block(scenario.blocks, block),
        "where_kind": figures.where_by_kind(kinds(scenario)),
    }


FIGURES = drawn(start(), BLOCK, (BLOCK,))


def parsed(drawing: Drawing, name: str = "a", alt: str = "b", buttons: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(svg.render(drawing, name, alt, buttons))


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
    bars, low, high = figure.marks[0], figure.across.low, figure.across.high
    rects = [mark[0] for mark in marks(parsed(figure))]
    for number, rect in enumerate(rects):
        left = (bars.middles[number] - bars.widths[number] / 2 - low) / (high - low)
        assert percent(rect, "x") == pytest.approx(left, abs=1e-5)
        assert percent(rect, "width") == pytest.approx(bars.widths[number] / (high - low), abs=1e-5)
        assert float(rect.attrib["stroke-width"]) == bars.edges[number].width
    tallest = max(bars.heights)
    heights = [float(rect.attrib["height"]) for rect in rects]
    assert [height / heights[0] for height in heights] == pytest.approx([y / tallest for y in bars.heights], abs=1e-3)


def test_the_bars_are_the_shares():
    (bar,) = FIGURES["where"].marks
    drawing = marks(parsed(FIGURES["where"]))
    seen = [number for number, share in enumerate(bar.lengths) if share]
    assert [percent(mark[0], "width") for mark in drawing] == pytest.approx([bar.lengths[n] for n in seen], abs=1e-5)
    assert [percent(mark[0], "x") for mark in drawing] == pytest.approx([bar.starts[n] for n in seen], abs=1e-5)
    assert [mark[0].attrib["fill"] for mark in drawing] == [bar.colours[n] for n in seen]
    assert [mark[1].text for mark in drawing] == [bar.texts[n] for n in seen]
    rows = [float(mark[0].attrib["y"]) for mark in drawing]
    assert rows == sorted(rows), "the first metric is the uppermost"


def test_a_colour_lies_between_those_of_the_scale():
    scale = ColourScale("", 10, ((0, "rgba(0, 0, 0, 0)"), (1, "rgba(200, 100, 50, 1)")))
    found = svg._colours([0, 5, 10], scale)
    assert found == ["rgba(0, 0, 0, 0.000)", "rgba(100, 50, 25, 0.500)", "rgba(200, 100, 50, 1.000)"]


def test_a_block_says_its_operators_and_each_arrow_has_a_head():
    edges, names = FIGURES["block_graph"].marks
    drawing = parsed(FIGURES["block_graph"])
    assert [mark[1].text for mark in marks(drawing)] == list(names.texts)
    heads = [line for line in drawing.iter(f"{SVG}line") if "marker-end" in line.attrib]
    assert len(heads) == len(edges.lines)


def test_a_hover_text_states_the_facts_of_its_block():
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


@pytest.mark.parametrize("name", FIGURES)
def test_a_reference_is_to_an_id_of_the_drawing(name):
    """The colour bar of the page Import, whose figure is "import picture", was black: a space ends a reference."""
    text = svg.render(FIGURES[name], "import picture", "b")
    assert set(re.findall(r"url\(#(.*?)\)", text)) == set(re.findall(r'\bid="(\S*?)"', text))


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
    block = FIGURES["block_graph"]
    edges, labels = block.marks
    count = len(labels.texts)
    hostile = replace(labels, texts=(name,) * count, hovers=((name, name),) * count, names=(name,) * count)
    made = {
        "picture": diagram.network(table, "mult_adds", name, (name,)),
        "where": figures.where_by_block(table),
        "block_graph": replace(block, marks=(edges, hostile)),
    }
    for known, figure in made.items():
        root, plain = parsed(figure, "a", name), parsed(FIGURES[known])
        assert {e.tag for e in root.iter()} <= {e.tag for e in plain.iter()}
        assert {a for e in root.iter() for a in e.attrib} <= {a for e in plain.iter() for a in e.attrib}
        assert marks(root)[0].attrib["data-name"] == name


NOT_RENDERED = {
    "Columns.name": "the legend of a plotly figure",
    "Strip.name": "the legend of a plotly figure",
    "Strip.fields": "a strip has no hover texts",
    "Dots.name": "the legend of a plotly figure",
    "Arrows.name": "the legend of a plotly figure",
    "Labels.name": "the legend of a plotly figure",
}
"""Fields of the marks that SVG text does not depend on, and why."""


def parts(part: Any, rebuild: Any) -> Iterator[tuple[str, Drawing]]:
    """Every field of a drawing by its class and name, with the drawing in which it is another one."""
    if is_dataclass(part):
        for field in fields(part):
            value = getattr(part, field.name)
            name = f"{type(part).__name__}.{field.name}"

            def with_it(new: Any, part: Any = part, field: Any = field) -> Drawing:
                return rebuild(replace(part, **{field.name: new}))

            if is_dataclass(value) or (isinstance(value, tuple) and value and is_dataclass(value[0])):
                yield from parts(value, with_it)
            elif value not in (None, ()):
                yield name, with_it(another(value))
    elif isinstance(part, tuple):
        for number, member in enumerate(part):
            yield from parts(member, lambda new, at=number: rebuild((*part[:at], new, *part[at + 1 :])))


def another(value: Any) -> Any:
    """A value of the same shape that is not this one; a colour stays a colour."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value * 2 + 1
        case str() if value.startswith("rgba("):
            return "rgba(1, 2, 3, 0.123)"
        case str():
            return value + "!"
        case tuple():
            return tuple(another(member) for member in value)
    raise TypeError(type(value))


def rendered(drawing: Drawing) -> str:
    """The text, or that there is none."""
    try:
        return svg.render(drawing, "a", "b", True)
    except (KeyError, IndexError, ValueError, StopIteration, RuntimeError, ZeroDivisionError):
        return ""


@pytest.mark.parametrize("name", FIGURES)
def test_no_field_is_passed_over(name):
    """Each field that is another one changes the text, in one of its places; the others are listed above."""
    whole = rendered(FIGURES[name])
    assert whole
    matters: dict[str, bool] = {}
    for field, changed in parts(FIGURES[name], lambda new: new):
        matters[field] = matters.get(field, False) or rendered(changed) != whole
    assert {field for field, does in matters.items() if not does} - set(NOT_RENDERED) == set()
    assert len(matters) > 10


def test_an_unknown_mark_is_an_error():
    with pytest.raises(KeyError, match="object"):
        svg.render(replace(FIGURES["where"], marks=(object(),)), "a", "b")


def test_every_mark_has_both_renderers():
    from explorer.figures import as_plotly

    shown = {type(mark) for figure in FIGURES.values() for mark in figure.marks}
    assert shown >= {Columns, Segments, Arrows, Labels}
    assert shown == set(svg.RENDERERS) == set(as_plotly.TRACES)


def test_the_picture_of_many_stages_is_linear():
    """In an imported chain each operator is a stage: 8,000 names were each compared with all others in 18 s."""
    names = [f"t{n}" for n in range(8000)]
    same = dict.fromkeys(("resolution", "map_width", "channels", "mult_adds", "params", "mem_access"), 8)
    blocks = pandas.DataFrame({"block": names, "stage": names, "kind": "relu", "output": "8", **same})
    drawing = diagram.network(blocks, "mult_adds")
    started = time.process_time()
    text = svg.render(drawing, "a", "b")
    assert time.process_time() - started < 4
    assert all(f">{name}</text>" in text for name in (names[0], names[-1]))
