"""The figures by their data: what is drawn is what was counted, and nothing is drawn over something else."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import isclose, sqrt

import pytest

import archs
import costmodel
from archs.ir import ops
from archs.tables.rows import Fragments
from costmodel.counting.kinds import ELEMENTWISE, FREE, KIND, KINDS, PRODUCTS, WEIGHTED, kind_of
from explorer.data import costs
from explorer.figures import as_plotly, diagram
from explorer.figures import charts as figures
from explorer.figures.lanes import HALF_WIDTH, lay_out
from explorer.figures.palette import EDITED, HEAT_RGB, KIND_COLOURS, SELECTED, block_colours, heat, text_on

NETWORKS = archs.names()


@pytest.fixture(scope="module", params=NETWORKS)
def counts(request: pytest.FixtureRequest) -> costmodel.NetworkCounts:
    return costmodel.count(archs.build(archs.spec(request.param)))


def test_tables_add_to_the_total(counts):
    total = counts.total._asdict() | {"elementwise": counts.total.elementwise}
    for table in (costs.layers(counts), costs.blocks(counts), costs.stages(counts), costs.kinds(counts)):
        for metric in (*figures.WHERE, "kernels"):
            assert table[metric].sum() == total[metric]


def test_every_operator_has_a_kind_with_a_colour(counts):
    assert set(costs.layers(counts)["kind"]) <= set(KIND_COLOURS)


def test_every_operator_with_a_price_has_a_kind():
    priced = {*ELEMENTWISE, *WEIGHTED, *PRODUCTS, *FREE, ops.Opaque}
    assert priced <= set(KIND)
    assert set(KIND.values()) <= set(KINDS) == set(KIND_COLOURS)
    assert len(set(KIND_COLOURS.values())) == len(KINDS)


def test_an_unknown_operator_has_no_kind():
    with pytest.raises(costmodel.CostError, match="Odd has no kind"):
        kind_of(type("Odd", (), {})(), archs.Shape(1, 1, 1))


def test_bars_are_the_shares_in_execution_order(counts):
    blocks = costs.blocks(counts)
    (bar,) = as_plotly.figure(figures.where_by_block(blocks)).data
    paths = [custom[0] for custom in bar.customdata]
    for row, metric in enumerate(figures.WHERE):
        part = slice(row * len(blocks), (row + 1) * len(blocks))
        assert paths[part] == list(blocks["block"])
        total = blocks[metric].sum()
        assert [x * total for x in bar.x[part]] == pytest.approx(list(blocks[metric]))
        ends = [base + x for base, x in zip(bar.base[part], bar.x[part])]
        assert isclose(ends[-1], 1.0)
        assert list(bar.base[part])[1:] == pytest.approx(ends[:-1])


def test_a_block_has_one_colour_in_all_charts(counts):
    blocks = costs.blocks(counts)
    colours = block_colours(blocks["block"])
    (bar,) = as_plotly.figure(figures.where_by_block(blocks)).data
    assert [colours[custom[0]] for custom in bar.customdata] == list(bar.marker.color)
    _, strip = as_plotly.figure(diagram.network(blocks, "params")).data
    assert list(strip.marker.color) == list(colours.values())


def test_the_selected_block_stands_out(counts):
    blocks = costs.blocks(counts)
    chosen = blocks["block"].iloc[3]
    picture, _ = as_plotly.figure(diagram.network(blocks, "mult_adds", chosen)).data
    assert [c == SELECTED for c in picture.marker.line.color] == [block == chosen for block in blocks["block"]]
    (bar,) = as_plotly.figure(figures.where_by_block(blocks, chosen)).data
    outlined = {custom[0] for custom, width in zip(bar.customdata, bar.marker.line.width) if width > 1}
    assert outlined == {chosen}


@pytest.mark.parametrize("metric", ["mult_adds", "mem_access", "intensity", "fragments"])
def test_picture(counts, metric):
    blocks = costs.blocks(counts)
    bar, strip = as_plotly.figure(diagram.network(blocks, metric)).data
    assert [c[0] for c in bar.customdata] == [c[0] for c in strip.customdata] == list(blocks["block"])
    assert list(bar.y) == [sqrt(resolution) for resolution in blocks["resolution"]]
    assert list(bar.width) == [sqrt(channels) for channels in blocks["channels"]]
    assert list(bar.marker.color) == list(blocks[metric])
    edges = [(x - width / 2, x + width / 2) for x, width in zip(bar.x, bar.width)]
    assert all(right < left for (_, right), (left, _) in pairwise(edges)), "blocks overlap"


def test_every_block_is_drawn_without_overlap(counts):
    graph = counts.graph
    for path in costs.blocks(counts)["block"]:
        layout = lay_out(graph, path)
        members = [node for node in graph.nodes if node.block == path]
        assert set(layout.places) == {node.path for node in members} | layout.outside
        assert len(set(layout.places.values())) == len(layout.places), "two boxes at one place"
        assert set(layout.edges) == {(source, node.path) for node in members for source in node.inputs}
        for (source, target), corners in layout.edges.items():
            assert layout.places[source][1] < layout.places[target][1], "what is read stands above"
            assert corners[0][0] == layout.places[source][0]
            assert corners[-1][0] == layout.places[target][0]
            for (x1, y1), (x2, y2) in pairwise(corners):  # the upright parts pass beside every box
                if x1 == x2:
                    assert not any(abs(x - x1) < HALF_WIDTH and y1 < y < y2 for x, y in layout.places.values())


@pytest.mark.parametrize("network", NETWORKS)
def test_a_drawn_block_says_its_operators(network):
    graph = archs.build(archs.spec(network))
    path = graph.nodes[len(graph.nodes) // 2].block
    edges, boxes = as_plotly.figure(diagram.block(graph, path)).data
    layout = lay_out(graph, path)
    assert list(edges.x).count(None) == len(layout.edges)
    assert [y for y, size in zip(edges.y, edges.marker.size) if size] == [end[1] for *_, end in layout.edges.values()]
    named = dict(zip(boxes.customdata, boxes.text))
    for node in graph.nodes:
        if node.block == path:
            assert str(node.output) in named[node.path]


def test_a_chain_stays_in_its_lane():
    places = lay_out(archs.build(archs.spec("shufflenet_v2")), "stage2/block1").places
    for branch in ("shortcut", "main"):
        assert len({x for path, (x, _) in places.items() if f"/{branch}/" in path}) == 1


def test_parallel_fragments_stand_side_by_side():
    stem = archs.spec("mobilenet_v1").rows[0]
    row = Fragments(stage="s", channels=32, fragments=4, layout="parallel")
    places = lay_out(archs.build(archs.Spec(name="four", rows=(stem, row))), "s/block1").places
    convolutions = [place for path, place in places.items() if path.startswith("s/block1/conv")]
    assert len(convolutions) == 4
    assert all(a[1] == b[1] and abs(a[0] - b[0]) >= 1 for a, b in combinations(convolutions, 2))


def test_kinds_are_stacked_to_the_whole(counts):
    kinds = costs.kinds(counts)
    (bar,) = as_plotly.figure(figures.where_by_kind(kinds)).data
    for row in range(len(figures.WHERE)):
        assert sum(bar.x[row * len(kinds) : (row + 1) * len(kinds)]) == pytest.approx(1)


def test_waterfall_ends_at_what_the_tool_reports(counts):
    for report in costmodel.reconcile(counts.graph):
        (waterfall,) = figures.waterfall(costmodel.table((report,))).data
        assert waterfall.measure[0] == "absolute"
        assert waterfall.measure[-1] == "total"
        assert sum(waterfall.y[:-1]) == waterfall.y[-1] == report.total
        assert all(amount != 0 for amount in waterfall.y[1:-1])


def test_heat_grows_with_the_share():
    red, green, blue = HEAT_RGB
    assert heat(0) == f"rgba({red}, {green}, {blue}, 0.00)"
    assert heat(1) == heat(2) == f"rgba({red}, {green}, {blue}, 0.62)"


def _luminance(rgb: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


@pytest.mark.parametrize(("page", "ink"), [("#ffffff", "#16202c"), ("#10151c", "#e9eef5")])
def test_numbers_stay_readable_on_the_strongest_heat(page, ink):
    # WCAG 2.1, contrast of text: at least 4.5
    mixed = tuple(0.62 * h + 0.38 * p for h, p in zip(HEAT_RGB, _rgb(page)))
    assert _contrast(mixed, _rgb(ink)) >= 4.5


def test_names_stay_readable_on_their_segments():
    colours = {*KIND_COLOURS.values(), *block_colours([f"s{s}/block{b}" for s in range(12) for b in range(2)]).values()}
    # WCAG 2.1, contrast of large text and graphics: at least 3
    assert {c for c in colours if _contrast(_rgb(c), _rgb(text_on(c))) < 3} == set()


def test_edited_blocks_have_a_thick_line_and_a_dot(counts):
    blocks = costs.blocks(counts)
    paths = list(blocks["block"])
    chosen, edited = paths[1], {paths[1], paths[3]}
    bar, _, dots = as_plotly.figure(diagram.network(blocks, "mult_adds", chosen, edited)).data
    assert list(dots.x) == [bar.x[1], bar.x[3]]
    assert all(y > height / 2 for y, height in zip(dots.y, (bar.y[1], bar.y[3])) if height < max(bar.y))
    colours = dict(zip(paths, bar.marker.line.color))
    assert colours[paths[3]] == EDITED
    assert colours[chosen] == SELECTED, "what is open stays the one that stands out"
    assert len(set(colours.values())) == 3
    assert bar.marker.line.width[3] > bar.marker.line.width[0]


def test_a_blocks_rows_are_those_of_the_layers(counts):
    layers = costs.layers(counts).to_dict("records")
    for block in dict.fromkeys(row["block"] for row in layers):
        found = costs.layer_columns(counts, block)
        assert [dict(zip(found, row)) for row in zip(*found.values())] == [r for r in layers if r["block"] == block]
