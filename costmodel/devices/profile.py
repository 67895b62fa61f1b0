"""A profile of whole networks: what timed networks tell of any device. JSON, versioned, validated, no pickles.

It stands wherever a `DeviceProfile` does: `costmodel.load_profile` reads both, `costmodel.predict` prices with both.
No reading of timings here (`costmodel.devices.reading`), and no fitting (`costmodel.devices.build`).
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from archs.ir.graph import Graph
from costmodel.devices import terms
from costmodel.devices.fitting import Array, Fit, Residual, publication
from costmodel.errors import CostError
from costmodel.latency.prediction import Prediction
from costmodel.latency.profile import DeviceProfile, Errors, Finite, Natural, Reference, Regime
from costmodel.saved_profile import SavedProfile

FORMAT = "costmodel.network_profile/1"
Text = Annotated[str, Field(max_length=300)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Deviation = Annotated[float, Field(ge=1e-3, le=10, allow_inf_nan=False)]
"""Of the logarithm of a latency. Beyond these bounds the process's covariance has no factor in double precision."""
Factor = Annotated[float, Field(ge=1e-3, le=1e3, allow_inf_nan=False)]
LogError = Annotated[float, Field(ge=-50, le=50, allow_inf_nan=False)]
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
FAR = 0.5
"""Below this correlation with every fitted network, a prediction is an extrapolation."""
NODE_HALF = 0.7
"""Half interval of a node's share: no node was timed, so a factor of two each way."""
SPREAD = 1.0
"""The smallest standardised error that an interval is scaled by: the process's own standard deviation."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FittedRow(_Part):
    """One timed network, what the fit without it says, and where it lies among networks."""

    network: Text
    family: Text
    source: Text
    batch: Annotated[int, Field(ge=1, le=4096)]
    latency_ms: Positive
    left_out_ms: Positive
    residual: LogError
    place: tuple[Coordinate, ...]

    @property
    def error_pct(self) -> float:
        """By how much the fit without this network misses it; negative where it says too little."""
        return 100 * (self.left_out_ms / self.latency_ms - 1)


class FitErrors(_Part):
    """Errors on networks that the fit did not see, in percent."""

    networks: Natural
    leave_one_out_pct: Finite
    leave_family_out_pct: Finite | None
    """None where all networks are of one family."""
    within_10_pct: Finite
    coverage_pct: Finite
    """Share of left-out networks in their 90 % interval, whose width was found without them."""


class WholeNetworkProfile(SavedProfile):
    """The latency of whole networks on one device, as non-negative terms and a correction by similar networks.

    It stands wherever a `DeviceProfile` does. Times are milliseconds of a call. `rows` are the timed networks, `errors`
    and `held_out` what the fit misses of networks left out of it, in percent; `warnings` are sentences about the
    timings. `quick`, `seconds` and `prior` are those of a calibration, which this is not.

    >>> import costmodel
    >>> costmodel.load_profile("pixel1").errors.networks > 10
    True
    """

    format: Literal["costmodel.network_profile/1"] = "costmodel.network_profile/1"
    name: Annotated[str, Field(min_length=1, max_length=200)]
    device: Text
    runtime: Text
    precision: Text
    stated_threads: Annotated[int, Field(ge=1, le=4096)] | None
    """None where the source does not say; `regime.threads` is 1 then."""
    group: Literal["papers", "timm", "ncnn", "own"]
    regime: Regime
    fused: bool
    """Whether the runtime joins convolution, batch norm and activation into one operator."""
    weights: dict[str, Weight]
    """Milliseconds per unit of each of `costmodel.devices.terms.TERMS`."""
    amplitude: Deviation
    length: Factor
    source_effect: Deviation
    noise: Deviation
    near_scale: Factor
    """Half interval near fitted networks: near_scale · the process's standard deviation."""
    far_half: Annotated[float, Field(gt=0, lt=5)]
    """Half interval far from all of them, from the families left out."""
    rows: Annotated[tuple[FittedRow, ...], Field(min_length=1, max_length=5000)]
    errors: FitErrors
    held_out: dict[str, Errors]
    warnings: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> WholeNetworkProfile:
        if self.regime.device not in terms.PROCESSORS:
            allowed = ", ".join(terms.PROCESSORS)
            raise ValueError(f"regime.device: found {self.regime.device!r}; allowed: {allowed}")
        if tuple(self.weights) != terms.TERMS:
            raise ValueError("the profile was fitted on other terms; fit it again")
        if any(len(row.place) != len(terms.DESCRIBED) for row in self.rows):
            raise ValueError("a row's place has another number of coordinates; fit it again")
        return self

    # Read of every kind of profile.
    quick: bool = False
    seconds: Finite = 0.0
    prior: str | None = None

    def __repr__(self) -> str:
        about, error = f"{self.device}, {self.runtime}, {self.precision}", self.errors.leave_one_out_pct
        return f"WholeNetworkProfile({self.name!r}: {about}, {self.networks} networks, left-out error {error:.1f} %)"

    __str__ = __repr__

    @property
    def references(self) -> tuple[Reference, ...]:
        """None: nobody can time the device's networks again here."""
        return ()

    @property
    def page_fault_us(self) -> float | None:
        """None: nobody counted the device's page faults."""
        return None

    @property
    def networks(self) -> int:
        """Networks that it was fitted on."""
        return self.errors.networks

    @property
    def environment(self) -> dict[str, str | int]:
        """What the timings were taken with."""
        found: dict[str, str | int] = {"processor": self.device, "runtime": self.runtime, "precision": self.precision}
        return found | ({"threads": self.stated_threads} if self.stated_threads else {})

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the timings were read, each once."""
        return tuple(dict.fromkeys(row.source for row in self.rows))

    def node_interval_of(self, kind: str) -> float:
        """The half interval of a node of any `kind`: its share is a consequence of the fit, never measured."""
        return NODE_HALF

    @cached_property
    def fit(self) -> Fit:
        """The arrays that a prediction takes."""
        return Fit(
            np.array(list(self.weights.values())),
            np.array([row.place for row in self.rows]),
            tuple(publication(row.source) for row in self.rows),
            np.array([row.residual for row in self.rows]),
            Residual(self.amplitude, self.length, self.source_effect, self.noise),
        )

    def half_interval_at(self, place: Array, deviation: float) -> tuple[float, float]:
        """The half interval on log latency at a place, and the correlation with the nearest fitted network.

        `deviation` is the standard deviation that the process gives there.
        """
        near = nearness(self.fit.places, place[None], self.length)[0]
        half = math.sqrt(near * (self.near_scale * deviation) ** 2 + (1 - near) * self.far_half**2)
        return min(half, 4.9), near

    def network_ms(self, graph: Graph) -> tuple[float, float, float, float]:
        """Milliseconds of a call of `graph`, the ends of the 90 % interval, and the nearness to fitted networks.

        Raises CostError for a graph without any of the fitted operators.
        """
        total = terms.of_network(graph, self.fused, self.regime.batch, self.regime.device)
        place = terms.described(total, self.regime.batch)
        found, deviation = self.fit.predict(total[None], place[None], [""])
        if not found[0] > 0:
            raise CostError(f"{graph.name}: profile {self.name} gives it no time; it has none of the fitted operators")
        half, near = self.half_interval_at(place, float(deviation[0]))
        factor = math.exp(half)
        return float(found[0]), float(found[0]) / factor, float(found[0]) * factor, near

    def predicted(self, graph: Graph) -> Prediction:
        """The latency of a graph that is folded where the profile is of fused networks. Raises CostError."""
        latency, low, high, near = self.network_ms(graph)
        times, bounds = self.nodes_ms(graph, latency)
        kinds = tuple(type(node.op).__name__ for node in graph.nodes)
        note = "" if near >= FAR else f"{graph.name} is unlike all {self.networks} timed networks: extrapolated"
        stand_in = cast(DeviceProfile, self)  # it has all that a prediction asks of one
        return Prediction(graph, stand_in, latency, low, high, tuple(times), kinds, tuple(bounds), note=note)

    def nodes_ms(self, graph: Graph, latency_ms: float) -> tuple[list[float], list[str]]:
        """Milliseconds per node of `graph`, which add up to `latency_ms`, and each node's largest term."""
        owners, parts = terms.of_kernels(graph, self.fused, self.regime.batch, self.regime.device)
        weighted = parts * self.fit.weights
        times = np.zeros(len(graph.nodes))
        bounds = ["launch"] * len(graph.nodes)
        for owner, part in zip(owners, weighted):
            times[owner] = part.sum()
            bounds[owner] = terms.BOUND[terms.TERMS[int(part.argmax())]]
        total = times.sum()
        times = times / total if total else np.full(len(times), 1 / len(times))
        return (times * latency_ms).tolist(), bounds


def nearness(fitted: Array, places: Array, length: float) -> Array:
    """The correlation of the residual with that of the nearest fitted network, from 0 to 1."""
    distance = ((places[:, None] - fitted[None]) ** 2).sum(axis=-1).min(axis=1)
    found: Array = np.exp(-distance / (2 * length**2))
    return found
