"""Times of a network in fresh processes with ONNX Runtime on the CPU, whole and by node, and what each node fuses.

No fitting and no prediction. Start at `measure_onnx_runtime`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from costmodel.errors import CostError
from costmodel.onnx_runtime.held_operators import RuntimeNode, runtime_nodes

CHILD = Path(__file__).with_name("timing_child.py")
TIME_LIMIT = 600.0  # seconds of one process
LEVEL = "all"
"""The graph optimisation level, ONNX Runtime's default: every rewrite, with layouts in blocks of channels."""


@dataclass(frozen=True)
class OnnxRuntimeTiming:
    """One network in fresh processes with ONNX Runtime at its default graph optimisation level."""

    version: str
    threads: int
    batch: int
    processes_ms: tuple[float, ...]
    """The median call of each process."""
    undisturbed_ms: tuple[float, ...]
    """The median of the fastest third of the calls of each process: the others were disturbed on a shared machine."""
    nodes: tuple[RuntimeNode, ...]
    """In the runtime's order."""
    nodes_ms: tuple[float, ...]
    """Of each node by the runtime's own profiler, whose events cost some µs each: median over the processes."""

    @property
    def median_ms(self) -> float:
        """The median of the processes' medians."""
        return statistics.median(self.processes_ms)

    @property
    def undisturbed_median_ms(self) -> float:
        """The median of the processes' undisturbed calls."""
        return statistics.median(self.undisturbed_ms)


def measure_onnx_runtime(
    model: bytes, batch: int = 1, threads: int = 1, processes: int = 1, seconds: float = 2.0
) -> OnnxRuntimeTiming:
    """Time an ONNX file, as `archs.to_onnx` writes it, in fresh processes.

    Args:
        model: the file, with one input whose first axis is the batch.
        batch: images per call.
        threads: of the runtime within an operator; one operator runs at a time.
        processes: how many, one after the other.
        seconds: timing in each.

    Raises CostError where onnxruntime is not installed, or a process fails.
    """
    require_runtime()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "network.onnx").write_bytes(model)
        wanted: dict[str, object] = {"file": str(folder / "network.onnx"), "folder": name}
        wanted |= {"batch": batch, "threads": threads, "seconds": seconds}
        found, by_output = [], []
        for _ in range(processes):
            found.append(_run(wanted, threads))
            optimised = (folder / "optimised.onnx").read_bytes()
            by_output.append(_by_output(optimised, found[-1]["nodes"]))
    nodes = runtime_nodes(model, optimised)
    times = [statistics.median([one.get(node.output, 0.0) for one in by_output]) for node in nodes]
    medians, undisturbed = (tuple([one[name] for one in found]) for name in ("median_ms", "undisturbed_ms"))
    return OnnxRuntimeTiming(found[0]["version"], threads, batch, medians, undisturbed, tuple(nodes), tuple(times))


def require_runtime() -> None:
    """Raises CostError where onnxruntime, which is an optional dependency, is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise CostError("onnxruntime is not installed; install it with `pip install onnxruntime`")


def _by_output(optimised: bytes, times: dict[str, float]) -> dict[str, float]:
    """First output → time of a node, for times by the names of one session."""
    import onnx

    graph = onnx.load_from_string(optimised).graph
    return {node.output[0]: times[node.name] for node in graph.node if node.name in times}


def _run(wanted: dict[str, object], threads: int) -> dict:
    command = [sys.executable, str(CHILD), json.dumps(wanted)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise CostError(
            f"ONNX Runtime took over {TIME_LIMIT:.0f} s in a process of its own; nothing was timed"
        ) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise CostError(f"ONNX Runtime failed in a process of its own: {last[:300]}")
    return json.loads(done.stdout.splitlines()[-1])
