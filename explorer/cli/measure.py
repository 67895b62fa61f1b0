"""`measure`: a network in fresh plain processes on this machine, beside its prediction; or with ONNX Runtime."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace

import archs
import costmodel
from archs.ir.graph import Graph
from costmodel.latency.page_faults import page_faults
from costmodel.latency.profile import DEFAULT, DeviceProfile, names
from costmodel.timing import machine_lock
from costmodel.timing.plain_child import GLIBC
from costmodel.timing.plain_process import RETAIN_TEXT, PlainTiming, measure_plain
from explorer.cli import network, onnx_runtime
from explorer.cli.command import Commands, Output
from explorer.cli.progress import waiting

KEYS = (
    *("network", "profile", "shape", "allocators", "runtime", "processes_ms", "median_ms", "undisturbed_ms", "nodes"),
    *("predicted_ms", "low_ms", "high_ms"),
)
"""Of the document of either runtime, null where it gives none."""
SETTINGS = {"default": "glibc's default settings", "retain": "freed memory kept"}


def register(commands: Commands) -> None:
    """Add the command of this module."""
    measure = commands.add("measure", _measure, "time a network in fresh plain processes here", takes_network=True)
    known = ", ".join(names()) or "none"
    measure.add_argument("--runtime", choices=("eager", onnx_runtime.NAME), default="eager", help="eager is PyTorch's")
    measure.add_argument("--profile", help=f"a file, or of eager {known}; of eager {DEFAULT} by default")
    measure.add_argument("--threads", type=int, help=f"of {onnx_runtime.NAME}; 1 by default")
    measure.add_argument("--processes", type=int, default=1, help="fresh processes per allocator setting")
    measure.add_argument("--seconds", type=float, default=2.0, help="timing in each process")


def _measure(options: argparse.Namespace) -> Output:
    for name in ("processes", "seconds", "threads"):
        if (value := getattr(options, name)) is not None and value <= 0:
            raise costmodel.CostError(f"{name} is {value}; allowed: more than 0")
    found = onnx_runtime.measure(options) if options.runtime == onnx_runtime.NAME else _eager(options)
    return replace(found, document=dict.fromkeys(KEYS) | dict(found.document))


def _eager(options: argparse.Namespace) -> Output:
    if options.threads is not None:
        raise costmodel.CostError(
            f"--threads is for --runtime {onnx_runtime.NAME}; an eager measurement has the threads of its --profile"
        )
    profile = costmodel.load_profile(options.profile or DEFAULT)
    onnx_runtime.refuse(profile, "measure")
    if profile.regime.device != "cpu":
        raise costmodel.CostError(f"profile {profile.name} is of {profile.regime.device}; allowed: a profile of a CPU")
    graph = network.graph(options)
    if profile.regime.folded:
        graph = archs.fold_batchnorm(graph)
    is_target = ":" in options.network and network.is_imported(options.network) and not options.fold
    source = None if is_target and not profile.regime.folded else archs.to_source(graph)
    shape = (profile.regime.batch, *graph.input)
    found: list[PlainTiming] = []
    with machine_lock.exclusive(waiting):
        for allocator in SETTINGS:
            timing = measure_plain(
                source,
                options.network if source is None else None,
                shape,
                profile.regime.threads,
                allocator,
                options.processes,
                options.seconds,
            )
            found.append(timing)
            if timing.library != GLIBC:  # the settings are glibc's
                break
    rows = [_row(graph, profile, timing) for timing in found]
    document = {"network": graph.name, "profile": profile.name, "shape": list(shape), "allocators": rows}
    return Output(document, _text(graph, profile, rows))


def _row(graph: Graph, profile: DeviceProfile, timing: PlainTiming) -> dict[str, object]:
    """Measured beside predicted, for one allocator setting; milliseconds and page faults per call."""
    row = asdict(timing) | {"median_ms": timing.median_ms, "predicted_page_faults": None}
    if timing.library != GLIBC:
        return row | {"predicted_ms": None, "low_ms": None, "high_ms": None}
    row["predicted_page_faults"] = page_faults(graph, profile.regime.batch).total * (timing.allocator == "default")
    if timing.allocator == "retain" or profile.page_fault_us is not None:
        predicted = costmodel.predict(
            graph, profile, allocator="default" if timing.allocator == "default" else "retain"
        )
        low, high = predicted.interval or (None, None)
        return row | {"predicted_ms": predicted.latency_ms, "low_ms": low, "high_ms": high}
    return row | {"predicted_ms": None, "low_ms": None, "high_ms": None}


def _text(graph: Graph, profile: DeviceProfile, rows: list[dict[str, object]]) -> str:
    lines = [f"{graph.name}, {profile.regime.label}, profile {profile.name}"]
    if rows[0]["library"] != GLIBC:
        row, retained_ms = rows[0], costmodel.predict(graph, profile).latency_ms
        lines.append(
            f"The allocator is {row['library']}: measured {row['median_ms']:.2f} ms, counted {row['page_faults']:.0f} "
            f"page faults per call, which are not predicted for it; predicted without page faults {retained_ms:.2f} ms"
        )
        return "\n".join(lines)
    for row in rows:
        predicted = "no prediction: the profile has no cost of a page fault"
        if row["predicted_ms"] is not None:
            interval = "outside the calibrated range, no interval"
            if row["low_ms"] is not None:
                interval = f"90 % {row['low_ms']:.2f} to {row['high_ms']:.2f}"
            predicted = f"predicted {row['predicted_ms']:.2f} ms, {interval}"
        lines.append(
            f"{SETTINGS[str(row['allocator'])]:<26} measured {row['median_ms']:.2f} ms, {predicted}; page faults per "
            f"call: counted {row['page_faults']:.0f}, predicted {row['predicted_page_faults']:.0f}"
        )
    lines.append(f"A plain Python process has the default settings; to keep freed memory, start it with {RETAIN_TEXT}")
    return "\n".join(lines)
