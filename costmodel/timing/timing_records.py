"""Records of timed networks, and the file of raw timings that is stored beside a profile. No clock here."""

from __future__ import annotations

import json
import lzma
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from costmodel.errors import CostError
from costmodel.latency.features import features
from costmodel.latency.profile import Regime
from costmodel.networks.synthetic import Recipe, read_recipe, recipe_dict
from costmodel.timing.drift import ALL, CALL, Slowness, by_kind
from costmodel.timing.stopwatch import NOISY
from costmodel.written_files import keep_unfinished

UNFINISHED = ".interrupted.raw.jsonl"
"""Behind the stem of a result: the timings of a session that ended early."""


@dataclass(frozen=True)
class Record:
    """Times of one network, in microseconds of undisturbed runs."""

    spec: Recipe
    network_us: float
    """On a CPU the sum of its nodes; elsewhere a whole call, because clock readings cost more there."""
    nodes_us: tuple[float, ...]
    spread: float
    """IQR / median of its runs without the first run of each visit."""
    calls: int
    """Number of runs node by node."""
    whole_us: float | None = None
    """A whole call without clock readings in it, if requested."""
    chunk: int = 0
    """Number of the session's chunk: its networks were timed side by side."""
    standard_error: float = 0.0
    """Of the logarithm of `network_us`: half the difference between two halves of its visits."""

    def kinds(self, regime: Regime) -> tuple[str, ...]:
        """The kind of each node."""
        return _kinds(self.spec, regime)

    def by_kind(self, regime: Regime) -> dict[str, float]:
        """Total time per kind (`costmodel.timing.drift.by_kind`)."""
        return by_kind(self.kinds(regime), self.nodes_us, self.network_us)

    def speed_normalised(self, regime: Regime, slow: Slowness) -> Record:
        """The record with the machine's slowness divided out."""
        nodes = [time_us / slow.get(kind, slow[ALL]) for kind, time_us in zip(self.kinds(regime), self.nodes_us)]
        on_cpu = regime.device == "cpu"
        network = sum(nodes) if on_cpu else self.network_us / slow.get(CALL, slow[ALL])
        return replace(self, network_us=round(network, 1), nodes_us=tuple([round(time_us, 2) for time_us in nodes]))


def _kinds(spec: Recipe, regime: Regime) -> tuple[str, ...]:
    return features(regime.graph(spec), regime.batch, regime.device).kinds


def mean_record(records: Sequence[Record]) -> Record:
    """The mean of several sessions' records of one network, node by node."""
    nodes = tuple([fmean(times) for times in zip(*(r.nodes_us for r in records))])
    spread, calls = max(r.spread for r in records), sum(r.calls for r in records)
    return Record(records[0].spec, fmean(r.network_us for r in records), nodes, spread, calls)


def noisy_share(records: Sequence[Record]) -> float:
    """Share of networks with IQR / median above 10 %."""
    return sum(record.spread > NOISY for record in records) / len(records)


def raw_text(records: Sequence[Record], regime: Regime) -> str:
    """The file of raw timings: one JSON line per network after a header line with format and regime."""
    lines = [json.dumps({"format": "costmodel.timings/1", **regime.model_dump()})]
    for r in records:
        lines.append(
            json.dumps(
                {
                    "network_us": r.network_us,
                    "spread": r.spread,
                    "calls": r.calls,
                    "nodes_us": r.nodes_us,
                    "whole_us": r.whole_us,
                    "chunk": r.chunk,
                    "doubt": r.standard_error,
                    "spec": recipe_dict(r.spec),
                },
                separators=(",", ":"),
            )
        )
    return "\n".join(lines) + "\n"


def kept_timings(
    timed: Sequence[Record], regime: Regime, path: str | os.PathLike | None, advice: str = ""
) -> AbstractContextManager[None]:
    """Keep what was timed where the work ends early (`written_files.keep_unfinished`), in a file for `read_raw`."""

    def unfinished() -> tuple[str, str] | None:
        return (f"the timings of {len(timed)} networks", raw_text(timed, regime)) if timed else None

    return keep_unfinished(path, UNFINISHED, unfinished, advice)


def read_raw(path: Path) -> tuple[Regime, list[Record]]:
    """Read the regime and records of a `raw_text`. Raises CostError for another file."""
    try:
        with (lzma.open if path.suffix == ".xz" else open)(path, "rt", encoding="utf-8") as file:
            head, *rows = [json.loads(line) for line in file]
        if head.pop("format") != "costmodel.timings/1":
            raise KeyError("format")
        records = [
            Record(
                read_recipe(row["spec"]),
                row["network_us"],
                tuple(row["nodes_us"]),
                row["spread"],
                row["calls"],
                row.get("whole_us"),
                row.get("chunk", 0),
                row.get("doubt", 0.0),  # files before 2026-11-26 have none of these three
            )
            for row in rows
        ]
        return Regime(**head), records
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, lzma.LZMAError) as error:
        raise CostError(f"{path.name}: not a file of raw timings ({error})") from None
