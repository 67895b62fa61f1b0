"""Validation: predicted against measured latency of networks that no fit has seen, beside simple baselines.

Every network is timed in three sessions; the machine's speed, measured on the profile's reference networks, is divided
out (`Validation.speeds`; `Validation.raw` has the errors without that). Synthetic networks are reported separately.
Start at `validate`; the protocol is described in `costmodel/timing/README.md`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from costmodel.calibration.baselines import alone, counted
from costmodel.calibration.fit import FitResult, fit_without_intervals
from costmodel.calibration.holdout import MIN_NODE_US, errors, errors_by_family, price_record, rms
from costmodel.calibration.pipeline import raw_path
from costmodel.calibration.plain_report import PLAIN, read_validation
from costmodel.calibration.suite import SuiteNetwork, suite
from costmodel.latency.profile import DeviceProfile, Errors, load_profile, locate
from costmodel.networks.synthetic import IMPORTED, SyntheticNetwork
from costmodel.timing.drift import ALL, Slowness, between
from costmodel.timing.session import Progress, Session, part, time_networks
from costmodel.timing.stopwatch import Stopwatch
from costmodel.timing.timing_records import Record, kept_timings, mean_record, read_raw
from costmodel.written_files import write_together

if TYPE_CHECKING:
    import pandas

SESSIONS = 3
REFERENCES = 45
KINDS_OF = {"shufflenet_v1": "shuffle_v1", "shufflenet_v2": "shuffle_v2", "mobilenet_v1": "separable"}
"""Families whose block has its own row kind: leaving the family out excludes every network with such a row."""


@dataclass(frozen=True)
class Validation:
    """Results of a validation. Errors are in percent, predicted against measured."""

    profile: DeviceProfile
    entries: tuple[SuiteNetwork, ...]
    records: tuple[Record, ...]
    """Means over the sessions, speed-normalised."""
    predicted_us: tuple[float, ...]
    passes_us: tuple[tuple[float, ...], ...]
    """Per network the time in each session, speed-normalised."""
    raw_us: tuple[tuple[float, ...], ...]
    """Per network the time in each session, as measured."""
    whole: tuple[float, float]
    """(median, spread in percent) of a whole call over the sum of its nodes, which is a network's time on a CPU."""
    speeds: tuple[Slowness, ...]
    """Per chunk of a session: kind → time of the reference networks relative to the profile; 1.05 is slower."""
    nodes: dict[str, tuple[int, float]]
    """Kind → (nodes above 20 µs, RMSPE); "all" over all kinds, "imported …" in synthetic networks."""
    left_out: dict[str, Errors]
    """Family → errors of a model that was fitted without it."""
    baselines: dict[str, Errors]

    @property
    def families(self) -> dict[str, Errors]:
        return errors_by_family(self._pairs([e.spec.name for e in self.entries]), self.profile.half_interval)

    @property
    def groups(self) -> dict[str, Errors]:
        return errors_by_family(self._pairs([e.group for e in self.entries]), self.profile.half_interval)

    @property
    def imported(self) -> dict[str, Errors]:
        """Errors of synthetic networks, by style and under "all"; empty if none was timed."""
        half = self.profile.imported_half_interval or self.profile.half_interval
        pairs = self._pairs([e.spec.name for e in self.entries], imported=True)
        return errors_by_family(pairs, half) if pairs else {}

    @property
    def raw(self) -> Errors:
        """Errors as measured, with the machine's speed in them."""
        rows = [row for row in zip(self.entries, self.raw_us, self.predicted_us) if row[0].group != IMPORTED]
        measured = [fmean(passes) for _, passes, _ in rows]
        predicted = [p for _, _, p in rows]
        return errors(measured, predicted, self.profile.half_interval)

    @property
    def repeat_rms(self) -> float:
        """Standard deviation between sessions in percent: the measurement noise."""
        return rms([(b / a - 1) / sqrt(2) for passes in self.passes_us for a, b in pairwise(passes)])

    def _pairs(self, labels: Sequence[str], imported: bool = False) -> list[tuple[str, float, float]]:
        rows = zip(labels, self.entries, self.records, self.predicted_us)
        return [(label, r.network_us, p) for label, e, r, p in rows if (e.group == IMPORTED) == imported]

    def table(self) -> pandas.DataFrame:
        """A DataFrame with one row per family, then per group, family left out and baseline."""
        import pandas

        rows = []
        for section, found in (
            ("family", self.families),
            ("group", {k: v for k, v in self.groups.items() if k != "all"}),
            (IMPORTED, self.imported),
            ("left out of the fit", self.left_out),
            ("baseline", self.baselines),
        ):
            rows += [{"section": section, "networks of": name, **e.model_dump()} for name, e in found.items()]
        return pandas.DataFrame(rows)

    def as_dict(self) -> dict[str, object]:
        """The report for JSON, without node times."""
        return {
            "profile": self.profile.name,
            "networks": len(self.records),
            "speeds": [{kind: round(speed, 4) for kind, speed in slow.items()} for slow in self.speeds],
            "repeat_rms": self.repeat_rms,
            "whole_over_nodes": {"median": self.whole[0], "rms": self.whole[1]},
            "raw": self.raw.model_dump(),
            "families": {k: v.model_dump() for k, v in self.families.items()},
            "groups": {k: v.model_dump() for k, v in self.groups.items()},
            "imported": {k: v.model_dump() for k, v in self.imported.items()},
            "left_out": {k: v.model_dump() for k, v in self.left_out.items()},
            "baselines": {k: v.model_dump() for k, v in self.baselines.items()},
            "nodes_rmspe": {k: {"nodes": n, "rmspe": e} for k, (n, e) in self.nodes.items()},
            "per_network": [
                {
                    "group": entry.group,
                    "network": entry.spec.name,
                    "width": None if isinstance(entry.spec, SyntheticNetwork) else entry.spec.width,
                    "resolution": entry.graph.input.height,
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
        raw = self.raw
        return (
            f"{text}\n\nNodes above {MIN_NODE_US:.0f} µs, RMSPE: {nodes}\n"
            f"Standard deviation between sessions: {self.repeat_rms:.1f} %. "
            f"A whole call takes {self.whole[0]:.3f} times the sum of its nodes, ± {self.whole[1]:.1f} % RMS. "
            "Time of the reference networks relative to the calibration: "
            f"{', '.join(f'{slow[ALL]:.3f}' for slow in self.speeds)}. "
            f"Without that correction: MAPE {raw.mape} %, ±5 % {raw.within_5} %, ±10 % {raw.within_10} %."
        )


def validate(
    profile: DeviceProfile,
    raw: str | os.PathLike | None = None,
    entries: Sequence[SuiteNetwork] | None = None,
    families: Sequence[str] = tuple(KINDS_OF),
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    path: str | os.PathLike | None = None,
) -> Validation:
    """Time the suite on this machine, in the profile's regime, and compare with the profile's predictions.

    `raw`: the profile's raw timings; with them, models without each of `families` are fitted and assessed on that
    family, and the baselines are fitted to the profile's training set. `entries`: other networks than the suite.
    `path`: beside it the timings so far are kept where an interrupt ends the validation.
    Raises CostError, Cancelled.
    """
    regime = profile.regime
    fitted = read_raw(Path(raw))[1] if raw else []
    seen = frozenset(regime.graph(record.spec) for record in fitted)
    entries = [e for e in (suite() if entries is None else entries) if regime.graph(e.spec) not in seen]
    references = [reference.to_spec() for reference in profile.references[:REFERENCES]]
    watch = Stopwatch(regime.device, regime.threads, regime.layout)
    timed: list[Record] = []
    with watch.running(), kept_timings(timed, regime, path):
        passes = []
        for number in range(SESSIONS):
            specs = [entry.spec for entry in entries]
            session = time_networks(
                watch,
                regime,
                specs,
                references,
                whole=True,
                progress=part(progress, 0.8 * number / SESSIONS, 0.8 * (number + 1) / SESSIONS),
                cancel=cancel,
                seed=number,
                interrupted=timed.extend,
            )
            passes.append(session)
            timed.extend(session.records)
        if progress:
            progress(0.8, "timing operators alone, for the look-up table")
        ours = [regime.graph(e.spec) for e in entries if e.group != IMPORTED]
        lookup = alone(ours, watch, regime.batch) if fitted else None
    speeds = [session_speeds(session, profile) for session in passes]
    raw_us = [tuple(record.network_us for record in same) for same in zip(*(session.records for session in passes))]
    normalised = [
        [record.speed_normalised(regime, slow[record.chunk]) for record in session.records]
        for session, slow in zip(passes, speeds)
    ]
    records = [mean_record(same) for same in zip(*normalised)]
    priced = [price_record(profile, record) for record in records]
    baselines = {}
    if lookup:
        simple = counted([r for r in fitted if not isinstance(r.spec, SyntheticNetwork)], regime) | {
            "isolated look-up": lookup
        }
        measured = [record.network_us for entry, record in zip(entries, records) if entry.group != IMPORTED]
        baselines = {name: errors(measured, [f(graph) for graph in ours]) for name, f in simple.items()}
    left_out = {}
    for family in families if fitted else ():
        if progress:
            progress(0.9, f"fitting without {family}")
        held_out = [record for record in records if _contains(record, family)]
        known = _without(family, load_profile(profile.prior)) if profile.prior else None
        draft = fit_without_intervals([r for r in fitted if not _contains(r, family)], profile, known)
        pairs = [(record.network_us, price_record(draft, record).network_us) for record in held_out]
        left_out[family] = errors([m for m, _ in pairs], [p for _, p in pairs], profile.half_interval)
    return Validation(
        profile,
        tuple(entries),
        tuple(records),
        tuple([p.network_us for p in priced]),
        tuple([tuple(record.network_us for record in same) for same in zip(*normalised)]),
        tuple(raw_us),
        _whole([record for session in passes for record in session.records]),
        tuple([slow for chunks in speeds for slow in chunks]),
        _node_errors(records, priced),
        left_out,
        baselines,
    )


def session_speeds(session: Session, profile: DeviceProfile) -> list[Slowness]:
    """Slowness of the machine in each chunk of a session, relative to the profile's calibration."""
    regime = profile.regime
    before = {regime.graph(reference.to_spec()): reference.kinds_us for reference in profile.references}
    speeds = []
    for chunk in range(1 + max(record.chunk for record in session.records)):
        here = [record for record in session.references if record.chunk == chunk]
        now = [record.by_kind(regime) for record in here]
        then = [before[regime.graph(record.spec)] for record in here]
        speeds.append(between(now, then) if here else {ALL: session.probe_us / profile.probe_us})
    return speeds


def _whole(records: Sequence[Record]) -> tuple[float, float]:
    ratios = [record.whole_us / sum(record.nodes_us) for record in records if record.whole_us]
    middle = median(ratios)
    return round(middle, 4), rms([ratio / middle - 1 for ratio in ratios])


def _contains(record: Record, family: str) -> bool:
    """Whether a network is of a family or has one of its blocks."""
    if isinstance(record.spec, SyntheticNetwork):
        return False
    kind = KINDS_OF.get(family)
    return record.spec.name == family or any(row.kind == kind for row in record.spec.rows)


def _without(family: str, prior: DeviceProfile) -> FitResult:
    """A shipped profile refitted, with its own priors, without the networks that contain a family."""
    records = read_raw(raw_path(locate(prior.name)))[1]
    known = _without(family, load_profile(prior.prior)) if prior.prior else None
    return fit_without_intervals([r for r in records if not _contains(r, family)], prior, known)


def _node_errors(records: Sequence[Record], priced) -> dict[str, tuple[int, float]]:
    relative: dict[str, list[float]] = {"all": []}
    for record, found in zip(records, priced):
        whose = f"{IMPORTED} " if isinstance(record.spec, SyntheticNetwork) else ""
        for kind, measured, predicted in zip(found.kinds, record.nodes_us, found.nodes_us):
            if measured > MIN_NODE_US:
                for label in ("all", kind):
                    relative.setdefault(whose + label, []).append(predicted / measured - 1)
    return {kind: (len(off), rms(off)) for kind, off in relative.items()}


def save_report(report: Validation, path: str | os.PathLike) -> None:
    """Write the report beside a profile: `<profile>.validation.json`. Results of plain processes in it are kept."""
    file = Path(path).with_suffix(".validation.json")
    before = read_validation(file)
    plain = {PLAIN: before[PLAIN]} if PLAIN in before else {}
    write_together({file: json.dumps(report.as_dict() | plain, indent=1) + "\n"})
