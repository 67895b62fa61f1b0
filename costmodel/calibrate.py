"""Calibrate: sample networks → time them → fit → judge on networks held out → a DeviceProfile.

Nothing is written before everything is done, and then whole or not at all: a calibration that is cancelled, or dies,
leaves the profile that was there.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from costmodel.fit import fit
from costmodel.measure import Stopwatch
from costmodel.profile import DeviceProfile, Regime
from costmodel.sample import networks
from costmodel.timings import Progress, noisy_share, time_networks, write_raw

SECONDS, QUICK_SECONDS = 215.0, 36.0  # of timing; the fit comes on top (20 s and 8 s on two cores)
ROUNDS, QUICK_ROUNDS = 6, 4
TIMING_SHARE = 0.9  # of the whole, for the progress bar
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
) -> DeviceProfile:
    """Learn what networks cost on this machine: under five minutes, under one with `quick`.

    `progress(share, what)` is called now and then; once `cancel()` is true, `Cancelled` is raised. With `path`, the
    profile is saved there and the raw timings beside it (`.raw.jsonl`). Warns, and notes it in the profile, where the
    machine was noisy. Raises CostError for a device that is not there.
    """
    started = time.perf_counter()
    watch = Stopwatch(device, threads, layout)
    regime = Regime(device=watch.device.type, threads=threads, layout=layout, batch=batch, folded=folded)
    sample = (spec for spec, _ in networks(seed))
    budget = seconds or (QUICK_SECONDS if quick else SECONDS)
    with watch.running():
        records, probe_us = time_networks(
            watch,
            regime,
            sample,
            budget,
            QUICK_ROUNDS if quick else ROUNDS,
            progress=_part(progress, 0.0, TIMING_SHARE),
            cancel=cancel,
            seed=seed,
        )
    notes = []
    if (share := noisy_share(records)) > MUCH_NOISE:
        notes.append(f"noisy machine: {share:.0%} of the networks were spread over more than 10 %")
        warnings.warn(notes[0], stacklevel=2)
    profile = fit(
        records,
        regime,
        name or regime.label,
        watch.environment().as_dict(),
        probe_us,
        time.perf_counter() - started,
        quick,
        notes,
        _part(progress, TIMING_SHARE, 1.0),
    )
    profile = profile.model_copy(update={"seconds": round(time.perf_counter() - started, 1)})
    if path is not None:
        profile.save(path)
        write_raw(records, regime, raw_path(path))
    if progress:
        progress(1.0, f"calibrated on {len(records)} networks in {profile.seconds:.0f} s")
    return profile


def raw_path(path: str | os.PathLike) -> Path:
    """Where the raw timings of a profile lie."""
    return Path(path).with_suffix(".raw.jsonl")


def _part(progress: Progress | None, low: float, high: float) -> Progress | None:
    if progress is None:
        return None
    return lambda share, what: progress(low + (high - low) * min(1.0, share), what)
