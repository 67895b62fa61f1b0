"""`python -m explorer lab g1`: one guideline's experiment on this machine, without the page."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import costmodel
from archs.guidelines import SIZE
from explorer.lab import prediction
from explorer.lab.experiment import LAYOUTS, PLATFORMS, SCALES, Settings, experiment
from explorer.lab.record import to_csv
from explorer.lab.run import SECONDS, run
from explorer.lab.verdict import compare, found


def add_options(parser: argparse.ArgumentParser) -> None:
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
    parser.add_argument("--profile", help="a profile file or shipped profile to predict with; default: one that fits")
    parser.add_argument("--csv", type=Path, help="also write the result as CSV")


def lab(options: argparse.Namespace) -> None:
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
    profile = costmodel.load_profile(options.profile) if options.profile else prediction.fitting(settings)
    predicted = prediction.predicted(made, profile) if profile else None
    result = run([(v.row, v.graph) for v in made.variants], settings, _progress, seconds=options.seconds)
    table = compare(made, result, predicted)
    if options.csv:
        options.csv.write_text(to_csv(made, result, table), encoding="utf-8")
    agree, compared = found(table)
    if options.json:
        about = {"guideline": made.guideline, "platform": made.platform, "column": made.column, "kind": made.kind}
        run_facts = {
            "settings": asdict(settings),
            "environment": result.environment,
            "rounds": len(result.rounds),
            "seconds": result.seconds,
            "stopped": result.stopped,
            "profile": profile.name if profile else None,
        }
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        print(json.dumps({**about, **run_facts, "agree": agree, "compared": compared, "rows": rows}, indent=1))
        return
    shown = ["row", "channels", "flops_error", "paper_GPU", "paper_ARM", "predicted", "measured", "low", "high"]
    shown += ["time_ms", "verdict"]
    formats = {"flops_error": lambda value: f"{value:+.1%}", "time_ms": lambda value: f"{value:.3f}"}
    print(table[shown].to_string(index=False, float_format=lambda value: f"{value:.3f}", formatters=formats))
    print()
    for row, why in zip(table["row"], table["why"]):
        print(f"{row}: {why}")
    print(
        f"\nthe paper's direction ({made.platform}, {made.column}): {agree} of {compared} rows; {result.seconds:.0f} s"
    )


def _progress(done: int, planned: int, turn: tuple[float, ...]) -> None:
    end = "\n" if done == planned else ""
    print(f"\rround {done} of {planned}", end=end, file=sys.stderr, flush=True)
