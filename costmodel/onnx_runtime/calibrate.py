"""Calibration of ONNX Runtime on this machine: networks of tables → times of their fused nodes → a profile.

The validation networks of `costmodel.calibration.suite` are never timed here. Start at `calibrate_onnx_runtime`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from archs.catalogue.registry import spec
from archs.networks import build
from archs.transforms.onnx_runtime import block_size
from costmodel.arguments import as_threads
from costmodel.calibration.sample import table_networks
from costmodel.calibration.suite import spread_over, suite
from costmodel.onnx_runtime.fit import fit
from costmodel.onnx_runtime.node_times import Cancel, FusedTimes, raw_text, time_networks
from costmodel.onnx_runtime.profile import OnnxRuntimeProfile, OnnxRuntimeRegime
from costmodel.onnx_runtime.timing import measure_onnx_runtime, require_runtime
from costmodel.onnx_runtime.writer import quick_onnx
from costmodel.timing.session import Cancelled, Progress
from costmodel.timing.stopwatch import Stopwatch
from costmodel.timing.timing_records import UNFINISHED
from costmodel.written_files import keep_unfinished, write_together

SECONDS, QUICK_SECONDS = 180.0, 30.0
TIMING_SHARE = 0.9  # of the whole, for the progress bar
FRESH, FRESH_SECONDS = 8, 0.5  # networks of the last chunk that are timed in fresh processes too, and for how long


def calibrate_onnx_runtime(
    threads: int = 1,
    quick: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    path: str | os.PathLike | None = None,
    name: str = "onnxruntime",
    seed: int = 1,
    seconds: float | None = None,
) -> OnnxRuntimeProfile:
    """Time networks with ONNX Runtime and fit a profile: under five minutes, under one with `quick`.

    Args:
        threads: of the runtime within an operator; one operator runs at a time.
        quick: fewer networks.
        progress: called with the share done, 0 to 1, and a description.
        cancel: `Cancelled` is raised once it returns True; no file has changed then.
        path: where to save the profile, with the raw timings beside it (`.raw.jsonl`).
        name: of the profile.
        seed: of the sampled networks.
        seconds: of timing.

    Raises CostError where onnxruntime is not installed, and for a number of threads below one or above the cores.
    """
    require_runtime()
    as_threads(threads)
    import onnxruntime

    def timing(done: float, text: str) -> None:
        if progress:
            progress(min(1.0, done) * TIMING_SHARE, text)

    started = time.monotonic()
    reserved = {entry.graph for entry in suite()}
    first = spec("resnet50", resolution=96)  # the catalogue's dense convolutions, which few tables have
    drawn = ((recipe, graph) for recipe, graph in table_networks(seed) if graph not in reserved)
    sample = chain([(first, build(first))], drawn)
    limit = seconds or (QUICK_SECONDS if quick else SECONDS)
    timed: list[FusedTimes] = []

    def unfinished() -> tuple[str, str] | None:
        return (f"the timings of {len(timed)} networks", raw_text(timed)) if timed else None

    with keep_unfinished(path, UNFINISHED, unfinished):
        for one in time_networks(sample, threads, limit, timing, cancel, seed):
            timed.append(one)
        timed[:] = _with_fresh_processes(timed, threads, cancel)
        timing(1.0, f"fitting {len(timed)} networks")
        regime = OnnxRuntimeRegime(threads=threads, version=onnxruntime.__version__, block=block_size())
        profile = fit(timed, regime, name, environment(regime), time.monotonic() - started)
        if path is not None:
            write_together({Path(path): profile.text(), Path(path).with_suffix(".raw.jsonl"): raw_text(timed)})
    if progress:
        progress(1.0, f"calibrated on {profile.networks} networks in {profile.seconds:.0f} s")
    return profile


def _with_fresh_processes(timed: Sequence[FusedTimes], threads: int, cancel: Cancel | None) -> list[FusedTimes]:
    """The networks, with calls in a fresh process for `FRESH` of the last chunk, evenly over their times."""
    found = list(timed)
    last = [number for number, one in enumerate(timed) if one.chunk == timed[-1].chunk]
    last.sort(key=lambda number: timed[number].call_us)
    for number in spread_over(last, FRESH):
        if cancel and cancel():
            raise Cancelled
        network = quick_onnx(build(timed[number].spec))
        fresh = measure_onnx_runtime(network, 1, threads, 1, FRESH_SECONDS)
        found[number] = replace(timed[number], fresh_us=fresh.undisturbed_median_ms * 1e3)
    return found


def environment(regime: OnnxRuntimeRegime) -> dict[str, str | int]:
    """What the timings are taken with."""
    found = Stopwatch("cpu").environment()
    runtime: dict[str, str | int] = {"runtime": f"{regime.runtime} {regime.version}", "threads": regime.threads}
    return {"processor": found.processor, **runtime, "system": found.system, "date": found.date}
