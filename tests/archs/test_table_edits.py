"""A user's own network: constructors, edits by row and by stage, images of any shape; every refusal is an ArchError."""

from __future__ import annotations

import json

import numpy
import pytest

import archs
from archs.tables.rows import Conv, GlobalPool, InvertedResidual, Linear
from explorer.editing.links import decode, encode

V2 = archs.spec("mobilenet_v2")
ROWS = [Conv(stage="stem", channels=8, stride=2), GlobalPool(stage="head"), Linear(stage="head", channels=10)]


def test_lists_are_taken():
    spec = archs.Spec(name="tiny", rows=ROWS, resolution=[32, 48])
    assert spec == archs.Spec(name="tiny", rows=tuple(ROWS), resolution=(32, 48))
    assert hash(spec) == hash(archs.Spec(name="tiny", rows=tuple(ROWS), resolution=(32, 48)))


def test_rows_are_dicts_too():
    dicts = [{"kind": "conv", "stage": "stem", "channels": 8, "stride": 2}, {"kind": "global_pool", "stage": "head"}]
    assert archs.Spec(name="tiny", rows=[*dicts, ROWS[2]]) == archs.Spec(name="tiny", rows=ROWS)
    assert V2.insert_row(1, dicts[0]) == V2.insert_row(1, ROWS[0])
    assert V2.replace_row("stem", dicts[0]) == V2.replace_row("stem", ROWS[0])


def test_numbers_of_numpy_are_numbers():
    assert V2.edit_row(numpy.int64(3), kernel=numpy.int64(5)) == V2.edit_row(3, kernel=5)
    assert archs.spec("mobilenet_v2", width=numpy.float32(0.5), resolution=numpy.int64(96)).resolution == 96
    assert archs.widen(V2, "stem/conv/conv", numpy.int64(48)) == archs.widen(V2, "stem/conv/conv", 48)
    assert archs.rekernel(V2, "stem/conv/conv", numpy.int64(5)) == archs.rekernel(V2, "stem/conv/conv", 5)
    with pytest.raises(archs.ArchError, match="found 4; allowed: a whole odd number"):
        V2.edit_row(3, kernel=numpy.int64(4))


def test_a_message_has_the_index_that_the_calls_take():
    for edit in (lambda: V2.edit_row(3, kernel=4), lambda: V2.edit_stage("stage3", kernel=4)):
        with pytest.raises(archs.ArchError) as error:
            edit()
        assert str(error.value).endswith("(rows[3])")
        assert str(error.value) == f"{error.value.text} (rows[3])"
        assert error.value.text.startswith("row 4, column kernel")
    with pytest.raises(archs.ArchError, match=r"^row 4, .* \(rows\[3\]\)$"):
        archs.build(V2.replace_row(3, Conv(stage="stage3", channels=32, groups=5)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv(stage="stem"), "channels: found nothing; allowed: a whole number from 1 to 16,384"),
        (lambda: Conv(stage="stem", channels=8, kernel=4), "kernel: found 4; allowed: a whole odd number from 1 to 31"),
        (lambda: archs.Spec(name="x", rows=[]), "rows: found []; allowed: a list of 1 to 256 rows"),
        (lambda: archs.Spec(name="x", rows=["conv"]), "row 1: found 'conv'; allowed: a row of archs.rows"),
        (lambda: archs.Spec(name="x", rows=[{"kind": "cnv"}]), "row 1, column kind: found 'cnv'; allowed: conv, separable"),
        (lambda: archs.Spec(name="x", rows=[{}]), "row 1, column kind: found None; allowed: conv, separable"),
        (lambda: setattr(V2, "resolution", 96), "resolution: a Spec does not change; an edited copy: spec.edit(resolution=…)"),
        (lambda: setattr(V2.rows[3], "kernel", 5), "kernel: a row does not change; an edited copy: spec.edit_row(index, kernel=…)"),
        (lambda: V2.edit(resolution=(0, 5)), "resolution: found (0, 5); allowed: a whole number from 1 to 2,048, or (height, width)"),
        (lambda: V2.edit_row("stage3", kernel=4), "row 4, column kernel: found 4; allowed: a whole odd number from 1 to 31"),
        (lambda: V2.edit_row(11, kernel=3), "row index is 11; allowed: 0 to 10, or a stage: stem, stage1, "),
        (lambda: V2.edit_row("head", kernel=3), "head has 3 rows, [8, 9, 10] of spec.rows; allowed: one of these, an index"),
        (lambda: V2.edit_stage("stage9", kernel=3), "stage: found 'stage9'; allowed: stem, stage1"),
        (lambda: V2.edit_stage("stage3", inner=3), "'inner': no row of stage3 has it; allowed: stage, repeat, channels"),
        (lambda: V2.edit(rows=V2.rows[:3]).set_classes(10), "classes: the network has no linear row"),
        (lambda: archs.Spec(name="x", rows=ROWS[:1]).delete_row(0), "rows: found (); allowed"),
    ],
)  # fmt: skip
def test_bad_values_are_arch_errors(make, message):
    with pytest.raises(archs.ArchError) as error:
        make()
    assert str(error.value).startswith(message)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("change", [{"width": 0.5}, {"groups": 4}, {"code": "torchvision"}])
def test_a_recorded_knob_does_not_change_alone(change):
    with pytest.raises(archs.ArchError, match=r"it records how the rows were made.*archs.spec\('mobilenet_v2', "):
        V2.edit(**change)
    assert V2.edit(rows=V2.rows, **change) != V2, "with the rows it does"
    assert V2.edit(width=1.0) == V2


def test_edits_by_row_and_stage():
    assert V2.edit_row(3, kernel=5) == V2.edit_row("stage3", kernel=5) == V2.edit_row(-8, kernel=5)
    assert V2.edit_stage("stage3", kernel=5) == V2.edit_row(3, kernel=5)
    assert [row.dropout for row in V2.edit_stage("head", dropout=0.5).rows[8:] if hasattr(row, "dropout")] == [0.5]
    row = InvertedResidual(stage="stage3", channels=32, expansion=6.0)
    assert V2.insert_row(4, row).rows[4] == row
    assert V2.insert_row(11, Linear(stage="head")).rows[-1] == Linear(stage="head")
    assert V2.insert_row(4, row).delete_row(4) == V2


def test_a_dict_without_a_stage_joins_its_place():
    assert V2.insert_row(4, {"kind": "conv", "channels": 8}).rows[4].stage == V2.rows[4].stage
    assert V2.insert_row(11, {"kind": "linear"}).rows[-1].stage == V2.rows[-1].stage
    assert V2.replace_row(3, {"kind": "shuffle_v2", "channels": 64}).rows[3].stage == V2.rows[3].stage
    assert V2.insert_row(4, {"kind": "conv", "stage": "extra", "channels": 8}).rows[4].stage == "extra"
    assert V2.replace_row("stage7", Conv(stage="stage7", channels=320)).rows[7].kind == "conv"
    assert archs.build(V2.set_classes(10)).output == (10,)
    assert archs.build(V2.set_input(1, (64, 96))).input == (1, 64, 96)


@pytest.mark.parametrize("name", archs.names())
def test_rectangular_images(name):
    spec = archs.spec(name, resolution=(96, 128))
    graph = archs.build(spec)
    assert graph.input == (3, 96, 128)
    assert archs.Spec.from_json(spec.to_json()) == spec
    assert json.loads(spec.to_json())["resolution"] == [96, 128]
    assert decode(encode(spec)) == spec
    turned = archs.build(archs.spec(name, resolution=(128, 96)))
    adds = [sum(n.op.mult_adds(*g.input_shapes(n)) for n in g.nodes) for g in (graph, turned)]
    assert adds[0] == adds[1]


def test_a_square_pair_is_its_side():
    assert archs.spec("mobilenet_v2", resolution=(224, 224)) == V2


def test_a_rectangular_module_runs():
    import torch

    module = archs.to_module(archs.build(archs.spec("shufflenet_v2", width=0.5, resolution=(64, 96)))).eval()
    assert module(torch.zeros(1, 3, 64, 96)).shape == (1, 1000)


def test_one_line_reprs():
    graph = archs.build(V2)
    assert repr(V2) == "<Spec mobilenet_v2, width 1.0: 3×224×224, 11 rows, 21 blocks>"
    assert repr(graph) == "<Graph mobilenet_v2: 3×224×224 → 1000, 153 nodes>"
    assert str(V2).splitlines()[4].split() == [
        "3",
        "stage3",
        "inverted_residual",
        "repeat",
        "3,",
        "channels",
        "32,",
        "stride",
        "2,",
        "expansion",
        "6.0",
    ]
    assert V2._repr_html_().count("<tr>") == 12
    assert graph._repr_html_().count("<tr>") == 154
    assert "<script" not in archs.Graph("<script>", graph.input, graph.nodes)._repr_html_()
