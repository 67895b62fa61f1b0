"""How good a new device's profile is after k networks: each device of the ncnn and timm tables in turn is the new one.

Its prior knows no run of it; the k networks are drawn, the error is of the device's other networks.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from costmodel.devices.fitting import Array, Prior, Timed, fit
from costmodel.devices.networks import DATA
from costmodel.devices.tables import devices

PATH = DATA / "few_shots.csv"
COUNTS = (3, 5, 10, 20, 40)
DRAWS = 3
LEAST_LEFT = 3
"""A split must leave this many networks to err on."""
FIELDS = ("table", "networks_timed", "devices", "median_pct", "p90_pct")


def few_shots(
    known: Mapping[str, tuple[str, Timed]], prior_without: Callable[[str, str], Prior]
) -> list[dict[str, object]]:
    """One row per table and count: over devices and draws the median error and its 90th percentile, in percent."""
    found = []
    for table in ("ncnn", "timm"):
        keys = [key for key, device in devices().items() if device.table == table]
        for count in COUNTS:
            errors: list[Array] = []
            used = 0
            for number, key in enumerate(keys):
                kind, timed = known[key]
                if len(timed) < count + LEAST_LEFT:
                    continue
                used += 1
                prior = prior_without(devices()[key].device, kind)
                rng = np.random.default_rng(number)
                errors += [_error(timed, rng.permutation(len(timed)).tolist(), count, prior) for _ in range(DRAWS)]
            if used:
                together = 100 * np.concatenate(errors)
                median, high = float(np.median(together)), float(np.quantile(together, 0.9))
                row = (table, count, used, round(median, 2), round(high, 2))
                found.append(dict(zip(FIELDS, row)))
    return found


def _error(timed: Timed, order: Sequence[int], count: int, prior: Prior) -> Array:
    shown, rest = timed.rows(order[:count]), timed.rows(order[count:])
    predicted, _ = fit(shown, prior).predict(rest.terms, rest.places, rest.sources)
    found: Array = np.abs(predicted / rest.latency_ms - 1)
    return found


def save(rows: Sequence[Mapping[str, object]]) -> None:
    """Write `data/few_shots.csv`."""
    with PATH.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def table() -> list[dict[str, str]]:
    """The rows of `data/few_shots.csv`."""
    with PATH.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
