"""The calibrated range: how far a node is from the nodes that a profile was timed on, and which nodes are too far.

A profile keeps, per kind of operator, training nodes of which one is near each other one (`cover`). Distances are in
octaves (factors of two). No times here. Start at `Range.distances`; the limit is justified in the package's README.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from costmodel.latency.features import STATIC

Floats = NDArray[np.float64]

LIMIT = 2.05
"""Octaves from the nearest stored node beyond which a node is outside of the calibrated range."""
NEGLIGIBLE = 1e-3
"""Share of the predicted time up to which the nodes outside of the range do not affect a network's interval."""
STORED = 256
"""Training nodes that a profile keeps per kind."""
NEAR = 0.5
"""Octaves from a stored node within which no other one is needed."""
SEPARATE = 100.0
"""Octaves between two variants: one says nothing of another."""
KEPT = 1 << 16


class Axis(NamedTuple):
    """A coordinate of a node: a column of its features and its scale, to octaves."""

    column: str
    words: str
    per_octave: float = 1.0
    logarithm: bool = True
    """Whether the column is a logarithm already."""


AXES = (
    Axis("kernel", "kernel {}", 5.0, logarithm=False),  # 7 and 11 run different code
    Axis("stride", "stride {}", 2.5, logarithm=False),
    Axis("groups", "{} groups", logarithm=False),
    Axis("log_group_in", "{} input channels per group"),
    Axis("log_group_out", "{} output channels per group"),
    Axis("log_pixels", "{} pixels"),
    Axis("log_mult_adds", "{} multiply-adds"),
    Axis("log_bytes_in", "{} bytes of input"),
    Axis("log_bytes_out", "{} bytes of output"),
    Axis("variant", "this form of the operator"),
)
_columns = [STATIC.index(axis.column) for axis in AXES]
_scales = np.array([axis.per_octave / log(2) for axis in AXES])
_plain = [number for number, axis in enumerate(AXES) if not axis.logarithm]
_VARIANT = len(AXES) - 1


class Stored(Protocol):
    """What a range reads of a predictor (`costmodel.latency.profile.Predictor`)."""

    @property
    def timed(self) -> Sequence[Sequence[float]]: ...


class Outside(NamedTuple):
    """A node outside of the calibrated range."""

    path: str
    kind: str
    distance: float
    """Octaves to the nearest timed node."""
    reason: str
    """What differs most from it."""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def coordinates(columns: Floats) -> Floats:
    """Nodes × AXES, in octaves, of nodes × feature columns."""
    found = columns[:, _columns]
    found[:, _plain] = np.log(found[:, _plain])
    found *= _scales
    found[:, _VARIANT] = SEPARATE * columns[:, _columns[_VARIANT]]
    return found


def cover(columns: Floats, known: Sequence[Sequence[float]] = ()) -> tuple[tuple[float, ...], ...]:
    """Coordinates of training nodes, beside those `known`: farthest first, until all others are near one (k-center).

    The greedy choice is within a factor of two of the best one (Gonzalez 1985, "Clustering to minimize the maximum
    intercluster distance").
    """
    places = np.unique(coordinates(columns).round(2), axis=0)
    stored = [tuple(row) for row in known]
    apart = np.full(len(places), np.inf)
    for row in stored:
        apart = np.minimum(apart, np.abs(places - np.array(row)).max(axis=1))
    while len(stored) < STORED + len(known) and len(places) and apart.max() > NEAR:
        row = places[int(apart.argmax())]
        stored.append(tuple(row.tolist()))
        apart = np.minimum(apart, np.abs(places - row).max(axis=1))
    return tuple(stored)


class Range:
    """The stored nodes of a profile's predictors, and the distances that were asked for."""

    def __init__(self, predictors: Mapping[str, Stored]):
        self._timed = {kind: np.array(p.timed) for kind, p in predictors.items() if p.timed}
        self._known: dict[tuple[str, bytes], float] = {}

    def distances(self, kinds: Sequence[str], columns: Floats) -> Floats:
        """Octaves from each node to the nearest timed one; 0 for a view and a predictor that stores none."""
        places = coordinates(columns)
        width = places.shape[1] * places.itemsize
        rows = places.tobytes()
        keys = [(kind, rows[i * width : (i + 1) * width]) for i, kind in enumerate(kinds)]
        found = np.array([self._known.get(key, -1.0) for key in keys])
        missing: dict[str, list[int]] = {}
        for number in np.flatnonzero(found < 0).tolist():
            missing.setdefault(kinds[number], []).append(number)
        if len(self._known) > KEPT:
            self._known.clear()
        for kind, numbers in missing.items():
            found[numbers] = self._of_kind(kind, places[numbers])
            self._known.update(zip([keys[number] for number in numbers], found[numbers].tolist()))
        return found

    def _of_kind(self, kind: str, places: Floats) -> Floats:
        timed = self._timed.get(kind)
        if kind == "view" or timed is None:
            return np.zeros(len(places))
        apart = np.zeros((len(places), len(timed)))
        for here, there in zip(places.T, timed.T):  # a maximum along a short axis takes four times as long
            np.maximum(apart, np.abs(np.subtract.outer(here, there)), out=apart)
        nearest: Floats = apart.min(axis=1)
        return nearest

    def outside(
        self, paths: Sequence[str], kinds: Sequence[str], columns: Floats, nodes_us: Floats
    ) -> tuple[Outside, ...]:
        """The nodes outside of the range; none where they take next to nothing of the network's time."""
        distances = self.distances(kinds, columns)
        far = np.flatnonzero(distances > LIMIT)
        if not len(far) or nodes_us[far].sum() <= NEGLIGIBLE * nodes_us.sum():
            return ()
        found = [(i, kinds[i]) for i in far.tolist()]
        return tuple(
            [Outside(paths[i], kind, float(distances[i]), self._reason(kind, columns[i])) for i, kind in found]
        )

    def _reason(self, kind: str, columns: Floats) -> str:
        """What differs most between a node, by its feature columns, and the nearest timed one of its kind."""
        place = coordinates(columns[None])[0]
        timed = self._timed[kind]
        apart = np.abs(timed - place)
        nearest = int(apart.max(axis=1).argmin())
        axis = int(apart[nearest].argmax())
        if axis == _VARIANT:
            return f"{AXES[axis].words} was not timed"
        here, there = (_number(v / AXES[axis].per_octave) for v in (place[axis], timed[nearest][axis]))
        return f"{AXES[axis].words.format(here)}; the nearest timed {kind.replace('_', ' ')} has {there}"


def _number(octaves: float) -> str:
    """2 to this power, with three digits."""
    return f"{float(f'{2**octaves:.3g}'):,.0f}"
