"""`diff`, `advise`, `frontier` and `profiles`: networks beside each other, and the devices to price them on."""

from __future__ import annotations

import argparse

import costmodel
import explorer
from costmodel.latency.profile import names
from explorer.cli import network
from explorer.cli.command import Commands, Output
from explorer.data import frontier
from explorer.data.metrics import percent

COSTS = ("mult_adds", "params", "mem_access")


def register(commands: Commands) -> None:
    """Add the commands of this module."""
    diff = commands.add("diff", _diff, "what changed from one network to another, block by block")
    network.add_argument(diff, "before")
    network.add_argument(diff, "after")
    network.add_options(diff)
    _add_profile(diff)
    about = "edits by ShuffleNetV2's guidelines that keep the multiply-adds"
    advise = commands.add("advise", _advise, about, takes_network=True)
    _add_profile(advise)
    advise.add_argument("--limit", type=int, default=8, help="rows to try at most")
    table = commands.add("frontier", _frontier, "the Pareto frontier of the published networks in accuracy and cost")
    table.add_argument("--cost", choices=COSTS, default="mult_adds")
    table.add_argument("--all", action="store_true", help="every published network, not only those on the frontier")
    commands.add("profiles", _profiles, "the shipped device profiles, with their held-out errors")


def _add_profile(parser: argparse.ArgumentParser) -> None:
    known = ", ".join(names()) or "none"
    parser.add_argument("--profile", help=f"also in milliseconds: a profile file, or a shipped one: {known}")


def _diff(options: argparse.Namespace) -> Output:
    before, after = network.graph(options, options.before), network.graph(options, options.after)
    found = explorer.diff(before, after, options.profile)
    table = found.table()
    shown = ["status", "block", "what", "mult_adds", "params", *(["latency_ms"] if options.profile else [])]
    changed = table[table["status"] != "same"]
    text = changed[shown].to_string(index=False) if len(changed) else "no block differs"
    if not len(changed) and options.before == options.after:
        text += ": the options are for both networks; to compare two variants of one, export one of them as a spec"
    document = {"before": before.name, "after": after.name, "total": found.total._asdict(), "total_ms": found.total_ms}
    return Output({**document, "rows": table.to_dict("records")}, f"{text}\n\n{found!r}")


def _advise(options: argparse.Namespace) -> Output:
    spec = network.spec(options)
    found = explorer.advise(spec, options.profile, options.limit)
    rows = [
        {
            "guideline": s.guideline,
            "row": None if s.row is None else s.row + 1,
            "title": s.title,
            "ranked_by": s.ranked_by,
            "gain": s.gain,
            "notes": list(s.edited.notes),
            "spec": s.edited.spec.to_json(),
        }
        for s in found
    ]
    lines = [f"{percent(s.gain, 1):>7} less {s.ranked_by}: {s.title}" for s in found] or ["no edit lowers the cost"]
    return Output({"network": spec.name, "suggestions": rows}, "\n".join(lines))


def _frontier(options: argparse.Namespace) -> Output:
    table = frontier.table()
    table = table if options.all else frontier.pareto(table, options.cost)
    shown = table[["variant", options.cost, "top1_pct", "recipe", "year"]]
    text = shown.to_string(index=False, formatters={options.cost: "{:,.0f}".format})
    return Output({"cost": options.cost, "rows": table.to_dict("records")}, text)


def _profiles(options: argparse.Namespace) -> Output:
    table = costmodel.profiles()
    return Output({"profiles": table.to_dict("records")}, table.to_string(index=False))
