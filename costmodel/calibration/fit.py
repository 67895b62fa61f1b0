"""Raw timings → DeviceProfile: a predictor per operator kind, the step from nodes to network, and honest intervals.

Each kind has a physical base, starts + bytes / bandwidth + multiply-adds / rate, fitted to relative errors with weights
that cannot be negative, and a boosted correction of its logarithm (ANNETTE and nn-Meter meet here). Both may go on from
another profile's: where a kernel's cost has steps is PyTorch's doing more than the machine's, and rare shapes, of which
a calibration meets a handful, were met there (transfer from one device to the next, as in HELP, Lee et al. 2021,
arXiv:2106.08630). Networks that were not fitted judge it (`costmodel.calibration.holdout`). No clock here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import numpy as np

from costmodel.calibration.holdout import BIG_US, judge, with_errors
from costmodel.calibration.sample import STACK
from costmodel.errors import CostError
from costmodel.latency import trees
from costmodel.latency.features import NEAREST, features
from costmodel.latency.predictor import forest_of
from costmodel.latency.profile import DeviceProfile, Predictor, Reference, Regime
from costmodel.networks.synthetic import Foreign, recipe_dict
from costmodel.timing.drift import STEADY, between, by_kind
from costmodel.timing.timing_records import Record

LARGEST = 15_000  # nodes of a kind that are fitted; more only take time
TREES = 100  # of a kind's forest
ONTO, PER_TREE = 25, 5  # that are added to a prior's: at least, and one for each five networks
HOLDS = (256.0, 32.0, 4.0)  # nodes' worth of holding on to a prior, in its base and in each leaf
LOOSER = 1.03  # by so much must each next one be better where what judges was timed in the same minutes as all the rest
ROUGH, ROUNDS = 10, 2  # of a fit that only tells the minutes of a session apart
LEAST = 6  # networks, below which there is nothing to fit or to judge by


def fit(
    records: Sequence[Record],
    judged: Sequence[Record],
    regime: Regime,
    name: str,
    environment: dict[str, str | int],
    probe_us: float,
    seconds: float,
    quick: bool = False,
    warnings: Sequence[str] = (),
    prior: DeviceProfile | None = None,
) -> DeviceProfile:
    """Fit on `records`, and take intervals and errors from `judged`, which the fit does not see.

    `prior`: a profile, of another machine it may be, from whose forests the boosting goes on. Raises CostError for too
    few networks.
    """
    if min(len(records), len(_ours(judged))) < LEAST:
        raise CostError(
            f"{len(records)} networks were timed to fit and {len(_ours(judged))} to judge; both take at least {LEAST}: "
            "give it more time"
        )
    records, judged = _at_one_speed(records, judged, regime, prior)
    profiles = [
        _profile(
            records,
            regime,
            prior,
            hold=hold,
            name=name,
            environment=environment,
            probe_us=probe_us,
            seconds=round(seconds, 1),
            quick=quick,
            warnings=tuple(warnings),
        )
        for hold in (HOLDS if prior else (None,))
    ]
    minutes = {record.chunk for record in judged}
    alike = sum(record.chunk in minutes for record in records) / len(records)
    offs = [_off(profile, judged) * LOOSER ** (step * alike) for step, profile in enumerate(profiles)]
    profile = profiles[offs.index(min(offs))]
    references = [
        Reference(spec=recipe_dict(r.spec), network_us=r.network_us, kinds_us=r.by_kind(regime)) for r in judged
    ]
    known = prior if prior and profile is profiles[0] and prior.regime == regime else None
    return with_errors(profile.model_copy(update={"references": tuple(references)}), judged, known)


def _at_one_speed(
    records: Sequence[Record], judged: Sequence[Record], regime: Regime, prior: DeviceProfile | None
) -> tuple[list[Record], list[Record]]:
    """Both as they would have been, had the machine been equally slow for every chunk of the session.

    A chunk has dozens of networks, drawn by chance: what they are off a rough fit of all, kind by kind, is the minute
    in which they were timed. A fit that is less rough learns the minute itself: of 30 % by which a chunk was slower, 20
    trees leave a third, 10 a fifth, 4 a tenth. Stacks are asked where there is nothing else: what dozens of one kind
    are off is what a rough fit does not know of it.
    """
    chunks = {record.chunk for record in records}
    for _ in range(ROUNDS if len(chunks) > 1 else 0):
        draft = _profile(records, regime, prior, size=ROUGH)
        slow = {}
        for chunk in chunks:
            here = _whole([record for record in records if record.chunk == chunk])
            expected = [judge(draft, record) for record in here]
            slow[chunk] = between(
                [record.by_kind(regime) for record in here],
                [by_kind(priced.kinds, priced.nodes_us, priced.network_us) for priced in expected],
            )
        records, judged = ([r.evened(regime, slow.get(r.chunk, STEADY)) for r in some] for some in (records, judged))
    return records, judged


def _whole(records: Sequence[Record]) -> Sequence[Record]:
    """Those that are no stacks, or all where that leaves too few."""
    some = [record for record in records if record.spec.name != STACK]
    return some if len(some) >= LEAST else records


def _off(profile: DeviceProfile, judged: Sequence[Record]) -> float:
    """How far nodes are off that the fit did not see, of our own kinds and networks: RMS of logarithms."""
    logs = [
        math.log(measured / predicted)
        for record in _ours(judged)
        for measured, predicted in zip(record.nodes_us, judge(profile, record).nodes_us)
        if measured > BIG_US
    ]
    return float(np.sqrt(np.mean(np.square(logs)))) if logs else 0.0


def _profile(
    records: Sequence[Record],
    regime: Regime,
    prior: DeviceProfile | None,
    size: int | None = None,
    hold: float | None = None,
    **said,
) -> DeviceProfile:
    """Predictors, and the step from nodes to network, from what may be known before; nothing is judged yet.

    `size`: trees of a kind. `hold`: one of HOLDS, with a prior. `said`: what else the profile says.
    """
    hold = hold or HOLDS[0]
    size = size or (min(TREES, max(ONTO, len(records) // PER_TREE)) if prior else TREES)
    tables: dict[str, list[tuple[np.ndarray, np.ndarray, float]]] = {}
    for record in records:
        found = features(regime.graph(record.spec), regime.batch, regime.device)
        for kind, work, columns, time_us in zip(found.kinds, found.work, found.columns, record.nodes_us):
            tables.setdefault(kind, []).append((work, columns, max(time_us, 0.05)))
    known = prior.predictors if prior else {}
    predictors = {kind: _predictor(rows, size, hold, known.get(kind)) for kind, rows in sorted(tables.items())}
    absent = known.keys() - predictors.keys()
    if absent:
        speed = _speed(records, regime, prior)
        predictors |= {kind: known[kind].model_copy(update={"start": known[kind].start + speed}) for kind in absent}
    lent = {kind: near for kind, near in NEAREST.items() if kind not in predictors and near in predictors}
    predictors |= {kind: predictors[near] for kind, near in lent.items()}
    said = {"name": "draft", "environment": {}, "probe_us": 1.0, "seconds": 0.0, "quick": False, "warnings": ()} | said
    said["warnings"] += tuple(
        [
            f"no {kind} was timed: it is priced as {prior.name} has it, at this machine's speed"
            for kind in sorted(absent)
        ]
        + [f"no {kind} was timed: it is priced as {near}" for kind, near in lent.items()]
    )
    profile = DeviceProfile(
        regime=regime,
        prior=prior and prior.name,
        hold=hold if prior else None,
        networks=len(records),
        predictors=predictors,
        references=(),
        per_node_us=0.0,
        per_call_us=0.0,
        scale=1.0,
        half_interval=1.0,
        node_interval=1.0,
        held_out={},
        **said,
    )
    return profile.model_copy(update=_nodes_to_network(profile, _ours(records) or records))


def _speed(records: Sequence[Record], regime: Regime, prior: DeviceProfile) -> float:
    """The logarithm of what networks take here over what they take where the prior is from."""
    there = prior.model_copy(update={"regime": regime})
    return float(np.median([np.log(record.network_us / judge(there, record).network_us) for record in records]))


def _ours(records: Sequence[Record]) -> list[Record]:
    """Those of our own networks: what holds for them is not to hang on how well others' are met."""
    return [record for record in records if not isinstance(record.spec, Foreign)]


def fit_only(records: Sequence[Record], like: DeviceProfile, prior: DeviceProfile | None = None) -> DeviceProfile:
    """A profile from these records with the intervals of another: for leaving a family out, of `prior` too."""
    records, _ = _at_one_speed(records, (), like.regime, prior)
    halves = {"half_interval": like.half_interval, "node_interval": like.node_interval}
    return _profile(records, like.regime, prior, hold=like.hold).model_copy(update=halves)


def _predictor(
    rows: list[tuple[np.ndarray, np.ndarray, float]], size: int, hold: float, known: Predictor | None = None
) -> Predictor:
    """`known`: from whose base and forest the fit goes on."""
    if len(rows) > LARGEST:
        rows = Random(0).sample(rows, LARGEST)
    work, columns = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    time_us = np.array([row[2] for row in rows])
    if known:
        forest = forest_of(known)
        base = _base_from(np.array(known.base), work * np.exp(forest.predict(columns))[:, None], time_us, hold)
        on = {"prior": hold, "onto": forest}
    else:
        base, on = _base(work, time_us), {}
    base = np.array([float(f"{b:.6g}") for b in base])
    forest = trees.fit(columns, np.log(time_us / (work @ base)), size, **on)
    return Predictor(
        base=tuple(base),
        start=forest.start,
        columns=tuple(map(tuple, forest.columns.tolist())),
        thresholds=tuple(tuple(float(f"{v:.8g}") for v in row) for row in forest.thresholds),
        values=tuple(tuple(round(float(v), 5) for v in row) for row in forest.values),
        samples=len(rows),
        rmspe=-1.0,
    )


def _base(work: np.ndarray, time_us: np.ndarray) -> np.ndarray:
    """Microseconds per unit of each kind of work, by relative least squares."""
    from scipy.optimize import nnls

    scaled = np.maximum(np.abs(work).max(axis=0), 1.0)  # nnls stops early on columns of very different size
    base = nnls(work / scaled / time_us[:, None], np.ones(len(time_us)))[0] / scaled
    base[0] = max(base[0], 0.1 * float(time_us.min()))  # so that no shape is free
    return base


def _base_from(known: np.ndarray, work: np.ndarray, time_us: np.ndarray, hold: float) -> np.ndarray:
    """A known base at this machine's speeds, where so much was timed that they can be told apart.

    `work` is as the known forest corrects it: that belongs to the known base, and not to one that is fitted anew.
    """
    from scipy.optimize import nnls

    shares = work * known / time_us[:, None]
    speed = 1 / float(np.median(shares.sum(axis=1)))
    held = np.sqrt(hold) * np.eye(len(known))
    return known * speed * nnls(np.vstack((shares * speed, held)), np.r_[np.ones(len(shares)), held.sum(axis=1)])[0]


def _nodes_to_network(profile: DeviceProfile, records: Sequence[Record]) -> dict[str, float]:
    """What network = scale · Σ predicted nodes + per_node_us · nodes + per_call_us takes, by its names in a profile.

    What lies between the nodes is told by measured ones, by relative least squares; on a CPU it is nothing, as there a
    network is the sum of them. All three are multiplied by what networks are off with predicted nodes, in the median.
    Forests of logarithms predict medians, which add up to less than means; least squares would not do, as a few small
    stacks that were off decided for all: in a fit of three trees 40 % of the networks were within ±5 % instead of 95.
    Nor are stacks asked for the median where there are others: on GPUs the line is bent, and where it suits their ten
    nodes it had networks 1.4 % (H100) and 3.4 % (H200) too slow.
    """

    def terms(some: Sequence[Record], sums_us: Sequence[float]) -> np.ndarray:
        """Of what each takes, with its nodes adding up to so much."""
        rows = [(sum_us, len(record.nodes_us), 1.0) for record, sum_us in zip(some, sums_us)]
        return np.array(rows) / np.array([record.network_us for record in some])[:, None]

    line = np.linalg.lstsq(terms(records, [sum(r.nodes_us) for r in records]), np.ones(len(records)), rcond=None)[0]
    whole = _whole(records)
    found = terms(whole, [judge(profile, record).nodes_us.sum() for record in whole]) @ line
    scale, per_node_us, per_call_us = line * np.median(1 / found)
    return {
        "scale": float(scale),
        "per_node_us": round(float(per_node_us), 3),
        "per_call_us": round(float(per_call_us), 3),
    }
