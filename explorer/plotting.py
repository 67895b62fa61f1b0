"""`explorer.plot`: the figure that the page draws, of a network, its counts, its prediction, a difference or a table.

Each kind of value has one figure; the figures themselves are in `explorer.figures`, which takes DataFrames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

import costmodel
from archs import Graph, Spec
from archs.guidance import guided
from archs.networks import described
from costmodel import CostError, NetworkCounts, NetworkProfile, Prediction, Report
from costmodel.arguments import Network, as_graph, is_module
from explorer.data import costs
from explorer.data.metrics import checked
from explorer.editing.diff import Diff

if TYPE_CHECKING:
    import pandas
    from plotly.graph_objects import Figure

Plotted = Union[Network, NetworkCounts, Prediction, NetworkProfile, Diff, Report, "pandas.DataFrame"]
"""What `plot` draws."""


@guided()
def plot(
    value: Plotted, metric: str = "mult_adds", by: str = "block", input_shape: Sequence[int] | None = None
) -> Figure:
    """The figure of a value, as the page draws it; a plotly Figure, which a notebook shows.

    * A network (a name, a Spec, a Graph, or an nn.Module with `input_shape`): its blocks, coloured by `metric`.
    * `costmodel.count`, `predict` or `profile`'s result: bars of where the costs go, `by` "block" or "kind".
    * `explorer.diff`'s result: a bar per block that differs, in `metric`.
    * The table of `explorer.sweep`: accuracy over `metric` (a cost), with the Pareto frontier.
    * One of `costmodel.reconcile`'s reports: from the multiply-adds to the tool's total.

    Raises CostError for an unknown `metric` or `by`, TypeError for a value without a figure.

    Args:
        value: a network, a result, or a table.
        metric: of a network, a diff or a table: a column of counts such as "mult_adds", "params", or "latency_ms".
        by: of a result: "block" or "kind".
        input_shape: of an `nn.Module`: (channels, height, width), with or without a batch of 1.

    >>> import costmodel
    >>> plot(costmodel.predict("mobilenet_v1"), by="kind").data[0].type
    'bar'
    """
    from explorer.figures import as_plotly, charts, diagram, scatter, tradeoff

    if isinstance(value, (NetworkCounts, Prediction, NetworkProfile)):
        table = _where(value, by)
        return as_plotly.figure(charts.where_by_kind(table) if by == "kind" else charts.where_by_block(table))
    if isinstance(value, Report):
        return charts.waterfall(costmodel.table((value,)))
    if isinstance(value, Diff):
        table = value.table()
        return tradeoff.differences(table, checked(metric, table))
    if hasattr(value, "dropna"):
        points: Any = value  # a DataFrame, of whose types mypy knows nothing
        return scatter(points, checked(metric, points))
    if not isinstance(value, (str, Spec, Graph)) and not is_module(value):
        raise TypeError(
            f"found {described(value)}; allowed: a network, the table of explorer.sweep, or what costmodel.count, "
            "predict, profile, explorer.diff or one report of costmodel.reconcile is"
        )
    counts = costmodel.count(as_graph(value, input_shape))
    table = costs.blocks(counts)
    if metric == "latency_ms":
        table["latency_ms"] = _by_block(counts.graph, costmodel.predict(counts.graph).by_block)
    return as_plotly.figure(diagram.network(table, checked(metric, table)))


def _where(value: NetworkCounts | Prediction | NetworkProfile, by: str) -> pandas.DataFrame:
    """One row per block or kind of operator, with `latency_ms` where there is a prediction."""
    if by not in ("block", "kind"):
        raise CostError(f"by is {by!r}; allowed: 'block', 'kind'")
    prediction = value if isinstance(value, Prediction) else getattr(value, "prediction", None)
    if isinstance(value, NetworkProfile):
        value = value.counts
    counts = costmodel.count(value.graph) if isinstance(value, Prediction) else value
    if by == "kind":
        nodes = prediction.graph.nodes if prediction else ()
        times = dict(zip([node.path for node in nodes], prediction.nodes_ms)) if prediction else None
        return costs.timed_kinds(counts, times)
    table = costs.blocks(counts)
    return table.assign(latency_ms=_by_block(counts.graph, prediction.by_block)) if prediction else table


def _by_block(graph: Graph, times: Mapping[str, float]) -> list[float]:
    return [times.get(block, 0.0) for block in dict.fromkeys(node.block for node in graph.nodes)]
