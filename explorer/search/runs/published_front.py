"""What w stands for: d ln accuracy / d ln latency of published networks, at the widths and resolutions of two families.

With w = −slope MnasNet's reward takes a network and its neighbour on the front as equals (Tan et al. 2018,
arXiv:1807.11626, section 3.1, sets w = −0.07 by such a pair). Latencies are as published for the Pixel 1, or predicted
for a profile. Nothing is searched here. Start at `published` and `predicted`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from archs import build
from archs.caching import cached
from costmodel import CostError, DeviceProfile
from explorer.data import frontier
from explorer.search.objectives import price_each

if TYPE_CHECKING:
    import pandas

SOURCES = {
    "tensorflow/models research/slim/nets/mobilenet/README.md": "Pixel 1 single large core",
    "tensorflow/tpu models/official/mnasnet/README.md": "Pixel 1 CPU",
}
"""The lists of MobileNetV2's and MnasNet's rows, with the device as each names it."""
FAMILIES = ("MobileNetV2", "MnasNet-A1")
REACH = 0.46
"""Half the width of the window of a slope, in ln(latency): the window spans a factor of 2.5, as from 10 to 25 ms."""
LEAST = 4
"""Networks in a window, below which there is no slope."""
BANDS = {-0.15: (10.0, 25.0), -0.07: (40.0, float("inf"))}
"""MobileNetV3's w for Small and for Large, and the latencies on a Pixel 1 at which the published slope is near it."""
MARKS = {-0.07: "MobileNetV3-Large, 0.07", -0.15: "MobileNetV3-Small, 0.15"}
"""The same exponents with their names in figures."""


@dataclass(frozen=True, eq=False)
class PublishedFront:
    """Published networks with latencies `where`. Columns: `family`, `variant`, `latency_ms`, `top1_pct`."""

    where: str
    rows: pandas.DataFrame

    def slope(self, low_ms: float, high_ms: float) -> float | None:
        """Least squares of ln(top-1) on ln(latency) with one slope and an offset per family; None for few rows."""
        rows = self.rows[self.rows["latency_ms"].between(low_ms, high_ms)]
        if len(rows) < LEAST:
            return None
        xs, ys = self._centred(rows, "latency_ms"), self._centred(rows, "top1_pct")
        across = float((xs**2).sum())
        return float((xs * ys).sum()) / across if across else None

    @staticmethod
    def _centred(rows: pandas.DataFrame, column: str) -> pandas.Series:
        logs = rows[column].map(log)
        return logs - logs.groupby(rows["family"]).transform("mean")

    def w(self, target_ms: float) -> float | None:
        """The exponent that is indifferent around a target, to two digits; None where few networks are near it."""
        found = self.slope(target_ms * exp(-REACH), target_ms * exp(REACH))
        return None if found is None else -round(found, 2)

    @cached_property
    def curve(self) -> pandas.DataFrame:
        """Columns `latency_ms`, `slope`: over windows around latencies at which there is one."""
        import pandas

        ends = np.log(self.rows["latency_ms"].agg(["min", "max"]))
        centres = np.exp(np.linspace(ends["min"] + REACH / 2, ends["max"] - REACH / 2, 60))
        slopes = [self.slope(ms * exp(-REACH), ms * exp(REACH)) for ms in centres]
        return pandas.DataFrame({"latency_ms": centres, "slope": slopes}).dropna()


def _listed() -> pandas.DataFrame:
    import pandas

    found = [frontier.timed_on(device) for device in SOURCES.values()]
    rows = pandas.concat(found, ignore_index=True)
    listed = rows["source"].isin(list(SOURCES)) & rows["family"].isin(FAMILIES)
    return rows[listed].drop_duplicates("spec", ignore_index=True)


@cached(None, "read from a file")
def published() -> PublishedFront:
    """Latencies on the Pixel 1, as the two lists print them."""
    return PublishedFront("Pixel 1, as published", _listed().drop(columns="spec"))


def predicted(profile: DeviceProfile) -> PublishedFront:
    """The same networks with predicted latencies, those that the profile can price."""
    rows = _listed()
    found = price_each([build(spec) for spec in rows["spec"]], profile)
    milliseconds = [float("nan") if isinstance(one, CostError) else one[0] for one in found]
    priced = rows.drop(columns="spec").assign(latency_ms=milliseconds).dropna(subset=["latency_ms"])
    return PublishedFront(f"{profile.name}, predicted", priced)
