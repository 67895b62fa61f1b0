"""Weights carried over to smaller networks: what is cut away was zero, so the outputs stay the same."""

import pytest
import torch

import archs
from archs import ArchError
from archs.tables.rows import Conv, GlobalPool, InvertedResidual, Linear, ShuffleV1, ShuffleV2
from explorer.search.proposals import knobs, reductions, unrolled
from explorer.search.truncation import initialised, truncated

IMAGES = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
TINY = archs.Spec(
    name="tiny",
    resolution=16,
    rows=(
        Conv(stage="stem", channels=8),
        InvertedResidual(stage="stage1", channels=24, repeat=3, expanded=48, kernel=5, se=0.25, se_of="input"),
        GlobalPool(stage="head", flat=True),
        Linear(stage="head", channels=5),
    ),
)
SHUFFLED = archs.Spec(
    name="shuffled",
    resolution=16,
    rows=(
        Conv(stage="stem", channels=24),
        ShuffleV1(stage="stage1", channels=96, stride=2, groups=2),
        ShuffleV1(stage="stage1", channels=96, groups=2, repeat=2),
        ShuffleV2(stage="stage2", channels=192, stride=2),
        ShuffleV2(stage="stage2", channels=192, repeat=2),
        GlobalPool(stage="head", flat=True),
        Linear(stage="head", channels=5),
    ),
)


def _outputs(graph):
    with torch.no_grad():
        return archs.to_module(graph).eval()(IMAGES)


def _parent(spec, seed=1):
    return initialised(archs.build(unrolled(spec)), seed)


def _child(parent, kind, number=0, value=0):
    found = [knob for knob in knobs(parent.spec, [kind]) if list(reductions(parent.spec, knob))]
    return list(reductions(parent.spec, found[number]))[value]


def _cut(parent, made, order="first"):
    return truncated(parent, made.spec, 9, order, made.removed_row)


def _dead(parent, layer, channels):
    """Filters and shifts of a layer at zero: its channels are zero for every image, behind a ReLU or none."""
    for place in ("", "_bn"):
        for name in ("weight", "bias"):
            if name in parent.weights.get(layer + place, {}):
                parent.weights[layer + place][name][channels] = 0


@pytest.mark.parametrize("spec", [TINY, SHUFFLED], ids=lambda spec: spec.name)
@pytest.mark.parametrize("order", ["first", "norm"])
def test_equal_tables_keep_every_weight(spec, order):
    parent = _parent(spec)
    assert torch.equal(_outputs(truncated(parent, parent.spec, 9, order)), _outputs(parent))


@pytest.mark.parametrize(("order", "dead"), [("first", slice(40, 48)), ("norm", slice(8, 16))])
def test_a_smaller_expansion_drops_dead_channels(order, dead):
    parent = _parent(TINY)
    _dead(parent, "stage1/block1/expand", dead)
    child = _cut(parent, _child(parent, "expansion"), order)
    assert child.spec.rows[1].expanded == 40
    torch.testing.assert_close(_outputs(child), _outputs(parent), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("order", "dead"), [("first", slice(16, 24)), ("norm", slice(3, 11))])
def test_tied_widths_keep_the_same_channels(order, dead):
    """The filters of the first block decide; those of the blocks added to it follow."""
    spec = TINY.edit_row(1, se=0.0)
    parent = _parent(spec)
    for block in (1, 2, 3):
        _dead(parent, f"stage1/block{block}/project", dead)
    child = _cut(parent, _child(parent, "bottleneck"), order)
    assert [row.channels for row in child.spec.rows[1:4]] == [16, 16, 16]
    torch.testing.assert_close(_outputs(child), _outputs(parent), atol=1e-5, rtol=1e-4)


def test_a_block_without_effect_can_go():
    parent = _parent(TINY)
    _dead(parent, "stage1/block2/project", slice(None))
    child = _cut(parent, _child(parent, "depth"), "norm")
    assert len(child.spec.rows) == len(parent.spec.rows) - 1
    torch.testing.assert_close(_outputs(child), _outputs(parent), atol=1e-5, rtol=1e-4)


def test_a_kernel_keeps_its_middle():
    parent = _parent(TINY)
    weight = parent.weights["stage1/block1/dw"]["weight"]
    weight[:, :, (0, -1)] = 0
    weight[:, :, :, (0, -1)] = 0
    child = _cut(parent, _child(parent, "kernel"))
    torch.testing.assert_close(_outputs(child), _outputs(parent), atol=1e-5, rtol=1e-4)


def test_a_gate_that_is_one_can_go():
    parent = _parent(TINY)
    parent.weights["stage1/block1/se/restore"]["weight"][:] = 0
    parent.weights["stage1/block1/se/restore"]["bias"][:] = 9  # a hard sigmoid is 1 from 3 on
    child = _cut(parent, _child(parent, "se", value=1), "norm")
    assert child.spec.rows[1].se == 0
    torch.testing.assert_close(_outputs(child), _outputs(parent), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("order", ["first", "norm"])
def test_shuffles_splits_and_concatenations_are_followed(order):
    """Behind a narrower stem every filter that is left is one of the parent's, whole."""
    parent = _parent(SHUFFLED)
    _dead(parent, "stem/conv/conv", slice(16, 24))
    parent.weights["stem/conv/bn"]["weight"][16:] = 0
    parent.weights["stem/conv/bn"]["bias"][16:] = 0
    knob = next(knob for knob in knobs(parent.spec, ["width"]) if knob.where == "stem/conv")
    spec = next(reductions(parent.spec, knob)).spec
    child = truncated(parent, spec, 9, order)
    for path in ("stem/conv/conv", "stage1/block1/dw", "stage2/block2/dw", "head/linear/linear"):
        kept, old = child.weights[path]["weight"], parent.weights[path]["weight"]
        same = {tuple(row.flatten().tolist()) for row in old} & {tuple(row.flatten().tolist()) for row in kept}
        assert len(same) == len(kept), path


def test_missing_weights_are_those_of_the_seed():
    parent = _parent(TINY)
    wider = parent.spec.edit_row(1, expanded=56)
    one, other = (truncated(parent, wider, 9).weights["stage1/block1/expand"]["weight"] for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(one[:48], parent.weights["stage1/block1/expand"]["weight"])
    assert not torch.equal(one, truncated(parent, wider, 8).weights["stage1/block1/expand"]["weight"])


def test_what_cannot_be_carried_over():
    parent = _parent(TINY)
    for call, message in (
        (lambda: truncated(parent, parent.spec, 1, "last"), "allowed: first, norm"),
        (lambda: truncated(archs.build(TINY), TINY, 1), "has no weights"),
        (lambda: truncated(parent, TINY.edit(rows=TINY.rows[1:]), 1), "other rows"),
    ):
        with pytest.raises(ArchError, match=message):
            call()
