"""`python -m explorer lab g1`: one guideline's experiment on this machine, without the page."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path

import costmodel
from archs.catalogue.guidelines import SIZE
from costmodel.written_files import write_together
from explorer.cli import destination
from explorer.cli.command import Commands, Output
from explorer.data.metrics import percent
from explorer.errors import LabError
from explorer.jobs import lab as jobs
from explorer.lab import prediction
from explorer.lab.experiment import LAYOUTS, PLATFORMS, SCALES, Experiment, Settings, check, experiment
from explorer.lab.record import to_csv
from explorer.lab.repeat import repeated, sentence
from explorer.lab.run import SECONDS, Run
from explorer.lab.verdict import agreement, agreement_sentence, compare, describe_row, disagreeing_rows

MAX_REPEATS = 9
POLL = 0.2  # seconds between two looks at a run; each costs it nothing


def register(commands: Commands) -> None:
    """Add the command of this module."""
    parser = commands.add("lab", _lab, "an experiment of ShuffleNetV2's guidelines, timed on this machine")
    parser.add_argument("guideline", choices=("g1", "g2", "g3", "g4"))
    parser.add_argument("--platform", choices=PLATFORMS, default="ARM", help="whose channels, and whose direction")
    parser.add_argument("--scale", type=int, choices=SCALES, default=1, help="the column: ×1, ×2, ×4, or its like")
    parser.add_argument("--exact", action="store_true", help="channels within 1 %% of equal FLOPs")
    parser.add_argument("--channels", type=int, help="channels of the first row, instead of the paper's")
    parser.add_argument("--resolution", type=int, default=SIZE)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--layout", choices=LAYOUTS, default="nchw")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="what the rounds may take")
    parser.add_argument("--repeat", type=int, default=1, help="run it so often, and say whether the intervals overlap")
    parser.add_argument("--profile", help="a profile file or shipped profile to predict with; default: one that fits")
    parser.add_argument("--csv", type=Path, help="also write the result as CSV")


def _lab(options: argparse.Namespace) -> Output:
    destination.require_suffix(options.csv, ".csv")
    settings = Settings(options.batch, options.threads, options.layout, options.device)
    made = experiment(
        int(options.guideline[1]),
        options.platform,
        options.scale,
        options.exact,
        options.channels,
        options.resolution,
        settings,
    )
    profile = costmodel.load_profile(options.profile) if options.profile else prediction.profile_for(settings)
    predicted = prediction.predicted(made, profile) if profile else None
    check("repeat", options.repeat, 1, MAX_REPEATS)
    if options.csv:
        destination.check(options.csv)
    runs: list[Run] = []
    try:
        while len(runs) < options.repeat:
            runs.append(_timed(made, options.seconds))
    except KeyboardInterrupt as interrupt:
        last = runs[-1] if runs else getattr(interrupt, "run", None)
        if not (last and options.csv):
            raise
        write_together({options.csv: to_csv(made, last, compare(made, last, predicted))})
        raise KeyboardInterrupt(f"{len(last.rounds)} complete rounds are kept in {options.csv}") from None
    result = runs[-1]
    rows_again = repeated(runs) if len(runs) > 1 else []
    table = compare(made, result, predicted, prediction.on_papers_devices(made))
    if options.csv:
        write_together({options.csv: to_csv(made, result, table)})
    agree, compared = agreement(table)
    about = {"guideline": made.guideline, "platform": made.platform, "column": made.column, "kind": made.kind}
    run_facts = {
        "settings": asdict(settings),
        "environment": result.environment,
        "rounds": len(result.rounds),
        "seconds": result.seconds,
        "stopped": result.stopped,
        "profile": profile.name if profile else None,
    }
    repeats = [
        {"row": row.row, "overlap": row.overlap, "intervals": [asdict(i) for i in row.intervals]} for row in rows_again
    ]
    run_facts |= {"overlapping": sum(row.overlap for row in rows_again) if repeats else None, "repeats": repeats}
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    document = {**about, **run_facts, "agree": agree, "compared": compared, "rows": rows}
    shown = ["row", "channels", "flops_error", "paper_GPU", "device_GPU", "paper_ARM", "device_ARM"]
    shown += ["predicted", "measured", "low", "high", "time_ms", "verdict"]
    formats = {"flops_error": lambda value: percent(value, 1, "+"), "time_ms": lambda value: f"{value:.3f}"}
    lines = [table[shown].to_string(index=False, float_format=lambda value: f"{value:.3f}", formatters=formats), ""]
    lines += [f"{row}: {describe_row(made, table, number)}" for number, row in enumerate(table["row"])]
    if rows_again:
        lines += ["", f"of {len(runs)} runs {sentence(rows_again)}"]
    direction = agreement_sentence(agree, compared, disagreeing_rows(table))
    lines += ["", f"the paper's direction ({made.platform}, {made.column}) {direction}; {result.seconds:.0f} s"]
    return Output(document, "\n".join(lines))


class Stopped(KeyboardInterrupt):
    """A run that a signal ended, with its complete rounds."""

    def __init__(self, run: Run):
        super().__init__()
        self.run = run


def _timed(made: Experiment, seconds: float) -> Run:
    """A run in a separate process, as on the page: no run finds the memory of another."""
    networks = [(variant.row, variant.spec.to_json()) for variant in made.variants]
    jobs.check(networks, made.settings)
    job = jobs.start(networks, made.settings, seconds)
    try:
        while job.running:
            print(f"\r{job.status}  ", end="", file=sys.stderr, flush=True)
            time.sleep(POLL)
    except KeyboardInterrupt:
        job.stop()
        job.wait()
        if job.run:
            raise Stopped(job.run) from None
        raise
    finally:  # the worker ends with the command
        job.stop()
        job.wait()
    print(file=sys.stderr)
    if job.run is None:
        raise LabError(job.problem)
    return job.run
