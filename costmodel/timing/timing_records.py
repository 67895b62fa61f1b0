"""What was timed: one record per network, and the file of raw timings that lies beside a profile. No clock here."""

from __future__ import annotations

import json
import lzma
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from costmodel.errors import CostError
from costmodel.latency.features import features
from costmodel.latency.profile import Regime
from costmodel.networks.synthetic import Recipe, read_recipe, recipe_dict
from costmodel.timing.drift import ALL, CALL, Slowness, by_kind
from costmodel.timing.stopwatch import NOISY


@dataclass(frozen=True)
class Record:
    """One network, timed; microseconds of undisturbed runs."""

    spec: Recipe
    network_us: float
    """The sum of its nodes on a CPU, a whole call elsewhere, where clocks cost more and there are no neighbours."""
    nodes_us: tuple[float, ...]
    spread: float
    """IQR / median of its runs, without the first of each visit."""
    calls: int
    """Runs node by node."""
    whole_us: float | None = None
    """A whole call, without clocks in it, where that was asked for."""
    chunk: int = 0
    """Which of the session's: the networks that were timed side by side have one number."""
    doubt: float = 0.0
    """Half of what two halves of its visits differ by, as a logarithm: about what all of them leave open."""

    def kinds(self, regime: Regime) -> tuple[str, ...]:
        """The kind of each node."""
        return _kinds(self.spec, regime)

    def by_kind(self, regime: Regime) -> dict[str, float]:
        """What tells sessions apart (`costmodel.timing.drift`)."""
        return by_kind(self.kinds(regime), self.nodes_us, self.network_us)

    def evened(self, regime: Regime, slow: Slowness) -> Record:
        """The same as it would have been on a machine that is not `slow`."""
        nodes = [time_us / slow.get(kind, slow[ALL]) for kind, time_us in zip(self.kinds(regime), self.nodes_us)]
        on_cpu = regime.device == "cpu"
        network = sum(nodes) if on_cpu else self.network_us / slow.get(CALL, slow[ALL])
        return replace(self, network_us=round(network, 1), nodes_us=tuple([round(time_us, 2) for time_us in nodes]))


def _kinds(spec: Recipe, regime: Regime) -> tuple[str, ...]:
    return features(regime.graph(spec), regime.batch, regime.device).kinds


def merged(records: Sequence[Record]) -> Record:
    """One network as several sessions had it: the mean of each node."""
    nodes = tuple([fmean(times) for times in zip(*(r.nodes_us for r in records))])
    spread, calls = max(r.spread for r in records), sum(r.calls for r in records)
    return Record(records[0].spec, fmean(r.network_us for r in records), nodes, spread, calls)


def noisy_share(records: Sequence[Record]) -> float:
    """The share of networks whose rounds were spread over more than 10 %."""
    return sum(record.spread > NOISY for record in records) / len(records)


def write_raw(records: Sequence[Record], regime: Regime, path: Path) -> None:
    """One JSON line per network, after a line that says what for."""
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
                    "doubt": r.doubt,
                    "spec": recipe_dict(r.spec),
                },
                separators=(",", ":"),
            )
        )
    path.write_text("\n".join(lines) + "\n")


def read_raw(path: Path) -> tuple[Regime, list[Record]]:
    """What `write_raw` wrote. Raises CostError for another file."""
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
                row.get("doubt", 0.0),  # none of the three is in files of before 2026-11-26
            )
            for row in rows
        ]
        return Regime(**head), records
    except (ValueError, KeyError, TypeError, AttributeError, lzma.LZMAError) as error:
        raise CostError(f"{path.name}: not a file of raw timings ({error})") from None
