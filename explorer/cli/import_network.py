"""`python -m explorer import package.module:function`, or `network.onnx`: its costs, its export with its weights.

The function is imported and called with no arguments and must give an nn.Module; this runs the user's own code on the
user's own machine and is no part of the page.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

import archs
import costmodel
from archs.ir.graph import Graph
from archs.ir.ops import Opaque

ONNX = ".onnx"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "function", help="package.module:function, called with no arguments, a module's class, or an ONNX file"
    )
    parser.add_argument(
        "--shape", help="channels, height and width of one image; 3,224,224, or what the ONNX file says"
    )
    parser.add_argument("--by", choices=("node", "block", "stage"), default="block", help="one row per …")
    parser.add_argument("--fold", action="store_true", help="fold batch norms into the convolutions")
    parser.add_argument("--output", type=Path, help="also write the network as a PyTorch file")
    parser.add_argument("--weights", type=Path, help="also write its weights, as safetensors for that file")


def run(options: argparse.Namespace) -> None:
    if options.function.endswith(ONNX):
        graph = archs.from_onnx(options.function, _shape(options.shape) if options.shape else None)
    else:
        graph = archs.from_module(_module(options.function), _shape(options.shape or "3,224,224"))
    graph = archs.fold_batchnorm(graph) if options.fold else graph
    counts = costmodel.count(graph)
    opaque = sorted({node.op.target for node in graph.nodes if isinstance(node.op, Opaque)})
    unused = graph.weights.unused if graph.weights else {}
    table = counts.table() if options.by == "node" else counts.by(options.by)
    if options.output:
        options.output.write_text(archs.to_source(graph), encoding="utf-8")
    if options.weights:
        archs.save_weights(graph, options.weights)
    if options.json:
        result = {"network": graph.name, "nodes": len(graph.nodes), "total": counts.total._asdict()}
        result |= {"unknown_operators": opaque, "unused_parameters": sum(unused.values())}
        print(json.dumps(result | {"rows": table.to_dict("records")}, indent=1))
        return
    columns = [options.by if options.by != "node" else "path", "output", "mult_adds", "params", "mem_access", "unknown"]
    print(table[columns].to_string(index=False, formatters=dict.fromkeys(columns[2:], "{:,}".format)))
    print()
    print("\n".join(_summary(graph, counts, opaque, unused)))


def _summary(graph: Graph, counts: costmodel.NetworkCounts, opaque: list[str], unused: dict[str, int]) -> list[str]:
    least = "at least " if opaque else ""
    lines = [
        f"{graph.name}: {len(graph.nodes)} operators, {least}{counts.total.mult_adds:,} mult-adds, "
        f"{counts.total.params:,} parameters"
    ]
    if opaque:
        lines.append(f"unknown operators, not counted: {', '.join(opaque)}")
    if unused:
        lines.append(
            f"{sum(unused.values()):,} more parameters that its forward never reads: {', '.join(unused)[:200]}"
        )
    return lines


def _module(target: str) -> object:
    """The module that `package.module:function` gives. Raises ArchError where a part of that name is not there."""
    name, colon, attribute = target.partition(":")
    if not (name and colon and attribute):
        raise archs.ArchError(f"found {target!r}; allowed: package.module:function")
    sys.path.insert(0, "")  # as `python -m` has it, for a file beside the caller
    try:
        found = importlib.import_module(name)
    except ImportError as error:
        raise archs.ArchError(f"{name} cannot be imported: {error}") from None
    finally:
        sys.path.remove("")
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise archs.ArchError(f"{name} has no {attribute}")
        found = getattr(found, part)
    if not callable(found):
        raise archs.ArchError(f"{target} is a {type(found).__name__}; allowed: a function or a class")
    return found if hasattr(found, "state_dict") and not isinstance(found, type) else found()


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(side) for side in text.split(","))
    except ValueError:
        raise archs.ArchError(f"shape: found {text!r}; allowed: three whole numbers, 3,224,224") from None
