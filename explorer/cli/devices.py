"""`devices` lists the profiles of phones, GPUs and boards; `devices kit` and `fit-device` make one of your own."""

from __future__ import annotations

import argparse
from pathlib import Path

import costmodel
from costmodel.devices import load
from costmodel.devices.reading import read_path
from costmodel.devices.user import KINDS, FitReport, report
from explorer.cli import destination
from explorer.cli.command import Commands, Output
from explorer.data.device_list import GROUPS, whole_network_row
from explorer.devices.kit import SUFFIXES, write_kit


def register(commands: Commands) -> None:
    """Registers `devices` and `fit-device`."""
    parser = commands.add("devices", devices, "list the profiles of devices, or write a kit to time your own")
    parser.add_argument("what", nargs="?", choices=("list", "kit"), default="list")
    parser.add_argument("--networks", type=int, default=20, help="how many networks the kit has (default 20)")
    parser.add_argument("--kind", choices=KINDS, default="cpu", help="what the kit is to be timed on")
    parser.add_argument("--format", choices=SUFFIXES, default="onnx", help="of the kit's networks (default onnx)")
    parser.add_argument("--output", type=Path, help="the folder that the kit is written to")
    parser = commands.add("fit-device", fit_device, "make a profile from a CSV of timed networks")
    parser.add_argument(
        "timings", type=Path, help="columns: network, latency_ms; width, resolution, groups, code, batch"
    )
    parser.add_argument("--name", required=True, help="what the device is called")
    parser.add_argument("--kind", choices=KINDS, default="cpu")
    parser.add_argument("--runtime", default="not stated", help="onnxruntime, TFLite, ncnn, …")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--eager", action="store_true", help="batch norm and activation run as operators of their own")
    parser.add_argument("--output", type=Path, help="the profile to write; the name with .json if left out")


def devices(options: argparse.Namespace) -> Output:
    """The shipped profiles of whole networks, or a kit."""
    if options.what == "kit":
        return kit(options)
    rows = [whole_network_row(name, load.load(name)) for name in load.names()]
    lines = []
    for group, title in GROUPS.items():
        of = [r for r in rows if r["group"] == group]
        lines += [f"{title}:"] * bool(of)
        lines += [f"  {r['profile']:<44} {r['networks']:>4} networks  {r['leave_one_out_pct']:>5.1f} %" for r in of]
    return Output({"devices": rows, "output": None, "files": None}, "\n".join(lines))


def kit(options: argparse.Namespace) -> Output:
    """Writes the kit."""
    if options.output is None:
        raise costmodel.CostError("--output: found nothing; needed: the folder that the kit is written to")
    destination.require_folder(options.output)
    files = write_kit(options.output, options.networks, options.kind, options.format)
    text = f"{options.output}: {options.networks} networks, timings.csv to fill in, README.md with the commands"
    return Output({"devices": None, "output": str(options.output), "files": files}, text)


def fit_device(options: argparse.Namespace) -> Output:
    """Fits a device to a CSV and writes the profile."""
    destination.require_suffix(options.output, ".json")
    output = options.output or Path(f"{_slug(options.name)}.json")
    destination.check(output, destination.TEXT)
    lines = read_path(options.timings)
    found = report(
        lines, options.name, options.kind, options.runtime, options.precision, options.threads, not options.eager
    )
    found.profile.save(output)
    document = {
        "path": str(output),
        "device": whole_network_row(output.stem, found.profile),
        "doubts": [vars(outlier) for outlier in found.outliers],
        "rows": [
            {"network": r.network, "latency_ms": r.latency_ms, "left_out_ms": r.left_out_ms, "error_pct": r.error_pct}
            for r in found.profile.rows
        ],
        "expected_gain_pct": found.gain,
    }
    return Output(document, text(found, output))


def text(found: FitReport, output: Path) -> str:
    """The report as lines."""
    errors = found.profile.errors
    family = f", families left out {errors.leave_family_out_pct:.1f} %" if errors.leave_family_out_pct else ""
    lines = [
        f"{output}: {found.profile.name}, {errors.networks} networks",
        f"left-out error {errors.leave_one_out_pct:.1f} %{family}; {errors.coverage_pct:.0f} % in the 90 % interval",
    ]
    lines += [f"does not fit: {outlier}" for outlier in found.outliers]
    if found.gain:
        before, after = found.gain
        lines.append(f"typical error at this number of networks: {before} %; with five more: {after} %")
    return "\n".join(lines)


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-") or "device"
