"""Raw timings → `FitResult` → DeviceProfile: a predictor per operator kind and the line from nodes to network.

Each predictor is a physical base with a boosted correction of its logarithm. Both may be initialised from a prior.
No clock here; intervals are in `costmodel.calibration.holdout`. Start at `fit`; reasons are in
`costmodel/calibration/README.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from costmodel.calibration.holdout import MIN_NODE_US, HeldOut, assess, price_record
from costmodel.calibration.sample import STACK
from costmodel.errors import CostError
from costmodel.latency import trees
from costmodel.latency.calibrated_range import cover
from costmodel.latency.features import features
from costmodel.latency.operator_kinds import NEAREST
from costmodel.latency.predictor import LatencyModel, forest_of, price, price_nodes
from costmodel.latency.profile import DeviceProfile, Predictor, Reference, Regime
from costmodel.networks.synthetic import SyntheticNetwork, recipe_dict
from costmodel.timing.drift import STEADY, between, by_kind
from costmodel.timing.timing_records import Record

Floats = NDArray[np.float64]
Sample = tuple[Floats, Floats, float]
"""Work, feature columns and microseconds of one node."""

MAX_NODES = 15_000  # of a kind that are fitted; more only take time
TREES = 100  # of a kind's forest
ADDED_TREES, NETWORKS_PER_TREE = 25, 5  # added to a prior's forest: at least, and one for each five networks
PRIOR_STRENGTHS = (256.0, 32.0, 4.0)  # weight of the prior, in nodes, in the base and in each leaf
MIN_GAIN = 1.03  # a weaker prior must reduce the held-out error by 3 % to be chosen
DRAFT_TREES, DRAFT_ROUNDS = 10, 2  # of the fit that estimates the speed of each chunk of a session
MIN_NETWORKS = 6  # to fit, and to hold out
MIN_US = 0.05  # a shorter time is clock noise


@dataclass(frozen=True)
class FitResult:
    """What a fit learned: a `LatencyModel` without intervals and without provenance."""

    name: str
    regime: Regime
    predictors: dict[str, Predictor]
    scale: float
    per_node_us: float
    per_call_us: float
    networks: int
    prior: str | None
    prior_strength: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    """network_us = scale · (sum of the predicted nodes) + per_node_us · (number of nodes) + per_call_us."""

    scale: float
    per_node_us: float
    per_call_us: float


def fit(
    records: Sequence[Record],
    held_out: Sequence[Record],
    regime: Regime,
    name: str,
    environment: dict[str, str | int],
    probe_us: float,
    seconds: float | Callable[[], float],
    quick: bool = False,
    warnings: Sequence[str] = (),
    prior: DeviceProfile | None = None,
    page_fault_us: float | None = None,
) -> DeviceProfile:
    """Fit a profile to `records`; `held_out` records give its intervals and errors and are not fitted.

    `seconds`: duration of the calibration, or a function that returns it once the fit is done. `prior`: a profile,
    possibly of another machine, that initialises the predictors. `page_fault_us` is stored in the profile. Raises
    CostError for too few networks.
    """
    if min(len(records), len(_specs_only(held_out))) < MIN_NETWORKS:
        raise CostError(
            f"{len(records)} networks were timed to fit and {len(_specs_only(held_out))} to hold out; both take at "
            f"least {MIN_NETWORKS}: give it more time"
        )
    records, held_out = _normalise_chunks(records, held_out, regime, prior)
    results = [
        _fit_model(records, regime, prior, name=name, strength=strength)
        for strength in (PRIOR_STRENGTHS if prior else (None,))
    ]
    shared = {record.chunk for record in held_out}
    share = sum(record.chunk in shared for record in records) / len(records)
    penalised = [_node_error(result, held_out) * MIN_GAIN ** (step * share) for step, result in enumerate(results)]
    result = results[penalised.index(min(penalised))]
    known = prior if prior and result is results[0] and prior.regime == regime else None
    found = assess(result, held_out, known)
    return DeviceProfile(
        name=result.name,
        regime=regime,
        environment=environment,
        probe_us=probe_us,
        networks=result.networks,
        seconds=round(seconds() if callable(seconds) else seconds, 1),
        quick=quick,
        prior=result.prior,
        prior_strength=result.prior_strength,
        predictors=_with_errors(result.predictors, found),
        references=tuple(
            [Reference(spec=recipe_dict(r.spec), network_us=r.network_us, kinds_us=r.by_kind(regime)) for r in held_out]
        ),
        per_node_us=result.per_node_us,
        per_call_us=result.per_call_us,
        scale=result.scale,
        half_interval=found.half_interval,
        node_interval=found.node_interval,
        imported_half_interval=found.imported_half_interval,
        imported_node_interval=found.imported_node_interval,
        page_fault_us=page_fault_us,
        held_out=dict(found.errors),
        warnings=(*warnings, *result.warnings),
    )


def fit_without_intervals(records: Sequence[Record], like: DeviceProfile, prior: LatencyModel | None) -> FitResult:
    """Fit in the regime and with the prior strength of another profile: for leaving a family out."""
    records, _ = _normalise_chunks(records, (), like.regime, prior)
    return _fit_model(records, like.regime, prior, strength=like.prior_strength)


def _with_errors(predictors: dict[str, Predictor], found: HeldOut) -> dict[str, Predictor]:
    """The predictors with their held-out RMSPE."""
    return {
        kind: predictor.model_copy(update={"rmspe": found.node_rmspe.get(kind, -1.0)})
        for kind, predictor in predictors.items()
    }


def _normalise_chunks(
    records: Sequence[Record], held_out: Sequence[Record], regime: Regime, prior: LatencyModel | None
) -> tuple[list[Record], list[Record]]:
    """Divide out how fast the machine was in each chunk of the session, per kind of operator.

    A chunk has dozens of networks, drawn at random: their mean residual from a coarse fit of all chunks is the chunk's
    speed. A finer fit would learn the speed itself (of a difference of 30 %, 20 trees leave a third, 10 a fifth, 4 a
    tenth). Stacks are used only where there is nothing else: the residual of dozens of one kind is the fit's error.
    """
    chunks = {record.chunk for record in records}
    normalised, others = list(records), list(held_out)
    for _ in range(DRAFT_ROUNDS if len(chunks) > 1 else 0):
        draft = _fit_model(normalised, regime, prior, size=DRAFT_TREES)
        slow = {}
        for chunk in chunks:
            here = _without_stacks([record for record in normalised if record.chunk == chunk])
            expected = [price_record(draft, record) for record in here]
            slow[chunk] = between(
                [record.by_kind(regime) for record in here],
                [by_kind(priced.kinds, priced.nodes_us.tolist(), priced.network_us) for priced in expected],
            )
        normalised, others = (
            [r.speed_normalised(regime, slow.get(r.chunk, STEADY)) for r in some] for some in (normalised, others)
        )
    return normalised, others


def _without_stacks(records: Sequence[Record]) -> Sequence[Record]:
    """Records of networks that are no stacks, or all records if that leaves too few."""
    some = [record for record in records if record.spec.name != STACK]
    return some if len(some) >= MIN_NETWORKS else records


def _node_error(model: LatencyModel, held_out: Sequence[Record]) -> float:
    """Root mean square of the logarithmic errors of held-out nodes of specs."""
    logs = [
        math.log(measured / predicted)
        for record in _specs_only(held_out)
        for measured, predicted in zip(record.nodes_us, price_record(model, record).nodes_us)
        if measured > MIN_NODE_US
    ]
    return float(np.sqrt(np.mean(np.square(logs)))) if logs else 0.0


def _fit_model(
    records: Sequence[Record],
    regime: Regime,
    prior: LatencyModel | None,
    size: int | None = None,
    strength: float | None = None,
    name: str = "draft",
) -> FitResult:
    """Predictors and line. `size`: trees of a kind; `strength`: one of `PRIOR_STRENGTHS`, with a prior."""
    used = strength or PRIOR_STRENGTHS[0]
    size = size or (min(TREES, max(ADDED_TREES, len(records) // NETWORKS_PER_TREE)) if prior else TREES)
    samples: dict[str, list[Sample]] = {}
    for record in records:
        found = features(regime.graph(record.spec), regime.batch, regime.device)
        for kind, work, columns, time_us in zip(found.kinds, found.work, found.columns, record.nodes_us):
            samples.setdefault(kind, []).append((work, columns, max(time_us, MIN_US)))
    known = prior.predictors if prior else {}
    predictors = {kind: _predictor(rows, size, used, known.get(kind)) for kind, rows in sorted(samples.items())}
    absent = sorted(known.keys() - predictors.keys())
    warnings = []
    if prior and absent:
        speed = _relative_speed(records, regime, prior)
        for kind in absent:
            predictors[kind] = known[kind].model_copy(update={"start": known[kind].start + speed})
            warnings.append(f"no {kind} was timed: it is priced as {prior.name} has it, at this machine's speed")
    borrowed = {kind: near for kind, near in NEAREST.items() if kind not in predictors and near in predictors}
    for kind, near in borrowed.items():
        warnings.append(f"no {kind} was timed: it is priced as {near}")
    predictors |= {kind: predictors[near] for kind, near in borrowed.items()}
    line = _nodes_to_network(regime, predictors, _specs_only(records) or records)
    return FitResult(
        name=name,
        regime=regime,
        predictors=predictors,
        scale=line.scale,
        per_node_us=line.per_node_us,
        per_call_us=line.per_call_us,
        networks=len(records),
        prior=prior.name if prior else None,
        prior_strength=used if prior else None,
        warnings=tuple(warnings),
    )


def _relative_speed(records: Sequence[Record], regime: Regime, prior: LatencyModel) -> float:
    """Median logarithm of the measured times over the times that the prior predicts."""
    logs = [
        np.log(record.network_us / price(regime.graph(record.spec), prior, regime).network_us) for record in records
    ]
    return float(np.median(logs))


def _specs_only(records: Sequence[Record]) -> list[Record]:
    """Records of specs: synthetic networks must not affect what is predicted for these."""
    return [record for record in records if not isinstance(record.spec, SyntheticNetwork)]


def _predictor(rows: list[Sample], size: int, strength: float, known: Predictor | None) -> Predictor:
    """Fit base and forest of one kind; `known`: the prior's predictor, that initialises both."""
    if len(rows) > MAX_NODES:
        rows = Random(0).sample(rows, MAX_NODES)
    work, columns = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    time_us = np.array([row[2] for row in rows])
    onto = forest_of(known) if known else None
    if known and onto:
        corrected = work * np.exp(onto.predict(columns))[:, None]
        base = _base_from(np.array(known.base), corrected, time_us, strength)
    else:
        base = _base(work, time_us)
    base = np.array([float(f"{b:.6g}") for b in base])
    logs = np.log(time_us / (work @ base))
    forest = trees.fit(columns, logs, size, prior=strength, onto=onto) if onto else trees.fit(columns, logs, size)
    return Predictor(
        base=tuple(base),
        start=forest.start,
        columns=tuple(map(tuple, forest.columns.tolist())),
        thresholds=tuple(tuple(float(f"{v:.8g}") for v in row) for row in forest.thresholds),
        values=tuple(tuple(round(float(v), 5) for v in row) for row in forest.values),
        samples=len(rows),
        rmspe=-1.0,
        timed=cover(columns, known.timed if known else ()),
    )


def _base(work: Floats, time_us: Floats) -> Floats:
    """Microseconds per unit of each kind of work, by relative least squares."""
    from scipy.optimize import nnls

    scaled = np.maximum(np.abs(work).max(axis=0), 1.0)  # nnls stops early on columns of very different size
    base = nnls(work / scaled / time_us[:, None], np.ones(len(time_us)))[0] / scaled
    base[0] = max(base[0], 0.1 * float(time_us.min()))  # so that no shape is free
    return base


def _base_from(known: Floats, work: Floats, time_us: Floats, strength: float) -> Floats:
    """The prior's base at this machine's speeds, by ridge regression towards one common speed.

    `work` is corrected by the prior's forest, because that forest belongs to the prior's base.
    """
    from scipy.optimize import nnls

    shares = work * known / time_us[:, None]
    speed = 1 / float(np.median(shares.sum(axis=1)))
    ridge = np.sqrt(strength) * np.eye(len(known))
    return known * speed * nnls(np.vstack((shares * speed, ridge)), np.r_[np.ones(len(shares)), ridge.sum(axis=1)])[0]


def _nodes_to_network(regime: Regime, predictors: dict[str, Predictor], records: Sequence[Record]) -> _Line:
    """The line from the sum of predicted nodes to the network.

    Its shape is fitted to measured nodes by relative least squares; on a CPU a network is the sum of its nodes. Then
    all three coefficients are multiplied by the median error with predicted nodes: forests of logarithms predict
    medians, which add up to less than means. The median excludes stacks, because the line is bent on GPUs and their few
    nodes lie at its end.
    """

    def terms(some: Sequence[Record], sums_us: Sequence[float]) -> Floats:
        """Rows (sum of nodes, number of nodes, 1), each over the measured time."""
        rows = [(sum_us, len(record.nodes_us), 1.0) for record, sum_us in zip(some, sums_us)]
        return np.array(rows) / np.array([record.network_us for record in some])[:, None]

    line = np.linalg.lstsq(terms(records, [sum(r.nodes_us) for r in records]), np.ones(len(records)), rcond=None)[0]
    whole = _without_stacks(records)
    sums_us = [float(price_nodes(regime.graph(record.spec), regime, predictors).nodes_us.sum()) for record in whole]
    scale, per_node_us, per_call_us = line * np.median(1 / (terms(whole, sums_us) @ line))
    if regime.device == "cpu":
        per_node_us = max(0.0, per_node_us)  # no operator makes a call shorter; what is below zero is noise
    return _Line(float(scale), round(float(per_node_us), 3), round(float(per_call_us), 3))
