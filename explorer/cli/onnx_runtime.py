"""`measure` and `calibrate` with `--runtime onnxruntime`: ONNX Runtime's times of exported files on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

import archs
import costmodel
from costmodel import CostError, DeviceProfile
from costmodel.onnx_runtime.calibrate import calibrate_onnx_runtime
from costmodel.onnx_runtime.profile import NAME, OnnxRuntimeProfile
from costmodel.onnx_runtime.timing import LEVEL, OnnxRuntimeTiming, measure_onnx_runtime, require_runtime
from costmodel.onnx_runtime.timing_child import PROVIDER
from costmodel.onnx_runtime.validate import OnnxRuntimeReport, validate_onnx_runtime, validation_networks
from costmodel.timing import machine_lock
from costmodel.timing.session import Progress
from explorer.cli import network
from explorer.cli.command import Output
from explorer.cli.progress import waiting

EAGER_ONLY = {"device": "cpu", "layout": "nchw", "batch": 1, "fold": False, "earlier": None}
"""Options of an eager calibration, with the value that ONNX Runtime is calibrated with."""
SLOWEST = 10  # nodes of the text; the document has all


def measure(options: argparse.Namespace) -> Output:
    """Time the file that `export` writes for the network. Raises ArchError for an operator that no file holds."""
    require_runtime()
    profile = _profile(options)
    graph = network.graph(options)
    threads = profile.regime.threads if profile else options.threads or 1
    model = archs.to_onnx(graph)
    with machine_lock.exclusive(waiting):
        found = measure_onnx_runtime(model, threads=threads, processes=options.processes, seconds=options.seconds)
    rows: list[dict[str, Any]] = [
        {"operator": node.operator, "holds": list(node.holds), "layer": node.layer, "time_ms": time_ms}
        for node, time_ms in zip(found.nodes, found.nodes_ms)
    ]
    runtime = {"name": NAME, "version": found.version, "provider": PROVIDER, "level": LEVEL, "threads": threads}
    document = {
        "network": graph.name,
        "runtime": runtime,
        "shape": [found.batch, *graph.input],
        "processes_ms": list(found.processes_ms),
        "median_ms": found.median_ms,
        "undisturbed_ms": found.undisturbed_median_ms,
        "nodes": rows,
    }
    text = _text(graph.name, found, rows)
    if profile:
        predicted = costmodel.predict(graph, cast(DeviceProfile, profile))
        summary = {"profile": profile.name, "predicted_ms": predicted.latency_ms}
        document |= summary | {"low_ms": predicted.low_ms, "high_ms": predicted.high_ms}
        text += f"\npredicted {predicted.latency_ms:.2f} ms, {predicted.interval_text}, profile {profile.name}"
    return Output(document, text)


def _profile(options: argparse.Namespace) -> OnnxRuntimeProfile | None:
    """The profile that is compared with, if one is named. Raises CostError for one of another runtime."""
    if options.profile is None:
        return None
    found: object = costmodel.load_profile(options.profile)
    if not isinstance(found, OnnxRuntimeProfile):
        raise CostError(f"profile {options.profile} is not of {NAME}; allowed: a profile of calibrate --runtime {NAME}")
    if options.threads not in (None, found.regime.threads):
        raise CostError(f"--threads is {options.threads}; profile {found.name} is of {found.regime.label}")
    return found


def refuse(profile: object, command: str) -> None:
    """Raises CostError for a profile of ONNX Runtime, in a command that times eager PyTorch."""
    if isinstance(profile, OnnxRuntimeProfile):
        raise CostError(
            f"{command} is of eager PyTorch, profile {profile.name} of {profile.regime.label}; allowed: one of eager "
            f"PyTorch, or --runtime {NAME}"
        )


def validate(options: argparse.Namespace, profile: OnnxRuntimeProfile, progress: Progress) -> OnnxRuntimeReport:
    """Time networks of the suite in fresh processes beside their predictions."""
    networks = validation_networks(options.networks)
    chosen = {name: value for name in ("processes", "seconds") if (value := getattr(options, name)) is not None}
    return validate_onnx_runtime(profile, networks, progress=progress, measure=measure_onnx_runtime, **chosen)


def calibrate(options: argparse.Namespace, progress: Progress) -> Output:
    """Calibrate the runtime. Raises CostError for settings that it has not."""
    for name, plain in EAGER_ONLY.items():
        if (value := getattr(options, name)) != plain:
            raise CostError(f"--{name} is {value}; with --runtime {NAME}: {plain or 'not given'}")
    output = options.output
    profile = calibrate_onnx_runtime(options.threads, options.quick, progress, path=output, name=output.stem)
    return calibrated(profile, output)


def calibrated(profile: DeviceProfile | OnnxRuntimeProfile, path: Path) -> Output:
    """What a calibration found, whatever the runtime."""
    found = profile.held_out["all"]
    held_out = {family: errors.model_dump() for family, errors in profile.held_out.items()}
    summary = profile.model_dump(mode="json", exclude={"predictors", "columns", "held_out"})
    processor = profile.environment["processor"]
    text = (
        f"{path}: {profile.networks} networks in {profile.seconds:.0f} s on {processor}\n"
        f"held out: {found.networks} networks, MAPE {found.mape} %, ±5 % {found.within_5} %, ±10 % {found.within_10} %"
    )
    return Output(summary | {"path": str(path), "held_out": held_out}, text)


def _text(name: str, found: OnnxRuntimeTiming, rows: list[dict[str, Any]]) -> str:
    processes = len(found.processes_ms)
    lines = [
        f"{name}, {NAME} {found.version}, {PROVIDER}, graph optimisation level {LEVEL}, threads {found.threads}, "
        f"batch {found.batch}",
        f"measured {found.median_ms:.2f} ms, the median of {processes} process{'es' if processes > 1 else ''}; "
        f"undisturbed calls, the fastest third, {found.undisturbed_median_ms:.2f} ms",
        f"the slowest of {len(rows)} nodes, by the runtime's profiler:",
    ]
    for row in sorted(rows, key=lambda row: row["time_ms"], reverse=True)[:SLOWEST]:
        holds = " + ".join(row["holds"]) or "added by the runtime"
        lines.append(f"{row['time_ms']:8.3f} ms  {row['operator']:<20} {row['layer'] or '-':<32} {holds}")
    return "\n".join(lines)
