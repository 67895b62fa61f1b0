"""`calibrate`, `predict` and `validate`: milliseconds on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import archs
import costmodel
from archs.ir.graph import Graph
from costmodel.calibration.pipeline import raw_path
from costmodel.calibration.plain import plain_networks, plain_original, validate_plain
from costmodel.calibration.plain_report import PlainValidation, save_plain
from costmodel.calibration.suite import spread_over, suite
from costmodel.calibration.validate import save_report, validate
from costmodel.latency.profile import DEFAULT, locate, names
from costmodel.onnx_runtime.profile import OnnxRuntimeProfile
from costmodel.onnx_runtime.profile import names as of_onnx_runtime
from costmodel.onnx_runtime.validate import OnnxRuntimeReport
from costmodel.timing import machine_lock
from costmodel.timing.plain_process import measure_plain
from explorer.cli import destination, network, onnx_runtime
from explorer.cli.command import Commands, Output
from explorer.cli.progress import progress_bar, waiting


def register(commands: Commands) -> None:
    """Add the commands of this module."""
    calibrate = commands.add("calibrate", _calibrate, "time networks on this machine and write a profile")
    calibrate.add_argument(
        "--runtime", choices=("eager", onnx_runtime.NAME), default="eager", help="eager is PyTorch's"
    )
    calibrate.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    calibrate.add_argument("--threads", type=int, default=1)
    calibrate.add_argument("--layout", default="nchw", help="nchw or channels_last")
    calibrate.add_argument("--batch", type=int, default=1)
    calibrate.add_argument("--fold", action="store_true", help="time networks with folded batch norms")
    calibrate.add_argument("--quick", action="store_true", help="under a minute instead of under five")
    calibrate.add_argument("--earlier", type=Path, help="raw timings of this machine (.raw.jsonl) to fit as well")
    calibrate.add_argument("--output", type=Path, required=True, help="the profile to write; raw timings go beside it")
    predict = commands.add("predict", _predict, "milliseconds per operator, with an interval", takes_network=True)
    _add_profile(predict)
    predict.add_argument("--by", choices=("node", "block", "stage", "kind"), default="node", help="one row per …")
    predict.add_argument("--top", type=int, help="only so many rows, the slowest first")
    validate = commands.add("validate", _validate, "a profile against networks timed now, by family")
    _add_profile(validate)
    validate.add_argument("--output", type=Path, help="also write the report beside this profile")
    validate.add_argument("--plain", action="store_true", help="in fresh plain processes, with both allocator settings")
    validate.add_argument("--networks", type=int, help="with --plain: so many of the suite, evenly chosen; default all")
    validate.add_argument("--processes", type=int, help="with --plain: fresh processes per network and setting, 1")
    validate.add_argument("--seconds", type=float, help="with --plain: timing in each process, 1")
    about = "with --plain: package.module:function, timed as it is after the suite's networks; may be repeated"
    validate.add_argument("--original", action="append", default=[], metavar="TARGET", help=about)


def _add_profile(parser: argparse.ArgumentParser) -> None:
    known = ", ".join((*names(), *of_onnx_runtime())) or "none"
    parser.add_argument("--profile", default=DEFAULT, help=f"a profile file, or one that is shipped: {known}")


def _calibrate(options: argparse.Namespace) -> Output:
    destination.check(options.output)
    destination.require_suffix(options.output, ".json")
    destination.check(raw_path(options.output))
    if options.runtime == onnx_runtime.NAME:
        with machine_lock.exclusive(waiting), progress_bar() as progress:
            return onnx_runtime.calibrate(options, progress)
    regime = {name: getattr(options, name) for name in ("device", "threads", "layout", "batch", "quick", "earlier")}
    with machine_lock.exclusive(waiting), progress_bar() as progress:
        profile = costmodel.calibrate(
            **regime, folded=options.fold, progress=progress, path=options.output, name=options.output.stem
        )
    return onnx_runtime.calibrated(profile, options.output)


def _predict(options: argparse.Namespace) -> Output:
    profile = costmodel.load_profile(options.profile)
    graph = network.graph(options)
    if profile.regime.folded:
        graph = archs.fold_batchnorm(graph)
    found = costmodel.predict(graph, profile)
    if options.top is not None and options.top < 1:
        raise costmodel.CostError(f"--top: found {options.top}; allowed: 1 or more")
    nodes = found.table()
    table = nodes if options.by == "node" else found.by(options.by)
    columns = ["path", "operator", "latency_ms", "low_ms", "high_ms", "share", "bound"]
    shown = table[columns] if options.by == "node" else table
    if options.top is not None:
        shown = shown.sort_values("latency_ms", ascending=False, kind="stable").head(options.top)
    about = {"network": graph.name, "profile": profile.name, "regime": profile.regime.model_dump()}
    total: dict[str, Any] = {"latency_ms": found.latency_ms, "low_ms": found.low_ms, "high_ms": found.high_ms}
    total["out_of_range"] = [one._asdict() for one in found.out_of_range]
    text = (
        f"{shown.to_string(index=False, float_format=lambda value: f'{value:.4f}')}\n\n"
        f"{graph.name}: {found.latency_ms:.2f} ms, {found.interval_text}\n"
        f"{_plain(graph, profile)}"
        f"profile {profile.name}: {profile.environment.get('processor')}, {profile.regime.label}"
    )
    return Output(
        about | total | {"nodes": nodes.to_dict("records"), "by": options.by, "rows": shown.to_dict("records")}, text
    )


def _plain(graph: Graph, profile: costmodel.DeviceProfile) -> str:
    """A line on a process with glibc's default settings; empty where the profile has no cost of a page fault."""
    if profile.page_fault_us is None:
        return ""
    plain = costmodel.predict(graph, profile, allocator="default")
    if not plain.page_faults:
        return "freed memory kept; with glibc's default settings the same, without page faults\n"
    interval = "no interval" if plain.interval is None else plain.interval_text
    return (
        f"freed memory kept; with glibc's default settings {plain.latency_ms:.2f} ms, {interval}: "
        f"{plain.page_faults:,.0f} page faults per call take {plain.page_fault_ms:.2f} ms\n"
    )


def _validate(options: argparse.Namespace) -> Output:
    profile = costmodel.load_profile(options.profile)
    raw = raw_path(locate(options.profile))
    destination.require_suffix(options.output, ".json")
    if options.output:
        destination.check(options.output.with_suffix(".validation.json"))
    if isinstance(profile, OnnxRuntimeProfile):
        with machine_lock.exclusive(waiting), progress_bar() as progress:
            report = onnx_runtime.validate(options, profile, progress)
        return _reported(options, report, report.save)
    if options.plain:
        return _validate_plain(options, profile)
    for name in ("networks", "processes", "seconds", "original"):
        if getattr(options, name) not in (None, []):
            raise costmodel.CostError(f"--{name} is given without --plain; allowed: with it")
    with machine_lock.exclusive(waiting), progress_bar() as progress:
        place = destination.or_temporary(options.output, profile.name)
        report = validate(profile, raw if raw.exists() else None, progress=progress, path=place)
    if options.output:
        save_report(report, options.output)
    return Output({"plain": None, **report.as_dict()}, str(report))


def _validate_plain(options: argparse.Namespace, profile: costmodel.DeviceProfile) -> Output:
    if options.networks is not None and options.networks < 1:
        raise costmodel.CostError(f"--networks: found {options.networks}; allowed: 1 or more")
    networks = spread_over(plain_networks(suite(), profile), options.networks)
    networks += [plain_original(target, network.imported(target), profile) for target in options.original]
    chosen = {name: getattr(options, name) for name in ("processes", "seconds") if getattr(options, name) is not None}
    with machine_lock.exclusive(waiting), progress_bar() as progress:
        report = validate_plain(profile, networks, progress=progress, measure=measure_plain, **chosen)
    return _reported(options, report, partial(save_plain, report))


def _reported(
    options: argparse.Namespace, report: PlainValidation | OnnxRuntimeReport, save: Callable[[Path], None]
) -> Output:
    """The report of networks in fresh processes, saved where asked for.

    One that was interrupted never takes the place of a whole one: KeyboardInterrupt says where it is kept.
    """
    document = report.as_dict()
    if report.interrupted:
        place = destination.or_temporary(options.output, report.profile.name)
        place = place.with_name(f"{place.stem}.interrupted.json")
        save(place)
        kept = place.with_suffix(".validation.json")
        raise KeyboardInterrupt(f"the report on {document['networks']} networks is kept in {kept}")
    if options.output:
        save(options.output)
    return Output({"plain": None, **document}, str(report))
