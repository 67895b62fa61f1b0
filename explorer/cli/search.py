"""`search` and `sweep`: the network for a budget, and many networks of a space with their costs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from plotly.graph_objects import Figure

import archs
import costmodel
from archs.errors import shorten
from costmodel.latency.profile import DEFAULT
from costmodel.timing import machine_lock
from costmodel.written_files import keep_unfinished, write_together
from explorer.cli import destination
from explorer.cli.command import Commands, Output, ends
from explorer.cli.progress import progress_bar, waiting
from explorer.figures.search import outcome as figures
from explorer.figures.search import published_front as front_figures
from explorer.figures.search import sweep as sweep_figures
from explorer.search import search as searching
from explorer.search import sweep as sweeping
from explorer.search.analysis import sweep_table
from explorer.search.confirmation import TRIES, Trial, check_here, confirmed, timed
from explorer.search.logs.search_log import SearchLog
from explorer.search.objectives import OBJECTIVES, objective
from explorer.search.runs.baselines import width_baseline
from explorer.search.runs.evaluations import Evaluations
from explorer.search.runs.outcome import Outcome
from explorer.search.runs.published_front import MARKS, predicted, published
from explorer.search.search import Candidate, best, check_target, front
from explorer.search.spaces import SPACES, space
from explorer.search.strategies import STRATEGIES, strategy
from explorer.views.report import figure_html

SHOWN = 10
FRONT = "front"
"""The word for the exponent of published networks."""
UNFINISHED = ".interrupted.json"
LINE = 400  # bytes of the log per evaluation


def register(commands: Commands) -> None:
    """Add the commands of this module."""
    found = commands.add("search", _search, "the network of a space with the best score within a latency")
    found.add_argument("space", help=f"one of: {', '.join(SPACES)}")
    found.add_argument("--target", type=float, required=True, help="milliseconds that the whole interval must meet")
    found.add_argument("--objective", default="estimated", help=f"{', '.join(OBJECTIVES)}, or module:function")
    found.add_argument("--strategy", default="surrogate", help=", ".join(STRATEGIES))
    found.add_argument("--evaluations", type=int, default=200)
    found.add_argument("--seed", type=int, default=0)
    found.add_argument(
        "--w",
        help=f"MnasNet's exponent (-0.07, -0.15), or {FRONT}: that of published networks near the target; "
        "a soft reward, no hard target",
    )
    found.add_argument("--profile", default=DEFAULT, help="a profile file or a shipped one")
    found.add_argument(
        "--measure",
        action="store_true",
        help="time the network on this machine; where it misses the target, search for less, until one keeps it",
    )
    found.add_argument("--log", type=Path, help="a file for all evaluations; the same command continues from it")
    found.add_argument("--figure", type=Path, help="write the networks, and the slope of published ones, as an .html")
    found.add_argument("--output", type=Path, help="write the best network's spec to this file")
    many = commands.add("sweep", _sweep, "random networks of a space, counted and priced, as Parquet parts")
    many.add_argument("space", help=f"one of: {', '.join(SPACES)}")
    many.add_argument("--samples", type=int, required=True)
    many.add_argument("--output", type=Path, required=True, help="a folder; a sweep that it holds is continued")
    many.add_argument("--seed", type=int, default=0)
    many.add_argument("--workers", type=int, default=2, help="processes")
    many.add_argument("--dask", metavar="ADDRESS", help="tcp://HOST:PORT of a Dask scheduler, instead of processes")
    many.add_argument("--profile", default=DEFAULT, help="a profile file or a shipped one")
    many.add_argument("--figures", type=Path, help="write distributions and good ranges as an .html")
    many.add_argument("--objective", help=f"of the figures: {', '.join(OBJECTIVES)}, or module:function")
    many.add_argument(
        "--scored", type=int, default=sweep_table.SCORED, help="how many networks, the first, the figures score"
    )


def _search(options: argparse.Namespace) -> Output:
    destination.require_suffix(options.output, ".json")
    destination.require_suffix(options.figure, ".html")
    destination.require_suffix(options.log, ".jsonl")
    if options.evaluations < 1:
        raise archs.ArchError(f"{options.evaluations} evaluations; allowed: at least 1")
    check_target(options.target)
    if options.measure and options.w is not None:
        raise archs.ArchError("--measure keeps the target, --w makes it a soft one; allowed: one of them")
    for path, room in (
        (options.output, destination.TEXT),
        (options.log, 2 * LINE * options.evaluations),
        (options.figure, destination.ROOM),
    ):
        if path:
            destination.check(path, room)
    chosen, scored = space(options.space), objective(options.objective)
    profile = costmodel.load_profile(options.profile)
    if options.measure:
        check_here(profile)
    w = _exponent(options, profile)
    kind = strategy(options.strategy)
    log = SearchLog(options.log, _plan(options, profile, w), chosen) if options.log else None
    place = destination.or_temporary(options.output, chosen.name)
    advice = f"run it again to continue from {log.path}" if log else ""
    with progress_bar() as bar:
        run = Evaluations(chosen, profile, options.target, scored, kind, options.evaluations, options.seed, w, log, bar)
        with keep_unfinished(place, UNFINISHED, partial(_best_so_far, run), advice):
            run.run()
    found, drawn = run.found, run.drawn
    trials = list(_trials(options, run)) if options.measure else []
    first = trials[-1].candidate if trials else best(found, options.target, w)
    random = best(drawn, options.target, None) if drawn else None
    spec = chosen.spec(first.genome)
    files = {options.output: spec.to_json()} if options.output else {}
    if options.figure:
        outcome = Outcome(chosen, scored, options.target, w, tuple(found), tuple(drawn))
        files[options.figure] = _figures(outcome, profile)
    write_together(files)
    met = first.high_ms <= options.target
    width = width_baseline(chosen.base, profile, options.target)
    document = {
        "space": chosen.name,
        "objective": scored.name,
        "tier": scored.tier,
        "target_ms": options.target,
        "w": w,
        "meets_target": met,
        "trials": [_trial(chosen.words(one.candidate.genome), one) for one in trials],
        "evaluations": len(found),
        "best": _row(chosen.words(first.genome), first),
        "front": [_row(chosen.words(one.genome), one) for one in front(found)],
        "random_search": random and _row(chosen.words(random.genome), random),
        "width_multiplier": width and width[0],
        "profile": {"name": profile.name, "fingerprint": sweeping.fingerprint(profile)},
        "seed": options.seed,
        "log": str(options.log) if options.log else None,
        "spec": spec.to_json(),
    }
    soft = "" if w is None else f", soft target with w = {w:g}"
    lines = [
        f"{len(found)} networks of {chosen.title}, scored by {scored.name} ({scored.tier}: {scored.note}){soft}",
        f"best   {_line(first)}   {'meets' if met else 'does not meet'} {options.target:g} ms with its whole interval",
    ]
    lines += [_said(one, options.target) for one in trials]
    if random:
        beaten = "" if first.score > random.score else "   the search did not beat it"
        lines.append(f"random {_line(random)}{beaten}")
    lines.append(
        f"base table at the uniform width that meets the target: {width[0] if width else 'none from 0.2 to 2'}"
    )
    lines += [f"front  {_line(one)}" for one in front(found)[-SHOWN:]]
    return Output(document, "\n".join(lines))


def _trials(options: argparse.Namespace, run: Evaluations) -> Iterator[Trial]:
    """Measured networks, the last of which is the result."""

    def found(limit_ms: float) -> Sequence[Candidate]:
        if limit_ms == run.target_ms:
            return run.found
        again = (run.space, run.profile, limit_ms, run.objective, run.strategy)
        return searching.search(*again, run.evaluations, run.seed).candidates

    def measured(one: Candidate) -> tuple[float, ...]:
        with machine_lock.exclusive(waiting):
            return timed(run.space.graph(one.genome), run.profile)

    with progress_bar() as bar:
        for number, trial in enumerate(confirmed(found, run.target_ms, measured), 1):
            bar(number / TRIES, _said(trial, run.target_ms))
            yield trial


def _trial(words: dict[str, str], one: Trial) -> dict[str, Any]:
    return _row(words, one.candidate) | {"limit_ms": one.limit_ms, "builds_ms": list(one.builds_ms)}


def _said(one: Trial, target_ms: float) -> str:
    """A measured network in words."""
    within = f"{sum(ms <= target_ms for ms in one.builds_ms)} of {len(one.builds_ms)} builds within"
    return (
        f"measured here {ends(min(one.builds_ms), max(one.builds_ms))} ms, predicted {one.candidate.latency_ms:.3f}: "
        f"{'keeps' if one.keeps(target_ms) else 'misses'} {target_ms:g} ms, {within}"
    )


def _best_so_far(run: Evaluations) -> tuple[str, str] | None:
    """What an interrupted search leaves: the table of the best network."""
    if not run.found:
        return None
    table = run.space.spec(best(run.found, run.target_ms, run.w).genome)
    return f"the rows of the best of {len(run.found)} evaluated networks", table.to_json()


def _exponent(options: argparse.Namespace, profile: costmodel.DeviceProfile) -> float | None:
    """The number that is given, or the slope of the published networks near the target."""
    if options.w is None:
        return None
    if options.w == FRONT:
        found = predicted(profile).w(options.target)
        if found is None:
            raise archs.ArchError(
                f"too few published networks are near {options.target:g} ms on {options.profile}; allowed: a number"
            )
        return found
    with suppress(ValueError):
        if isfinite(given := float(options.w)):
            return given
    raise archs.ArchError(f"w is {shorten(options.w)}; allowed: a number, or {FRONT}")


def _plan(options: argparse.Namespace, profile: costmodel.DeviceProfile, w: float | None) -> dict[str, Any]:
    """What the evaluations of a log follow from; there may be more of them when it is continued."""
    names = ("space", "target", "objective", "strategy", "seed")
    return {name: getattr(options, name) for name in names} | {"w": w, "profile": sweeping.fingerprint(profile)}


def _figures(outcome: Outcome, profile: costmodel.DeviceProfile) -> str:
    """The evaluated networks, and the slope of published ones on the profile and as published."""
    here = front_figures.slopes(predicted(profile), MARKS, outcome.target_ms)
    return _html([figures.pareto(outcome), here, front_figures.slopes(published(), MARKS)])


def _html(figures: Sequence[Figure]) -> str:
    return "\n".join(figure_html(one, alone=number == 0) for number, one in enumerate(figures))


def _row(words: dict[str, str], one: Candidate) -> dict[str, Any]:
    return {**asdict(one), "genome": list(one.genome), "choices": words}


def _line(one: Candidate) -> str:
    interval = f"{one.latency_ms:8.3f} ms ({ends(one.low_ms, one.high_ms)})"
    return f"{one.score:14,.4g}   {interval}   {one.mult_adds:>13,} mult-adds   {one.digest[:12]}"


def _sweep(options: argparse.Namespace) -> Output:
    destination.require_suffix(options.figures, ".html")
    if options.workers < 1:
        raise archs.ArchError(f"workers is {options.workers}; allowed: at least 1")
    destination.require_folder(options.output)
    if options.figures:
        destination.check(options.figures)
        sweep_table.check_scored(options.scored)
    scored = objective(options.objective or sweep_table.objective_of(options.space)) if options.figures else None
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
    document: dict[str, Any] = {**asdict(made), "output": str(options.output), "added": added}
    lines = [f"{options.output}: {made.samples:,} networks, {added:,} of them added by this run"]
    if scored:
        with progress_bar() as bar:
            table = sweep_table.read(options.output, space(options.space), scored, options.scored, bar)
        summary = sweep_table.summary(table, made.seed)
        write_together({options.figures: _html(sweep_figures.every(table, summary))})
        document |= {"objective": scored.name, "tier": scored.tier, "scored": len(table.scores), **summary.as_dict()}
        lines += summary.lines()
    return Output(document, "\n".join(lines))
