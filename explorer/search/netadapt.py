"""NetAdapt on a table: take the latency down step by step, each step by the proposal that costs least accuracy.

Two versions: that of MobileNetV3 (Howard et al. 2019, arXiv:1905.02244v5, section 4.2) and the original (Yang et al.
2018, arXiv:1804.03230v2). Proposals are made in `explorer.search.proposals`; start with `adapt`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import inf, isnan, nan
from typing import Any, Protocol

from archs import ArchError, Spec, build
from archs.errors import shorten
from costmodel import CostError, DeviceProfile
from explorer.search.objectives import Interval, Objective, price_each
from explorer.search.proposals import Knob, Reduction, knobs, reductions, unrolled

CHUNK = 2
"""Networks of each knob that are priced together."""
CHOSEN, PASSED_OVER, TOO_LITTLE = "chosen", "not the best", "no smaller value takes the step off"


@dataclass(frozen=True)
class NetAdaptVersion:
    """A published form of the algorithm.

    Step n takes at least `first` · `decay`^(n − 1) of the seed's latency off. `choice`: "ratio", the least accuracy per
    millisecond, or "accuracy", the highest accuracy.
    """

    name: str
    first: float
    decay: float
    kinds: tuple[str, ...]
    choice: str

    def share(self, step: int) -> float:
        """The least share of the seed's latency that step `step`, from 1, takes off."""
        return self.first * self.decay ** (step - 1)


VERSIONS = {
    version.name: version
    for version in (
        NetAdaptVersion("mobilenet_v3", 0.01, 1.0, ("expansion", "bottleneck"), "ratio"),
        # One proposal per layer. 2.5 % and 0.96: the defaults of the authors' code; its choice is the ratio, the
        # paper's Algorithm 1 picks the highest accuracy
        NetAdaptVersion("original", 0.025, 0.96, ("expansion", "bottleneck", "width"), "accuracy"),
    )
}


class Scorer(Protocol):
    """The accuracy of networks, with its tier. A `state` is what one network hands on to its proposals: its weights."""

    @property
    def name(self) -> str:
        """What is scored, in words."""

    @property
    def tier(self) -> str:
        """Whose number it is."""

    def begin(self, spec: Spec) -> tuple[float, Any]:
        """Score and state of the network that the search starts from."""

    def score(self, made: Reduction, state: Any) -> tuple[float, Any]:
        """Score and state of a proposal, from the state of the network before it."""


@dataclass(frozen=True)
class TableScorer:
    """An objective that needs no weights: estimated, a proxy, or the user's function."""

    objective: Objective

    @property
    def name(self) -> str:
        return self.objective.name

    @property
    def tier(self) -> str:
        return self.objective.tier

    def begin(self, spec: Spec) -> tuple[float, None]:
        return self.objective.of_spec(spec), None

    def score(self, made: Reduction, state: None) -> tuple[float, None]:
        return self.begin(made.spec)


@dataclass(frozen=True)
class Proposal:
    """One proposal of a step, chosen or not. Score and ratio are NaN where no value takes the step off."""

    kind: str
    where: str
    change: str
    latency_ms: float
    low_ms: float
    high_ms: float
    gain_ms: float
    score: float
    per_ms: float
    """Change of the score per millisecond taken off: −0.2 loses 0.2."""
    inside_interval: bool
    """Whether the latency before lies inside this network's interval, so that the gain is not certain."""
    verdict: str


@dataclass(frozen=True)
class AdaptedStep:
    """The network after a step, and everything that was proposed in it. Step 0 is the seed."""

    number: int
    least_ms: float
    spec: Spec
    latency_ms: float
    low_ms: float
    high_ms: float
    score: float
    proposals: tuple[Proposal, ...] = ()

    @property
    def chosen(self) -> Proposal | None:
        return next((one for one in self.proposals if one.verdict == CHOSEN), None)

    @property
    def change(self) -> str:
        """The chosen proposal in words, "expansion stage1/block1 64 → 56", or that there is none."""
        one = self.chosen
        if one is None:
            return "no proposal" if self.number else "the network to begin with"
        return f"{one.kind} {one.where} {one.change}"


@dataclass(frozen=True)
class Adapted:
    """The steps so far and why there are no more."""

    steps: tuple[AdaptedStep, ...]
    met: bool
    reason: str


@dataclass(frozen=True)
class _Found:
    """A proposal before it is scored: the largest network of a knob that takes the step off, or the fastest seen."""

    knob: Knob
    made: Reduction | None
    price: Interval
    enough: bool


@dataclass
class Adapter:
    """What a search is made with. `whole_interval`: the target holds for the interval's upper end."""

    profile: DeviceProfile
    target_ms: float
    scorer: Scorer
    version: NetAdaptVersion = VERSIONS["mobilenet_v3"]
    whole_interval: bool = True
    folded: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.target_ms < inf:
            raise ArchError(f"target is {self.target_ms} ms; allowed: above 0")
        if not (0 < self.version.first < 1 and 0 < self.version.decay <= 1):
            found = f"a first step of {self.version.first:g}, decay {self.version.decay:g}"
            raise ArchError(f"found {found}; allowed: above 0 and under 1, above 0 up to 1")
        self._prices: dict[Spec, Interval | None] = {}

    def first(self, spec: Spec) -> tuple[AdaptedStep, Any]:
        """Step 0 and the state of the seed. Raises ArchError where the profile cannot price it."""
        flat = unrolled(spec)
        priced = self._priced([flat])[0]
        if priced is None or (self.whole_interval and isnan(priced[2])):
            lack = "no latency" if priced is None else "a latency without an interval"
            raise ArchError(
                f"the profile {self.profile.name} gives {lack} for {spec.name}, which is outside its calibrated range; "
                "allowed: another profile, or --point to meet the target with the prediction itself"
            )
        score, state = self.scorer.begin(flat)
        return AdaptedStep(0, 0.0, flat, *priced, score), state

    def meets(self, step: AdaptedStep) -> bool:
        """Whether a step's network meets the target."""
        return (step.high_ms if self.whole_interval else step.latency_ms) <= self.target_ms

    def next(
        self, steps: Sequence[AdaptedStep], state: Any, trying: Callable[[int, int, str], None]
    ) -> tuple[AdaptedStep, Any]:
        """The step after `steps`, with its state. A step without a chosen proposal ends the search.

        `trying(number, of, where)` is called before each proposal is scored.
        """
        before, number = steps[-1], len(steps)
        least = self.version.share(number) * steps[0].latency_ms
        found = [self._reach(before, knob, least) for knob in knobs(before.spec, self.version.kinds)]
        scored: list[tuple[Proposal, Spec | None, Any]] = []
        enough = sum(one.enough for one in found)
        for one in found:
            score, after = nan, None
            if one.enough and one.made:
                trying(sum(not isnan(p.score) for p, _, _ in scored) + 1, enough, one.knob.where)
                score, after = self.scorer.score(one.made, state)
            scored.append((_proposal(one, before, score), one.made.spec if one.made else None, after))
        best = max((i for i, one in enumerate(found) if one.enough), key=lambda i: self._rank(scored[i][0]), default=-1)
        proposals = [replace(p, verdict=CHOSEN) if i == best else p for i, (p, _, _) in enumerate(scored)]
        if best < 0:
            same = (before.latency_ms, before.low_ms, before.high_ms, before.score)
            return AdaptedStep(number, least, before.spec, *same, tuple(proposals)), state
        chosen, spec, after = scored[best]
        assert spec is not None
        price = (chosen.latency_ms, chosen.low_ms, chosen.high_ms)
        return AdaptedStep(number, least, spec, *price, chosen.score, tuple(proposals)), after

    def _rank(self, one: Proposal) -> tuple[float, float]:
        return (one.per_ms if self.version.choice == "ratio" else one.score, one.gain_ms)

    def _reach(self, before: AdaptedStep, knob: Knob, least: float) -> _Found:
        """The largest network of a knob that is at least `least` ms faster; the fastest where none is."""
        made, fastest = reductions(before.spec, knob), _Found(knob, None, (nan, nan, nan), False)
        while chunk := list(islice(made, CHUNK)):
            for one, priced in zip(chunk, self._priced([one.spec for one in chunk])):
                if priced is None or (self.whole_interval and isnan(priced[2])):
                    continue
                if before.latency_ms - priced[0] >= least:
                    return _Found(knob, one, priced, True)
                if isnan(fastest.price[0]) or priced[0] < fastest.price[0]:
                    fastest = _Found(knob, one, priced, False)
        return fastest

    def _priced(self, specs: Sequence[Spec]) -> list[Interval | None]:
        """Latency with interval; None outside what the profile can price. Kept, as steps propose the same again."""
        new = [spec for spec in specs if spec not in self._prices]
        found = price_each([build(spec) for spec in new], self.profile, self.folded)
        self._prices |= {spec: None if isinstance(one, CostError) else one for spec, one in zip(new, found)}
        return [self._prices[spec] for spec in specs]


def _proposal(one: _Found, before: AdaptedStep, score: float) -> Proposal:
    latency, low, high = one.price
    gain = before.latency_ms - latency
    per_ms = (score - before.score) / gain if one.enough else nan
    change = one.made.change if one.made else f"{one.knob.now:g}"
    verdict = PASSED_OVER if one.enough else TOO_LITTLE
    inside = low <= before.latency_ms <= high or isnan(low)
    return Proposal(one.knob.kind, one.knob.where, change, *one.price, gain, score, per_ms, inside, verdict)


def walk(
    adapter: Adapter,
    steps: Sequence[AdaptedStep],
    state: Any,
    trying: Callable[[int, int, str], None] = lambda *_: None,
) -> Iterator[tuple[AdaptedStep, Any]]:
    """The steps after `steps` with their states, until the target is met; the last has no chosen proposal if not."""
    done = list(steps)
    while not adapter.meets(done[-1]):
        step, state = adapter.next(done, state, trying)
        done.append(step)
        yield step, state
        if step.chosen is None:
            return


def adapt(
    spec: Spec, adapter: Adapter, max_steps: int = 1000, progress: Callable[[AdaptedStep], bool] = lambda _: True
) -> Adapted:
    """Adapt a network to a latency. Equal arguments give equal results, if the scorer's do.

    `progress` is called after each step; it ends the search by returning False.
    """
    first, state = adapter.first(spec)
    steps = [first]
    if progress(first):
        for step, _ in islice(walk(adapter, steps[:1], state), max_steps):
            steps.append(step)
            if not progress(step):
                break
    return conclusion(adapter, steps)


def conclusion(adapter: Adapter, steps: Sequence[AdaptedStep]) -> Adapted:
    """The result of steps, with the reason why they end. A last step without a chosen proposal is no network."""
    last = steps[-1]
    if last.number and last.chosen is None:
        kept = tuple(steps[:-1])
        end = kept[-1].high_ms if adapter.whole_interval else kept[-1].latency_ms
        reason = (
            f"no proposal takes {last.least_ms:.3g} ms off; the nearest to {adapter.target_ms:g} ms is {end:.3g} ms"
        )
        return Adapted(kept, False, reason)
    met = adapter.meets(last)
    return Adapted(tuple(steps), met, "the target is met" if met else f"stopped after {last.number} steps")


def version(name: str) -> NetAdaptVersion:
    """A version by its name. Raises ArchError for an unknown one, with those known."""
    if name not in VERSIONS:
        raise ArchError(f"no version {shorten(name)}; allowed: {', '.join(VERSIONS)}")
    return VERSIONS[name]
