"""An estimate of an edited network's accuracy, from how its family's published networks scale. Nothing is trained.

The fit is on one recipe per family (`FITTED`), so that an offset per family includes the effect of the recipe. It knows
widths and resolutions; kernels, SE and activations are corrected by `explorer.data.ablations`. Its errors are measured
with each network left out and with each family left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, cast

import numpy as np

from archs import Spec, build
from archs.caching import cached
from archs.catalogue.registry import FAMILIES
from archs.guidance import Guided
from archs.tables.lower import block_paths
from archs.tables.rows import Row
from costmodel import count
from explorer.data import frontier
from explorer.data.ablations import BLOCKS, Levels, is_covered, levels, log_error_change, plain_share
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
    "each in one recipe. Edited kernels, SE and activations change it as in the papers' ablations. The interval covers "
    "90 % of the networks left out, one by one or a family at once."
)

WIDTHS = {"stage", "channels", "inner", "expanded"}  # columns that a width multiplier changes, and a name

IMAGENET_CLASSES, IMAGENET_CHANNELS = 1000, 3

# The scale of each group of features; the ridge is 1. The common curve is nearly free, the slopes of a family are not
FREE, OFFSET, SLOPE = 60.0, 17.0, 6.0


@dataclass(frozen=True)
class Estimate(Guided):
    """A top-1 accuracy on ImageNet, `top1_pct`, in percent, with its 90 % interval from `low_pct` to `high_pct`.

    `recipe` is the training that the fitted rows had; `measured` says that a trained network gave the number. `changed`
    is the share of the multiply-adds in blocks that differ from the published network of the `family`; the interval is
    in between that of a network and that of a family left out in the same share. It is that of a family left out where
    an edited column is outside of what the fit and the ablations know: `outside` has those columns. `extrapolated`: the
    multiply-adds or the resolution are beyond all published ones.
    """

    top1_pct: float
    low_pct: float
    high_pct: float
    family: str | None
    recipe: str | None
    changed: float
    extrapolated: bool
    measured: bool = False
    outside: tuple[str, ...] = ()

    def __repr__(self) -> str:
        basis = "measured" if self.measured else f"like {self.family}" if self.family else "like no family"
        outside = f", unknown: {', '.join(self.outside)}" if self.outside else ""
        interval = f"90 % between {self.low_pct:.2f} and {self.high_pct:.2f}"
        return f"Estimate({self.top1_pct:.2f} % top-1, {interval}, {basis}{outside})"


@dataclass(frozen=True)
class EstimateErrors:
    """Errors of the estimate on networks left out of the fit, in points of top-1."""

    mean: float  # of the absolute errors
    rms: float
    worst: float
    networks: int


def estimate(spec: Spec, measured_pct: float | None = None) -> Estimate | None:
    """The top-1 accuracy on ImageNet to show for a network; the user's measured one replaces the estimate.

    The family is the one whose published network is most alike; the name of the spec is not used. None where the
    network is not for ImageNet (`not_estimated` has the reason). Raises ArchError where the spec does not build.

    >>> import archs
    >>> estimate(archs.spec("mobilenet_v2").edit(name="mine")) == estimate(archs.spec("mobilenet_v2"))
    True
    """
    if measured_pct is not None:
        return Estimate(measured_pct, measured_pct, measured_pct, None, "yours", 0.0, False, measured=True)
    if not_estimated(spec):
        return None
    family, original, changed = origin(spec)
    shift, plain = _reference() if original is None else (levels(original), plain_share(original))
    known = training()
    side = cast("int", spec.resolution)  # of square images only
    x, z = sum(_mult_adds_by_block(spec).values()) * plain_share(spec) / plain, float(side)
    # Beyond the published range the curve is constant: a parabola would turn
    inside = [float(np.clip(v, known[c].min(), known[c].max())) for v, c in ((x, "mult_adds"), (z, "resolution"))]
    error = float(_model()(_features([inside[0]], [inside[1]], [family]))[0]) + log_error_change(levels(spec), shift)
    one, whole_family = _half_intervals()
    outside = outside_columns(spec, original) if original else ()
    half = one + (1.0 if outside else changed) * max(0.0, whole_family - one)
    top1, low, high = (100 * (1 - min(1.0, exp(error + step))) for step in (0.0, half, -half))
    recipe = FITTED[family] if family else None
    return Estimate(top1, low, high, family, recipe, changed, inside != [x, z], outside=outside)


def not_estimated(spec: Spec) -> str:
    """The reason why a network has no estimate; empty where it has one."""
    classes = build(spec).output.channels
    if classes != IMAGENET_CLASSES:
        return f"it has {classes} classes, and the estimate is for ImageNet with {IMAGENET_CLASSES}"
    if spec.input_channels != IMAGENET_CHANNELS:
        return f"it reads {spec.input_channels} channels, and the estimate is for ImageNet with {IMAGENET_CHANNELS}"
    if not isinstance(spec.resolution, int):
        height, width = spec.resolution
        return f"it reads images of {height}×{width}, and the published networks read square ones"
    return ""


@cached(128, "a page run and a sweep ask for the family of the same specs")
def origin(spec: Spec) -> tuple[str | None, Spec | None, float]:
    """The fitted family whose published network is most alike, that network, and the share that was changed.

    (None, None, 1.0) where no block is of a kind that one of them has.
    """
    found: tuple[str | None, Spec | None, float] = (None, None, 1.0)
    kinds = _block_kinds(spec)
    for family in FITTED:
        original = paper(spec.edit(name=family))
        if original is not None and kinds & _block_kinds(original) and (changed := _changed(spec, original)) < found[2]:
            found = family, original, changed
    return found


def _block_kinds(spec: Spec) -> set[str]:
    return {row.kind for row in spec.rows if isinstance(row, BLOCKS)}


def _changed(spec: Spec, original: Spec) -> float:
    """The share of multiply-adds in blocks that one of the networks has and the other does not, but for widths."""
    return max(_share_outside(spec, original), _share_outside(original, spec))


def outside_columns(spec: Spec, original: Spec) -> tuple[str, ...]:
    """The columns in which a spec's rows differ from the original's and that neither the fit nor an ablation covers."""
    spare = [row for row in original.rows if row not in spec.rows]
    found: dict[str, None] = {}
    for row in [row for row in spec.rows if row not in original.rows]:
        same_kind = [other for other in spare if type(other) is type(row)]
        if not same_kind:
            found["kind"] = None
            continue
        nearest = min(same_kind, key=lambda other: len(_differences(row, other)))
        spare.remove(nearest)
        for column in _differences(row, nearest):
            if not is_covered(column, (getattr(row, column), getattr(nearest, column))):
                found[column] = None
    return (*found, *(["rows"] if len(spec.rows) != len(original.rows) else []))


def _differences(row: Row, other: Row) -> list[str]:
    return [c for c, value in row if c not in WIDTHS and value != getattr(other, c)]


def _share_outside(spec: Spec, other: Spec) -> float:
    known = [(row.kind, row.model_dump(exclude=WIDTHS)) for row in other.rows]
    per_block = _mult_adds_by_block(spec)
    outside = 0
    for row, paths in block_paths(spec):
        block = (row.kind, row.model_dump(exclude=WIDTHS))
        if block in known:
            known.remove(block)  # a row matches one row
        else:
            outside += sum(per_block.get(path, 0) for path in paths)
    return outside / max(1, sum(per_block.values()))


@cached(64, "a network is compared with the published one of each family")
def _mult_adds_by_block(spec: Spec) -> dict[str, int]:
    return {path: counts.mult_adds for path, counts in count(spec).groups("block").items()}


@cached(None, "computed once per fit")
def _reference() -> tuple[Levels, float]:
    """The mean levels and the mean share of plain multiply-adds of the families, for a network of none of them."""
    originals = [FAMILIES[name].spec() for name in FITTED]
    mean = [sum(column) / len(originals) for column in zip(*map(levels, originals))]
    return Levels(*mean), sum(map(plain_share, originals)) / len(originals)


@cached(None, "counting the published networks takes a second")
def training() -> pandas.DataFrame:
    """The networks of the fit: `name`, `variant`, `mult_adds`, `resolution`, `top1_pct`, `recipe`, `source`."""
    points = frontier.table()
    fitted = points[[FITTED.get(name) == recipe for name, recipe in zip(points["name"], points["recipe"])]]
    # A network that two tables of a paper print stays once, or it would not be left out when it is
    return fitted.drop_duplicates(["name", "mult_adds", "resolution"]).reset_index(drop=True)


@cached(None, "computed once per fit")
def errors(left_out: str) -> EstimateErrors:
    """The errors with each "network" left out, or each "family". Raises ValueError for another word."""
    misses = _misses(left_out)
    return EstimateErrors(
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
    """The function of a ridge regression of strength 1, whose constant is not penalised.

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
    """One row per network: the common curve, then an offset and two slopes per family, 0 for the other families."""
    rows = []
    for count_, side, family in zip(mult_adds, resolution, families):
        x, z = log(count_ / 300e6), log(side / 224)
        row = [FREE * x, FREE * x * x, FREE * z]
        for name in FITTED:
            row += [OFFSET, SLOPE * x, SLOPE * z] if name == family else [0.0, 0.0, 0.0]
        rows.append(row)
    return np.array(rows)
