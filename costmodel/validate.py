"""Predicted against measured, on whole networks that no fit has seen, beside what simple answers give.

Every network of the suite is timed in two sessions, minutes apart, each in two passes with modules made anew: what is
compared with must be known better than the bar that is set. A shared machine is up to 15 % slower or faster from one
quarter of an hour to the next; so the profile's reference networks, which are neither fitted nor in the suite, are
timed again beside it. How slow they are against the calibration is divided out and reported (`speeds`); `raw` are the
errors without that.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.baselines import alone, counted
from costmodel.fit import BIG_US, errors, errors_by_family, fit_only, judge, rms
from costmodel.measure import Stopwatch
from costmodel.profile import DeviceProfile, Errors
from costmodel.suite import Entry, suite
from costmodel.timings import Progress, Record, Session, merged, part, read_raw, time_networks

if TYPE_CHECKING:
    import pandas

SESSIONS, PASSES, ROUNDS = 2, 2, 6
REFERENCES = 24
KINDS_OF = {"shufflenet_v1": "shuffle_v1", "shufflenet_v2": "shuffle_v2", "mobilenet_v1": "separable"}
"""Families whose block has a row kind of its own: leaving the family out leaves those rows out of every network."""


@dataclass(frozen=True)
class Report:
    """What a validation found. Errors are in percent, predicted against measured."""

    profile: DeviceProfile
    entries: tuple[Entry, ...]
    records: tuple[Record, ...]
    """Both passes together, at the profile's speed."""
    predicted_us: tuple[float, ...]
    passes_us: tuple[tuple[float, float], ...]
    """Each network as the two passes had it."""
    speeds: tuple[float, float]
    """The reference networks in each pass over the same in the profile: 1.05 is 5 % slower."""
    nodes: dict[str, tuple[int, float]]
    """Kind → (nodes above 20 µs, RMSPE); "all" over all kinds."""
    left_out: dict[str, Errors]
    """Family → errors of a profile that was fitted without it."""
    baselines: dict[str, Errors]

    @property
    def families(self) -> dict[str, Errors]:
        return errors_by_family(self._pairs([e.spec.name for e in self.entries]), self.profile.half_interval)

    @property
    def groups(self) -> dict[str, Errors]:
        return errors_by_family(self._pairs([e.group for e in self.entries]), self.profile.half_interval)

    @property
    def raw(self) -> Errors:
        """As measured: the machine's speed is in the errors."""
        one, two = self.speeds
        measured = [(a * one + b * two) / 2 for a, b in self.passes_us]
        return errors(measured, self.predicted_us, self.profile.half_interval)

    @property
    def repeat_rms(self) -> float:
        """How far one pass is from the other, per pass, in percent: the noise in what was measured."""
        return rms([(b / a - 1) / sqrt(2) for a, b in self.passes_us])

    def _pairs(self, labels: Sequence[str]) -> list[tuple[str, float, float]]:
        return [(label, r.network_us, p) for label, r, p in zip(labels, self.records, self.predicted_us)]

    def table(self) -> pandas.DataFrame:
        """A DataFrame with one row per family, then per group, family left out and baseline."""
        import pandas

        rows = []
        for section, found in (
            ("family", self.families),
            ("group", {k: v for k, v in self.groups.items() if k != "all"}),
            ("left out of the fit", self.left_out),
            ("baseline", self.baselines),
        ):
            rows += [{"section": section, "networks of": name, **e.model_dump()} for name, e in found.items()]
        return pandas.DataFrame(rows)

    def as_dict(self) -> dict[str, object]:
        """Everything but the raw timings, for JSON."""
        return {
            "profile": self.profile.name,
            "networks": len(self.records),
            "speeds": [round(speed, 4) for speed in self.speeds],
            "repeat_rms": self.repeat_rms,
            "raw": self.raw.model_dump(),
            "families": {k: v.model_dump() for k, v in self.families.items()},
            "groups": {k: v.model_dump() for k, v in self.groups.items()},
            "left_out": {k: v.model_dump() for k, v in self.left_out.items()},
            "baselines": {k: v.model_dump() for k, v in self.baselines.items()},
            "nodes_rmspe": {k: {"nodes": n, "rmspe": e} for k, (n, e) in self.nodes.items()},
            "per_network": [
                {
                    "group": entry.group,
                    "network": entry.spec.name,
                    "width": entry.spec.width,
                    "resolution": entry.spec.resolution,
                    "measured_ms": round(record.network_us / 1e3, 4),
                    "predicted_ms": round(predicted / 1e3, 4),
                    "passes_ms": [round(us / 1e3, 4) for us in passes],
                }
                for entry, record, predicted, passes in zip(
                    self.entries, self.records, self.predicted_us, self.passes_us
                )
            ],
        }

    def __str__(self) -> str:
        text = self.table().to_string(index=False)
        nodes = ", ".join(f"{kind} {error:.1f} % of {n}" for kind, (n, error) in self.nodes.items())
        return (
            f"{text}\n\nNodes above {BIG_US:.0f} µs, RMSPE: {nodes}\n"
            f"One pass against the other: {self.repeat_rms:.1f} % RMS. The reference networks took "
            f"{' and '.join(f'{speed:.3f}' for speed in self.speeds)} of their time at the calibration. As measured, "
            f"without that: MAPE {self.raw.mape} %, ±5 % {self.raw.within_5} %, ±10 % {self.raw.within_10} %."
        )


def validate(
    profile: DeviceProfile,
    raw: str | os.PathLike | None = None,
    entries: Sequence[Entry] | None = None,
    families: Sequence[str] = tuple(KINDS_OF),
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Report:
    """Time the suite on this machine, in the profile's regime, and judge the profile by it.

    With the profile's raw timings, profiles without each of `families` are fitted and judged on that family, and the
    baselines are fitted to what the profile was fitted to. Raises CostError, Cancelled.
    """
    regime = profile.regime
    fitted = read_raw(Path(raw))[1] if raw else []
    seen = frozenset(regime.graph(record.spec) for record in fitted)
    entries = [e for e in (suite() if entries is None else entries) if regime.graph(e.spec) not in seen]
    references = [reference.to_spec() for reference in profile.references[:REFERENCES]]
    watch = Stopwatch(regime.device, regime.threads, regime.layout)
    with watch.running():
        passes = []
        for number in range(SESSIONS):
            specs = [entry.spec for entry in entries]
            session = time_networks(
                watch,
                regime,
                specs,
                references,
                rounds=ROUNDS,
                passes=PASSES,
                progress=part(progress, 0.4 * number, 0.4 * number + 0.4),
                cancel=cancel,
                seed=number,
            )
            passes.append(session)
        if progress:
            progress(0.8, "timing operators alone, for the look-up table")
        lookup = alone([regime.graph(e.spec) for e in entries], watch, regime.batch) if fitted else None
    one, two = (_speed(session, profile) for session in passes)
    first, second = ([r.scaled(1 / s) for r in session.records] for session, s in zip(passes, (one, two)))
    records = [merged(a, b) for a, b in zip(first, second)]
    priced = [judge(profile, record) for record in records]
    measured = [record.network_us for record in records]
    baselines = {}
    if lookup:
        simple = counted(fitted, regime) | {"isolated look-up": lookup}
        graphs = [regime.graph(e.spec) for e in entries]
        baselines = {name: errors(measured, [f(graph) for graph in graphs]) for name, f in simple.items()}
    left_out = {}
    for family in families if fitted else ():
        if progress:
            progress(0.9, f"fitting without {family}")
        judged = [record for record in records if _shows(record, family)]
        draft = fit_only([record for record in fitted if not _shows(record, family)], profile)
        pairs = [(record.network_us, judge(draft, record).network_us) for record in judged]
        left_out[family] = errors([m for m, _ in pairs], [p for _, p in pairs], profile.half_interval)
    return Report(
        profile,
        tuple(entries),
        tuple(records),
        tuple([p.network_us for p in priced]),
        tuple([(a.network_us, b.network_us) for a, b in zip(first, second)]),
        (one, two),
        _node_errors(records, priced),
        left_out,
        baselines,
    )


def _speed(session: Session, profile: DeviceProfile) -> float:
    """How slow the machine was in a session, against the profile's calibration."""
    if not session.references:
        return session.probe_us / profile.probe_us
    pairs = zip(session.references, profile.references)
    return statistics.median(now.network_us / then.network_us for now, then in pairs)


def _shows(record: Record, family: str) -> bool:
    """Whether a network is of a family, or has a block of it."""
    kind = KINDS_OF.get(family)
    return record.spec.name == family or any(row.kind == kind for row in record.spec.rows)


def _node_errors(records: Sequence[Record], priced) -> dict[str, tuple[int, float]]:
    relative: dict[str, list[float]] = {"all": []}
    for record, found in zip(records, priced):
        for kind, measured, predicted in zip(found.kinds, record.nodes_us, found.nodes_us):
            if measured > BIG_US:
                relative["all"].append(predicted / measured - 1)
                relative.setdefault(kind, []).append(predicted / measured - 1)
    return {kind: (len(off), rms(off)) for kind, off in relative.items()}


def save_report(report: Report, path: str | os.PathLike) -> None:
    """The report beside a profile: `<profile>.validation.json`."""
    Path(path).with_suffix(".validation.json").write_text(json.dumps(report.as_dict(), indent=1) + "\n")
