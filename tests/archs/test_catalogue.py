"""The papers' tables against the reference numbers, to the unit, and against the printed ones, each miss explained."""

import pytest

import archs
import costmodel
from archs.catalogue.published import agrees, published
from archs.catalogue.registry import FAMILIES
from archs.catalogue.registry import published as is_published

# Conv + linear multiply-adds and trainable parameters, 1000 classes, batch 1. None: no exact figure is known.
# ShuffleNetV1's 0.5×, 1.5×, 2× parameters are published without the classifier's 1000 biases.
# fmt: off
REFERENCE = [
    ("mobilenet_v1",       {},                                  568_740_352, 4_231_976),
    ("mobilenet_v1",       {"width": 0.75},                     None,        2_585_560),
    ("mobilenet_v1",       {"width": 0.5},                      None,        1_331_592),
    ("mobilenet_v1",       {"width": 0.25},                     None,        470_072),
    ("shufflenet_v1",      {"groups": 1},                       143_078_976, 1_531_936),
    ("shufflenet_v1",      {"groups": 2},                       140_836_512, 1_733_848),
    ("shufflenet_v1",      {"groups": 3},                       137_460_672, 1_865_728),
    ("shufflenet_v1",      {"groups": 4},                       134_339_776, 1_968_344),
    ("shufflenet_v1",      {"groups": 8},                       138_365_952, 2_434_768),
    ("shufflenet_v1",      {"width": 0.5},                      37_589_856,  717_324 + 1000),
    ("shufflenet_v1",      {"width": 1.5},                      292_443_552, 3_441_168 + 1000),
    ("shufflenet_v1",      {"width": 2.0},                      524_045_184, 5_449_776 + 1000),
    ("shufflenet_v1",      {"width": 0.25, "groups": 1},        None,        209_746),
    ("shufflenet_v1",      {"width": 0.25},                     None,        305_902),
    ("mobilenet_v2",       {},                                  300_774_272, 3_504_872),
    ("mobilenet_v2",       {"width": 1.4},                      None,        6_108_776),
    ("shufflenet_v2",      {"width": 0.5},                      40_476_448,  1_366_792),
    ("shufflenet_v2",      {},                                  145_814_296, 2_279_760),
    ("shufflenet_v2",      {"width": 1.5},                      298_970_656, 3_507_720),
    ("shufflenet_v2",      {"width": 2.0},                      590_783_000, 7_403_600),
    ("shufflenet_v2",      {"width": 0.5, "code": "torchvision"}, 40_476_448, 1_366_792),
    ("shufflenet_v2",      {"code": "torchvision"},             144_907_992, 2_278_604),
    ("shufflenet_v2",      {"width": 1.5, "code": "torchvision"}, 295_759_392, 3_503_624),
    ("shufflenet_v2",      {"width": 2.0, "code": "torchvision"}, 583_253_464, 7_393_996),
    ("mobilenet_v3_large", {},                                  216_589_760, 5_483_032),
    ("mobilenet_v3_small", {},                                  56_510_400,  2_542_856),
    ("mnasnet_a1",         {},                                  None,        3_887_038),
    ("resnet50",           {"code": "torchvision"},             4_089_184_256, 25_557_032),
]
ROUNDED = [  # (…, millions with their last digit)
    ("mobilenet_v2",       {"width": 1.4},                      "582.2",     None),
    ("mobilenet_v3_large", {"width": 0.75},                     "154.56",    "3.994"),
    ("mobilenet_v3_small", {"width": 0.75},                     "43.40",     "2.042"),
    ("mobilenet_v3_large", {"width": 0.5},                      "69.25",     "2.690"),
    ("mobilenet_v3_large", {"width": 0.35},                     "39.47",     "2.132"),
    ("mobilenet_v3_small", {"width": 0.5},                      "21.05",     "1.593"),
    ("mobilenet_v3_small", {"width": 0.35},                     "12.82",     "1.358"),
    ("mobilenet_v3_large", {"width": 0.75, "code": "torchvision"}, "140.0",  "3.378"),
    ("mobilenet_v3_large", {"width": 1.25},                     None,        "7.552"),
    ("mobilenet_v3_small", {"width": 1.25},                     None,        "3.646"),
]
# ShuffleNetV1, Table 1's complexities: without the classifier
CONVOLUTIONS_ONLY = {1: "142.50", 2: "140.04", 3: "136.50", 4: "133.25", 8: "136.83"}
# fmt: on


def total(name, **knobs):
    return costmodel.count(archs.build(archs.spec(name, **knobs))).total


@pytest.mark.parametrize(("name", "knobs", "mult_adds", "params"), REFERENCE)
def test_reference_to_the_unit(name, knobs, mult_adds, params):
    ours = total(name, **knobs)
    assert ours.params == params
    assert mult_adds in (None, ours.mult_adds)


@pytest.mark.parametrize(("name", "knobs", "mult_adds", "params"), ROUNDED)
def test_reference_rounded(name, knobs, mult_adds, params):
    ours = total(name, **knobs)
    assert agrees(mult_adds or "", ours.mult_adds)
    assert agrees(params or "", ours.params)


@pytest.mark.parametrize(("groups", "printed"), CONVOLUTIONS_ONLY.items())
def test_shufflenet_v1_complexity_excludes_the_classifier(groups, printed):
    counts = costmodel.count(archs.build(archs.spec("shufflenet_v1", groups=groups)))
    assert agrees(printed, counts.total.mult_adds - counts.groups("block")["head/linear"].mult_adds)


@pytest.mark.parametrize("row", published(), ids=lambda row: f"{row.name}-{row.width}-{row.source[:30]}")
def test_published_figures_are_met_or_explained(row):
    ours = costmodel.count(archs.build(row.spec())).total
    met = agrees(row.mult_adds_m, ours.mult_adds) and agrees(row.params_m, ours.params)
    assert met == (not row.explained), (row.mult_adds_m, ours.mult_adds, row.params_m, ours.params)
    assert row.source


def test_layers_of_mobilenet_v1():
    """MobileNetV1's paper, Table 2: the share of the multiply-adds by kind of layer."""
    graph = archs.build(archs.spec("mobilenet_v1"))
    counts = costmodel.count(graph)
    shares = {}
    for node, c in zip(graph.nodes, counts.nodes):
        kind = node.op.describe(*graph.input_shapes(node)).split(" /")[0]
        shares[kind] = shares.get(kind, 0) + c.mult_adds / counts.total.mult_adds
    # The paper prints 1.19 for the 3×3, which with the others makes 99.29: digits swapped, 1.91 is meant
    printed = {"conv 1×1": 94.86, "depthwise 3×3": 3.06, "conv 3×3": 1.91, "linear": 0.18}
    assert {kind: round(share * 100, 2) for kind, share in shares.items() if share} == printed


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda f: f.name)
def test_every_published_knob_builds_and_comes_back_from_json(family):
    for knob, values in family.knobs.items():
        for value in values:
            spec = family.spec(**{knob: value})
            graph = archs.build(spec)
            assert archs.Spec.from_json(spec.to_json()) == spec
            assert is_published(spec)
            assert archs.build(spec) == graph
            assert hash(archs.build(spec)) == hash(graph)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("width", [0.25, 0.3, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0])
def test_shufflenet_v1_builds_at_every_scale_and_group_count(width, groups):
    assert total("shufflenet_v1", width=width, groups=groups).mult_adds > 0


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v1", "mnasnet_a1"])
def test_a_wider_network_never_has_fewer_parameters(name):
    params = [total(name, width=width / 20).params for width in range(5, 41)]
    assert params == sorted(params)


def test_unknown_names_and_knobs_list_the_known():
    with pytest.raises(archs.ArchError, match=r"found 'nonet'; allowed: mobilenet_v1, "):
        archs.spec("nonet")
    with pytest.raises(archs.ArchError, match=r"'groups': MobileNetV2 has no such knob; allowed: width, resolution"):
        archs.spec("mobilenet_v2", groups=3)
    with pytest.raises(archs.ArchError, match=r"groups: found 5; allowed: 1, 2, 3, 4, 8"):
        archs.spec("shufflenet_v1", groups=5)
    with pytest.raises(archs.ArchError, match=r"width: found 0.3; allowed: 0.5, 1.0, 1.5, 2.0"):
        archs.spec("shufflenet_v2", width=0.3)
    for bad in (0, -1, float("nan"), float("inf"), "1.0", True, None):
        with pytest.raises(archs.ArchError, match="width: found"):
            archs.spec("mobilenet_v2", width=bad)
