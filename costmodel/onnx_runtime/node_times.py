"""Times of many networks with ONNX Runtime in one process: whole calls, and each fused node by the runtime's profiler.

All networks of a chunk are in memory together and visited in rounds, so that a slow moment falls on one visit of each.
No fitting. Start at `time_networks`.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from archs.ir.graph import Graph
from archs.tables.table import Spec
from archs.transforms.onnx_runtime import FusedGraph, fuse_for_onnx_runtime
from archs.transforms.onnx_runtime.onnx_graph import IMAGE_VALUE
from costmodel.onnx_runtime.held_operators import operator_name
from costmodel.onnx_runtime.timing import require_runtime
from costmodel.onnx_runtime.timing_child import kernel_events, new_session, undisturbed
from costmodel.onnx_runtime.writer import quick_onnx
from costmodel.timing.session import Cancelled, Progress

CHUNK, ROUNDS = 16, 12
PROFILED, TIMED = 3, 4  # calls of a visit
Cancel = Callable[[], bool]


@dataclass(frozen=True)
class FusedTimes:
    """One network that was timed."""

    spec: Spec
    call_us: float
    nodes_us: tuple[float, ...]
    """In the order of its `FusedGraph`, with the profiler's own cost."""
    chunk: int = 0
    """The networks that were timed in the same moments have one number."""
    fresh_us: float | None = None
    """A call in a fresh process, at about the same time; None where it was not timed."""


def raw_text(timed: Sequence[FusedTimes]) -> str:
    """One line of JSON per network."""
    lines = [vars(one) | {"spec": json.loads(one.spec.to_json())} for one in timed]
    return "".join([json.dumps(line) + "\n" for line in lines])


def time_networks(
    networks: Iterable[tuple[Spec, Graph]],
    threads: int,
    seconds: float,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    seed: int = 0,
) -> Iterator[FusedTimes]:
    """Time networks until the time is over. Raises CostError without onnxruntime, Cancelled once `cancel` is true.

    A network that the runtime fuses in another way than `fuse_for_onnx_runtime` is left out.
    """
    require_runtime()
    rng = Random(seed)
    remaining, started, done = iter(networks), time.monotonic(), 0
    while (spent := time.monotonic() - started) < seconds and (chunk := list(islice(remaining, CHUNK))):
        if progress:
            progress(spent / seconds, f"{done} networks timed")
        with tempfile.TemporaryDirectory() as folder:
            sessions = [_Session(spec, graph, Path(folder) / str(i), threads) for i, (spec, graph) in enumerate(chunk)]
            for _ in range(ROUNDS):
                for one in rng.sample(sessions, len(sessions)):
                    if cancel and cancel():
                        raise Cancelled
                    one.visit()
            found = [one.times() for one in sessions]
        yield from [replace(one, chunk=done // CHUNK) for one in found if one]
        done += len(found)


class _Session:
    """A network in memory, with and without the profiler."""

    def __init__(self, spec: Spec, graph: Graph, path: Path, threads: int):
        import numpy

        self.spec, self.path, self.fused = spec, path, fuse_for_onnx_runtime(graph)
        data = quick_onnx(graph)
        self.timed = new_session(data, threads)
        options = {"optimized_model_filepath": f"{path}.onnx", "profile_file_prefix": str(path)}
        self.profiled = new_session(data, threads, enable_profiling=True, **options)
        self.feed = {IMAGE_VALUE: numpy.random.default_rng(0).standard_normal((1, *graph.input), dtype=numpy.float32)}
        self.calls: list[float] = []

    def visit(self) -> None:
        """A few calls, the first of which fills the caches."""
        self.timed.run(None, self.feed)
        for _ in range(TIMED):
            begin = time.perf_counter()
            self.timed.run(None, self.feed)
            self.calls.append((time.perf_counter() - begin) * 1e6)
        for _ in range(PROFILED):
            self.profiled.run(None, self.feed)

    def times(self) -> FusedTimes | None:
        """What the runs gave; None where the runtime's nodes are not those that were predicted."""
        import onnx

        events = json.loads(Path(self.profiled.end_profiling()).read_text(encoding="utf-8"))
        made = onnx.load(f"{self.path}.onnx").graph.node
        operators = {node.name: operator_name(node) for node in made}
        nodes = matched(self.fused, events, operators)
        return FusedTimes(self.spec, undisturbed(self.calls), nodes) if nodes else None


def matched(fused: FusedGraph, events: list[dict[str, Any]], operators: dict[str, str]) -> tuple[float, ...] | None:
    """Microseconds of each fused node; None where the profiler's nodes are others.

    Nodes of equal operators and shapes are matched in order of execution.
    """
    runs: dict[str, list[float]] = {}
    keys: dict[str, tuple[object, ...]] = {}
    for name, event in kernel_events(events):
        runs.setdefault(name, []).append(float(event["dur"]))
        if name not in keys:
            args = event["args"]
            keys[name] = (operators.get(name, args["op_name"]), *_sizes(args))
    waiting: dict[tuple[object, ...], list[str]] = {}
    for name, key in keys.items():
        waiting.setdefault(key, []).append(name)
    found = []
    for node in fused.nodes:
        same = waiting.get((node.operator, *((node.inputs[0].sizes if node.inputs else (), node.output.sizes))))
        if not same:
            return None
        found.append(undisturbed(runs[same.pop(0)]))
    return tuple(found) if not any(waiting.values()) else None


def _sizes(args: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the first input and the first output, without the batch; empty for shape arithmetic."""

    def first(shapes: list[dict[str, list[int]]]) -> tuple[int, ...]:
        (kind, sizes), *_ = shapes[0].items() if shapes else [("", [])]
        return tuple(sizes[1:]) if kind == "float" else ()

    return first(args["input_type_shape"]), first(args["output_type_shape"])
