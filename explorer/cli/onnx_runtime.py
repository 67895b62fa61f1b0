"""`measure --runtime onnxruntime`: a network's exported ONNX file in fresh processes with ONNX Runtime."""

from __future__ import annotations

import argparse
from typing import Any

import archs
from costmodel.onnx_runtime.timing import LEVEL, PROVIDER, OnnxRuntimeTiming, measure_onnx_runtime, require_runtime
from explorer.cli import network
from explorer.cli.command import Output

NAME = "onnxruntime"
SLOWEST = 10  # nodes of the text; the document has all


def measure(options: argparse.Namespace) -> Output:
    """Time the file that `export` writes for the network. Raises ArchError for an operator that no file holds."""
    require_runtime()
    graph = network.graph(options)
    threads = options.threads or 1
    found = measure_onnx_runtime(
        archs.to_onnx(graph), threads=threads, processes=options.processes, seconds=options.seconds
    )
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
        "nodes": rows,
    }
    return Output(document, _text(graph.name, found, rows))


def _text(name: str, found: OnnxRuntimeTiming, rows: list[dict[str, Any]]) -> str:
    processes = len(found.processes_ms)
    lines = [
        f"{name}, {NAME} {found.version}, {PROVIDER}, graph optimisation level {LEVEL}, threads {found.threads}, "
        f"batch {found.batch}",
        f"measured {found.median_ms:.2f} ms, the median of {processes} process{'es' if processes > 1 else ''}",
        f"the slowest of {len(rows)} nodes, by the runtime's profiler:",
    ]
    for row in sorted(rows, key=lambda row: row["time_ms"], reverse=True)[:SLOWEST]:
        holds = " + ".join(row["holds"]) or "added by the runtime"
        lines.append(f"{row['time_ms']:8.3f} ms  {row['operator']:<20} {row['layer'] or '-':<32} {holds}")
    return "\n".join(lines)
