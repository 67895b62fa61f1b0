"""The command line: `python -m explorer list`, and the commands that `python -m explorer --help` names.

Each has `--json`. A network is a name of the catalogue with its knobs, or a spec file. Bad input ends with one line per
problem on standard error and exit status 2; nothing in a file is executed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import archs
import costmodel
from archs.catalogue.registry import FAMILIES
from archs.interop.onnx.exporter import to_onnx
from archs.ir.graph import Graph
from archs.tables.table import MAX_JSON
from explorer.cli import import_network as importing
from explorer.cli import lab
from explorer.cli import latency as timing

BAD_INPUT = 2  # as argparse has it for a bad option


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m explorer", description="What a mobile CNN costs.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], None], about: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about)
        sub.set_defaults(action=run)
        sub.add_argument("--json", action="store_true", help="print JSON")
        return sub

    command("list", _list, "the catalogue: networks, their knobs and their sources")
    count = _network_options(command("count", _count, "multiply-adds, parameters, memory access and more, per part"))
    count.add_argument("--by", choices=("node", "block", "stage"), default="block", help="one row per …")
    reconcile = _network_options(command("reconcile", _reconcile, "what other counters say, and which terms differ"))
    reconcile.add_argument("--run", action="store_true", help="also run the real fvcore on the exported network")
    export = _network_options(command("export", _export, "the network as a PyTorch or ONNX file, or as a spec"))
    export.add_argument("--format", choices=("pytorch", "onnx", "spec", "text"), help="else by the output's suffix")
    export.add_argument("--output", type=Path, help="a file to write; standard output without it")
    timing.add_regime(command("calibrate", timing.calibrate, "time networks on this machine and write a profile"))
    predict = _network_options(command("predict", _predict, "milliseconds per operator, with an interval"))
    timing.add_profile(predict)
    validate = command("validate", timing.check, "a profile against networks timed now, by family")
    timing.add_profile(validate)
    validate.add_argument("--output", type=Path, help="also write the report beside this profile")
    importing.add_options(command("import", importing.run, "one's own network, package.module:function, and its costs"))
    lab.add_options(command("lab", lab.lab, "an experiment of ShuffleNetV2's guidelines, timed on this machine"))
    return parser


def _network_options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("network", help=f"a spec file (.json) or one of: {', '.join(FAMILIES)}")
    parser.add_argument("--width", type=float, help="width multiplier or scale")
    parser.add_argument("--groups", type=int, help="groups of ShuffleNetV1")
    parser.add_argument("--resolution", type=int, help="height and width of the image")
    parser.add_argument("--code", help="which of several published forms")
    parser.add_argument("--last-stage", help="MobileNetV3-Large: efficient or original")
    parser.add_argument("--fold", action="store_true", help="fold batch norms into the convolutions")
    return parser


def _spec(options: argparse.Namespace) -> archs.Spec:
    named = ("width", "groups", "resolution", "code", "last_stage")
    knobs = {knob: value for knob in named if (value := getattr(options, knob)) is not None}
    if not options.network.endswith(".json"):
        return archs.spec(options.network, **knobs)
    if not set(knobs) <= {"resolution"}:
        raise archs.ArchError(f"a spec file has its knobs built in; allowed with one: --resolution, found {knobs}")
    path = Path(options.network)
    with path.open("rb") as file:  # no more is read than a spec may have
        spec = archs.Spec.from_json(file.read(MAX_JSON + 1))
    return spec.edit(**knobs) if knobs else spec


def _graph(options: argparse.Namespace) -> Graph:
    graph = archs.build(_spec(options))
    return archs.fold_batchnorm(graph) if options.fold else graph


def _list(options: argparse.Namespace) -> None:
    rows = []
    for family in FAMILIES.values():
        total = costmodel.count(archs.build(family.spec())).total
        rows.append(
            {
                "name": family.name,
                "mult_adds": total.mult_adds,
                "params": total.params,
                "source": family.source,
                "knobs": {knob: list(values) for knob, values in family.knobs.items()},
            }
        )
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        knobs = "; ".join(f"{knob} {', '.join(map(str, values))}" for knob, values in row["knobs"].items())
        print(f"{row['name']:33} {row['mult_adds']:>13,} mult-adds {row['params']:>11,} params   {row['source']}")
        print(f"{'':33} {knobs}")


def _count(options: argparse.Namespace) -> None:
    graph = _graph(options)
    counts = costmodel.count(graph)
    fragmentation = costmodel.fragmentation(graph)
    table = counts.table() if options.by == "node" else counts.by(options.by)
    total = counts.total._asdict() | {
        "mem_bytes": counts.mem_bytes,
        "intensity": counts.intensity,
        "peak_activation": counts.peak_activation,
        "fragments_per_block": fragmentation.mean,
    }
    if options.json:
        print(json.dumps({"network": graph.name, "total": total, "rows": table.to_dict("records")}, indent=1))
        return
    shown = [c for c in table.columns if c not in ("stage", "block") or c == options.by]
    shown = [c for c in shown if c not in ("activations", "kernels", "mem_access_paper")]
    print(table[shown].to_string(index=False, formatters=_formatters(table)))
    print()
    for name, value in total.items():
        print(f"{name:20} {_number(value)}")


def _number(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"


def _formatters(table: Any) -> dict[str, Callable[[Any], str]]:
    return {column: _number for column in table.columns if table[column].dtype.kind in "if"}


def _reconcile(options: argparse.Namespace) -> None:
    graph = _graph(options)
    reports = costmodel.reconcile(graph)
    real = costmodel.run_fvcore(graph) if options.run else None
    if options.json:
        rows = [
            {"tool": r.tool, "total": r.total, "terms": [{"name": t.name, "amount": t.amount} for t in r.terms]}
            for r in reports
        ]
        result = {"network": graph.name, "mult_adds": costmodel.count(graph).total.mult_adds, "tools": rows}
        print(json.dumps(result | ({"fvcore_run": real.total} if real else {}), indent=1))
        return
    print(f"{'ours':18} {costmodel.count(graph).total.mult_adds:>15,}   convolutions and linear layers, no bias")
    for report in reports:
        print(f"{report.tool:18} {report.total:>15,}")
        for term in report.terms:
            print(f"{'':18} {term.amount:>+15,}   {term.name}: {term.why}")
    if real:
        expected = next(r.total for r in reports if r.tool == "fvcore")
        verdict = "as predicted" if real.total == expected else f"predicted was {expected:,}"
        print(f"{'fvcore, run now':18} {real.total:>15,}   {verdict}")


SUFFIXES = {".onnx": "onnx", ".json": "spec", ".txt": "text"}


def _export(options: argparse.Namespace) -> None:
    graph = _graph(options)
    form = options.format or SUFFIXES.get(options.output.suffix if options.output else "", "pytorch")
    if form == "onnx":
        _export_onnx(options, graph)
        return
    text = {
        "pytorch": lambda: archs.to_source(graph),
        "spec": lambda: _spec(options).to_json(),
        "text": lambda: f"{graph}\n",
    }[form]()
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    if options.json:
        print(json.dumps({"network": graph.name, "format": form, "text": text}))
    elif not options.output:
        print(text, end="")


def _export_onnx(options: argparse.Namespace, graph: Graph) -> None:
    if not options.output:
        raise archs.ArchError("an ONNX file is no text; name the file to write: --output NAME.onnx")
    data = to_onnx(graph)
    options.output.write_bytes(data)
    if options.json:
        print(json.dumps({"network": graph.name, "format": "onnx", "output": str(options.output), "bytes": len(data)}))


def _predict(options: argparse.Namespace) -> None:
    timing.predict(options, _graph(options))


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.action(options)
    except (archs.ArchError, costmodel.CostError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
    except OSError as error:
        print(f"{options.command}: {error.filename}: {error.strerror}", file=sys.stderr)
        return BAD_INPUT
    return 0
