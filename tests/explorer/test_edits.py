"""Edits of cells, rows and kinds of block, and what a refused one says."""

import pytest
from support.edited import refused, total

import archs
from archs.errors import Fix
from archs.tables.rows import KINDS, Conv, Linear
from explorer.editing import edits
from explorer.editing.repair import Refused

V2 = archs.spec("mobilenet_v2")


# one cell


def test_a_cell():
    spec = edits.set_cell(V2, 3, "kernel", 5).spec
    assert spec.rows[3].kernel == 5
    assert spec.edit_row(3, kernel=3) == V2


def test_the_two_widths_of_an_inverted_residual_are_one_choice():
    spec = edits.set_cell(V2, 3, "expanded", 96).spec
    assert (spec.rows[3].expansion, spec.rows[3].expanded) == (None, 96)
    spec = edits.set_cell(spec, 3, "expansion", 4.0).spec
    assert (spec.rows[3].expansion, spec.rows[3].expanded) == (4.0, None)


def test_several_cells_are_valid_as_a_whole():
    """Channels of 30 alone do not fit groups of 4, nor do groups of 5 the 32 before; together they do."""
    rows = (
        Conv(stage="s", channels=32, groups=1),
        Conv(stage="s", channels=32, groups=4),
        Linear(stage="s", channels=9),
    )
    spec = archs.Spec(name="net", rows=rows, resolution=8)
    assert refused(edits.set_cell, spec, 1, "groups", 5).row == 2
    edited = edits.set_cells(spec, {(0, "channels"): 30, (1, "channels"): 40, (1, "groups"): 5}).spec
    assert [row.channels for row in edited.rows] == [30, 40, 9]


def test_every_refused_cell_is_named_at_once():
    with pytest.raises(archs.ArchError) as caught:
        edits.set_cells(V2, {(1, "kernel"): 4, (3, "stride"): 9, (5, "activation"): "hardswish"})
    problems = caught.value.problems
    assert [(p.row, p.column) for p in problems] == [(2, "kernel"), (4, "stride"), (6, "activation")]
    assert [p.fix.value for p in problems] == [5, 4, "hard_swish"]
    assert [p.found for p in problems] == ["4", "9", "'hardswish'"]
    assert problems[1].allowed == "a whole number from 1 to 4"


# fmt: off
REFUSED = [  # (network, row from 0, column, value, what would do)
    ("shufflenet_v1", 2, "channels", 241,    Fix(3, "channels", 240)),
    ("shufflenet_v1", 2, "channels", 8,      Fix(3, "channels", 48)),
    ("shufflenet_v1", 2, "groups",   5,      Fix(3, "groups", 4)),
    ("shufflenet_v2", 2, "channels", 117,    Fix(3, "channels", 116)),
    ("shufflenet_v2", 4, "channels", 100,    Fix(5, "channels", 118)),
    ("shufflenet_v2", 3, "split",    0.001,  Fix(4, "split", 0.5)),
    ("mobilenet_v2",  3, "channels", 0,      Fix(4, "channels", 1)),
    ("mobilenet_v2",  3, "channels", 10**9,  Fix(4, "channels", 16384)),
    ("mobilenet_v2",  3, "channels", 32.4,   Fix(4, "channels", 32)),
    ("mobilenet_v2",  3, "channels", True,   None),
    ("mobilenet_v2",  3, "channels", "wide", None),
    ("mobilenet_v2",  3, "se",       2,      Fix(4, "se", 1)),
    ("mobilenet_v2",  3, "colour",   2,      None),
]
# fmt: on


@pytest.mark.parametrize(("name", "row", "column", "value", "fix"), REFUSED)
def test_a_refused_cell_says_where_and_what_would_do(name, row, column, value, fix):
    spec = archs.spec(name)
    problem = refused(edits.set_cell, spec, row, column, value)
    assert (problem.row, problem.fix) == (row + 1, fix)
    if fix:
        assert total(edits.apply_fix(spec, fix).spec).mult_adds > 0
        assert f"suggested fix: {fix}" in str(problem)


def test_a_row_that_another_edit_broke_says_what_would_do():
    """A wide row before a unit that keeps its input: the blame is the unit's, and the fix too."""
    spec = archs.spec("shufflenet_v2")
    problem = refused(edits.insert, spec, 2, Conv(stage="stem", channels=500, kernel=1))
    assert (problem.row, problem.column, problem.found) == (4, "channels", "116")
    assert problem.fix == Fix(4, "downsample", "half")


def test_fields():
    assert edits.set_field(V2, "resolution", 160).spec.resolution == 160
    problem = refused(edits.set_field, V2, "resolution", 5000)
    assert (problem.column, problem.fix) == ("resolution", Fix(None, "resolution", 2048))
    assert edits.apply_fix(V2, problem.fix).spec.resolution == 2048
    assert refused(edits.set_field, V2, "name", "Evil(") .fix is None  # fmt: skip
    assert "allowed: resolution" in refused(edits.set_field, V2, "rows", ()).message


# rows


def test_insert_duplicate_move_and_delete():
    spec = edits.insert(V2, 4, "shuffle_v2").spec
    assert (spec.rows[4].kind, spec.rows[4].channels, spec.rows[4].stage) == ("shuffle_v2", 32, "stage3")
    assert edits.delete(spec, 4).spec == V2
    assert edits.insert(V2, len(V2.rows), Linear(stage="head", channels=10)).spec.rows[-1].channels == 10
    copied = edits.duplicate(V2, 2)
    assert (copied.spec.rows[3].stride, copied.notes) == (1, ("row 4: stride 1, as the repeats of a row have",))
    moved = edits.move(V2, 2, 5)
    assert (moved.spec.rows[5].stage, moved.spec.rows[5].channels) == ("stage5", 24)
    assert moved.notes
    assert edits.move(edits.move(V2, 3, 4).spec, 4, 3).spec.rows[3].channels == 32


@pytest.mark.parametrize("index", [-1, 11, 99])
def test_rows_that_are_not_there(index):
    for edit in (edits.delete, edits.duplicate, lambda spec, i: edits.set_cell(spec, i, "kernel", 3)):
        assert "allowed: 1 to 11" in refused(edit, V2, index).message


def test_the_last_row_cannot_go():
    spec = archs.Spec(name="net", rows=(Conv(stage="s", channels=8),), resolution=8)
    assert refused(edits.delete, spec, 0).column == "rows"


# kinds of block


def flat_before(spec, index):
    return index and len(archs.build(spec.edit(rows=spec.rows[:index])).output) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet_v1", "shufflenet_v2", "mobilenet_v3_small"])
def test_every_kind_gives_a_network_where_one_exists(name, kind):
    """None exists after a flattened map, and none where a linear row, or a flat pool, stands before a convolution."""
    spec = archs.spec(name, resolution=64)
    for index in range(len(spec.rows)):
        if flat_before(spec, index) or (
            kind == "linear" and not flat_before(spec, index + 1) and index < len(spec.rows) - 2
        ):
            continue
        before = spec.rows[index]
        edited = edits.replace_block(spec, index, kind)
        after = edited.spec.rows[index]
        assert total(edited.spec).params >= 0
        assert (after.kind, after.stage, after.repeat) == (kind, before.stage, before.repeat)
        for column in ("channels", "stride"):
            if hasattr(before, column) and getattr(after, column, getattr(before, column)) != getattr(before, column):
                assert column in " ".join(edited.notes)


def test_a_stage_of_shuffle_units():
    edited = edits.replace_stage(V2, "stage3", "shuffle_v2")
    assert edited.spec.rows[3].kind == "shuffle_v2"
    assert (edited.spec.rows[3].channels, edited.spec.rows[3].repeat, edited.spec.rows[3].stride) == (32, 3, 2)
    assert "allowed: stem, stage1" in refused(edits.replace_stage, V2, "stage9", "conv").message


def test_what_had_to_be_adjusted_is_said():
    edited = edits.replace_block(V2, 4, "shuffle_v1")
    assert edited.notes == ("row 5: groups 3 → 2: the nearest form that fits here",)
    narrow = edits.replace_block(edits.set_cell(V2, 4, "channels", 24).spec, 4, "shuffle_v2")
    assert narrow.notes == ("row 5: downsample keep → half: the nearest form that fits here",)
    added = edits.replace_block(edits.set_cell(V2, 4, "channels", 24).spec, 4, "shuffle_v1")
    assert added.notes == ("row 5: group_first True → False, merge nothing → add: the nearest form that fits here",)
    assert "allowed: conv, separable" in refused(edits.replace_block, V2, 4, "magic").message


@pytest.mark.parametrize("name", archs.names())
def test_a_repeat_as_a_row_of_its_own_is_the_same_network(name):
    spec = archs.spec(name)
    nodes = archs.build(spec).nodes
    for index, row in enumerate(spec.rows):
        for position in range(row.repeat if row.repeat > 1 else 0):
            apart = edits.split(spec, index, position).spec
            assert archs.build(apart).nodes == nodes
            alone = index + bool(position)
            assert apart.rows[alone].repeat == 1
            assert len(apart.rows) == len(spec.rows) + bool(position) + bool(position < row.repeat - 1)
            assert sum(r.repeat for r in apart.rows) == sum(r.repeat for r in spec.rows)


@pytest.mark.parametrize("position", [-1, 3])
def test_a_repeat_that_is_not_there(position):
    with pytest.raises(archs.ArchError, match="allowed: 1 to 3"):
        edits.split(V2, 3, position)


def test_a_table_that_does_not_build_goes_with_its_error():
    """So that what would do is one click away, whatever the edit was."""
    spec = archs.spec("shufflenet_v1", groups=8)
    with pytest.raises(Refused) as refused:
        edits.set_cell(spec, 3, "channels", 100)
    (problem,) = refused.value.problems
    assert edits.apply_fix(refused.value.attempt, problem.fix).spec.rows[3].channels == problem.fix.value
    with pytest.raises(Refused) as refused:
        edits.duplicate(archs.spec("shufflenet_v2"), 9)
    assert len(refused.value.attempt.rows) == len(archs.spec("shufflenet_v2").rows) + 1
