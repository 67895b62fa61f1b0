"""`search` and `sweep`: the network for a budget, and many networks of a space with their costs."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import archs
import costmodel
from costmodel.latency.profile import DEFAULT
from costmodel.written_files import write_together
from explorer.cli import destination
from explorer.cli.command import Commands, Output, ends
from explorer.search import sweep as sweeping
from explorer.search.objectives import OBJECTIVES, objective
from explorer.search.runs.baselines import width_baseline
from explorer.search.search import Candidate, random_baseline, search
from explorer.search.search import best as best_of
from explorer.search.space import Space
from explorer.search.spaces import SPACES, space
from explorer.search.strategies import STRATEGIES, strategy

SHOWN = 10


def register(commands: Commands) -> None:
    """Add the commands of this module."""
    found = commands.add("search", _search, "the network of a space with the best score within a latency")
    found.add_argument("space", help=f"one of: {', '.join(SPACES)}")
    found.add_argument("--target", type=float, required=True, help="milliseconds that the whole interval must meet")
    found.add_argument("--objective", default="estimated", help=f"{', '.join(OBJECTIVES)}, or module:function")
    found.add_argument("--strategy", default="surrogate", help=", ".join(STRATEGIES))
    found.add_argument("--evaluations", type=int, default=200)
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--w", type=float, help="MnasNet's exponent (-0.07, -0.15): a soft reward, no hard target")
    found.add_argument("--profile", default=DEFAULT, help="a profile file or a shipped one")
    found.add_argument("--output", type=Path, help="write the best network's spec to this file")
    many = commands.add("sweep", _sweep, "random networks of a space, counted and priced, as Parquet parts")
    many.add_argument("space", help=f"one of: {', '.join(SPACES)}")
    many.add_argument("--samples", type=int, required=True)
    many.add_argument("--output", type=Path, required=True, help="a folder; a sweep that it holds is continued")
    many.add_argument("--seed", type=int, default=0)
    many.add_argument("--workers", type=int, default=2, help="processes")
    many.add_argument("--dask", metavar="ADDRESS", help="tcp://HOST:PORT of a Dask scheduler, instead of processes")
    many.add_argument("--profile", default=DEFAULT, help="a profile file or a shipped one")


def _search(options: argparse.Namespace) -> Output:
    destination.require_suffix(options.output, ".json")
    if options.output:
        destination.check(options.output, destination.TEXT)
    chosen, scored = space(options.space), objective(options.objective)
    profile = costmodel.load_profile(options.profile)
    arguments = (chosen, profile, options.target, scored)
    evaluated: list[Candidate] = []

    def progress(one: Candidate) -> bool:
        evaluated.append(one)
        return True

    random = None
    try:
        strategies = strategy(options.strategy)
        found = search(*arguments, strategies, options.evaluations, options.seed, options.w, progress)
        if options.w is None:
            random = random_baseline(*arguments, options.evaluations, options.seed)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_kept(options, chosen, evaluated)) from None
    best, spec = found.best, chosen.spec(found.best.genome)
    if options.output:
        write_together({options.output: spec.to_json()})
    met = best.high_ms <= options.target
    width = width_baseline(chosen.base, profile, options.target)
    document = {
        "space": chosen.name,
        "objective": scored.name,
        "tier": scored.tier,
        "target_ms": options.target,
        "meets_target": met,
        "evaluations": len(found.candidates),
        "best": _row(chosen.words(best.genome), best),
        "front": [_row(chosen.words(one.genome), one) for one in found.front()],
        "random_search": random and _row(chosen.words(random.genome), random),
        "width_multiplier": width and width[0],
        "profile": {"name": profile.name, "fingerprint": sweeping.fingerprint(profile)},
        "seed": options.seed,
        "spec": spec.to_json(),
    }
    lines = [
        f"{len(found.candidates)} networks of {chosen.title}, scored by {scored.name} ({scored.tier}: {scored.note})",
        f"best   {_line(best)}   {'meets' if met else 'does not meet'} {options.target:g} ms with its whole interval",
    ]
    if random:
        beaten = "" if best.score > random.score else "   the search did not beat it"
        lines.append(f"random {_line(random)}{beaten}")
    lines.append(
        f"base table at the uniform width that meets the target: {width[0] if width else 'none from 0.2 to 2'}"
    )
    lines += [f"front  {_line(one)}" for one in found.front()[-SHOWN:]]
    return Output(document, "\n".join(lines))


def _kept(options: argparse.Namespace, searched: Space, evaluated: list[Candidate]) -> str:
    """Write the best network of an interrupted search, and say where; empty where none was evaluated."""
    if not evaluated:
        return ""
    place = destination.or_temporary(options.output, f"{searched.name}.interrupted")
    write_together({place: searched.spec(best_of(evaluated, options.target, options.w).genome).to_json()})
    return f"the best of {len(evaluated)} evaluated networks is kept in {place}"


def _row(words: dict[str, str], one: Candidate) -> dict[str, Any]:
    return {**asdict(one), "genome": list(one.genome), "choices": words}


def _line(one: Candidate) -> str:
    interval = f"{one.latency_ms:8.3f} ms ({ends(one.low_ms, one.high_ms)})"
    return f"{one.score:14,.4g}   {interval}   {one.mult_adds:>13,} mult-adds   {one.digest[:12]}"


def _sweep(options: argparse.Namespace) -> Output:
    if options.workers < 1:
        raise archs.ArchError(f"workers is {options.workers}; allowed: at least 1")
    destination.require_folder(options.output)
    made = sweeping.plan(options.space, options.samples, options.seed, options.profile)

    def progress(done: int, per_second: float) -> None:
        left = (made.samples - done) / max(per_second, 1e-9)
        print(f"{done:,} of {made.samples:,} · {per_second:,.0f}/s · {left:.0f} s left", file=sys.stderr, flush=True)

    try:
        added = sweeping.sweep(made, options.output, options.workers, progress, options.dask)
    except KeyboardInterrupt:
        there = made.samples - sum(size for _, size in sweeping.missing(made, options.output))
        continues = f"{there:,} networks are kept in {options.output}; the same command continues"
        raise KeyboardInterrupt(continues) from None
    document = {**asdict(made), "output": str(options.output), "added": added}
    return Output(document, f"{options.output}: {made.samples:,} networks, {added:,} of them added by this run")
