"""Edits: each kind of edit, what a refused one says, the guidelines as edits, and a walk of 1,000 random sequences."""

from random import Random

import pytest

import archs
import costmodel
from archs.catalogue.sampling import random_edit, random_spec
from archs.errors import Fix
from archs.tables.rows import KINDS, Conv, Linear
from explorer.data.originals import paper
from explorer.editing import edits
from explorer.editing import whole_network as whole
from explorer.editing.history import LIMIT, History
from explorer.editing.links import decode, encode
from explorer.editing.repair import Refused, repair

V2 = archs.spec("mobilenet_v2")


def total(spec):
    return costmodel.count(archs.build(spec)).total


def refused(edit, *arguments):
    with pytest.raises(archs.ArchError) as caught:
        edit(*arguments)
    return caught.value.problems[0]


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


# the whole network


def test_width_of_a_published_network_is_its_papers_table():
    for name, width in (("mobilenet_v2", 1.4), ("shufflenet_v2", 0.5), ("mobilenet_v3_large", 0.75)):
        assert whole.set_width(archs.spec(name), width).spec == archs.spec(name, width=width)
    large = archs.spec("mobilenet_v3_large", last_stage="original")
    assert total(whole.set_width(large, 0.5).spec).params < total(large).params


@pytest.mark.parametrize("name", archs.names())
@pytest.mark.parametrize("width", [0.3, 1.7])
def test_width_of_an_edited_network(name, width):
    spec = edits.duplicate(archs.spec(name), 2).spec
    wide = whole.set_width(spec, width).spec
    assert wide.width == width
    assert wide.rows[-1].channels == 1000
    assert (total(wide).params > total(spec).params) == (width > 1)


def test_widths_that_are_none():
    for width in (0, -1, 9, float("nan"), "1", True, None):
        assert refused(whole.set_width, V2, width).column == "width"


def test_classes_resolution_and_hard_swish():
    assert total(whole.set_classes(V2, 10).spec).params == 3_504_872 - 990 * 1281
    assert whole.set_resolution(V2, 192).spec == archs.spec("mobilenet_v2", resolution=192)
    swished = whole.hard_swish(V2).spec
    assert total(swished) == total(V2)
    assert "hard_swish" in swished.to_json()
    assert "relu" not in swished.to_json()
    assert "nothing to change" in refused(whole.hard_swish, swished).message


GUIDED = [("mobilenet_v2", 1), ("shufflenet_v1", 1), ("resnet50", 1), ("shufflenet_v1", 2), ("mobilenet_v3_large", 3)]


@pytest.mark.parametrize(("name", "guideline"), GUIDED)
def test_guidelines_1_to_3_lower_the_memory_access_at_equal_mult_adds(name, guideline):
    spec = archs.spec(name)
    edited = whole.apply_guideline(spec, guideline)
    before, after = total(spec), total(edited.spec)
    assert after.mult_adds == pytest.approx(before.mult_adds, rel=0.01)
    assert after.mem_access < 0.95 * before.mem_access
    assert edited.notes
    assert "no row has anything to change" in refused(whole.apply_guideline, edited.spec, guideline).message


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small"])
def test_guideline_4_removes_elementwise_work_only(name):
    before, after = total(archs.spec(name)), total(whole.apply_guideline(archs.spec(name), 4).spec)
    graphs = [archs.build(spec) for spec in (archs.spec(name), whole.apply_guideline(archs.spec(name), 4).spec)]
    activations = [{node.path for node in graph.nodes if node.path.endswith("act")} for graph in graphs]
    assert {path.rpartition("/")[2] for path in activations[0] - activations[1]} == {"dw_act"}
    assert after.elementwise < before.elementwise
    assert after._replace(nonlinearity=0, mem_access=0, kernels=0) == before._replace(
        nonlinearity=0, mem_access=0, kernels=0
    )


def test_a_guideline_that_is_kept_has_nothing_to_change():
    for guideline in (1, 2, 3, 4):
        problem = refused(whole.apply_guideline, archs.spec("shufflenet_v2"), guideline)
        assert problem.message.startswith(f"G{guideline}, ")
    assert "allowed: 1, 2, 3, 4" in refused(whole.apply_guideline, V2, 5).message


def test_repair_says_each_cell():
    spec = archs.spec("shufflenet_v2").edit_row(2, channels=117).edit_row(3, channels=117)
    repaired = repair(spec)
    assert repaired.notes == ("row 3: channels 117 → 118", "row 4: channels 117 → 118")
    assert total(repaired.spec).params


# history


def test_undo_and_redo_walk_twenty_edits():
    history = History.start(V2)
    for kernel in range(20):
        history = history.push(f"step {kernel}", edits.set_cell(history.spec, 3, "channels", 40 + kernel).spec)
    assert history.undo().spec.rows[3].channels == 58
    for _ in range(20):
        history = history.undo()
    assert history.spec == V2
    assert history.redo().spec.rows[3].channels == 40
    assert history.undo() == history
    for _ in range(20):
        history = history.redo()
    assert history.spec.rows[3].channels == 59
    assert history.redo() == history
    assert not history.can_redo
    table = history.go(5).table()
    assert list(table["label"][:3]) == ["opened mobilenet_v2", "step 0", "step 1"]
    assert list(table.loc[table["shown"], "position"]) == [5]
    with pytest.raises(archs.ArchError, match="allowed: 0 to 20"):
        history.go(21)


def test_a_new_edit_ends_what_could_be_redone():
    history = History.start(V2).push("a", edits.set_cell(V2, 3, "kernel", 5).spec).undo()
    assert history.can_redo
    pushed = history.push("b", edits.set_cell(V2, 3, "kernel", 7).spec)
    assert not pushed.can_redo
    assert [version.label for version in pushed.versions] == ["opened mobilenet_v2", "b"]
    assert history.push("same", V2) is history


def test_a_long_history_forgets_its_oldest():
    history = History.start(V2)
    for resolution in range(LIMIT + 5):
        history = history.push(str(resolution), V2.edit(resolution=300 + resolution))
    assert len(history.versions) == LIMIT
    assert history.spec.resolution == 300 + LIMIT + 4


def test_reset_to_paper_is_an_edit_that_can_be_undone():
    edited = edits.set_cell(archs.spec("mobilenet_v3_large", last_stage="original", width=0.75), 3, "kernel", 7).spec
    history = History.start(edited).reset()
    assert history.spec == archs.spec("mobilenet_v3_large", last_stage="original", width=0.75)
    assert history.undo().spec == edited
    with pytest.raises(archs.ArchError, match="no network of the catalogue"):
        History.start(V2.edit(name="own")).reset()
    assert paper(archs.Spec(**{**dict(archs.spec("shufflenet_v2")), "width": 0.3})) == archs.spec("shufflenet_v2")


# the walk


def explorer_edit(spec, rng):
    """One of the explorer's edits at random; the spec itself where it is refused, as the page keeps the last one."""
    index = rng.randrange(len(spec.rows))
    row = spec.rows[index]
    choices = (
        lambda: edits.set_cell(spec, index, "kernel", rng.choice((3, 5, 7, 4))),
        lambda: edits.set_cell(spec, index, "channels", rng.choice((16, 24, 48, 97, 0))),
        lambda: edits.set_cell(
            spec, index, rng.choice(list(type(row).model_fields)), rng.choice((1, 2, "relu", 0.5, True))
        ),
        lambda: edits.replace_block(spec, index, rng.choice(list(KINDS))),
        lambda: edits.insert(spec, index, rng.choice(list(KINDS))),
        lambda: edits.duplicate(spec, index),
        lambda: edits.move(spec, index, rng.randrange(len(spec.rows))),
        lambda: edits.delete(spec, index),
        lambda: whole.set_resolution(spec, rng.choice((32, 96, 224, -1))),
        lambda: whole.set_classes(spec, rng.choice((10, 100))),
        lambda: whole.hard_swish(spec),
        lambda: whole.apply_guideline(spec, 4),
        lambda: edits.Edited(random_edit(spec, rng)[0]),
    )
    try:
        return rng.choice(choices)().spec
    except archs.ArchError:
        return spec


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(20))
def test_a_thousand_random_sequences_of_edits_undo_redo_and_reload(chunk):
    """After every step the counts are those of a network that is built afresh from its JSON."""
    for seed in range(50 * chunk, 50 * chunk + 50):
        rng = Random(seed)
        history = History.start(random_spec(rng, edits=1))
        seen = {history.spec: total(history.spec)}
        for _ in range(rng.randint(2, 5)):
            step = rng.random()
            if step < 0.65:
                history = history.push("edit", explorer_edit(history.spec, rng))
            elif step < 0.8:
                history = history.undo()
            elif step < 0.9:
                history = history.redo()
            else:
                reopened = decode(encode(history.spec))
                assert reopened == history.spec
                history = History.start(reopened, "link")
            shown = total(history.spec)
            assert shown == total(archs.Spec.from_json(history.spec.to_json()))
            assert seen.setdefault(history.spec, shown) == shown


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
