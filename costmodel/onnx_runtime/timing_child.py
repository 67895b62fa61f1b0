"""The program of a process with ONNX Runtime: time one file, then profile its nodes.

Run as a file by `costmodel.onnx_runtime.timing`; it imports numpy and onnxruntime, and nothing of this package.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

WARM_UP = 10
PROFILED = 50  # calls


def main() -> None:
    """Read {"file", "batch", "threads", "seconds", "folder"} from the first argument; print the result as JSON."""
    import numpy
    import onnxruntime

    wanted = json.loads(sys.argv[1])
    folder = Path(wanted["folder"])

    def session(**settings: object) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = wanted["threads"], 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.set_denormal_as_zero", "1")  # random weights can fade to denormals
        for name, value in settings.items():
            setattr(options, name, value)
        return onnxruntime.InferenceSession(wanted["file"], options, providers=["CPUExecutionProvider"])

    timed = session()
    (image,) = timed.get_inputs()
    shape = [wanted["batch"], *image.shape[1:]]
    feed = {image.name: numpy.random.default_rng(0).standard_normal(shape, dtype=numpy.float32)}
    calls = _timed(lambda: timed.run(None, feed), wanted["seconds"])
    own = {"optimized_model_filepath": str(folder / "optimised.onnx")}  # names of reorders differ between sessions
    profiled = session(enable_profiling=True, profile_file_prefix=str(folder / "profile"), **own)
    for _ in range(WARM_UP + PROFILED):
        profiled.run(None, feed)
    nodes = _nodes(json.loads(Path(profiled.end_profiling()).read_text(encoding="utf-8")))
    undisturbed = statistics.median(sorted(calls)[: max(1, len(calls) // 3)])
    times = {"median_ms": statistics.median(calls), "undisturbed_ms": undisturbed}
    print(json.dumps({"version": onnxruntime.__version__, **times, "nodes": nodes}))


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
    for event in events:
        name = event.get("name", "")
        if event.get("cat") == "Node" and name.endswith("_kernel_time"):
            found.setdefault(name.removesuffix("_kernel_time"), []).append(event["dur"] / 1e3)
    return {name: statistics.median(times[-PROFILED:]) for name, times in found.items()}


if __name__ == "__main__":
    main()
