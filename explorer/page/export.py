"""Taking the network away: the PyTorch file, the spec, the tables, figures and a report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas
import plotly.graph_objects as go
import streamlit as st

from explorer import diagram, figures, report
from explorer.page import share
from explorer.page.tables import download
from explorer.scenario import Scenario

FIGURES: dict[str, Callable[[pandas.DataFrame], go.Figure]] = {
    "picture": lambda blocks: diagram.network(blocks, "mult_adds"),
    "where it goes": figures.where_by_block,
}
"""Made when they are asked for: each holds plotly, so that it opens without a network."""


def export(scenario: Scenario) -> None:
    spec_name = scenario.spec.name
    with st.container(horizontal=True):
        _file("PyTorch file", scenario.source, f"{spec_name}.py", "text/x-python", "pytorch", primary=True)
        _file("Spec (JSON)", scenario.spec.to_json(), f"{spec_name}.json", "application/json", "spec")
        download(scenario.blocks, scenario, "block table")
        download(scenario.layers, scenario, "layer table")
        for name, draw in FIGURES.items():
            _file(
                f"{name} (HTML)",
                partial(_figure, draw, scenario),
                f"{spec_name}_{name}.html".replace(" ", "_"),
                "text/html",
                name,
            )
        _file(
            "Report (HTML)",
            partial(_report, scenario, share.address(scenario)),
            f"{spec_name}_report.html",
            "text/html",
            "report",
        )
    st.caption("The file needs PyTorch and nothing else; its last class is the network.")
    st.code(scenario.source, language="python", height=520)


def _figure(draw: Callable[[pandas.DataFrame], go.Figure], scenario: Scenario) -> str:
    return report.figure_html(draw(scenario.blocks))


def _report(scenario: Scenario, link: str) -> str:
    return report.report(scenario, link)


def _file(
    label: str, text: str | Callable[[], str], file_name: str, mime: str, key: str, primary: bool = False
) -> None:
    st.download_button(
        label,
        text,
        file_name=file_name,
        mime=mime,
        on_click="ignore",
        key=f"export {key}",
        icon=":material/download:",
        type="primary" if primary else "secondary",
    )
