"""Calibrate: sample networks → time them → fit → judge by others → a DeviceProfile.

Nothing is written before everything is done, and then whole or not at all: a calibration that is cancelled, or dies,
leaves the profile that was there.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from costmodel.calibration.fit import fit
from costmodel.calibration.sample import STACK, foreign_networks, networks, our_networks
from costmodel.calibration.suite import suite
from costmodel.errors import CostError
from costmodel.latency.profile import SHIPPED, DeviceProfile, Regime, nearest
from costmodel.networks.synthetic import made
from costmodel.timing.session import ROUNDS, Progress, part, time_networks
from costmodel.timing.stopwatch import Stopwatch
from costmodel.timing.timing_records import Record, noisy_share, read_raw, write_raw

CHECKOUT_TIMINGS = Path(__file__).parents[2] / ".github" / "timings"
SECONDS, QUICK_SECONDS = 240.0, 32.0  # of timing; sampling before it and the fit after it take up to 30 more
JUDGED, QUICK_JUDGED = 80, 14  # networks that are not fitted: every third, and they tell the errors
JUDGED_FOREIGN, QUICK_JUDGED_FOREIGN = 5, 3  # of others' networks, beside them
JUDGED_RANDOM = 6  # one in so many of them is a random table, the others are as users ask for
JUDGED_SEED = 900_000  # one set, whatever the seed of the sample: no profile was fitted on it
QUICK_ROUNDS = 12  # of a network at most: fewer moments, for enough networks
TIMING_SHARE = 0.95  # of the whole, for the progress bar
MUCH_NOISE = 0.3  # share of networks spread over more than 10 %


def calibrate(
    device: str = "cpu",
    threads: int = 1,
    layout: str = "nchw",
    batch: int = 1,
    folded: bool = False,
    quick: bool = False,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    path: str | os.PathLike | None = None,
    name: str | None = None,
    seed: int = 1,
    seconds: float | None = None,
    anew: bool = False,
    earlier: str | os.PathLike | None = None,
) -> DeviceProfile:
    """Learn what networks cost on this machine: under five minutes, under one with `quick`.

    `anew`: begin from nothing, and not from the forests of the shipped profile that is nearest.
    `earlier`: the raw timings of a session of this machine; their networks are not timed again, and are fitted with
    those that are.
    `progress(share, what)` is called now and then; once `cancel()` is true, `Cancelled` is raised. With `path`, the
    profile is saved there and the raw timings beside it (`.raw.jsonl`). Warns, and notes it in the profile, where the
    machine was noisy. Raises CostError for a device that is not there, and for earlier timings of another regime.
    """
    started = time.perf_counter()
    watch = Stopwatch(device, threads, layout)
    if type(batch) is not int or not 1 <= batch <= 4096:
        raise CostError(f"batch is {batch!r}; allowed: a whole number from 1 to 4096")
    regime = Regime(device=watch.device.type, threads=threads, layout=layout, batch=batch, folded=folded)
    known = None if anew else nearest(regime)
    before = _before(Path(earlier), regime) if earlier else []
    reserved = {entry.graph for entry in suite()}  # what profiles are validated on is never fitted
    count = QUICK_JUDGED_FOREIGN if quick else JUDGED_FOREIGN
    judged = dict(islice(((g, s) for s, g in foreign_networks(JUDGED_SEED) if g not in reserved), count))
    whole = ((g, s) for s, g in our_networks(JUDGED_SEED, JUDGED_RANDOM) if s.name != STACK)
    count = QUICK_JUDGED if quick else JUDGED
    judged |= islice(((g, s) for g, s in whole if g not in reserved), count)
    reserved |= judged.keys() | {made(record.spec) for record in before}
    with watch.running():
        session = time_networks(
            watch,
            regime,
            (spec for spec, graph in networks(seed) if graph not in reserved),
            tuple(judged.values()),
            seconds or (QUICK_SECONDS if quick else SECONDS),
            rounds=QUICK_ROUNDS if quick else ROUNDS,
            progress=part(progress, 0.0, TIMING_SHARE),
            cancel=cancel,
            seed=seed,
        )
    notes = []
    if (share := noisy_share(session.records)) > MUCH_NOISE:
        notes.append(f"noisy machine: {share:.0%} of the networks were spread over more than 10 %")
        warnings.warn(notes[0], stacklevel=2)
    chunks = 1 + max((record.chunk for record in before), default=-1)
    records, references = (
        [replace(record, chunk=chunks + record.chunk) for record in some]
        for some in (session.records, session.references)
    )
    records = before + records
    if progress:
        progress(TIMING_SHARE, f"fitting {len(records)} networks")
    profile = fit(
        records,
        references,
        regime,
        name or regime.label,
        watch.environment().as_dict(),
        session.probe_us,
        time.perf_counter() - started,
        quick,
        notes,
        known,
    )
    profile = profile.model_copy(update={"seconds": round(time.perf_counter() - started, 1)})
    if path is not None:
        profile.save(path)
        write_raw(records, regime, raw_path(path))
    if progress:
        progress(1.0, f"calibrated on {profile.networks} networks in {profile.seconds:.0f} s")
    return profile


def _before(path: Path, regime: Regime) -> list[Record]:
    """What an earlier session timed. Raises CostError."""
    if not path.is_file():
        raise CostError(f"{path}: there are no raw timings")
    then, records = read_raw(path)
    if then != regime:
        raise CostError(f"{path.name}: timings of {then.label}; this calibration is of {regime.label}")
    return records


def raw_path(path: str | os.PathLike) -> Path:
    """Where the raw timings of a profile lie: beside it; those of shipped profiles only in a checkout, compressed."""
    path = Path(path)
    if path.parent == SHIPPED:
        return CHECKOUT_TIMINGS / f"{path.stem}.raw.jsonl.xz"
    return path.with_suffix(".raw.jsonl")
