"""Where tensors lie, against the run of the exported text: which storage is gone when the next operator is done."""

from __future__ import annotations

import pytest
from torch import UntypedStorage

import archs
from costmodel.inplace import InPlace
from costmodel.measure import Stopwatch
from costmodel.placement import _Levels, _lives, ages

FAMILIES = [name for name in archs.names() if name != "resnet50"]
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


@pytest.mark.parametrize("name", FAMILIES)
def test_a_tensor_lives_as_long_as_in_the_exported_text(name):
    graph = archs.build(archs.spec(name))
    watch = Stopwatch()
    with watch.running():
        gone = Watched(graph, watch).watch_one_run()
    _, owner, ends = _lives(graph)
    told = {tensor: node for node, dead in enumerate(ends) for tensor in dead}
    shapes = list(graph.shapes.values())
    paths = list(graph.shapes)
    for tensor in range(1, len(paths) - 1):
        if owner[tensor] == tensor and 4 * shapes[tensor].elements > SMALL:
            # what an expression takes is gone before the clock behind it, not behind the next
            seen = max(gone[tensor], min(told[tensor], tensor + 1))
            assert paths[seen] == paths[told[tensor]], paths[tensor]


def test_memory_is_as_old_as_the_last_time_that_so_much_was_live():
    levels = _Levels(untouched=100)
    assert levels.touch(0, 10, now=1) == -100
    assert levels.touch(10, 20, now=2) == -100
    assert levels.touch(5, 15, now=3) == 1.5
    assert levels.touch(0, 30, now=4) == pytest.approx((5 * 1 + 10 * 3 + 5 * 2 + 10 * -100) / 30)
    assert levels.touch(29, 31, now=5) == pytest.approx((4 - 100) / 2)


def test_the_deepest_point_of_a_unit_writes_to_old_memory_once():
    """ShuffleNetV1's `act(x + y)` holds x, y and their sum: the first unit of a stage that does is the first so deep."""
    graph = archs.build(archs.spec("shufflenet_v1"))
    names = [node.path for node in graph.nodes]
    found = ages(graph, [0] * len(names), names, names)
    second, third = (found.place[names.index(f"stage2/block{n}/act")] for n in (2, 3))
    assert second > 10 * third
