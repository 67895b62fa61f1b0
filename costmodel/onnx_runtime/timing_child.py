"""The program of a process with ONNX Runtime: time one file, then profile its nodes.

Run as a file by `costmodel.onnx_runtime.timing`; it imports numpy and onnxruntime, and nothing of this package. Its
sessions and medians are those of a calibration too.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

WARM_UP = 10
PROFILED = 50  # calls
PROVIDER = "CPUExecutionProvider"
KERNEL_TIME = "_kernel_time"
"""Behind the name of a node in the profiler's events."""


def main() -> None:
    """Read {"file", "batch", "threads", "seconds", "folder"} from the first argument; print the result as JSON."""
    import numpy
    import onnxruntime

    wanted = json.loads(sys.argv[1])
    folder = Path(wanted["folder"])
    timed = new_session(wanted["file"], wanted["threads"])
    (image,) = timed.get_inputs()
    shape = [wanted["batch"], *image.shape[1:]]
    feed = {image.name: numpy.random.default_rng(0).standard_normal(shape, dtype=numpy.float32)}
    calls = _timed(lambda: timed.run(None, feed), wanted["seconds"])
    options = {"optimized_model_filepath": str(folder / "optimised.onnx")}  # names of reorders differ between sessions
    options["profile_file_prefix"] = str(folder / "profile")
    profiled = new_session(wanted["file"], wanted["threads"], enable_profiling=True, **options)
    for _ in range(WARM_UP + PROFILED):
        profiled.run(None, feed)
    nodes = _nodes(json.loads(Path(profiled.end_profiling()).read_text(encoding="utf-8")))
    times = {"median_ms": statistics.median(calls), "undisturbed_ms": undisturbed(calls)}
    print(json.dumps({"version": onnxruntime.__version__, **times, "nodes": nodes}))


def new_session(model: str | bytes, threads: int, **settings: object) -> Any:
    """A session of a file or its content, with the settings that everything here is timed with."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")  # random weights can fade to denormals
    for name, value in settings.items():
        setattr(options, name, value)
    return onnxruntime.InferenceSession(model, options, providers=[PROVIDER])


def undisturbed(runs: Sequence[float]) -> float:
    """The median of the fastest third: the others were disturbed."""
    return statistics.median(sorted(runs)[: max(1, len(runs) // 3)])


def kernel_events(events: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The profiler's events of kernels, each with the name of its node."""
    for event in events:
        name = event["name"]
        if event["cat"] == "Node" and name.endswith(KERNEL_TIME):
            yield name.removesuffix(KERNEL_TIME), event


def _timed(call: Any, seconds: float) -> list[float]:
    """Milliseconds of each call."""
    for _ in range(WARM_UP):
        call()
    found: list[float] = []
    end = time.perf_counter() + seconds
    while not found or time.perf_counter() < end:
        started = time.perf_counter()
        call()
        found.append((time.perf_counter() - started) * 1e3)
    return found


def _nodes(events: list[dict[str, Any]]) -> dict[str, float]:
    """Node → milliseconds of its kernel, the median of the calls after the warm-up."""
    found: dict[str, list[float]] = {}
    for name, event in kernel_events(events):
        found.setdefault(name, []).append(event["dur"] / 1e3)
    return {name: statistics.median(times[-PROFILED:]) for name, times in found.items()}


if __name__ == "__main__":
    main()
