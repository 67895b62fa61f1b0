"""`export`: a network as PyTorch text, an ONNX file, a spec or the graph's text, by `--format` or by suffix."""

from __future__ import annotations

import argparse
from pathlib import Path

import archs
import costmodel
from archs.interop.onnx.exporter import to_onnx
from archs.ir.graph import Graph
from costmodel.latency.profile import names
from costmodel.written_files import write_together
from explorer.cli import destination, network
from explorer.cli.command import Commands, Output
from explorer.data.latency_notes import latency_notes

FORMATS = {"pytorch": ".py", "onnx": ".onnx", "spec": ".json", "text": ".txt"}
"""Format → the suffix of its files."""


def register(commands: Commands) -> None:
    """Add the command of this module."""
    about = "the network as a PyTorch or ONNX file, or as a spec"
    export = commands.add("export", _export, about, takes_network=True)
    export.add_argument("--format", choices=tuple(FORMATS), help="default: by the output's suffix, else pytorch")
    suffixes = ", ".join(FORMATS.values())
    known = ", ".join(names()) or "none"
    about = f"state the predicted latency in a PyTorch file's header: a profile file, or one that is shipped: {known}"
    export.add_argument("--profile", help=about)
    export.add_argument("--output", type=Path, help=f"a file to write ({suffixes}); standard output without it")


def format_of(path: Path | None, stated: str | None = None) -> str:
    """The format to write: the stated one, else the one of the path's suffix, pytorch without a path.

    Raises ArchError for a suffix of no format, and for one of another format than the stated.

    >>> format_of(Path("net.onnx")), format_of(None), format_of(None, "spec")
    ('onnx', 'pytorch', 'spec')
    """
    if path is None:
        return stated or "pytorch"
    by_suffix = {suffix: name for name, suffix in FORMATS.items()}
    found = by_suffix.get(path.suffix.lower())
    allowed = ", ".join(f"{suffix} ({name})" for name, suffix in FORMATS.items())
    if found is None:
        raise archs.ArchError(f"{path}: found suffix {path.suffix!r}; allowed: {allowed}", "output")
    if stated and stated != found:
        raise archs.ArchError(f"{path}: the suffix is of {found}, --format is {stated}; allowed: {allowed}", "output")
    return found


def _export(options: argparse.Namespace) -> Output:
    form = format_of(options.output, options.format)
    if options.profile is not None and form != "pytorch":
        raise archs.ArchError(f"--profile is for the header of a PyTorch file; the format is {form}", "profile")
    if options.output:
        destination.check(options.output, destination.ROOM if form == "onnx" else destination.TEXT)
    if form == "spec":  # the spec is the table: folding is of its graph
        spec = network.spec(options)
        return _text(options, form, spec.name, spec.to_json())
    graph = network.graph(options)
    if form == "onnx":
        return _onnx(options, graph)
    if form == "text":
        return _text(options, form, graph.name, f"{graph}\n")
    notes = latency_notes(graph, costmodel.load_profile(options.profile)) if options.profile is not None else ()
    return _text(options, form, graph.name, archs.to_source(graph, notes))


def _text(options: argparse.Namespace, form: str, name: str, text: str) -> Output:
    if options.output:
        write_together({options.output: text})
    document = {"network": name, "format": form, "output": _path(options), "bytes": len(text.encode()), "text": text}
    return Output(document, "" if options.output else text)


def _onnx(options: argparse.Namespace, graph: Graph) -> Output:
    if not options.output:
        raise archs.ArchError("an ONNX file is no text; name the file to write: --output NAME.onnx")
    data = to_onnx(graph)
    write_together({options.output: data})
    document = {"network": graph.name, "format": "onnx", "output": _path(options), "bytes": len(data), "text": None}
    return Output(document, "")


def _path(options: argparse.Namespace) -> str | None:
    return str(options.output) if options.output else None
