"""The published timings in `data/`: which devices there are, and their rows. No fitting here.

`devices.csv` has a row per device; `papers.csv`, `timm.csv` and `ncnn.csv` a row per timed network with its source.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archs import build, fold_batchnorm
from archs.caching import cached
from costmodel.devices import networks, terms
from costmodel.devices.fitting import Timed, publication


@dataclass(frozen=True)
class NetworkTiming:
    """One timed network: `latency_ms` is of a call with `batch` images."""

    network: str
    knobs: tuple[tuple[str, object], ...]
    batch: int
    latency_ms: float
    source: str

    @property
    def title(self) -> str:
        return " ".join([self.network, *(f"{knob}={value}" for knob, value in self.knobs)])


@dataclass(frozen=True)
class Device:
    """What a profile is of. `kind` is "cpu", "gpu" or "npu"; `threads` is None where none are stated."""

    key: str
    name: str
    device: str
    runtime: str
    precision: str
    threads: int | None
    kind: str
    fused: bool
    batch: int
    table: str


@cached(1, "a file of the package")
def devices() -> dict[str, Device]:
    """The devices of the published tables, by key."""
    found = {}
    with (networks.DATA / "devices.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            threads = int(row["threads"]) if row["threads"] else None
            known = (row["key"], row["name"], row["device"], row["runtime"], row["precision"], threads, row["kind"])
            found[row["key"]] = Device(*known, row["fused"] == "yes", int(row["batch"]), row["table"])
    return found


@cached(None, "files of the package")
def _table(name: str) -> dict[str, tuple[NetworkTiming, ...]]:
    found: dict[str, list[NetworkTiming]] = {}
    with (networks.DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            knobs: dict[str, object] = {"width": float(row["width"])} if row["width"] else {}
            knobs |= {knob: int(row[knob]) for knob in ("resolution", "groups") if row[knob]}
            knobs |= {"code": row["code"]} if row["code"] else {}
            timing = NetworkTiming(
                row["network"], tuple(knobs.items()), int(row["batch"]), float(row["latency_ms"]), row["source"]
            )
            found.setdefault(row["device"], []).append(timing)
    return {key: tuple(rows) for key, rows in found.items()}


def timings(key: str) -> tuple[NetworkTiming, ...]:
    """The rows of a device of the published tables."""
    return _table(devices()[key].table)[key]


def timed(rows: Sequence[NetworkTiming], fused: bool, kind: str) -> Timed:
    """Timings on a device of a kind as arrays. Raises CostError for an unknown network."""
    found = []
    for row in rows:
        graph = build(networks.spec(row.network, **dict(row.knobs)))
        total = terms.of_network(fold_batchnorm(graph) if fused else graph, fused, row.batch, kind)
        found.append((total, terms.described(total, row.batch)))
    return Timed(
        np.array([total for total, _ in found]),
        np.array([place for _, place in found]),
        np.array([row.latency_ms for row in rows]),
        tuple(row.title for row in rows),
        tuple(networks.family(row.network) for row in rows),
        tuple(publication(row.source) for row in rows),
    )
