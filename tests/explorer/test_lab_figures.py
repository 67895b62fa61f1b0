"""The lab's figures and lessons by their data: what is drawn is what was computed, and formulas are what is counted."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
from support.lab_runs import run_of

import archs
import costmodel
from explorer.errors import LabError
from explorer.lab import charts, theory
from explorer.lab.experiment import experiment
from explorer.lab.lessons import charts as lesson_charts
from explorer.lab.lessons import curves, design
from explorer.lab.lessons import networks as lessons
from explorer.lab.prediction import on_papers_devices
from explorer.lab.verdict import Predicted, compare


def named(figure):
    return {trace.name: trace for trace in figure.data}


def measured(made):
    rounds = tuple(tuple(1 + row / 10 + turn / 100 for row in range(len(made.variants))) for turn in range(7))
    return compare(
        made, run_of([v.row for v in made.variants], rounds), {v.row: Predicted(2.0, "") for v in made.variants}
    )


# the guidelines


def test_g1_and_g2_mark_the_experiments_rows_on_the_curve():
    for guideline, draw, curve in ((1, charts.g1_curve, theory.g1), (2, charts.g2_curve, theory.g2)):
        made = experiment(guideline, "GPU")
        data, rows = curve(128, 56), theory.rows(made)
        figure = draw(data, rows)
        line, other, marks = figure.data
        assert list(line.y) == list(data["mem_access"])
        assert list(other.y) == list(data["bound" if guideline == 1 else "same_channels"])
        assert list(marks.y) == list(rows["mem_access"])
        assert list(marks.text) == [v.row.split()[-1] for v in made.variants]
        counted = [costmodel.count(v.graph).total.mem_access_paper for v in made.variants]
        assert [y * (20 if guideline == 1 else 10) for y in marks.y] == counted


def test_g3_shows_fragments_branches_and_path():
    table = experiment(3).table
    bars = named(charts.g3_shape(table))
    assert list(bars["fragments"].x) == [1, 2, 4, 2, 4]
    assert list(bars["branches side by side"].x) == [1, 1, 1, 2, 4]
    assert list(bars["critical path"].x) == [1, 2, 4, 1, 1]
    assert bars["MAC over the first row's"].x[-1] == table["mem_access"].iloc[-1] / table["mem_access"].iloc[0]


def test_the_names_and_numbers_of_g3_have_room_on_a_phone():
    """Standing bars had the ratios on them at 390 px, and turned the names of the rows."""
    bars = charts.g3_shape(experiment(3).table).data
    assert {bar.orientation for bar in bars} == {"h"}
    assert {bar.textposition for bar in bars} == {"outside"}
    assert max(len(line) for row in bars[0].y for line in row.split("<br>")) <= charts.LABEL


def test_g4_bars_fill_their_row():
    figure = charts.g4_shares(theory.g4(experiment(4)))
    sums = {}
    for bar in figure.data:
        for row, what, share in zip(*bar.y, bar.x):
            sums[row, what] = sums.get((row, what), 0) + share
    assert len(sums) == 8
    assert list(sums.values()) == pytest.approx([1] * 8)


def test_the_comparison_draws_every_column_and_the_interval():
    table = measured(experiment(1))
    series = named(charts.comparison(table))
    assert set(series) == {"paper, GPU", "paper, ARM", "predicted", "measured here"}
    here = series["measured here"]
    assert list(here.x) == list(table["measured"])
    assert list(here.x + here.error_x.array) == pytest.approx(list(table["high"]))
    assert list(here.x - here.error_x.arrayminus) == pytest.approx(list(table["low"]))
    places = [y for trace in series.values() for y in trace.y]
    assert len(set(places)) == len(places), "two marks on one height"
    before = named(charts.comparison(compare(made := experiment(1), on_devices=on_papers_devices(made))))
    assert set(before) == {"paper, GPU", "predicted, paper's GPU", "paper, ARM", "predicted, paper's ARM"}


def test_a_class_is_drawn_machine_by_machine():
    table = measured(experiment(2))
    runs = pandas.concat([table.assign(ratio=table["measured"], machine=name) for name in ("Ada", "Bob")])
    series = named(charts.spread(runs, table))
    for name in ("Ada", "Bob"):
        assert list(series[name].x) == list(table["measured"])[1:]
    assert series["Ada"].marker.color != series["Bob"].marker.color
    assert not set(series["Ada"].y) & set(series["Bob"].y), "marks of two students are beside each other"
    assert list(series["paper, ARM"].x) == list(table["paper_ARM"])[1:]


def test_no_student_is_taken_for_the_paper():
    """Two students had the colours of the paper's columns, and the middle one of a row was under its marks."""
    table = measured(experiment(2))
    names = [f"student {number}" for number in range(20)]
    runs = pandas.concat([table.assign(ratio=table["measured"], machine=name) for name in names])
    series = named(charts.spread(runs, table))
    for paper in ("paper, GPU", "paper, ARM"):
        for name in names:
            assert series[name].marker.color.upper() != series[paper].marker.color.upper()
            assert not set(series[name].y) & set(series[paper].y)


def test_the_names_of_the_rows_take_no_more_room_than_they_need():
    """Fixed margins of 190 to 240 px left a third of a phone's width to the marks."""
    table = measured(experiment(4))
    runs = table.assign(ratio=table["measured"], machine="Ada")
    orders = [(name, " / ".join(table["row"])) for name in ("Ada", "Bob")]
    shares = charts.g4_shares(theory.g4(experiment(4)))
    for figure in (shares, charts.comparison(table), charts.spread(runs, table), charts.answers(orders)):
        assert figure.layout.margin.l <= 20
        assert figure.layout.yaxis.automargin
        names = figure.layout.yaxis.ticktext or (figure.data[0].y[0] if figure is shares else figure.data[0].y)
        assert max(len(line) for name in names for line in name.split("<br>")) <= 24
    (bar,) = charts.answers(orders).data
    assert charts.answers(orders).layout.height >= 90 + charts.LINE * (bar.y[0].count("<br>") + 1)  # none on another


def test_the_results_of_twenty_students_stay_apart():
    """Their marks lay on each other: a row had 60 px, and the legend took its lines from the rows."""
    table = measured(experiment(2))
    names = [f"student {number}" for number in range(20)]
    runs = pandas.concat([table.assign(ratio=table["measured"], machine=name) for name in names])
    few, many = (charts.spread(runs[runs["machine"].isin(names[:count])], table) for count in (2, 20))
    places = sorted({y for name in names for y in named(many)[name].y})
    rows = len(table) - 1
    assert len(places) == 20 * rows
    plot = many.layout.height - few.layout.height
    assert plot >= rows * (20 * charts.APART - 60) + 4 * charts.LINE


def test_names_break_at_their_words():
    names = charts.comparison(measured(experiment(4))).layout.yaxis.ticktext
    assert names[0] == "ReLU yes,<br>short-cut yes"


# the lessons


@pytest.mark.parametrize("c_in", [1, 8, 64])
@pytest.mark.parametrize("c_out", [1, 16, 128])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_separable_ratio_is_what_is_counted_and_the_articles_is_not(c_in, c_out, kernel):
    counted = lessons.totals(lessons.separable_networks(c_in, c_out, kernel, 14))["mult_adds_ratio"][1]
    assert counted == pytest.approx(lessons.separable_ratio(c_out, kernel))
    assert lessons.article_ratio(c_out, kernel) == pytest.approx(counted * kernel**2 * c_out)


def test_the_separable_chart_marks_the_chosen_convolution():
    curve = lessons.separable_curve(3)
    line, limit, mark = lesson_charts.separable_ratio(curve, 128, 0.1189).data
    assert list(line.y) == [1 / c + 1 / 9 for c in line.x]
    assert set(limit.y) == {1 / 9}
    assert (mark.x, mark.y) == ((128,), (0.1189,))


def test_multipliers_are_the_published_networks():
    table = lessons.multipliers(0.75, 192).set_index(["width", "resolution"])
    assert table.loc[(1.0, 224), "mult_adds"] == 568_740_352
    assert table.loc[(0.5, 224), "params"] == 1_331_592
    assert table["params"].groupby("width").nunique().eq(1).all()  # ρ takes no parameters
    assert list(table.index[table["chosen"]]) == [(0.75, 192)]
    (grid,) = lesson_charts.multipliers(table.reset_index(), "mult_adds").data
    assert grid.z[-1][-1] == 568_740_352
    off_grid = lessons.multipliers(0.6, 200)
    assert len(off_grid) == 25


def test_bars_are_over_the_first_network():
    table = lessons.totals(lessons.last_stage_networks())
    first, second = lesson_charts.side_by_side(table).data
    assert set(first.x) == {1}
    assert second.x[0] == 216_589_760 / table["mult_adds"][0]


@pytest.mark.parametrize(("groups", "size"), [(1, 4), (2, 3), (3, 4), (8, 1), (4, 6)])
def test_the_shuffle_is_torchs_and_comes_back(groups, size):
    import torch

    channels = groups * size
    order = curves.shuffled(channels, groups)
    x = torch.arange(channels).view(1, channels, 1, 1)
    assert order == torch.nn.ChannelShuffle(groups)(x).flatten().tolist()
    assert [order[i] for i in curves.shuffled(channels, size)] == list(range(channels))
    frames = curves.shuffle_frames(channels, groups)
    last = frames[frames["frame"] == frames["frame"].max()].sort_values("x")
    assert list(last["channel"]) == order
    assert len(lesson_charts.shuffle(frames).frames) == frames["frame"].nunique()


def test_a_shuffle_mixes_the_groups():
    assert curves.groups_reached(12, 3, shuffles=False) == 1
    assert curves.groups_reached(12, 3, shuffles=True) == 3
    assert curves.groups_reached(8, 4, shuffles=True) == 2  # two channels per group reach two


def test_the_shuffle_costs_memory_and_no_multiply_add():
    table = lessons.totals(lessons.shuffle_networks(3))
    assert table["mult_adds"].nunique() == 1
    assert table["kernels"][0] - table["kernels"][1] == 16
    assert table["mem_access"][0] > table["mem_access"][1]


def test_relu_leaves_more_in_more_dimensions():
    table = curves.survival(seeds=20)
    assert table["recoverable"].is_monotonic_increasing
    assert table["straight"].is_monotonic_increasing
    assert table["recoverable"].iloc[0] < 0.4
    assert table["straight"].iloc[-1] > 0.999
    before, after = lesson_charts.manifold(curves.through_relu(3), 3).data
    assert np.array_equal(before.x, curves.spiral()[:, 0])
    assert not np.allclose(before.x, after.x)
    assert curves.through_relu(4, 1).equals(curves.through_relu(4, 1))


def test_without_relu_the_spiral_would_come_back_whole():
    """What is lost is ReLU's doing, not the projection's."""
    matrix = np.random.default_rng((0, 5)).standard_normal((2, 5))
    assert np.allclose(curves.spiral() @ matrix @ np.linalg.pinv(matrix), curves.spiral())


def test_the_curves_are_torchs():
    import torch

    data = curves.swishes()
    x = torch.tensor(data["x"].to_numpy())
    for column, function in (
        ("sigmoid", torch.sigmoid),
        ("hard_sigmoid", torch.nn.functional.hardsigmoid),
        ("swish", torch.nn.functional.silu),
        ("hard_swish", torch.nn.functional.hardswish),
    ):
        assert np.allclose(data[column], function(x).numpy()), column
    assert data["error"].abs().max() == pytest.approx(3 / (1 + np.exp(3)), abs=1e-6)  # at x = ±3
    assert named(lesson_charts.swishes(data))["hard-swish − swish"].y[0] == data["error"][0]


def test_the_swish_networks_differ_in_nothing_that_is_counted():
    networks = lessons.swish_networks()
    assert len({spec for _, spec in networks}) == 3
    assert lessons.totals(networks).drop(columns="network").nunique().eq(1).all()


def test_squeeze_and_excite_at_a_quarter_is_the_published_network():
    networks = dict(lessons.squeeze_networks(0.25))
    assert networks["squeezed to 1/4"] == archs.spec("mobilenet_v3_large")
    table = lessons.totals(lessons.squeeze_networks(0.25))
    assert table["params"][1] > 1.3 * table["params"][0]
    assert table["mult_adds"][1] < 1.01 * table["mult_adds"][0]


def test_the_last_stages_begin_where_they_differ():
    tails = lessons.last_stage_tails()
    for (label, tail), (_, spec) in zip(tails.items(), lessons.last_stage_networks()):
        counts = costmodel.count(archs.build(spec))
        assert list(tail["path"]) == [node.path for node in counts.graph.nodes][-len(tail) :], label
    original, efficient = (tail["mult_adds"].sum() for tail in tails.values())
    totals = lessons.totals(lessons.last_stage_networks())["mult_adds"]
    assert original - efficient == totals[0] - totals[1] > 0


def test_residual_and_inverted_residual_have_the_same_wide_end():
    for (_, spec), ends in zip(lessons.residual_networks(144, 6, 14), ((144, 144), (24, 24))):
        graph = archs.build(spec)
        assert (graph.input.channels, graph.output.channels) == ends
        assert max(node.output.channels for node in graph.nodes) == 144


# design your own


@pytest.mark.parametrize("kind", design.KINDS)
def test_any_two_kinds_come_near_equal_flops(kind):
    target = design.mult_adds("conv3", 48, 14)
    channels = design.matching(kind, target, 14)
    step = design.KINDS[kind].step
    assert channels % step == 0
    miss = abs(design.mult_adds(kind, channels, 14) - target)
    for other in (channels - step, channels + step):
        if step <= other <= design.MAX_CHANNELS:
            assert miss <= abs(design.mult_adds(kind, other, 14) - target)


def test_designs_out_of_range_are_refused():
    with pytest.raises(LabError, match="multiples of 16"):
        design.network("shuffle_v1", 24, 14)
    with pytest.raises(LabError, match="kind: found 'import os'"):
        design.network("import os", 8, 14)
    assert design.matching("conv1", 10**15, 14) == design.MAX_CHANNELS
