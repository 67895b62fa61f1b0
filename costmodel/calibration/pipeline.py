"""Calibration: sample networks → time them → fit → assess on held-out networks → a DeviceProfile.

Files are written atomically and together at the end. A calibration that fails leaves an existing profile as it was, and
keeps its timings in a file of their own.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from archs import Graph
from archs.guidance import guided
from costmodel.calibration.fit import fit
from costmodel.calibration.sample import STACK, networks, synthetic_networks, table_networks
from costmodel.calibration.suite import suite
from costmodel.errors import CostError
from costmodel.latency.profile import SHIPPED, DeviceProfile, Regime, nearest
from costmodel.networks.synthetic import Recipe, made
from costmodel.timing.fault_cost import page_fault_us
from costmodel.timing.session import ROUNDS, Progress, part, time_networks
from costmodel.timing.stopwatch import Stopwatch
from costmodel.timing.timing_records import Record, kept_timings, noisy_share, raw_text, read_raw
from costmodel.written_files import write_together

SECONDS, QUICK_SECONDS = 240.0, 32.0  # of timing; sampling before it and the fit after it take up to 30 more
HELD_OUT, QUICK_HELD_OUT = 80, 14  # specs that are not fitted and give the errors
HELD_OUT_SYNTHETIC, QUICK_HELD_OUT_SYNTHETIC = 5, 3  # synthetic networks, beside them
HELD_OUT_RANDOM = 6  # one in so many of them is a random table, the others are catalogue networks
HELD_OUT_SEED = 900_000  # one set for all seeds of the sample: no profile was fitted on it
QUICK_ROUNDS = 12  # of a network at most: fewer moments, for enough networks
TIMING_SHARE = 0.95  # of the whole, for the progress bar
CHECKOUT_TIMINGS = Path(__file__).parents[2] / ".github" / "timings"
MUCH_NOISE = 0.3  # share of networks spread over more than 10 %


@guided()
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
    """Calibrate this machine: under five minutes, under one minute with `quick`.

    Returns the profile that `predict` takes. `costmodel.calibrate(threads=4, path="mine.json")`, then
    `costmodel.predict("mobilenet_v2", "mine.json")`.

    Args:
        device: "cpu", "cuda" or "mps".
        threads: of PyTorch.
        layout: "nchw" or "channels_last".
        batch: images per call.
        folded: whether batch norm is folded into the convolutions.
        quick: fewer networks.
        progress: called with the share done, 0 to 1, and a description.
        cancel: `Cancelled` is raised once it returns True.
        path: where to save the profile, with the raw timings beside it (`.raw.jsonl`).
        name: of the profile; the regime's label by default.
        seed: of the sampled networks.
        seconds: time limit of the timing.
        anew: fit from scratch instead of from the shipped profile with the closest regime.
        earlier: raw timings of an earlier session of this machine, which are added to the training set.

    Warns, and notes it in the profile, if the machine was noisy. Raises CostError for a device that is not present and
    for earlier timings of another regime.
    """
    started = time.perf_counter()
    watch = Stopwatch(device, threads, layout)
    if type(batch) is not int or not 1 <= batch <= 4096:
        raise CostError(f"batch is {batch!r}; allowed: a whole number from 1 to 4096")
    regime = Regime(device=watch.device.type, threads=threads, layout=layout, batch=batch, folded=folded)
    known = None if anew else nearest(regime)
    before = _before(Path(earlier), regime) if earlier else []
    reserved = {entry.graph for entry in suite()}  # validation networks are never fitted
    count = QUICK_HELD_OUT_SYNTHETIC if quick else HELD_OUT_SYNTHETIC
    held_out: dict[Graph, Recipe] = dict(
        islice(((g, s) for s, g in synthetic_networks(HELD_OUT_SEED) if g not in reserved), count)
    )
    whole = ((g, s) for s, g in table_networks(HELD_OUT_SEED, HELD_OUT_RANDOM) if s.name != STACK)
    count = QUICK_HELD_OUT if quick else HELD_OUT
    held_out |= islice(((g, s) for g, s in whole if g not in reserved), count)
    reserved |= held_out.keys() | {made(record.spec) for record in before}
    timed: list[Record] = []
    with kept_timings(timed, regime, path, "--earlier takes them"):
        with watch.running():
            session = time_networks(
                watch,
                regime,
                (spec for spec, graph in networks(seed) if graph not in reserved),
                tuple(held_out.values()),
                seconds or (QUICK_SECONDS if quick else SECONDS),
                rounds=QUICK_ROUNDS if quick else ROUNDS,
                progress=part(progress, 0.0, TIMING_SHARE),
                cancel=cancel,
                seed=seed,
                interrupted=timed.extend,
            )
        timed[:] = session.records
        notes = []
        if (share := noisy_share(session.records)) > MUCH_NOISE:
            notes.append(f"noisy machine: {100 * share:.0f} % of the networks were spread over more than 10 %")
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
            lambda: time.perf_counter() - started,
            quick,
            notes,
            known,
            page_fault_us() if regime.device == "cpu" else None,
        )
        if path is not None:
            write_together({Path(path): profile.text(), raw_path(path): raw_text(records, regime)})
    if progress:
        progress(1.0, f"calibrated on {profile.networks} networks in {profile.seconds:.0f} s")
    return profile


def _before(path: Path, regime: Regime) -> list[Record]:
    """Records of an earlier session. Raises CostError for a missing file or another regime."""
    if not path.is_file():
        raise CostError(f"{path}: there are no raw timings")
    then, records = read_raw(path)
    if then != regime:
        raise CostError(f"{path.name}: timings of {then.label}; this calibration is of {regime.label}")
    return records


def raw_path(path: str | os.PathLike) -> Path:
    """Path of the raw timings of a profile: beside it; of a shipped one, compressed, in a checkout."""
    path = Path(path)
    if path.parent == SHIPPED:
        return CHECKOUT_TIMINGS / f"{path.stem}.raw.jsonl.xz"
    return path.with_suffix(".raw.jsonl")
