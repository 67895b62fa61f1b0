"""`calibrate`, `predict` and `validate` on the command line: options in, text or JSON out."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import archs
import costmodel
from archs.ir.graph import Graph
from costmodel.calibration.pipeline import raw_path
from costmodel.calibration.validate import save_report, validate
from costmodel.latency.profile import DEFAULT, locate, names


def add_regime(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--layout", default="nchw", help="nchw or channels_last")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--folded", action="store_true", help="time networks with folded batch norms")
    parser.add_argument("--quick", action="store_true", help="under a minute instead of under five")
    parser.add_argument("--earlier", type=Path, help="raw timings of this machine (.raw.jsonl) to fit as well")
    parser.add_argument("--output", type=Path, required=True, help="the profile to write; raw timings go beside it")


def add_profile(parser: argparse.ArgumentParser) -> None:
    known = ", ".join(names()) or "none"
    parser.add_argument("--profile", default=DEFAULT, help=f"a profile file, or one that is shipped: {known}")


def calibrate(options: argparse.Namespace) -> None:
    if not options.output.parent.is_dir():
        raise costmodel.CostError(f"{options.output.parent} is no directory; nothing was timed")
    regime = {k: getattr(options, k) for k in ("device", "threads", "layout", "batch", "folded", "quick", "earlier")}
    with _bar() as progress:
        profile = costmodel.calibrate(**regime, progress=progress, path=options.output, name=options.output.stem)
    found = profile.held_out["all"]
    if options.json:
        held_out = {family: errors.model_dump() for family, errors in profile.held_out.items()}
        summary = profile.model_dump(mode="json", exclude={"predictors", "columns", "held_out"})
        print(json.dumps(summary | {"path": str(options.output), "held_out": held_out}, indent=1))
        return
    where = profile.environment["processor"]
    print(f"{options.output}: {profile.networks} networks in {profile.seconds:.0f} s on {where}")
    errors = f"MAPE {found.mape} %, ±5 % {found.within_5} %, ±10 % {found.within_10} %"
    print(f"held out: {found.networks} networks, {errors}")


def predict(options: argparse.Namespace, graph: Graph) -> None:
    profile = costmodel.load_profile(options.profile)
    if profile.regime.folded:
        graph = archs.fold_batchnorm(graph)
    found = costmodel.predict(graph, profile)
    table = found.table()
    if options.json:
        total = {"latency_ms": found.latency_ms, "low_ms": found.low_ms, "high_ms": found.high_ms}
        about = {"network": graph.name, "profile": profile.name, "regime": profile.regime.model_dump()}
        print(json.dumps(about | total | {"nodes": table.to_dict("records")}, indent=1))
        return
    shown = table[["path", "operator", "latency_ms", "low_ms", "high_ms", "share", "bound"]]
    print(shown.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    print(f"\n{graph.name}: {found.latency_ms:.2f} ms, 90 % between {found.low_ms:.2f} and {found.high_ms:.2f}")
    print(f"profile {profile.name}: {profile.environment.get('processor')}, {profile.regime.label}")


def check(options: argparse.Namespace) -> None:
    """`validate`, under a name that the library does not use."""
    profile = costmodel.load_profile(options.profile)
    raw = raw_path(locate(options.profile))
    with _bar() as progress:
        report = validate(profile, raw if raw.exists() else None, progress=progress)
    if options.output:
        save_report(report, options.output)
    print(json.dumps(report.as_dict(), indent=1) if options.json else report)


@contextmanager
def _bar() -> Iterator[Callable[[float, str], None]]:
    """A progress bar on standard error; warnings become lines there."""
    from tqdm import tqdm

    with tqdm(total=100, bar_format="{percentage:3.0f} % {bar:30} {desc}", file=sys.stderr) as bar:

        def progress(share: float, what: str) -> None:
            bar.n = round(100 * share)
            bar.set_description_str(what)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield progress
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
