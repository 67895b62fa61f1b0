"""Undo, redo and reset, and random sequences of edits."""

from random import Random

import pytest
from support.edited import total

import archs
from archs.catalogue.sampling import random_edit, random_spec
from archs.tables.rows import KINDS
from explorer.data.originals import paper
from explorer.editing import edits
from explorer.editing import whole_network as whole
from explorer.editing.history import LIMIT, History
from explorer.editing.links import decode, encode

V2 = archs.spec("mobilenet_v2")


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
