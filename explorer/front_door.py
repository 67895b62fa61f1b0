"""The functions of `explorer` for Python and notebooks: estimate, diff, advise, pareto and sweep.

Each takes a network as `costmodel` does; the parts are in `explorer.data` and `explorer.editing`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import archs
import costmodel
from archs import ArchError, Graph, Spec
from archs.catalogue.family import combinations
from archs.catalogue.registry import FAMILIES
from archs.errors import shorten
from archs.guidance import guided
from archs.networks import described
from costmodel import CostError, DeviceProfile
from costmodel.arguments import Network, as_graph
from costmodel.latency.profile import DEFAULT, as_profile
from explorer.data import accuracy, frontier
from explorer.data.accuracy import Estimate
from explorer.editing import advisor, whole_network
from explorer.editing.advisor import Suggestion
from explorer.editing.diff import Diff
from explorer.editing.diff import diff as _diff

if TYPE_CHECKING:
    import pandas

KNOBS = 'put it into knobs={"width": [0.5, 1.0]}, a list of values per knob'
Profile: TypeAlias = DeviceProfile | str | os.PathLike


@guided()
def estimate(network: str | Spec | Graph) -> Estimate | None:
    """The estimated top-1 accuracy on ImageNet with its 90 % interval; None for a network that is not for ImageNet.

    The estimate reads the table; nothing is trained. Raises TypeError for what is no network, ArchError where it does
    not build or has no table.

    Args:
        network: a catalogue name, a `Spec`, or a `Graph` whose blocks are rows of a table.

    >>> estimate("mobilenet_v2").family
    'mobilenet_v2'
    """
    table = network.spec if isinstance(network, Graph) else None  # folded or not: the accuracy is the same
    return accuracy.estimate(table if isinstance(table, Spec) else _spec(network))


@guided()
def diff(
    before: Network, after: Network, profile: Profile | None = None, input_shape: Sequence[int] | None = None
) -> Diff:
    """The difference of two networks, block by block, in every count; in milliseconds too with a profile.

    Raises TypeError for what is no network, ArchError for one that does not build, CostError for a bad shape or a bad
    profile.

    Args:
        before: a catalogue name, a `Spec` or a `Graph`, or an `nn.Module` with `input_shape`.
        after: the same.
        profile: a `DeviceProfile`, the name of a shipped one, or a path; None for no milliseconds.
        input_shape: (channels, height, width) of both, with or without a batch of 1.

    >>> import archs
    >>> diff("mobilenet_v2", archs.spec("mobilenet_v2").edit_row(3, kernel=5))
    Diff(0 added, 0 removed, 3 changed, 18 same: +6,623,232 mult-adds, +8,448 params)
    """
    graphs = [as_graph(network, input_shape) for network in (before, after)]
    times: list[dict[str, float] | None] = [None, None]
    if profile is not None:
        device = as_profile(profile)
        graphs = [device.regime.prepared(graph) for graph in graphs]
        found = [costmodel.predict(graph, device) for graph in graphs]
        times = [dict(zip([node.path for node in p.graph.nodes], p.nodes_ms)) for p in found]
    return _diff(costmodel.count(graphs[0]), costmodel.count(graphs[1]), *times)


@guided()
def advise(network: str | Spec | Graph, profile: Profile | None = None, limit: int = 8) -> tuple[Suggestion, ...]:
    """Edits by ShuffleNetV2's guidelines that keep the multiply-adds and lower the cost, the largest gain first.

    Raises TypeError for what is no network, ArchError where it does not build or has no table.

    Args:
        network: a catalogue name, a `Spec`, or a `Graph` whose blocks are rows of a table.
        profile: a `DeviceProfile`, the name of a shipped one, or a path: the cost is milliseconds; None: memory access.
        limit: rows that are tried at most, one by one; edits of the whole network are tried beside them.

    >>> [suggestion.ranked_by for suggestion in advise("shufflenet_v1", limit=1)][:1]
    ['mem_access']
    """
    if type(limit) is not int or limit < 0:
        raise CostError(f"limit is {limit!r}; allowed: a whole number ≥ 0")
    spec = _spec(network)
    if profile is None:
        return advisor.advise(spec, limit=limit)
    device = as_profile(profile)

    def cost(graph: Graph) -> dict[str, float]:
        return {
            **advisor.counted(graph),
            "latency_ms": costmodel.predict(device.regime.prepared(graph), device).latency_ms,
        }

    found = costmodel.predict(spec, device)
    ms = dict(zip([node.path for node in found.graph.nodes], found.nodes_ms))
    return advisor.advise(spec, cost, "latency_ms", ms, limit)


@guided(x="name the column that should be low: cost=", y="name the column that should be high: value=")
def pareto(points: pandas.DataFrame, cost: str = "mult_adds", value: str = "top1_pct") -> pandas.DataFrame:
    """The rows of a table that no other row dominates: lower `cost`, higher `value`. In order of cost.

    Rows without a number are left out. Raises TypeError for what is no DataFrame, CostError for a column that it has
    not.

    Args:
        points: the table of `sweep`, or any DataFrame with both columns.
        cost: the column that should be low.
        value: the column that should be high.

    >>> import pandas
    >>> pareto(pandas.DataFrame({"mult_adds": [1, 2, 3], "top1_pct": [60.0, 70.0, 65.0]}))["mult_adds"].tolist()
    [1, 2]
    """
    if not hasattr(points, "dropna"):
        raise TypeError(f"found a {type(points).__name__}; allowed: a DataFrame, as explorer.sweep returns it")
    for column in (cost, value):
        if column not in points:
            raise CostError(f"the table has no column {column!r}; allowed: {', '.join(map(str, points.columns))}")
    return frontier.pareto(points, cost, value)


@guided(width=KNOBS, resolution=KNOBS, groups=KNOBS, code=KNOBS)
def sweep(
    network: str | Spec | Graph,
    knobs: Mapping[str, Iterable[Any]],
    edit: Callable[[Spec], Spec] | None = None,
    profile: Profile | None = DEFAULT,
) -> pandas.DataFrame:
    """One row per combination of knobs: the knobs, counts, milliseconds and the estimated accuracy with intervals.

    Columns: `name`, `variant`, the knobs, `family`, `year`, those of `costmodel.Counts`, `elementwise`,
    `peak_activation`, `latency_ms`, `low_ms`, `high_ms` (NaN without a profile), `top1_pct`, `top1_low_pct`,
    `top1_high_pct` (NaN without an estimate), `recipe` (of the estimate), `source`. `explorer.pareto` and
    `explorer.figures.scatter` take the table as it is.

    Raises ArchError for a combination that the network does not take, TypeError for what is no network.

    Args:
        network: a catalogue name, a `Spec`, or a `Graph` whose blocks are rows of a table.
        knobs: knob → values: those of the catalogue network, or `width` and `resolution` of a Spec or Graph.
        edit: changes each spec.
        profile: a `DeviceProfile`, the name of a shipped one, or a path; None for no milliseconds.

    >>> sweep("mobilenet_v2", {"width": [0.5, 1.0]}, profile=None)["mult_adds"].tolist()
    [97131840, 300774272]
    """
    import pandas

    if not isinstance(knobs, Mapping):
        raise TypeError(f'knobs is a {type(knobs).__name__}; allowed: knob → values, such as {{"width": [0.5, 1.0]}}')
    if edit is not None and not callable(edit):
        raise TypeError(f"edit is {shorten(edit)}; allowed: a function of a Spec that returns a Spec")
    device = as_profile(profile) if profile is not None else None
    knobs = {knob: list(_values(knob, values)) for knob, values in knobs.items()}
    rows = []
    for chosen in combinations(knobs):
        spec = _at(network, chosen)
        spec = edit(spec) if edit else spec
        if not isinstance(spec, Spec):
            raise TypeError(f"edit returned a {type(spec).__name__}; it takes a Spec and returns a Spec")
        counts = costmodel.count(spec)
        total = counts.total
        variant = ", ".join([spec.name, *(f"{knob} {value}" for knob, value in chosen.items())])
        known = FAMILIES.get(spec.name)
        family = {"family": known.title, "year": known.year} if known else {"family": spec.name, "year": 0}
        row: dict[str, object] = {"name": spec.name, "variant": variant, **chosen, **family}
        row |= total._asdict() | {"elementwise": total.elementwise, "peak_activation": counts.peak_activation}
        rows.append(row | _milliseconds(spec, device) | _accuracy(spec) | {"source": "swept"})
    return pandas.DataFrame(rows)


def _values(knob: str, values: Any) -> Iterable[Any]:
    """The values of a knob. Raises ArchError for a single value and for none."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable) or not (found := list(values)):
        raise ArchError(f"found {shorten(values)}; allowed: a list of one or more values", knob)
    return found


def _milliseconds(spec: Spec, device: DeviceProfile | None) -> dict[str, float]:
    nan = float("nan")
    if device is None:
        return {"latency_ms": nan, "low_ms": nan, "high_ms": nan}
    found = costmodel.predict(spec, device)
    return {"latency_ms": found.latency_ms, "low_ms": found.low_ms, "high_ms": found.high_ms}


def _accuracy(spec: Spec) -> dict[str, object]:
    nan = float("nan")
    found = accuracy.estimate(spec)
    top1 = (found.top1_pct, found.low_pct, found.high_pct) if found else (nan, nan, nan)
    recipe = f"estimated, {found.recipe}" if found else ""
    return {**dict(zip(("top1_pct", "top1_low_pct", "top1_high_pct"), top1)), "recipe": recipe}


def _at(network: str | Spec | Graph, knobs: Mapping[str, Any]) -> Spec:
    if isinstance(network, str):
        return archs.spec(network, **knobs)
    spec = _spec(network)
    if unknown := knobs.keys() - {"width", "resolution"}:
        raise ArchError(f"found {', '.join(sorted(unknown))}; allowed for a Spec: width, resolution", "knobs")
    if "width" in knobs:
        spec = whole_network.set_width(spec, knobs["width"]).spec
    return spec.edit(resolution=knobs["resolution"]) if "resolution" in knobs else spec


def _spec(network: str | Spec | Graph) -> Spec:
    if isinstance(network, str):
        return archs.spec(network)
    if isinstance(network, Graph):
        table = network.spec if isinstance(network.spec, Spec) else None  # of a folded graph: the one before
        return table if table and archs.build(table).nodes == network.nodes else archs.spec_of(network)
    if isinstance(network, Spec):
        return network
    raise TypeError(
        f"found {described(network)}; allowed: a catalogue name, an archs.Spec, or an archs.Graph that has a table"
    )
