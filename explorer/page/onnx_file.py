"""The ONNX file, made when it is asked for: a button, the progress with a stop, then the download."""

from __future__ import annotations

import streamlit as st

from explorer.editing.scenario import Scenario
from explorer.jobs.job import Busy
from explorer.jobs.onnx_export import OnnxJob
from explorer.page.widgets import job_status, messages

KEY = "onnx job"


def panel(scenario: Scenario) -> None:
    job: OnnxJob | None = st.session_state.get(KEY)
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
        st.session_state.pop(KEY, None)  # the file of another network
        if st.button(
            "Make the ONNX file",
            key="make onnx",
            icon=":material/schema:",
            help="By torch's own exporter, in some ten seconds. The weights are torch's initial ones, of a fixed seed.",
        ):
            job = OnnxJob(spec=scenario.spec, folded=scenario.folded)
            try:
                job.begin()
            except Busy as error:
                messages.warning(str(error), ":material/hourglass:")
            else:
                st.session_state[KEY] = job
                st.rerun()
        if job and mine and job.problem:
            messages.error(job.problem)
