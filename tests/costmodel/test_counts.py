"""Counts against formulas, and the invariants that hold on everything we have."""

from random import Random

import pytest

import archs
import costmodel
from archs.catalogue.sampling import random_edit, random_spec
from archs.ir import ops
from archs.ir.graph import Builder
from archs.ir.ops import Shape
from costmodel.counting.kinds import ELEMENTWISE, FREE, PRODUCTS, WEIGHTED

SEEDS = range(200)


def graph_of(network):
    """The graph of a catalogue name, or of the random edit with a seed."""
    return archs.build(archs.spec(network) if isinstance(network, str) else random_spec(Random(network)))


def one(op, *inputs):
    """The counts of one operator on inputs of these shapes."""
    b = Builder("one", Shape(*inputs[0]))
    paths = ["input"]
    for i, dims in enumerate(inputs[1:]):  # a second input is made from the first by operators that are taken off again
        paths.append(b.add(f"make{i}", ops.Conv2d(dims[0]) if len(dims) == 3 else ops.Flatten(), "input"))
    b.add("op", op, *paths)
    return costmodel.count(b.graph()).nodes[-1]


# fmt: off
@pytest.mark.parametrize(("op", "inputs", "expected"), [
    # ShuffleNetV2, G1: hw(c1 + c2) + c1·c2, G2: divided by g
    (ops.Conv2d(64),                      [(32, 56, 56)], {"mem_access_paper": 56*56*(32 + 64) + 32*64, "mem_access": 56*56*(32 + 64) + 32*64, "activations": 64*56*56, "kernels": 1}),
    (ops.Conv2d(64, groups=4, bias=True), [(32, 56, 56)], {"mem_access_paper": 56*56*(32 + 64) + 32*64//4, "mem_access": 56*56*(32 + 64) + 32*64//4 + 64}),
    (ops.Conv2d(32, 3, 2, groups=32),     [(32, 56, 56)], {"mem_access_paper": 32*56*56 + 32*28*28 + 9*32}),
    (ops.Linear(10),                      [(32,)],        {"mem_access_paper": 32 + 10 + 320, "mem_access": 32 + 10 + 320 + 10, "params": 330}),
    (ops.BatchNorm(),                     [(32, 56, 56)], {"mem_access": 2*32*56*56 + 64, "batch_norm": 32*56*56, "mem_access_paper": 0, "params": 64}),
    (ops.HardSwish(),                     [(32, 56, 56)], {"mem_access": 2*32*56*56, "nonlinearity": 32*56*56}),
    (ops.Add(),                           [(32, 56, 56), (32, 56, 56)], {"mem_access": 3*32*56*56, "add": 32*56*56}),
    (ops.Concat(),                        [(32, 56, 56), (8, 56, 56)], {"mem_access": 2*40*56*56, "copy": 40*56*56}),
    (ops.ChannelShuffle(4),               [(32, 56, 56)], {"mem_access": 2*32*56*56, "copy": 32*56*56, "kernels": 1}),
    (ops.MaxPool(3, 2, 1),                [(32, 56, 56)], {"mem_access": 32*56*56 + 32*28*28, "pooling": 9*32*28*28}),
    (ops.GlobalAvgPool(),                 [(32, 56, 56)], {"mem_access": 32*56*56 + 32, "pooling": 32*56*56}),
    (ops.Flatten(),                       [(32, 56, 56)], {"mem_access": 0, "kernels": 0}),
    (ops.Dropout(),                       [(32, 56, 56)], {"mem_access": 0, "kernels": 0}),
    (ops.ChannelSplit((16, 16), 0),       [(32, 56, 56)], {"mem_access": 0, "kernels": 0}),
])
# fmt: on
def test_formulas(op, inputs, expected):
    assert {name: getattr(one(op, *inputs), name) for name in expected} == expected


def test_multiply_reads_the_gate():
    graph = graph_of("mobilenet_v3_large")
    counts = dict(zip((n.path for n in graph.nodes), costmodel.count(graph).nodes))
    c, h, w = graph["stage3/block1/se/scale"].output
    assert counts["stage3/block1/se/scale"].mem_access == 2 * c * h * w + c
    assert counts["stage3/block1/se/scale"].multiply == c * h * w


@pytest.mark.parametrize("network", [*archs.names(), *SEEDS])
def test_every_column_adds_up(network):
    counts = costmodel.count(graph_of(network))
    assert sum(counts.nodes, costmodel.Counts.zero()) == counts.total
    for level in ("node", "block", "stage"):
        groups = counts.groups(level)
        assert sum(groups.values(), costmodel.Counts.zero()) == counts.total
        if level != "node":
            table = counts.by(level)
            assert list(table[level]) == list(groups)
            assert {c: int(table[c].sum()) for c in counts.total._fields} == counts.total._asdict()
    table = counts.table()
    assert {c: int(table[c].sum()) for c in counts.total._fields} == counts.total._asdict()
    assert (table["mem_bytes"] == 4 * table["mem_access"]).all()
    assert counts.total.mem_access_paper <= counts.total.mem_access
    assert min(min(c) for c in counts.nodes) >= 0


def test_every_operator_is_either_priced_or_listed_as_free():
    from dataclasses import is_dataclass

    known = {c for c in vars(ops).values() if is_dataclass(c) and issubclass(c, ops.Op)}
    tables = [*FREE, *ELEMENTWISE, *WEIGHTED, *PRODUCTS, ops.TensorFunction, ops.Opaque]
    assert known == set(tables)
    assert len(tables) == len(known), "an operator stands in one table"
    assert all(FREE.values())


def test_an_unknown_operator_is_an_error():
    class Mystery(ops.ReLU):
        pass

    with pytest.raises(costmodel.CostError, match="operator Mystery has no cost rule"):
        one(Mystery(), (8, 4, 4))


def test_folding_takes_batch_norm_away_and_nothing_else():
    for network in [*archs.names(), *SEEDS[:3]]:
        graph = graph_of(network)
        before = costmodel.count(graph).total
        after = costmodel.count(archs.fold_batchnorm(graph)).total
        assert (after.mult_adds, after.batch_norm) == (before.mult_adds, 0)
        assert after.mem_access_paper == before.mem_access_paper
        assert after.params < before.params


def test_split_copies_by_convention():
    graph = graph_of("shufflenet_v2")
    free = costmodel.count(graph).total
    copied = costmodel.count(graph, costmodel.Convention(split_copies=True)).total
    moved = sum(n.output.elements for n in graph.nodes if isinstance(n.op, ops.ChannelSplit))
    assert copied.copy - free.copy == moved > 0
    assert copied.mem_access - free.mem_access == 2 * moved
    assert copied.mult_adds == free.mult_adds


def test_peak_activation():
    # conv 4→8 on 2×2 and its batch norm: while the norm runs, its input and output are alive, the image no more
    b = Builder("tiny", Shape(4, 2, 2))
    x = b.add("conv", ops.Conv2d(8), "input")
    b.add("bn", ops.BatchNorm(), x)
    assert costmodel.count(b.graph()).peak_activation == 2 * 8 * 4
    # with a shortcut from the image, the image stays
    b = Builder("tiny", Shape(8, 2, 2))
    x = b.add("conv", ops.Conv2d(8), "input")
    y = b.add("bn", ops.BatchNorm(), x)
    b.add("add", ops.Add(), "input", y)
    assert costmodel.count(b.graph()).peak_activation == 3 * 8 * 4
    # a split is a view: its whole source stays as long as a part is read
    b = Builder("tiny", Shape(8, 2, 2))
    left, right = (b.add(f"part{i}", ops.ChannelSplit((4, 4), i), "input") for i in range(2))
    z = b.add("relu", ops.ReLU(), right)
    b.add("cat", ops.Concat(), left, z)
    assert costmodel.count(b.graph()).peak_activation == (8 + 4 + 8) * 4


def test_mobilenet_v2_table_3():
    """MobileNetV2, Table 3: the largest tensor that a layer boundary holds at 112² is 16 channels, 400 kB in 16 bit."""
    graph = graph_of("mobilenet_v2")
    assert graph["stage1/block1/project_bn"].output.elements * 2 // 1000 == 401


def test_undoing_an_edit_gives_the_same_counts():
    rng = Random(0)
    for _ in range(50):
        spec = random_spec(rng)
        before = costmodel.count(archs.build(spec)).total
        random_edit(spec, rng)
        assert costmodel.count(archs.build(archs.Spec.from_json(spec.to_json()))).total == before
