"""Networks for a latency budget: the published ones, and variants of one table by width, resolution, kernel and SE.

The small sister of `search.search`: the same prices and the same rule, a network meets a target if the upper end of its
90 % interval does. Published and estimated accuracies are two tiers and are ranked apart. Start at `options`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

import costmodel
from archs import ArchError, Graph, Spec, build
from archs.caching import cached
from archs.errors import shorten
from costmodel import CostError
from explorer.data import accuracy, frontier
from explorer.data import profiles as devices
from explorer.editing import whole_network as whole
from explorer.search.objectives import price_each
from explorer.search.spaces import offered

if TYPE_CHECKING:
    import pandas

PUBLISHED, ESTIMATED = "published", "estimated"
WIDTHS = (0.35, 0.5, 0.6, 0.75, 0.85, 1.0, 1.15, 1.3, 1.5)
"""Times the width of the table."""
RESOLUTIONS = (128, 160, 192, 224, 256, 288)
CHANGES = ((None, None), (3, None), (5, None), (7, None), (None, 0.0), (None, 0.25), (5, 0.25))
"""Kernel and SE of every block that can have them; None leaves the table's."""
TITLES = {"target_ms": "target", "least_pct": "least top-1"}
SHOWN = 12
"""Candidates of each tier that are ranked."""


@dataclass(frozen=True)
class PricedNetwork:
    """A network with its latency and its accuracy, both with their 90 % intervals; a published accuracy has none."""

    spec: Spec
    title: str
    tier: str
    recipe: str
    top1_pct: float
    top1_low_pct: float
    top1_high_pct: float
    latency_ms: float
    low_ms: float
    high_ms: float
    mult_adds: int
    params: int

    def meets(self, target_ms: float, least_pct: float = 0.0) -> bool:
        """Whether the whole of both intervals is within the target and the least accuracy."""
        return self.high_ms <= target_ms and self.top1_low_pct >= least_pct

    def crosses(self, target_ms: float) -> bool:
        """Whether the interval of the latency has the target in it."""
        return self.low_ms <= target_ms < self.high_ms


@dataclass(frozen=True)
class _Priced:
    """A variant before its accuracy is estimated."""

    spec: Spec
    title: str
    ms: tuple[float, float, float]
    mult_adds: int
    params: int


def options(
    spec: Spec, profile: str, target_ms: float, least_pct: float = 0.0, folded: bool = False
) -> tuple[PricedNetwork, ...]:
    """Candidates whose latency meets the target or has it in its interval, and which may have the least accuracy.

    `profile` is a key of `explorer.data.profiles`. Of each tier at most SHOWN, those that meet both limits first, then
    the most accurate first. Raises ArchError for a target or an accuracy that is none, CostError where the profile
    cannot price the networks.
    """
    limits(target_ms, least_pct)
    printed = [one for one in published(profile, folded) if one.low_ms <= target_ms]
    known = {one.spec for one in published(profile, folded)}
    near = [one for one in _fitting(spec, profile, target_ms, folded) if one.spec not in known]
    return (*_ranked(printed, target_ms, least_pct), *_ranked(_estimated(near), target_ms, least_pct))


def limits(target_ms: object, least_pct: object) -> dict[str, float | None]:
    """Both limits as they are kept, None for none. Raises ArchError for a value that is no limit."""
    found: dict[str, float | None] = {}
    for name, value, low, high in (("target_ms", target_ms, 1e-6, 1e6), ("least_pct", least_pct, 0.0, 100.0)):
        if value is None:
            found[name] = None
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ArchError(f"found {shorten(value)}; allowed: a number", TITLES[name])
        if not low <= value <= high:
            raise ArchError(f"found {value:g}; allowed: {low:g} to {high:,.0f}", TITLES[name])
        found[name] = value
    return found


def verdict(one: PricedNetwork, target_ms: float, least_pct: float = 0.0) -> str:
    """In words, which limits a candidate meets with its whole intervals."""
    if one.meets(target_ms, least_pct):
        return "meets the budget"
    late = "its latency's interval crosses the target" if one.crosses(target_ms) else ""
    weak = "its accuracy's interval crosses the least top-1" if one.top1_low_pct < least_pct else ""
    return f"may miss the budget: {', '.join(filter(None, (late, weak)))}"


def table(found: Sequence[PricedNetwork], target_ms: float, least_pct: float = 0.0) -> pandas.DataFrame:
    """One row per candidate: `network`, `accuracy_tier`, `recipe`, both with intervals, counts, and `verdict`."""
    import pandas

    rows = [
        {
            "network": one.title,
            "accuracy_tier": one.tier,
            "recipe": one.recipe,
            "top1_pct": one.top1_pct,
            "top1_low_pct": one.top1_low_pct,
            "top1_high_pct": one.top1_high_pct,
            "latency_ms": one.latency_ms,
            "low_ms": one.low_ms,
            "high_ms": one.high_ms,
            "mult_adds": one.mult_adds,
            "params": one.params,
            "verdict": verdict(one, target_ms, least_pct),
        }
        for one in found
    ]
    return pandas.DataFrame(rows)


def nearest(spec: Spec, profile: str, folded: bool = False) -> float | None:
    """The least milliseconds that the upper end of a candidate's interval has; None where none has an interval."""
    least = [line[0] for line in variants(spec)]
    highs = [one.high_ms for one in published(profile, folded)]
    known = [*highs, *[one.ms[2] for one in _priced(least, profile, folded)]]
    return min((high for high in known if not isnan(high)), default=None)


def _ranked(found: Iterable[PricedNetwork], target_ms: float, least_pct: float) -> list[PricedNetwork]:
    allowed = [one for one in found if one.top1_high_pct >= least_pct]
    allowed.sort(key=lambda one: (not one.meets(target_ms, least_pct), -one.top1_pct, one.high_ms))
    return allowed[:SHOWN]


@cached(8, "pricing the published networks takes a second")
def published(profile: str, folded: bool = False) -> tuple[PricedNetwork, ...]:
    """Each published network of the catalogue with the first accuracy that the tables print of it."""
    printed = frontier.published_networks()
    found = []
    for one in _priced([(spec, top1.variant) for spec, top1 in printed.items()], profile, folded):
        top1 = printed[one.spec]
        found.append(_candidate(one, PUBLISHED, top1.recipe, (top1.top1_pct,) * 3))
    return tuple(found)


def _fitting(spec: Spec, profile: str, target_ms: float, folded: bool) -> list[_Priced]:
    """Of each series the widest variant that meets the target, and the next one where its interval crosses it.

    Latency grows with the width, so each series is halved until the place is found; the series step together, as a
    batch is priced faster than its networks one by one.
    """
    known = _known(spec, profile, folded)
    lines = variants(spec)
    places = [(0, len(line)) for line in lines]
    while any(first < end for first, end in places):
        middles = [(first + end) // 2 for first, end in places]
        _price_unknown(
            [line[m] for line, m, (first, end) in zip(lines, middles, places) if first < end], known, profile, folded
        )
        for number, (line, middle, (first, end)) in enumerate(zip(lines, middles, places)):
            if first < end:
                one = known[line[middle][0]]
                places[number] = (middle + 1, end) if one and one.ms[2] <= target_ms else (first, middle)
    found = []
    for line, (first, _) in zip(lines, places):
        for made, _ in line[max(0, first - 1) : first + 1]:
            if (one := known.get(made)) and one.ms[1] <= target_ms and made != spec:
                found.append(one)
    return list(dict.fromkeys(found))


@cached(16, "pricing a variant takes 10 ms, and other targets ask for the same ones")
def _known(spec: Spec, profile: str, folded: bool) -> dict[Spec, _Priced | None]:
    """The variants of a table that were priced; None for one without a price."""
    return {}


def _price_unknown(
    named: Sequence[tuple[Spec, str]], known: dict[Spec, _Priced | None], profile: str, folded: bool
) -> None:
    unknown = [one for one in dict(named).items() if one[0] not in known]
    found = {one.spec: one for one in _priced(unknown, profile, folded)}
    known |= {made: found.get(made) for made, _ in unknown}  # at once, as other sessions read it


@cached(16, "making the variants of a table takes a third of a second")
def variants(spec: Spec) -> tuple[tuple[tuple[Spec, str], ...], ...]:
    """Series of variants with what each changes: one per resolution, kernel and SE, in order of their widths."""
    found: dict[tuple[object, ...], dict[Spec, str]] = {}
    now = spec.width or 1.0
    for times in WIDTHS:
        try:
            wide = spec if times == 1 else whole.set_width(spec, round(now * times, 3)).spec
        except ArchError:
            continue
        seen = set()
        for kernel, se in CHANGES:
            made = _everywhere(_everywhere(wide, "kernel", kernel), "se", se)
            if made in seen:
                continue
            seen.add(made)
            words = [f"width × {times:g}"] if times != 1 else []
            words += [f"kernel {kernel}"] if kernel is not None else []
            words += [f"SE {se:g}" if se else "no SE"] if se is not None else []
            for side in dict.fromkeys((spec.resolution, *RESOLUTIONS)):
                title = ", ".join([*words, *([f"{side}²"] if side != spec.resolution else [])])
                found.setdefault((kernel, se, side), {}).setdefault(made.edit(resolution=side), title or "as it is")
    return tuple(tuple(line.items()) for line in found.values())


def _everywhere(spec: Spec, column: str, value: float | None) -> Spec:
    """The table with one value in a column of every row that can be searched in it."""
    if value is None:
        return spec
    rows = list(spec.rows)
    for index, row in enumerate(rows):
        if value in offered(spec, index).get(column, ()):
            rows[index] = row.model_copy(update={column: value})
    return spec.edit(rows=tuple(rows))


def _priced(named: Sequence[tuple[Spec, str]], profile: str, folded: bool) -> list[_Priced]:
    """Latency and counts of the networks that build and that the profile can price."""
    loaded = devices.load(profile)
    built: list[tuple[Spec, str, Graph]] = []
    for spec, title in named:
        with suppress(ArchError):
            built.append((spec, title, build(spec)))
    graphs = [graph for *_, graph in built]
    totals = costmodel.count_many(graphs)
    return [
        _Priced(spec, title, ms, total.mult_adds, total.params)
        for (spec, title, _), ms, total in zip(built, price_each(graphs, loaded, folded), totals)
        if not isinstance(ms, CostError)
    ]


def _estimated(near: Iterable[_Priced]) -> Iterator[PricedNetwork]:
    for one in near:
        if top1 := accuracy.estimate(one.spec):
            shown = top1.top1_pct, top1.low_pct, top1.high_pct
            yield _candidate(one, ESTIMATED, top1.recipe or "", shown)


def _candidate(one: _Priced, tier: str, recipe: str, top1: tuple[float, float, float]) -> PricedNetwork:
    return PricedNetwork(one.spec, one.title, tier, recipe, *top1, *one.ms, one.mult_adds, one.params)
