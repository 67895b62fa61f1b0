"""`list`, `count` and `reconcile`: what the catalogue holds and what a network counts. Milliseconds: `latency`."""

from __future__ import annotations

import argparse
from typing import Any

import archs
import costmodel
from archs.catalogue.registry import FAMILIES
from explorer.cli import network
from explorer.cli.command import Commands, Output
from explorer.data.metrics import number
from explorer.views import text_table

HIDDEN = ("activations", "kernels", "mem_access_paper")
"""Columns of the counts that the text leaves out; the JSON document has them."""


def register(commands: Commands) -> None:
    """Add the commands of this module."""
    commands.add("list", _list, "the catalogue: networks, their knobs and their sources")
    about = "multiply-adds, parameters, memory access and more, per part"
    count = commands.add("count", _count, about, takes_network=True)
    count.add_argument("--by", choices=("node", "block", "stage", "kind"), default="block", help="one row per …")
    about = "what other counters report, and which terms differ"
    reconcile = commands.add("reconcile", _reconcile, about, takes_network=True)
    reconcile.add_argument("--run", action="store_true", help="also run the real fvcore on the exported network")


def _list(options: argparse.Namespace) -> Output:
    rows = []
    lines = []
    for family in FAMILIES.values():
        total = costmodel.count(archs.build(family.spec())).total
        knobs = {knob: list(values) for knob, values in family.knobs.items()}
        counts = {"mult_adds": total.mult_adds, "params": total.params}
        rows.append({"name": family.name, **counts, "source": family.source, "knobs": knobs})
        offered = "; ".join(f"{knob} {', '.join(map(str, values))}" for knob, values in knobs.items())
        head = f"{family.name:33} {total.mult_adds:>13,} mult-adds {total.params:>11,} params   {family.source}"
        lines += [head, f"{'':33} {offered}"]
    return Output({"networks": rows}, "\n".join(lines))


def _count(options: argparse.Namespace) -> Output:
    graph = network.graph(options)
    counts = costmodel.count(graph)
    columns = counts.columns(options.by)
    total = counts.total._asdict() | {
        "mem_bytes": counts.mem_bytes,
        "intensity": counts.intensity,
        "peak_activation": counts.peak_activation,
        "fragments_per_block": costmodel.fragmentation(graph).mean,
    }
    shown = {c: v for c, v in columns.items() if c not in ("stage", "block", *HIDDEN) or c == options.by}
    lines = [text_table.aligned(shown), ""]
    lines += [f"{name:20} {text_table.number(value)}" for name, value in total.items()]
    return Output({"network": graph.name, "total": total, "rows": text_table.records(columns)}, "\n".join(lines))


def _reconcile(options: argparse.Namespace) -> Output:
    graph = network.graph(options)
    ours = costmodel.count(graph).total.mult_adds
    reports = costmodel.reconcile(graph)
    rows = [
        {"tool": r.tool, "total": r.total, "terms": [{"name": t.name, "amount": t.amount} for t in r.terms]}
        for r in reports
    ]
    document: dict[str, Any] = {"network": graph.name, "mult_adds": ours, "tools": rows, "fvcore_run": None}
    lines = [f"{'ours':18} {ours:>15,}   convolutions and linear layers, no bias"]
    for report in reports:
        lines.append(f"{report.tool:18} {report.total:>15,}")
        lines += [f"{'':18} {number(term.amount, '+,'):>15}   {term.name}: {term.why}" for term in report.terms]
    if options.run:
        found = costmodel.run_fvcore(graph).total
        expected = next(r.total for r in reports if r.tool == "fvcore")
        verdict = "as predicted" if found == expected else f"predicted was {expected:,}"
        document["fvcore_run"] = found
        lines.append(f"{'fvcore, run now':18} {found:>15,}   {verdict}")
    return Output(document, "\n".join(lines))
