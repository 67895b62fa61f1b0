"""`fit_device`: a user's list of timings → a profile, and a report of the rows that do not fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from archs.guidance import guided
from costmodel.devices import few_shots, priors
from costmodel.devices.build import MIN_NETWORKS, profile_of
from costmodel.devices.profile import WholeNetworkProfile
from costmodel.devices.reading import Line, read_path
from costmodel.devices.tables import Device, NetworkTiming
from costmodel.errors import CostError

KINDS = ("cpu", "gpu", "npu")
SUSPICIOUS = 1.6
"""A row that the others miss by this factor does not fit, unless all rows are missed by as much."""
SLIPS = (
    (1000.0, "1000 times too large: microseconds where milliseconds are meant"),
    (0.001, "1000 times too small: seconds where milliseconds are meant"),
    (10.0, "ten times too large: a typing error?"),
    (0.1, "ten times too small: a typing error?"),
    (100.0, "100 times too large: a decimal comma that was dropped?"),
    (0.01, "100 times too small: a decimal comma that was dropped?"),
)
WITHIN = 1.7
"""A slip is named where the row is off by its factor, give or take this one."""
MORE = 5
MAX_OUTLIERS = 0.25
"""Share of rows up to which those that do not fit are left out; more of them, and the others may be wrong."""


@dataclass(frozen=True)
class Outlier:
    """A row that the others contradict."""

    row: int
    network: str
    batch: int
    latency_ms: float
    expected_ms: float
    reason: str

    def __str__(self) -> str:
        found = f"row {self.row}, column latency_ms: found {self.latency_ms:g} for {self.network}"
        return f"{found}; the other rows say {self.expected_ms:.3g}; {self.reason}"


@dataclass(frozen=True)
class FitReport:
    """A fitted device with what its rows say about themselves."""

    profile: WholeNetworkProfile
    outliers: tuple[Outlier, ...]
    gain: tuple[float, float] | None
    """Typical median errors at this number of networks and at five more, in percent; None past the curve's end."""


@guided()
def fit_device(
    csv_path: str | Path,
    name: str = "own device",
    kind: str = "cpu",
    runtime: str = "not stated",
    precision: str = "fp32",
    threads: int | None = None,
    fused: bool = True,
) -> WholeNetworkProfile:
    """The profile of a device from a CSV of timed networks, with its left-out errors in `.errors`.

    Raises CostError, one line per problem.

    Args:
        csv_path: a table with a row per timed network: `network`, `latency_ms`, and its knobs.
        name: of the profile.
        kind: "cpu", "gpu" or "npu": the prior.
        runtime: shown with each prediction.
        precision: such as "fp32", shown with each prediction.
        threads: of the device, where known.
        fused: whether the runtime joins convolution, batch norm and activation, as ONNX Runtime, TFLite, ncnn and
            TensorRT do and eager PyTorch does not.

    >>> import tempfile
    >>> timed = {"mobilenet_v1": 113, "mobilenet_v2": 75, "shufflenet_v2": 40, "mobilenet_v3_small": 16}
    >>> rows = ["network,latency_ms", *[f"{name},{ms}" for name, ms in timed.items()]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "timings.csv").write_text(chr(10).join(rows))
    ...     fit_device(f"{folder}/timings.csv", "Pi 5").networks
    4
    """
    return report(read_path(csv_path), name, kind, runtime, precision, threads, fused).profile


def report(
    lines: Sequence[Line],
    name: str = "own device",
    kind: str = "cpu",
    runtime: str = "not stated",
    precision: str = "fp32",
    threads: int | None = None,
    fused: bool = True,
) -> FitReport:
    """The profile of read timings, and the rows that do not fit. Raises CostError."""
    if kind not in KINDS:
        raise CostError(f"kind: found {kind[:40]!r}; allowed: {', '.join(KINDS)}")
    if not 1 <= len(name.strip()) <= 80:
        raise CostError("name: allowed: 1 to 80 characters")
    batches = {line.timing.batch for line in lines}
    batch = max(batches, key=lambda value: sum(line.timing.batch == value for line in lines))
    device = Device("", name.strip(), name.strip(), runtime, precision, threads, kind, fused, batch, "own")
    timings = _repeats(lines)
    profile = profile_of(device, timings, priors.shipped(kind))
    outliers: list[Outlier] = []
    while len(outliers) < MAX_OUTLIERS * len(timings) and len(timings) - len(outliers) > MIN_NETWORKS:
        worst = _outliers(profile, lines)[:1]  # one at a time, as it makes the others look wrong
        if not worst:
            break
        outliers += worst
        excluded = {(outlier.network, outlier.batch) for outlier in outliers}
        rest = [timing for timing in timings if (timing.title, timing.batch) not in excluded]
        profile = profile_of(device, rest, priors.shipped(kind), [f"not fitted: {outlier}" for outlier in outliers])
    return FitReport(profile, tuple(outliers), _gain(profile.networks))


def _repeats(lines: Sequence[Line]) -> list[NetworkTiming]:
    """The median of each network's rows."""
    grouped: dict[tuple[str, int], list[NetworkTiming]] = {}
    for line in lines:
        grouped.setdefault((line.timing.title, line.timing.batch), []).append(line.timing)
    found = []
    for same in grouped.values():
        latency = median(timing.latency_ms for timing in same)
        found.append(NetworkTiming(same[0].network, same[0].knobs, same[0].batch, latency, same[0].source))
    return found


def _outliers(profile: WholeNetworkProfile, lines: Sequence[Line]) -> list[Outlier]:
    """The rows that a fit of the others contradicts, the worst first; typing slips are named."""
    rows = {(line.timing.title, line.timing.batch): line for line in reversed(lines)}
    ratios = {row: row.latency_ms / row.left_out_ms for row in profile.rows}
    usual = median(abs(math.log(ratio)) for ratio in ratios.values())
    limit = max(math.log(SUSPICIOUS), 4 * usual)
    found = []
    for row, ratio in sorted(ratios.items(), key=lambda pair: -abs(math.log(pair[1]))):
        if abs(math.log(ratio)) > limit:
            line = rows[row.network, row.batch]
            reason = "check it, or time it again"
            for factor, text in SLIPS:
                if abs(math.log(ratio / factor)) < math.log(WITHIN):
                    reason = text
                    break
            found.append(Outlier(line.row, row.network, row.batch, line.timing.latency_ms, row.left_out_ms, reason))
    return found


def _gain(networks: int) -> tuple[float, float] | None:
    """The curve of error against timed networks, read at this number and at MORE, between its points."""
    curve = [(int(row["networks_timed"]), float(row["median_pct"])) for row in few_shots.table()]
    points = {count: max(pct for at, pct in curve if at == count) for count, _ in curve}
    if networks + MORE > max(points):
        return None

    def at(count: int) -> float:
        below = max((c for c in points if c <= count), default=min(points))
        above = min((c for c in points if c >= count), default=max(points))
        share = 0.0 if above == below else math.log(count / below) / math.log(above / below)
        return points[below] * (points[above] / points[below]) ** share

    return round(at(networks), 1), round(at(networks + MORE), 1)
