"""`python -m explorer adapt`: a table brought to a latency step by step, layer by layer, as NetAdapt does.

The steps are `explorer.search.netadapt`'s, the log `explorer.search.logs.adapt_log`'s.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import costmodel
from archs import ArchError, Graph, Spec
from archs.transforms.weights import to_safetensors
from costmodel.latency.profile import DEFAULT
from costmodel.written_files import write_together
from explorer.cli import destination, network
from explorer.cli.command import Commands, Output, ends
from explorer.cli.progress import progress_bar
from explorer.data import frontier
from explorer.figures.search import adaptation as figures
from explorer.search.image_sets import SHAPES
from explorer.search.logs.adapt_log import AdaptLog, row_of
from explorer.search.netadapt import (
    VERSIONS,
    Adapted,
    AdaptedStep,
    Adapter,
    Scorer,
    TableScorer,
    version,
)
from explorer.search.objectives import OBJECTIVES
from explorer.search.proposals import KINDS
from explorer.search.runs.adaptation import TRAINED, Adaptation, plan_of, scorer_of, trained
from explorer.search.runs.baselines import scored, width_baseline
from explorer.search.sweep import fingerprint
from explorer.search.training import Recipe, Trained, accuracy, train
from explorer.search.truncation import ORDERS
from explorer.views.report import figure_html

ROOM = 1_000_000  # bytes; a log of a hundred steps
CHOICES = ("ratio", "accuracy")
WIDTH_COLUMNS = ("latency_ms", "low_ms", "high_ms", "score")


def register(commands: Commands) -> None:
    """Add the command of this module."""
    parser = commands.add("adapt", _adapt, "a network brought to a latency layer by layer (NetAdapt)", True)
    parser.add_argument("--target-ms", type=float, required=True, help="milliseconds that the whole interval must meet")
    parser.add_argument(
        "--point", action="store_true", help="meet the target with the prediction, without its interval"
    )
    parser.add_argument("--profile", default=DEFAULT, help="a profile file or a shipped one")
    parser.add_argument("--method", default="mobilenet_v3", help=f"the published version: {', '.join(VERSIONS)}")
    parser.add_argument("--first", type=float, help="the least share of the latency that step 1 takes off, 0.01")
    parser.add_argument("--decay", type=float, help="by which that share is multiplied from step to step, 0.96")
    parser.add_argument("--kinds", help=f"of proposals, separated by commas: {', '.join(KINDS)}")
    parser.add_argument("--choice", choices=CHOICES, help="the proposal that loses least per millisecond, or the best")
    parser.add_argument("--max-steps", type=int, default=1000)
    parser.add_argument(
        "--objective", default="estimated", help=f"{', '.join(OBJECTIVES)}, {TRAINED}, or module:function of a Spec"
    )
    parser.add_argument("--log", type=Path, help="a file for all proposals; the same command continues from it")
    parser.add_argument("--figure", type=Path, help="write the steps as an .html, beside published networks")
    parser.add_argument("--output", type=Path, help="write the last network's spec, and its weights beside it")
    real = parser.add_argument_group(f"with --objective {TRAINED}")
    real.add_argument("--images", default=SHAPES, help=f"{SHAPES}, fashion-mnist, an .npz, a folder of IDX or classes")
    real.add_argument("--side", type=int, default=32, help="of the images that are drawn or resized")
    real.add_argument("--steps", type=int, default=400, help="of the first training, and of the last fine-tuning")
    real.add_argument("--tuning-steps", type=int, default=20, help="of each proposal")
    real.add_argument("--batch", type=int, default=64)
    real.add_argument("--order", default="norm", help=f"of the channels that stay: {', '.join(ORDERS)}")
    real.add_argument("--seed", type=int, default=0)


def _adapt(options: argparse.Namespace) -> Output:
    destination.require_suffix(options.output, ".json")
    destination.require_suffix(options.figure, ".html")
    destination.require_suffix(options.log, ".jsonl")
    if options.max_steps < 1:
        raise ArchError(f"max-steps is {options.max_steps}; allowed: at least 1")
    for path, room in ((options.output, destination.ROOM), (options.log, ROOM), (options.figure, destination.ROOM)):
        if path:
            destination.check(path, room)
    spec, profile = network.spec(options), costmodel.load_profile(options.profile)
    scorer, note = _scorer(options)
    if isinstance(scorer, Trained):
        spec = scorer.images.fitted(spec)
    adapter = Adapter(profile, options.target_ms, scorer, _version(options), not options.point, options.fold)
    plan = plan_of(spec, adapter, options.objective, _how(options))
    log = AdaptLog(options.log, plan) if options.log else None
    with progress_bar() as bar:
        search = Adaptation(adapter, spec, log, bar, options.max_steps)
        try:
            found, state = search.run()
            test = _tested(options, scorer, state, search) if isinstance(state, Graph) else None
        except KeyboardInterrupt:
            if log is None:
                raise KeyboardInterrupt("nothing is kept without --log") from None
            kept = len(AdaptLog(log.path, plan).entries)  # the file's: the interrupt may come between it and the search
            raise KeyboardInterrupt(f"{kept} steps are kept in {log.path}; run it again to continue") from None
    last = found.steps[-1]
    files: dict[Path, str | bytes] = {options.output: last.spec.to_json()} if options.output else {}
    if options.output and test:
        files[options.output.with_suffix(".safetensors")] = to_safetensors(test[1])
    if options.figure:
        files[options.figure] = _figures(adapter, found)
    write_together(files)
    if search.steps[-1].number and search.steps[-1].chosen is None:
        where = "; its table is written" if options.output else ""
        raise ArchError(f"{options.target_ms:g} ms is not reached: {found.reason} after {last.number} steps{where}")
    top1 = test[0] if test else None
    width = _width_multiplier(spec, adapter)
    document = _document(options, spec, adapter, found) | {"test_top1_pct": top1, "width_multiplier": width}
    return Output(document, "\n".join((*_lines(options, adapter, found, note, top1), *_beside(width, found))))


def _version(options: argparse.Namespace) -> Any:
    """The published version, with the options that change it."""
    given = {name: value for name in ("first", "decay", "choice") if (value := getattr(options, name)) is not None}
    if options.kinds is not None:
        given["kinds"] = tuple(options.kinds.split(","))
    return replace(version(options.method), **given)


def _scorer(options: argparse.Namespace) -> tuple[Scorer, str]:
    """The scorer with a note on it."""
    if options.objective != TRAINED:
        return scorer_of(options.objective)
    first = Recipe(options.steps, options.batch)
    scorer = trained(options.images, options.side, first, options.tuning_steps, options.seed, options.order)
    images = scorer.images
    sizes = " / ".join(f"{len(part):,}" for part in (images.train, images.validation, images.test))
    return scorer, f"train / validation / test images: {sizes}"


def _tested(options: argparse.Namespace, scorer: Scorer, state: Graph, search: Adaptation) -> tuple[float, Graph]:
    """Accuracy on the test part after the last fine-tuning, which the search's steps do not include."""
    assert isinstance(scorer, Trained)
    search.doing = "the last fine-tuning"
    recipe = Recipe(options.steps, options.batch, 0.05)
    tuned = train(state, scorer.images, recipe, options.seed + 2, search.trained, search.checkpoint("fine-tuning"))
    return accuracy(tuned, scorer.images.test), tuned


def _how(options: argparse.Namespace) -> dict[str, Any]:
    """The settings of a training."""
    names = ("images", "side", "steps", "tuning_steps", "batch", "order", "seed")
    return {name: getattr(options, name) for name in names}


def _document(options: argparse.Namespace, spec: Spec, adapter: Adapter, found: Adapted) -> dict[str, Any]:
    rows = [row_of(step) for step in found.steps]
    for row in rows:
        del row["spec"]
    return {
        "network": spec.name,
        "profile": {"name": adapter.profile.name, "fingerprint": fingerprint(adapter.profile)},
        "target_ms": adapter.target_ms,
        "whole_interval": adapter.whole_interval,
        "meets_target": found.met,
        "reason": found.reason,
        "version": asdict(adapter.version),
        "objective": adapter.scorer.name,
        "tier": adapter.scorer.tier,
        "steps": rows,
        "log": str(options.log) if options.log else None,
        "spec": found.steps[-1].spec.to_json(),
    }


def _figures(adapter: Adapter, found: Adapted) -> str:
    """The staircase, and the steps beside networks published for the profile's device where there are some."""
    unit = f"{adapter.scorer.name} ({adapter.scorer.tier})"
    made = [figures.staircase(found.steps, adapter.target_ms, unit)]
    published = frontier.timed_on(getattr(adapter.profile, "device", ""))
    if len(published) and adapter.scorer.name == "estimated":
        made.append(figures.beside_published(found.steps, published, unit))
    return "\n".join(figure_html(one, alone=number == 0) for number, one in enumerate(made))


def _width_multiplier(spec: Spec, adapter: Adapter) -> dict[str, float] | None:
    """The largest uniform width whose whole interval meets the target, scored alike; None where it has no score."""
    if not (isinstance(adapter.scorer, TableScorer) and adapter.whole_interval) or adapter.folded:
        return None
    found = width_baseline(spec, adapter.profile, adapter.target_ms)
    if found is None:
        return None
    width, table = found
    one = scored(table, adapter.scorer.objective, adapter.profile)
    return {"width": width} | {name: getattr(one, name) for name in WIDTH_COLUMNS} if one else None


def _beside(width: dict[str, float] | None, found: Adapted) -> list[str]:
    """The width multiplier in words, and whether the search beats it."""
    if width is None:
        return []
    beaten = "" if found.steps[-1].score > width["score"] else "   the search does not beat it"
    return [f"uniform width × {width['width']:g}: {width['latency_ms']:.3f} ms, {width['score']:,.6g}{beaten}"]


def _lines(options: argparse.Namespace, adapter: Adapter, found: Adapted, note: str, test: float | None) -> list[str]:
    first, last = found.steps[0], found.steps[-1]
    lines = [
        f"{first.spec.name} to {adapter.target_ms:g} ms on {adapter.profile.name}, NetAdapt {adapter.version.name}, "
        f"scored by {adapter.scorer.name} ({adapter.scorer.tier}: {note})"
    ]
    lines += [_line(step) for step in found.steps]
    inside = sum(step.chosen is not None and step.chosen.inside_interval for step in found.steps)
    if inside:
        lines.append(f"~ the step's gain lies inside its interval: {inside} of {last.number} steps")
    kind = "whole interval" if adapter.whole_interval else "prediction"
    verb = "meets" if found.met else "does not meet"
    lines.append(f"{found.reason}: the last network {verb} {adapter.target_ms:g} ms with its {kind}")
    if test is not None:
        lines.append(f"test part, after {options.steps} more steps of fine-tuning: {test:.2f} %")
    return lines


def _line(step: AdaptedStep) -> str:
    sign = "~" if step.chosen and step.chosen.inside_interval else " "
    latency = f"{step.latency_ms:9.3f} ms ({ends(step.low_ms, step.high_ms)})"
    return f"{step.number:4} {latency} {sign} {step.score:14,.6g}   {step.change}"
