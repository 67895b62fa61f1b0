"""Taking the network away: the PyTorch file, the spec, the tables."""

from __future__ import annotations

import streamlit as st

from explorer import costs
from explorer.page.tables import download
from explorer.scenario import Scenario


def export(scenario: Scenario) -> None:
    name = scenario.spec.name
    with st.container(horizontal=True):
        _file("PyTorch file", scenario.source, f"{name}.py", "text/x-python", "pytorch", primary=True)
        _file("Spec (JSON)", scenario.spec.to_json(), f"{name}.json", "application/json", "spec")
        download(costs.blocks(scenario.counts), scenario, "block table")
        download(costs.layers(scenario.counts), scenario, "layer table")
    st.caption("The file needs PyTorch and nothing else; its last class is the network.")
    st.code(scenario.source, language="python", height=520)


def _file(label: str, text: str, file_name: str, mime: str, key: str, primary: bool = False) -> None:
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
