"""Where tensors lie, against the run of the exported text: which storage is gone when the next operator is done."""

from __future__ import annotations

import gc
import random
import weakref
from dataclasses import replace

import numpy as np
import pytest
from torch import UntypedStorage

import archs
from archs.caching import clear_all
from archs.catalogue.sampling import random_edit, random_spec
from archs.ir.graph import INPUT, Builder
from archs.ir.ops import Add, BatchNorm, Conv2d, GlobalAvgPool, Module, ReLU, Shape
from costmodel.latency.cache_ages import Ages, _before, _last_touched, ages
from costmodel.latency.liveness import MODULES, _lives, _stage, lives
from costmodel.networks.synthetic import MEDLEY, SyntheticNetwork
from costmodel.timing.instrumented import InPlace
from costmodel.timing.stopwatch import Stopwatch

FAMILIES = [archs.build(archs.spec(name)) for name in archs.names() if name != "resnet50"]
IMPORTED = [SyntheticNetwork(style, 1).graph() for style in ("pyramid", "functions", "unet", "gated")]
SMALL = 16_384  # bytes; the few that the graph cannot tell are vectors


class Watched(InPlace):
    """Notes after which node each storage is gone; tensors are numbered in the graph's order, 0 is the image."""

    watching = False

    def watch_one_run(self) -> dict[int, int]:
        self.alive: dict[int, int] = {}
        self.gone: dict[int, int] = {}
        self.count = 0
        self.watching = True
        self.nodes_us()
        return self.gone | dict.fromkeys(self.alive, self.count)

    def _clocked(self, value, nodes: int = 1):
        if self.watching:
            for tensor, weak in list(self.alive.items()):
                if UntypedStorage._expired(weak):
                    UntypedStorage._free_weak_ref(self.alive.pop(tensor))
                    self.gone[tensor] = self.count
            for part in value if isinstance(value, tuple) else (value,):
                self.count += 1
                self.alive[self.count] = part.untyped_storage()._weak_ref()
        return super()._clocked(value, nodes)


@pytest.mark.parametrize("graph", FAMILIES + IMPORTED, ids=lambda graph: graph.name)
def test_a_tensor_lives_as_long_as_in_the_exported_text(graph):
    watch = Stopwatch()
    with watch.running():
        gone = Watched(graph, watch).watch_one_run()
    found = lives(graph)
    expected = {tensor: end + 1 for tensor, end in zip(found.dead.tolist(), found.ends.tolist())}
    shapes = list(graph.shapes.values())
    paths = list(graph.shapes)
    for tensor in range(1, len(paths) - 1):
        if found.owns[tensor - 1] and 4 * shapes[tensor].elements > SMALL:
            # what an expression takes is gone before the clock behind it, not behind the next
            seen = max(gone[tensor], min(expected[tensor], tensor + 1))
            assert paths[seen] == paths[expected[tensor]], paths[tensor]


def test_a_long_name_ends_the_line_and_with_it_the_life_of_the_lines_input():
    """A name is assigned again when its line is done, and a line is at most 88 wide."""
    deaths = []
    for name in ("conv", "conv_of_the_left_branch_with_a_long_name"):
        b = Builder("lines", Shape(8, 32, 32))
        with b.scope("block", "pair"):
            x = b.add("start", Conv2d(8, 3), INPUT)
            y = b.add(name, Conv2d(8, 3), x)
            y = b.add(f"{name}_bn", BatchNorm(), y)
            y = b.add(f"{name}_act", ReLU(), y)
            b.add("sum", Add(), y, b.add("skip", Conv2d(8, 1), y))
        graph = b.graph()
        assert (f"self.{name}_bn(self.{name}(" in archs.to_source(graph)) == (name == "conv")
        found = lives(graph)
        paths = list(graph.shapes)
        deaths.append(paths[dict(zip(found.dead.tolist(), found.ends.tolist()))[1] + 1])
    assert deaths == ["block/conv_act", "block/conv_of_the_left_branch_with_a_long_name"]


def test_a_name_holds_its_tensor_until_it_is_assigned_again():
    b = Builder("names", Shape(8, 32, 32))
    with b.scope("block", "pair"):
        x = b.add("first", Conv2d(8, 3), INPUT)
        y = b.add("second", Conv2d(8, 3), x)
        z = b.add("sum", Add(), x, y)
        b.add("last", Conv2d(8, 3), b.add("after", Conv2d(8, 3), z))
    graph = b.graph()
    assert "x = x + y" in archs.to_source(graph)
    found = lives(graph)
    assert dict(zip(found.dead.tolist(), found.ends.tolist()))[2] == len(graph.nodes) - 1


def test_cached_structures_give_what_is_computed_without_a_cache():
    rng = random.Random(11)
    for _ in range(10):
        spec = random_spec(rng)
        for graph in (archs.build(spec), *(random_edit(spec, rng)[1] for _ in range(4))):
            cached = lives(graph)
            _lives.cache_clear()
            stages = _stage.cache_info().currsize
            again = lives(graph)  # from cached stages
            assert _stage.cache_info().currsize == stages
            clear_all()
            for a, b, c in zip(cached, again, lives(graph)):
                assert a.tolist() == b.tolist() == c.tolist()


def test_a_network_is_freed_though_its_structure_is_cached():
    """An imported one would keep its weights."""
    graph = replace(archs.build(archs.spec("mobilenet_v1", width=0.75)))  # not the one that `build` caches
    _lives.cache_clear()
    lives(graph)
    gone = weakref.ref(graph)
    del graph
    gc.collect()
    assert gone() is None
    assert _lives.cache_info().currsize == 1


def test_the_operators_that_are_modules_whatever_their_numbers_are():
    graphs = FAMILIES + [SyntheticNetwork(MEDLEY, seed).graph() for seed in range(8)]
    for graph in graphs:
        for node in graph.nodes:
            if isinstance(node.op, MODULES):
                assert isinstance(node.op.spelling(*graph.input_shapes(node)), Module)


def test_a_pooling_that_flattens_is_an_expression_and_holds_nothing():
    ends = []
    for flat in (False, True):
        b = Builder("pooled", Shape(8, 32, 32))
        x = b.add("stem/conv", Conv2d(8, 3), INPUT)
        x = b.add("head/pool", GlobalAvgPool(flat), x)
        b.add("head/act", ReLU(), x)
        ends.append(lives(b.graph()).ends.tolist())
    assert ends == [[2, 2], [1, 2]]  # after which node the stem's tensor and the pooled one die


def aged(graph: archs.Graph, kernels: list[str]) -> Ages:
    """`ages` of a network without weights, whose nodes of one kernel run it on one shape."""
    size = np.array([4.0 * shape.elements for shape in graph.shapes.values()])
    numbers = np.unique(kernels, return_inverse=True)[1].astype(float)
    return ages(lives(graph), size, np.zeros(len(numbers)), numbers, numbers)


def test_ages_know_what_was_just_touched():
    b = Builder("ages", Shape(8, 32, 32))
    size = 4 * 8 * 32 * 32
    first = b.add("block1/conv", Conv2d(8, 3), INPUT)
    second = b.add("block1/relu", ReLU(), first)
    b.add("block1/again", ReLU(), second)
    found = aged(b.graph(), ["conv", "relu", "relu"])
    assert found.inputs[1] == 0  # just written
    assert found.place[2] == 0  # the memory of `first`, which was just read
    assert found.place[1] > 3 * size  # memory that this pass has not touched
    assert found.uses.tolist() == [0, 0, 1]
    assert found.kernel[2] == 0
    assert found.kernel[1] > size


def test_a_kernel_knows_when_it_last_ran_and_how_often():
    keys = random.Random(7).choices("abcdefg", k=60)
    before = [max((i for i in range(node) if keys[i] == key), default=-1) for node, key in enumerate(keys)]
    numbers = np.unique(keys, return_inverse=True)[1]
    found, uses = _before(numbers, np.zeros(60, int), 1)
    assert found.tolist() == before
    assert uses.tolist() == [keys[:node].count(key) for node, key in enumerate(keys)]
    twice, _ = _before(np.tile(numbers, 2), np.repeat([0, 1], 60), 2)
    assert twice.tolist() == before + [i + 60 if i >= 0 else -1 for i in before]  # another network is no past


def test_memory_is_as_old_as_the_last_time_that_so_much_was_live():
    rng, ranges, expected, high = random.Random(5), [], [], 0
    bytes_at = [-100.0] * 60  # when each was touched
    for now in range(400):
        low = rng.randint(0, min(high, 49))
        high = low + rng.randint(1, 10)
        ranges.append((low, high, now))
        expected.append(sum(bytes_at[low:high]) / (high - low))
        bytes_at[low:high] = [float(now)] * (high - low)
    assert _last_touched(*zip(*ranges), untouched=-100.0) == pytest.approx(expected)


def test_the_deepest_point_of_a_unit_writes_to_old_memory_once():
    """ShuffleNetV1's `act(x + y)` holds x, y and their sum: the first unit of a stage that does is the first so deep."""
    graph = archs.build(archs.spec("shufflenet_v1"))
    names = [node.path for node in graph.nodes]
    found = aged(graph, names)
    second, third = (found.place[names.index(f"stage2/block{n}/act")] for n in (2, 3))
    assert second > 10 * third
