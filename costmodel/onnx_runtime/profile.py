"""The profile of ONNX Runtime on one machine: predictors of its fused nodes, as versioned, validated JSON.

It stands wherever a `DeviceProfile` does: `costmodel.load_profile` reads it, `costmodel.predict` prices with it. No
clock and no fitting here. Start at `OnnxRuntimeProfile.predicted`.
"""

from __future__ import annotations

from functools import cached_property
from math import exp
from pathlib import Path
from typing import Annotated, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from archs.ir.graph import Graph
from archs.transforms.onnx_runtime import NOWHERE, FusedGraph, fuse_for_onnx_runtime
from costmodel.errors import CostError
from costmodel.latency import profile as latency
from costmodel.latency.prediction import Prediction
from costmodel.latency.predictor import BOUNDS, LEAST_SHARE, forest_of
from costmodel.latency.profile import (
    MAX_REFERENCES,
    DeviceProfile,
    Errors,
    Finite,
    Natural,
    Predictor,
    Reference,
    Regime,
    Short,
)
from costmodel.latency.trees import Forests
from costmodel.onnx_runtime.features import COLUMNS, FusedFeatures, features
from costmodel.saved_profile import SavedProfile

FORMAT = "costmodel.onnx_runtime_profile/1"
SHIPPED = Path(__file__).with_name("profiles")
NAME = "onnxruntime"
REMOVED = "removed"
Half = Annotated[float, Field(gt=0, lt=5)]


class OnnxRuntimeRegime(Regime):
    """The settings that a profile of the runtime holds for: those of a device, and what decides its kernels."""

    runtime: Literal["onnxruntime"] = "onnxruntime"
    version: Short
    provider: Literal["CPUExecutionProvider"] = "CPUExecutionProvider"
    level: Literal["all"] = "all"
    block: Literal[1, 8, 16]
    """Channels of one block of its blocked layout, by the processor's vectors."""

    @property
    def label(self) -> str:
        """`onnxruntime 1.32.0, CPUExecutionProvider, level all, 1 thread, batch 1`."""
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.runtime} {self.version}, {self.provider}, level {self.level}, {threads}, batch {self.batch}"


class OnnxRuntimeProfile(SavedProfile):
    """Predictors of fused nodes, with the line from their sum to a call, their provenance and held-out errors."""

    format: Literal["costmodel.onnx_runtime_profile/1"] = "costmodel.onnx_runtime_profile/1"
    name: Annotated[str, Field(min_length=1, max_length=80)]
    regime: OnnxRuntimeRegime
    environment: Annotated[dict[Short, Short | int], Field(max_length=40)]
    networks: Natural
    seconds: Finite
    columns: Annotated[tuple[Short, ...], Field(max_length=2 * len(COLUMNS))] = COLUMNS
    predictors: Annotated[dict[Short, Predictor], Field(min_length=1, max_length=200)]
    profiler_us: Finite
    """The profiler's own cost per node, which is not in the predictors."""
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    per_node_us: Finite
    per_call_us: Finite
    """In a fresh process, network_us = scale · (sum of the nodes) + per_node_us · (number of nodes) + per_call_us."""
    half_interval: Half
    """The 90 % interval is latency · exp(± half_interval), from held-out networks."""
    node_interval: Half
    fresh_references: Annotated[tuple[Reference, ...], Field(max_length=MAX_REFERENCES)] = ()
    """Networks in fresh processes, at the machine's median speed in the calibration: a validation times them again."""
    held_out: dict[Short, Errors]
    warnings: tuple[Short, ...] = ()

    @model_validator(mode="after")
    def _same_columns(self) -> OnnxRuntimeProfile:
        if self.columns != COLUMNS:
            raise ValueError("the profile was fitted on other features; calibrate again")
        if "all" not in self.held_out:
            raise ValueError("held_out has no entry 'all'; calibrate again")
        return self

    # Read of every kind of profile.
    quick: bool = False
    prior: str | None = None

    @property
    def references(self) -> tuple[Reference, ...]:
        """None for the stopwatch of eager calls; see `fresh_references`."""
        return ()

    @property
    def page_fault_us(self) -> float | None:
        """None: the runtime keeps its memory in an arena of its own."""
        return None

    @cached_property
    def pricing(self) -> Pricing:
        """The arrays that a prediction takes."""
        return Pricing(self.predictors)

    def half_interval_of(self, kinds: object) -> float:
        """The half interval of a network."""
        return self.half_interval

    def node_interval_of(self, kind: str) -> float:
        """The half interval of one node."""
        return self.node_interval

    def __repr__(self) -> str:
        error = f"held-out MAPE {self.held_out['all'].mape} %"
        return f"OnnxRuntimeProfile({self.name!r}: {self.regime.label}, {self.networks} networks, {error})"

    __str__ = __repr__

    def predicted(self, graph: Graph) -> Prediction:
        """The latency of a graph; the time of a fused node is its last operator's. Raises CostError."""
        fused = fuse_for_onnx_runtime(graph, self.regime.block)
        found = features(fused, self.regime.batch)
        missing = self.pricing.missing(found)
        if missing is not None:
            raise CostError(
                f"{fused.nodes[missing].path}: profile {self.name} has no predictor for {found.kinds[missing]}; "
                f"it has {', '.join(self.predictors)}"
            )
        nodes, terms = self.pricing.priced(found)
        total = float(nodes.sum())
        line = self.scale * total + self.per_node_us * len(nodes) + self.per_call_us
        network_ms = max(line, LEAST_SHARE * total) / 1e3
        times, bounds = _on_operators(fused, nodes, terms)
        times *= network_ms / (times.sum() or 1.0)
        factor = exp(self.half_interval)
        kinds = tuple([type(node.op).__name__ for node in graph.nodes])
        low, high = network_ms / factor, network_ms * factor
        stand_in = cast(DeviceProfile, self)  # it has all that a prediction asks of one
        return Prediction(graph, stand_in, network_ms, low, high, tuple(times.tolist()), kinds, bounds)


class Pricing:
    """Predictors as arrays."""

    def __init__(self, predictors: dict[str, Predictor]):
        self._numbers = {kind: number for number, kind in enumerate(predictors)}
        self._bases = np.array([predictor.base for predictor in predictors.values()])
        self._forests = Forests([forest_of(predictor) for predictor in predictors.values()])

    def missing(self, found: FusedFeatures) -> int | None:
        """The first node without a predictor."""
        return next((i for i, kind in enumerate(found.kinds) if kind not in self._numbers), None)

    def priced(self, found: FusedFeatures) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Microseconds of each fused node, and of each term of its physical base."""
        which = np.array([self._numbers[kind] for kind in found.kinds], np.intp)
        terms = found.work * self._bases[which]
        return terms.sum(axis=1) * np.exp(self._forests.predict(found.columns, which)), terms


def _on_operators(
    fused: FusedGraph, nodes_us: NDArray[np.float64], terms: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Per operator of the graph its time and its bound; an operator that is within another's node says where."""
    operators = fused.operators
    last = len(operators) - 1  # has the time of what the runtime adds to the network as a whole
    places = [last if place == NOWHERE else place for place in fused.places]
    times = np.zeros(len(operators))
    np.add.at(times, np.array(places, np.intp), nodes_us)
    largest, bounds = [0.0] * len(operators), [""] * len(operators)
    for place, time_us, term in zip(places, nodes_us.tolist(), terms.argmax(axis=1).tolist()):
        if time_us > largest[place]:
            largest[place], bounds[place] = time_us, BOUNDS[term]
    for number, (bound, within) in enumerate(zip(bounds, fused.within)):
        if not bound:
            bounds[number] = REMOVED if within == NOWHERE else f"fused into {operators[within]}"
    return times, tuple(bounds)


def names() -> tuple[str, ...]:
    """The shipped profiles of this runtime."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.json") if "." not in path.stem))


def register() -> None:
    """Make `costmodel.load_profile` and `costmodel.predict` take profiles of this runtime."""
    latency.READERS[FORMAT] = OnnxRuntimeProfile.model_validate
    if SHIPPED not in latency.FOLDERS:
        latency.FOLDERS.append(SHIPPED)
