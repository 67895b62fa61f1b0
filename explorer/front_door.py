"""The functions of `explorer` for Python and notebooks: estimate, diff, advise, pareto and sweep.

Each takes a network as `costmodel` does; the parts are in `explorer.data` and `explorer.editing`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import archs
import costmodel
from archs import ArchError, Graph, Spec
from archs.catalogue.registry import FAMILIES
from archs.errors import shorten
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

Profile: TypeAlias = DeviceProfile | str | os.PathLike


def estimate(network: str | Spec) -> Estimate | None:
    """The estimated top-1 accuracy on ImageNet with its 90 % interval; None for a network that is not for ImageNet.

    `network` is a catalogue name or a Spec: the estimate reads the table. Nothing is trained. Raises TypeError, and
    ArchError where the network does not build.

    >>> estimate("mobilenet_v2").family
    'mobilenet_v2'
    """
    return accuracy.estimate(_spec(network))


def diff(
    before: Network, after: Network, profile: Profile | None = None, input_shape: Sequence[int] | None = None
) -> Diff:
    """The difference of two networks, block by block, in every count; in milliseconds too with a profile.

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


def advise(network: str | Spec, profile: Profile | None = None, limit: int = 8) -> tuple[Suggestion, ...]:
    """Edits by ShuffleNetV2's guidelines that keep the multiply-adds and lower the cost, the largest gain first.

    The cost is memory access, or milliseconds with a profile. At most `limit` rows are tried. Raises TypeError, and
    ArchError where the network does not build.
    """
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


def pareto(points: pandas.DataFrame, cost: str = "mult_adds", value: str = "top1_pct") -> pandas.DataFrame:
    """The rows of a table that no other row dominates: lower `cost`, higher `value`. In order of cost.

    `points` is the table of `sweep`, or any DataFrame with both columns; rows without a number are left out. Raises
    TypeError for what is no DataFrame, CostError for a column that it has not.
    """
    if not hasattr(points, "columns"):
        raise TypeError(f"found a {type(points).__name__}; allowed: a DataFrame, as explorer.sweep returns it")
    for column in (cost, value):
        if column not in points:
            raise CostError(f"the table has no column {column!r}; allowed: {', '.join(map(str, points.columns))}")
    return frontier.pareto(points, cost, value)


def sweep(
    network: str | Spec,
    knobs: Mapping[str, Iterable[Any]],
    edit: Callable[[Spec], Spec] | None = None,
    profile: Profile | None = DEFAULT,
) -> pandas.DataFrame:
    """One row per combination of knobs: the knobs, counts, milliseconds and the estimated accuracy with intervals.

    `knobs` are those of the catalogue network, or `width` and `resolution` of a Spec; `edit` changes each spec.
    Columns: `name`, `variant`, the knobs, `family`, `year`, `mult_adds`, `params`, `mem_access`, `peak_activation`,
    `kernels`, `latency_ms`, `low_ms`, `high_ms` (NaN without a profile), `top1_pct`, `top1_low_pct`, `top1_high_pct`
    (NaN without an estimate), `recipe` (of the estimate), `source`. `explorer.pareto` and
    `explorer.figures.scatter.frontier` take the table as it is.

    Raises ArchError for a combination that the network does not take.

    >>> sweep("mobilenet_v2", {"width": [0.5, 1.0]}, profile=None)["mult_adds"].tolist()
    [97131840, 300774272]
    """
    import pandas

    device = as_profile(profile) if profile is not None else None
    knobs = {knob: list(_values(knob, values)) for knob, values in knobs.items()}
    rows = []
    for values in product(*knobs.values()):
        chosen = dict(zip(knobs, values))
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
        row |= {"mult_adds": total.mult_adds, "params": total.params, "mem_access": total.mem_access}
        row |= {"peak_activation": counts.peak_activation, "kernels": total.kernels}
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


def _at(network: str | Spec, knobs: Mapping[str, Any]) -> Spec:
    if isinstance(network, str):
        return archs.spec(network, **knobs)
    spec = _spec(network)
    if unknown := knobs.keys() - {"width", "resolution"}:
        raise ArchError(f"found {', '.join(sorted(unknown))}; allowed for a Spec: width, resolution", "knobs")
    if "width" in knobs:
        spec = whole_network.set_width(spec, knobs["width"]).spec
    return spec.edit(resolution=knobs["resolution"]) if "resolution" in knobs else spec


def _spec(network: str | Spec) -> Spec:
    if isinstance(network, str):
        return archs.spec(network)
    if isinstance(network, Spec):
        return network
    raise TypeError(f"found a {type(network).__name__}; allowed: a catalogue name or an archs.Spec, which has a table")
