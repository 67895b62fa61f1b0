"""Figures from plain dictionaries, without plotly's own check of every property: it takes ten times the drawing.

A figure is checked when tests draw it (`tests/test_draw.py`), not each time that somebody edits a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

Trace = dict[str, Any]


def figure(traces: Sequence[Trace], layout: dict[str, Any]) -> go.Figure:
    """A figure of traces like {"type": "bar", "x": …} and a layout, both as plotly's JSON has them."""
    return go.Figure({"data": list(traces), "layout": layout}, _validate=False)
