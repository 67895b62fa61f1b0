"""Taking the network away: the PyTorch file, the spec, the tables, figures and a report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from costmodel import CostError
from explorer.editing.scenario import Scenario
from explorer.figures import as_plotly, diagram
from explorer.figures import charts as figures
from explorer.figures.marks import Drawing
from explorer.jobs.onnx_export import OnnxJob
from explorer.page.browser import effects
from explorer.page.panels import picture
from explorer.page.panels.tables import download
from explorer.page.state import share
from explorer.page.widgets import download as widget
from explorer.page.widgets import job_status, messages, saver
from explorer.views import report

JOB = "onnx job"
"""Session state: the job that makes the ONNX file."""
FIGURES: dict[str, tuple[str, Callable[[Scenario], Drawing]]] = {
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
        onnx_file(scenario)
    shown = [saver.SavedFigure(key, label, scenario.file(key)) for key, (label, _) in FIGURES.items()]
    if scenario.block:
        shown.append(saver.SavedFigure("block_graph", scenario.block, scenario.file(scenario.block)))
    saver.buttons(shown, "export")
    with st.container(horizontal=True):
        for key, (label, draw) in FIGURES.items():
            _file(f"{label} (HTML)", partial(_figure, draw, scenario), scenario.file(key, ".html"), "text/html", key)
    st.caption("The PyTorch file needs PyTorch and nothing else; its last class is the network.")
    st.code(scenario.source, language="python", height=520)


def onnx_file(scenario: Scenario) -> None:
    """A button that makes the file, the progress with a stop, then the download."""
    job: OnnxJob | None = st.session_state.get(JOB)
    mine = job is not None and (job.spec, job.folded) == (scenario.spec, scenario.folded)
    if job and job.running:
        job_status.watch(job, "onnx", "The network stays as it is.", keepable=False)
    elif job and mine and job.file:
        st.download_button(
            f"ONNX file, {len(job.file) / 1e6:.1f} MB",
            job.file,
            file_name=scenario.file(suffix=".onnx"),
            mime="application/octet-stream",
            on_click="ignore",
            key="export onnx",
            icon=":material/download:",
        )
    else:
        st.session_state.pop(JOB, None)  # the file of another network
        effects.button(
            "Make the ONNX file",
            "make onnx",
            partial(_start, scenario),
            icon=":material/schema:",
            help="By torch's own exporter, in some ten seconds. The weights are torch's initial ones, of a fixed seed.",
        )
        if job and mine and job.problem:
            messages.error(job.problem)


def _start(scenario: Scenario) -> Callable[[], None] | None:
    job = OnnxJob(spec=scenario.spec, folded=scenario.folded, present=job_status.present())
    try:
        job.begin()
    except CostError as error:
        messages.warning(str(error), ":material/hourglass:")
        return None
    st.session_state[JOB] = job
    return st.rerun


def _figure(draw: Callable[[Scenario], Drawing], scenario: Scenario) -> str:
    return report.figure_html(as_plotly.figure(draw(scenario)))


def _report(scenario: Scenario, link: str) -> str:
    return report.report(scenario, link)


def _file(
    label: str, text: str | Callable[[], str], file_name: str, mime: str, key: str, primary: bool = False
) -> None:
    widget.button(
        label, (lambda: text) if isinstance(text, str) else text, file_name, mime, f"export {key}", "", primary
    )
