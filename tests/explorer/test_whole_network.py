"""Edits of the whole network: width, classes, resolution, the guidelines."""

import pytest
from support.edited import refused, total

import archs
from explorer.editing import edits
from explorer.editing import whole_network as whole
from explorer.editing.repair import repair

V2 = archs.spec("mobilenet_v2")


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
