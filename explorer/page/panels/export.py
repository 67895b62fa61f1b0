"""Taking the network away: the PyTorch file, the spec, the tables, figures and a report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from explorer.editing.scenario import Scenario
from explorer.figures import charts as figures
from explorer.figures import diagram
from explorer.page.panels import onnx_file, picture
from explorer.page.panels.tables import download
from explorer.page.state import share
from explorer.page.widgets import download as widget
from explorer.page.widgets import saver
from explorer.views import report

FIGURES: dict[str, tuple[str, Callable[[Scenario], go.Figure]]] = {
    "picture": ("The picture", lambda scenario: diagram.network(scenario.blocks, scenario.metric)),
    "where": ("Where it goes, by block", lambda scenario: figures.where_by_block(scenario.blocks)),
    "where_kind": ("Where it goes, by kind", lambda scenario: figures.where_by_kind(picture.kinds(scenario))),
}
"""The figures above the tabs by the key of their chart: what it is, and made anew for a file of its own."""


def export(scenario: Scenario) -> None:
    with st.container(horizontal=True):
        _file("PyTorch file", scenario.source, scenario.file(suffix=".py"), "text/x-python", "pytorch", primary=True)
        _file("Spec (JSON)", scenario.spec.to_json(), scenario.file(suffix=".json"), "application/json", "spec")
        _file(
            "Report (HTML)",
            partial(_report, scenario, share.address(scenario)),
            scenario.file("report", ".html"),
            "text/html",
            "report",
        )
        download(scenario.blocks, scenario, "block table")
        download(scenario.layers, scenario, "layer table")
        onnx_file.panel(scenario)
    shown = [saver.SavedFigure(key, label, scenario.file(key)) for key, (label, _) in FIGURES.items()]
    if scenario.block:
        shown.append(saver.SavedFigure("block_graph", scenario.block, scenario.file(scenario.block)))
    saver.buttons(shown, "export")
    with st.container(horizontal=True):
        for key, (label, draw) in FIGURES.items():
            _file(f"{label} (HTML)", partial(_figure, draw, scenario), scenario.file(key, ".html"), "text/html", key)
    st.caption("The PyTorch file needs PyTorch and nothing else; its last class is the network.")
    st.code(scenario.source, language="python", height=520)


def _figure(draw: Callable[[Scenario], go.Figure], scenario: Scenario) -> str:
    return report.figure_html(draw(scenario))


def _report(scenario: Scenario, link: str) -> str:
    return report.report(scenario, link)


def _file(
    label: str, text: str | Callable[[], str], file_name: str, mime: str, key: str, primary: bool = False
) -> None:
    widget.button(
        label, (lambda: text) if isinstance(text, str) else text, file_name, mime, f"export {key}", "", primary
    )
