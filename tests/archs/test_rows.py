"""The columns that are choices within a block: where each puts its operators, and that the exported module runs."""

import pytest
import torch

import archs
from archs.tables.rows import Bottleneck, Conv, InvertedResidual, Separable, ShuffleV1, ShuffleV2
from archs.tables.table import Spec

WIDE = {"stage": "s", "channels": 24}


def graph_of(row, channels=24):
    return archs.build(Spec(name="net", rows=(Conv(stage="stem", channels=channels), row), resolution=16))


def names(row, channels=24):
    """The block's nodes, without batch norms."""
    paths = [n.path.removeprefix("s/block1/") for n in graph_of(row, channels).nodes if n.path.startswith("s/")]
    return " ".join(path for path in paths if not path.endswith("_bn"))


# fmt: off
CASES = [
    (Separable(**WIDE),                                         "dw dw_act pw pw_act"),
    (Separable(**WIDE, dw_activation="none"),                   "dw pw pw_act"),
    (InvertedResidual(**WIDE, expansion=2, dw_activation="none"), "expand expand_act dw project add"),
    (InvertedResidual(**WIDE, expansion=2, out_activation="relu"), "expand expand_act dw dw_act project project_act add"),
    (ShuffleV1(**WIDE),                                         "reduce reduce_act shuffle dw restore add act"),
    (ShuffleV1(**WIDE, shuffle_after="depthwise"),              "reduce reduce_act dw shuffle restore add act"),
    (ShuffleV1(**WIDE, shuffle_after="restore"),                "reduce reduce_act dw restore shuffle add act"),
    (ShuffleV1(**WIDE, dw_activation="relu", shuffle=False),    "reduce reduce_act dw dw_act restore add act"),
    (ShuffleV1(**WIDE, se=0.25),                                "reduce reduce_act shuffle dw restore se/pool se/reduce se/reduce_act se/restore se/gate se/scale add act"),
    (ShuffleV1(**WIDE, stride=2, merge="add"),                  "reduce reduce_act shuffle dw restore pool add act"),
    (ShuffleV1(**WIDE | {"channels": 48}, stride=2, merge="add"), "reduce reduce_act shuffle dw restore pool shortcut add act"),
    (ShuffleV1(**WIDE | {"channels": 48}, merge="concat"),      "reduce reduce_act shuffle dw restore concat act"),
    (ShuffleV1(**WIDE | {"channels": 48}),                      "reduce reduce_act shuffle dw restore act"),
    (ShuffleV2(**WIDE),                                         "left right pw1 pw1_act dw pw2 pw2_act concat shuffle"),
    (ShuffleV2(**WIDE, shuffle_at="start"),                     "shuffle left right pw1 pw1_act dw pw2 pw2_act concat"),
    (ShuffleV2(**WIDE, merge="add", shuffle=False),             "pw1 pw1_act dw pw2 pw2_act add"),
    (ShuffleV2(**WIDE, se=0.5, shuffle=False),                  "left right pw1 pw1_act dw pw2 pw2_act se/pool se/reduce se/reduce_act se/restore se/gate se/scale concat"),
    (ShuffleV2(**WIDE, stride=2, merge="add"),                  "shortcut/dw shortcut/pw shortcut/pw_act main/pw1 main/pw1_act main/dw main/pw2 main/pw2_act add shuffle"),
    (Bottleneck(**WIDE, inner=8, activation="swish", se=0.5),   "reduce reduce_act spatial spatial_act restore se/pool se/reduce se/reduce_act se/restore se/gate se/scale add act"),
]
# fmt: on


@pytest.mark.parametrize(("row", "operators"), CASES, ids=lambda value: getattr(value, "kind", value))
def test_where_a_choice_puts_its_operators(row, operators):
    assert names(row) == operators
    graph = graph_of(row)
    assert graph.output.channels == row.channels
    with torch.inference_mode():
        assert archs.to_module(graph).eval()(torch.zeros(1, 3, 16, 16)).shape == (1, *graph.output)


def test_widths_of_the_added_shuffle_unit():
    graph = graph_of(ShuffleV2(**WIDE, merge="add", split=0.25))
    assert [graph[f"s/block1/{name}"].output.channels for name in ("pw1", "dw", "pw2", "add")] == [18, 18, 24, 24]


@pytest.mark.parametrize(
    "row",
    [
        Separable(**WIDE, norm=False),
        InvertedResidual(**WIDE, expansion=2, norm=False),
        ShuffleV1(**WIDE, norm=False),
        ShuffleV2(**WIDE, stride=2, merge="add", norm=False),
        Bottleneck(**WIDE, inner=8, norm=False),
    ],
    ids=lambda row: row.kind,
)
def test_without_batch_norm_every_convolution_has_a_bias(row):
    nodes = [node for node in graph_of(row).nodes if node.path.startswith("s/")]
    assert not [node.path for node in nodes if type(node.op).__name__ == "BatchNorm"]
    convolutions = [node for node in nodes if type(node.op).__name__ == "Conv2d"]
    assert convolutions
    assert all(node.op.bias for node in convolutions)


def test_concat_needs_channels_over_the_input():
    with pytest.raises(
        archs.ArchError, match="row 2, column channels, s/block1: the unit concatenates its input: .* 24"
    ):
        graph_of(ShuffleV1(**WIDE, merge="concat"))
