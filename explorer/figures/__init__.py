"""DataFrame to figure: charts, diagrams, SVG. No counting and no Streamlit.

`scatter` takes the table of `explorer.sweep`; `explorer.plot` chooses the figure of any value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archs.guidance import guided

if TYPE_CHECKING:
    import pandas
    from plotly.graph_objects import Figure

__all__ = ["scatter"]


@guided()
def scatter(points: pandas.DataFrame, cost: str = "mult_adds") -> Figure:
    """Accuracy over a cost with the Pareto frontier, a symbol per family; a plotly Figure.

    Rows without a cost or an accuracy are left out. Raises CostError for a column that the table lacks,
    TypeError for what is no table.

    Args:
        points: the table of `explorer.sweep`, or its rows that `explorer.pareto` keeps.
        cost: a column of the table: "latency_ms", "mult_adds", "params", "mem_access" and others.

    >>> import explorer
    >>> scatter(explorer.sweep("mobilenet_v2", {"width": [0.5, 1.0]}, profile=None)).data[0].name
    'Pareto frontier'
    """
    from archs.errors import shorten
    from costmodel import CostError
    from explorer.data import frontier
    from explorer.data.metrics import checked
    from explorer.figures import tradeoff

    if not hasattr(points, "dropna"):
        raise TypeError(f"found {shorten(points)}; allowed: the table of explorer.sweep")
    if "top1_pct" not in points:
        raise CostError("the table has no column 'top1_pct'; allowed: the table of explorer.sweep")
    kept = points.dropna(subset=[checked(cost, points, "cost"), "top1_pct"])
    return tradeoff.frontier(kept, frontier.pareto(kept, cost), cost)
