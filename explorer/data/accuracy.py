"""An estimate of an edited network's accuracy, from how its family's published networks scale. Nothing is trained.

The fit is on one recipe per family (`FITTED`), so that an offset per family takes up what the recipe gives. How wrong
it is, is measured: on each network left out, and on each family left out, which is what an edit to another kind of
block amounts to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from archs import Spec, build
from archs.caching import cached
from archs.tables.lower import block_paths
from costmodel import count
from explorer.data import frontier
from explorer.data.originals import paper

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

FITTED = {
    "mobilenet_v1": "TF slim zoo 2018_02_22",
    "mobilenet_v2": "TF slim zoo",
    "mobilenet_v3_large": "paper",
    "mobilenet_v3_small": "paper",
    "shufflenet_v1": "paper",
    "shufflenet_v2": "paper (ShuffleNetV2 protocol, single centre crop)",
    "mnasnet_a1": "tensorflow/tpu release",
}
"""The recipe of each family that the fit is on: the one with most widths and resolutions."""

METHOD = (
    "Ridge regression of the logarithm of the top-1 error on the logarithm of the multiply-adds, its square and the "
    "logarithm of the resolution, with an offset and slopes per family, over the published networks of seven families, "
    "each in one recipe; the interval is what 90 % of the networks left out, one by one or a family at once, miss by."
)

WIDTHS = {"stage", "channels", "inner", "expanded"}  # what a width multiplier changes, and a name

# How loosely each part is held to zero; the ridge is 1. The common curve is all but free, a family's slopes are not
FREE, OFFSET, SLOPE = 60.0, 17.0, 6.0


@dataclass(frozen=True)
class Estimate:
    """A top-1 accuracy in percent with its 90 % interval.

    `changed` is the share of the network (of its multiply-adds) whose blocks its paper has not, by which the interval
    is the one of a family left out. `extrapolated`: its multiply-adds or resolution are beyond all that were fitted.
    """

    top1_pct: float
    low_pct: float
    high_pct: float
    family: str | None
    recipe: str | None
    changed: float
    extrapolated: bool
    measured: bool = False


@dataclass(frozen=True)
class Errors:
    """How far the estimate is off on networks that it was not fitted on, in points of top-1."""

    mean: float  # of the absolute errors
    rms: float
    worst: float
    networks: int


def estimate(spec: Spec, measured_pct: float | None = None) -> Estimate:
    """The accuracy to show for a network; the user's own measured one takes the estimate's place.

    Raises ArchError where the spec does not build.
    """
    if measured_pct is not None:
        return Estimate(measured_pct, measured_pct, measured_pct, None, "your own", 0.0, False, measured=True)
    total = count(build(spec)).total
    family = spec.name if spec.name in FITTED else None
    changed = changed_share(spec) if family else 1.0
    model = _model()
    known = training()
    x, z = float(total.mult_adds), float(spec.resolution)
    # Beyond what was fitted the curve is held where it ends: a parabola would turn
    inside = [float(np.clip(v, known[c].min(), known[c].max())) for v, c in ((x, "mult_adds"), (z, "resolution"))]
    error = float(model(_features([inside[0]], [inside[1]], [family]))[0])
    one, whole_family = _half_intervals()
    half = one + changed * max(0.0, whole_family - one)
    top1, low, high = (100 * (1 - min(1.0, exp(error + shift))) for shift in (0.0, half, -half))
    return Estimate(top1, low, high, family, FITTED.get(spec.name), changed, inside != [x, z])


def changed_share(spec: Spec) -> float:
    """The share of multiply-adds in blocks that the paper's network has not, or that this one has not any more.

    Widths do not count, as they are what families scale by. 1 for a network that is not of the catalogue.
    """
    original = paper(spec)
    if original is None:
        return 1.0
    return max(_share_outside(spec, original), _share_outside(original, spec))


def _share_outside(spec: Spec, other: Spec) -> float:
    known = [(row.kind, row.model_dump(exclude=WIDTHS)) for row in other.rows]
    per_block = {path: counts.mult_adds for path, counts in count(build(spec)).groups("block").items()}
    outside = 0
    for row, paths in block_paths(spec):
        block = (row.kind, row.model_dump(exclude=WIDTHS))
        if block in known:
            known.remove(block)  # a row stands for one row
        else:
            outside += sum(per_block.get(path, 0) for path in paths)
    return outside / max(1, sum(per_block.values()))


@cached(None, "counting the published networks takes a second")
def training() -> pandas.DataFrame:
    """The networks of the fit: `name`, `variant`, `mult_adds`, `resolution`, `top1_pct`, `recipe`, `source`."""
    points = frontier.table()
    fitted = points[[FITTED.get(name) == recipe for name, recipe in zip(points["name"], points["recipe"])]]
    # A network that two tables of a paper print stays once, or it would not be left out when it is
    return fitted.drop_duplicates(["name", "mult_adds", "resolution"]).reset_index(drop=True)


@cached(None, "computed once per fit")
def errors(left_out: str) -> Errors:
    """The errors with each "network" left out, or each "family". Raises ValueError for another word."""
    misses = _misses(left_out)
    return Errors(
        float(np.abs(misses).mean()), float((misses**2).mean() ** 0.5), float(np.abs(misses).max()), len(misses)
    )


def _misses(left_out: str) -> NDArray[np.float64]:
    """Estimated − published, in points of top-1, of every network of the fit."""
    known = training()
    published_pct = known["top1_pct"].to_numpy(float)
    return 100 * (1 - np.exp(_held_out(left_out))) - published_pct


@cached(None, "one fit per network left out")
def _held_out(left_out: str) -> NDArray[np.float64]:
    """The logarithm of each network's error, estimated by a fit without it, or without its family."""
    features, target, families = _data()
    if left_out not in ("network", "family"):
        raise ValueError(f"found {left_out!r}; allowed: network, family")
    group = np.arange(len(target)) if left_out == "network" else np.array(families)
    held_out = np.empty_like(target)
    for one in np.unique(group):
        out = group == one
        held_out[out] = _ridge(features[~out], target[~out])(features[out])
    return held_out


@cached(None, "computed once per fit")
def _half_intervals() -> tuple[float, float]:
    """Half of the 90 % interval, in the logarithm of the error: for one of a family, and for a family left out."""
    _, target, _ = _data()
    halves = [float(np.quantile(np.abs(_held_out(left_out) - target), 0.9)) for left_out in ("network", "family")]
    return halves[0], halves[1]


@cached(None, "fitted once")
def _model() -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    features, target, _ = _data()
    return _ridge(features, target)


def _ridge(
    features: NDArray[np.float64], target: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """What ridge regression of strength 1 makes of networks; the constant is not held to zero.

    Hoerl & Kennard 1970, "Ridge regression", equation 2.1, on centred columns.
    """
    middle, level = features.mean(axis=0), float(target.mean())
    centred = features - middle
    weights = np.linalg.solve(centred.T @ centred + np.eye(centred.shape[1]), centred.T @ (target - level))
    return lambda others: level + (others - middle) @ weights


def _data() -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    known = training()
    families = list(known["name"])
    features = _features(known["mult_adds"], known["resolution"], families)
    return features, np.log(1 - known["top1_pct"].to_numpy(float) / 100), families


def _features(
    mult_adds: Sequence[float], resolution: Sequence[float], families: Sequence[str | None]
) -> NDArray[np.float64]:
    """One row per network: the common curve, then an offset and two slopes per family, 0 in all but its own."""
    rows = []
    for count_, side, family in zip(mult_adds, resolution, families):
        x, z = log(count_ / 300e6), log(side / 224)
        row = [FREE * x, FREE * x * x, FREE * z]
        for name in FITTED:
            row += [OFFSET, SLOPE * x, SLOPE * z] if name == family else [0.0, 0.0, 0.0]
        rows.append(row)
    return np.array(rows)
