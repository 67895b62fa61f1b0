"""`import`: the counts of an imported network, and its export with its weights. Reading it: `explorer.cli.network`."""

from __future__ import annotations

import argparse
from pathlib import Path

import archs
import costmodel
from archs.ir.graph import Graph
from archs.ir.ops import Opaque
from archs.transforms.weights import to_safetensors
from costmodel.written_files import write_together
from explorer.cli import destination, network
from explorer.cli.command import Commands, Output
from explorer.data.metrics import quantity
from explorer.views import text_table


def register(commands: Commands) -> None:
    """Add the command of this module."""
    parser = commands.add("import", _import, "a network of yours, package.module:function, and its counts")
    parser.add_argument(
        "function", help="package.module:function, called with no arguments, a module's class, an ONNX or exported file"
    )
    parser.add_argument("--shape", help="channels, height and width of one image; 3,224,224, or that of the ONNX file")
    parser.add_argument("--by", choices=("node", "block", "stage"), default="block", help="one row per …")
    parser.add_argument("--fold", action="store_true", help="fold batch norms into the convolutions")
    network.add_no_verify(parser)
    parser.add_argument("--output", type=Path, help="also write the network as a PyTorch file (.py)")
    parser.add_argument("--weights", type=Path, help="also write its weights for that file (.safetensors)")


def _import(options: argparse.Namespace) -> Output:
    for path, suffix in ((options.output, ".py"), (options.weights, ".safetensors")):
        destination.require_suffix(path, suffix)
        if path:
            destination.check(path)
    graph = network.imported(options.function, options.shape, not options.no_verify)
    verification = graph.verification
    graph = archs.fold_batchnorm(graph) if options.fold else graph
    counts = costmodel.count(graph)
    opaque = sorted({node.op.target for node in graph.nodes if isinstance(node.op, Opaque)})
    unused = graph.weights.unused if graph.weights else {}
    columns = counts.columns(options.by)
    files: dict[Path, str | bytes] = {options.output: archs.to_source(graph)} if options.output else {}
    write_together(files | ({options.weights: to_safetensors(graph)} if options.weights else {}))
    document = {"network": graph.name, "nodes": len(graph.nodes), "total": counts.total._asdict()}
    document |= {"unknown_operators": opaque, "unused_parameters": sum(unused.values())}
    document |= {"verification": verification}
    shown = (options.by if options.by != "node" else "path", "output", "mult_adds", "params", "mem_access", "unknown")
    lines = [
        text_table.aligned({name: columns[name] for name in shown}),
        "",
        *_summary(graph, counts, opaque, unused),
        verification,
    ]
    return Output(document | {"rows": text_table.records(columns)}, "\n".join(lines))


def _summary(graph: Graph, counts: costmodel.NetworkCounts, opaque: list[str], unused: dict[str, int]) -> list[str]:
    least = "at least " if opaque else ""
    operators = quantity(len(graph.nodes), "operator")
    lines = [
        f"{graph.name}: {operators}, {least}{counts.total.mult_adds:,} mult-adds, {counts.total.params:,} parameters"
    ]
    stored = graph.weights.stored_bytes if graph.weights else None
    if stored is not None and stored != 4 * counts.total.params:
        lines.append(f"{stored:,} bytes of weights as stored in the file, {4 * counts.total.params:,} as floats")
    if opaque:
        lines.append(f"unknown operators, not counted: {', '.join(opaque)}")
    if unused:
        lines.append(
            f"{sum(unused.values()):,} more parameters that its forward does not read: {', '.join(unused)[:200]}"
        )
    return lines
