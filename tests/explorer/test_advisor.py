"""The advisor: strains against the paper's formulas, and suggestions that build, help and keep the multiply-adds."""

import pytest

import archs
import costmodel
from archs.catalogue import guidelines
from archs.tables.rows import Conv
from explorer.editing import advisor, edits
from explorer.editing.advisor import advise, mac_bound, strains


def of(spec, guideline, fold=False, ms=None):
    graph = archs.build(spec)
    counts = costmodel.count(archs.fold_batchnorm(graph) if fold else graph)
    return {s.block: s for s in strains(counts, spec, ms) if s.guideline == guideline}


def convolution(channels, to, groups=1):
    rows = (Conv(stage="s", channels=channels, kernel=1), Conv(stage="s", channels=to, kernel=1, groups=groups))
    return archs.Spec(name="net", rows=rows, resolution=56)


@pytest.mark.parametrize(("c1", "c2"), [(128, 128), (90, 180), (52, 312), (36, 432)])
def test_guideline_1_is_the_papers_formula(c1, c2):
    """ShuffleNetV2, equation 1, on the widths of its Table 1: hw(c1 + c2) + c1·c2 over 2·√(hwB) + B/(hw)."""
    pixels = 56 * 56
    least = 2 * pixels * (c1 * c2) ** 0.5 + c1 * c2
    strain = of(convolution(c1, c2), 1)["s/conv2"]
    assert strain.amount == pytest.approx((pixels * (c1 + c2) + c1 * c2) / least)
    assert strain.strained == (c1 != c2)
    assert mac_bound(pixels * c1 * c2, pixels) == pytest.approx(least)


def test_guideline_1_leaves_groups_to_guideline_2():
    assert of(convolution(128, 128, 4), 1)["s/conv2"].amount == pytest.approx(1)
    assert of(convolution(128, 128, 4), 2)["s/conv2"].amount > 0.2
    assert of(convolution(128, 128), 2)["s/conv2"].amount == 0


def test_depthwise_convolutions_are_no_group_convolutions():
    assert {s.amount for s in of(archs.spec("mobilenet_v1"), 2).values()} == {0}


def test_guideline_1_follows_the_table_of_its_experiment():
    """The micro-networks of Table 1, worse and worse in its order."""
    cells = [c for c in guidelines.cells(1) if (c.platform, c.column) == ("GPU", "×1")]
    amounts = [max(s.amount for s in of(cell.spec, 1).values()) for cell in cells]
    assert amounts == sorted(amounts)
    assert amounts[0] == pytest.approx(1)


def test_fragments_and_elementwise_share():
    down = of(archs.spec("shufflenet_v2"), 3)["stage2/block1"]
    assert (down.amount, down.strained, down.text) == (5, True, "5 fragments, 2 side by side")
    assert not of(archs.spec("resnet50"), 3)["conv2_x/block2"].strained
    share = of(archs.spec("mobilenet_v1"), 4, fold=True)["stage2/block1"].amount
    # depthwise 64→64 at 112²/2, 1×1 to 128; two ReLUs read and write what those write
    dw, pw = 64 * 56 * 56, 128 * 56 * 56
    traffic = (64 * 112 * 112 + dw + 9 * 64 + 64) + (dw + pw + 64 * 128 + 128) + 2 * dw + 2 * pw
    assert share == pytest.approx((2 * dw + 2 * pw) / traffic)


def test_milliseconds_are_shared_out_where_there_are_any():
    spec = archs.spec("shufflenet_v1")
    graph = archs.build(spec)
    ms = {node.path: 3.0 if node.path.endswith("/restore") else 1.0 for node in graph.nodes}
    strain = of(spec, 2, ms=ms)["stage3/block2"]
    assert strain.amount == pytest.approx((3 + 1) / (3 + 1 + 8))  # restore, reduce; 8 nodes more in the unit
    assert strain.excess == 4


def test_table_has_a_row_per_block_with_a_convolution():
    spec = archs.spec("shufflenet_v1")
    frame = advisor.table(strains(costmodel.count(archs.build(spec)), spec))
    assert list(frame.columns) == ["block", "row", "G1", "G2", "G3", "G4", "strained"]
    assert len(frame) == 17
    assert frame.set_index("block").loc["stage3/block2", "strained"].startswith("G1 G2")
    assert advisor.table(()).empty


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "shufflenet_v1", "mobilenet_v3_small", "resnet50"])
def test_suggestions_build_help_and_keep_the_work(name):
    spec = archs.spec(name)
    found = advise(spec, limit=4)
    assert found
    assert [s.gain for s in found] == sorted([s.gain for s in found], reverse=True)
    for suggestion in found:
        edited = suggestion.edit(spec)
        assert edited == suggestion.edited.spec
        total = costmodel.count(archs.build(edited)).total
        assert suggestion.after["mem_access"] == total.mem_access < suggestion.before["mem_access"]
        assert total.mult_adds == pytest.approx(suggestion.before["mult_adds"], rel=advisor.SAME_WORK)
        assert suggestion.edited.notes
        assert set(suggestion.blocks) <= {node.block for node in archs.build(spec).nodes}


def test_a_network_that_keeps_the_guidelines_is_left_alone():
    assert advise(archs.spec("shufflenet_v2")) == ()


def test_suggestions_are_ranked_by_the_cost_that_is_passed_in():
    """With a cost of kernels alone, an edit that only lowers the memory access is no help."""
    spec = archs.spec("shufflenet_v1")
    by_kernels = advise(spec, ranked_by="kernels", limit=2)
    assert by_kernels
    assert all(s.after["kernels"] < s.before["kernels"] for s in by_kernels)
    assert all(s.guideline == 2 for s in by_kernels)  # one group needs no shuffle

    def slow_elementwise(graph):
        costs = advisor.counted(graph)
        return costs | {"latency_ms": costs["mem_access"] / 1e6 + costs["kernels"] / 100}

    fastest = advise(spec, slow_elementwise, "latency_ms", limit=2)
    assert fastest[0].gain > 0
    assert fastest[0].ranked_by == "latency_ms"


def test_a_block_that_was_made_worse_is_found_first():
    spec = edits.set_cell(archs.spec("mobilenet_v1"), 8, "kind", "shuffle_v1").spec
    spec = edits.set_cells(spec, {(8, "groups"): 8}).spec
    worst = max((s for s in of(spec, 2).values()), key=lambda s: s.amount)
    assert (worst.block, worst.row) == ("stage4/block3", 8)
    rows = [(s.guideline, s.row) for s in advise(spec) if s.row is not None]
    assert (2, 8) in rows


@pytest.mark.parametrize("name", ["mobilenet_v3_large", "shufflenet_v1"])
def test_one_block_is_judged_as_among_all(name):
    spec = archs.spec(name)
    graph = archs.build(spec)
    counts, pieces = costmodel.count(graph), costmodel.fragmentation(graph)
    for block in dict.fromkeys(node.block for node in graph.nodes):
        expected = [strain for strain in strains(counts, spec) if strain.block == block]
        assert list(strains(counts, spec, pieces=pieces, only=block)) == expected
