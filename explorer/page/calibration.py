"""Calibrate from the page: the job, the profile in use with what it is worth, one's own as a file and from a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pandas
import streamlit as st

from archs import ArchError
from costmodel import CostError
from costmodel.latency.profile import Regime
from costmodel.timing.stopwatch import LAYOUTS
from explorer.data import evidence
from explorer.data import frontier as networks
from explorer.data import profiles as devices
from explorer.figures import calibration as drawing
from explorer.figures.tradeoff import legend
from explorer.jobs import calibration as jobs
from explorer.jobs.calibration import Calibration, ValidationJob
from explorer.jobs.job import current
from explorer.page.browser import effects
from explorer.page.panels import versions
from explorer.page.panels.tables import csv
from explorer.page.state import own_devices, profiles
from explorer.page.state import session as state
from explorer.page.state.session import guard
from explorer.page.widgets import chart, data_table, form, job_status, messages, profile_file, upload

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

LENGTHS = {False: "full, 4 minutes", True: "quick, 1 minute"}
ERRORS = {
    "networks": "networks",
    "mape": "mean error, %",
    "bias": "bias, %",
    "within_5": "within ±5 %",
    "within_10": "within ±10 %",
    "spearman": "rank correlation",
    "coverage": "in the 90 % interval",
}
NONE = ""


def render() -> None:
    st.title("Calibrate", anchor=False)
    st.markdown(
        "Milliseconds hold for one machine, in one setting. A calibration times hundreds of networks node by node "
        "**on the machine that serves this page**, learns from them what an operator costs, and tests itself on "
        "held-out networks. Nothing else should run on the machine meanwhile."
    )
    with guard("The calibration"):
        _run()
    st.subheader("The profile in use", anchor=False)
    with guard("The profiles"):
        _choose()
    key = state.scenario().profile
    if key:
        with guard("The profile"):
            _about(key)
        with guard("The errors"):
            _evidence(key)


def _run() -> None:
    """The settings and the button, or the job that is going on."""
    profiles.collect()
    mine, taken = profiles.mine(), current()
    if mine and mine.running:
        job_status.watch(mine, "job", "What was timed so far is dropped; the profiles that were there stay.")
        return
    if mine and mine.problem:
        messages.error(f"{mine.title.capitalize()}: {mine.problem}")
    if taken:
        job_status.show_other(taken)
        return
    device, threads, layout, length = st.columns([2, 2, 3, 4], vertical_alignment="bottom")
    with device:
        on = st.selectbox("Device", devices.present(), key="calibrate device", persist_state="session")
    with threads:
        most = os.cpu_count() or 1
        count = st.number_input("Threads", 1, most, 1, key="calibrate threads", persist_state="session")
    with layout:
        laid = st.segmented_control(
            "Layout", list(LAYOUTS), default="nchw", required=True, key="calibrate layout", persist_state="session"
        )
    with length:
        quick = st.segmented_control(
            "How long",
            list(LENGTHS),
            default=False,
            required=True,
            key="calibrate quick",
            format_func=LENGTHS.__getitem__,
            persist_state="session",
        )
    folded = st.toggle(
        "Batch norm folded",
        key="calibrate folded",
        persist_state="session",
        help="Time the networks as an inference runtime has them. The milliseconds are then those of folded networks.",
    )
    regime = Regime(device=on, threads=count, layout=cast(Any, laid or "nchw"), folded=folded)
    start = partial(_start, lambda: jobs.calibrate(regime, bool(quick)))
    effects.button("Calibrate", "calibrate", start, type="primary", icon=":material/timer:")


def _start(start: Callable[[], Calibration | ValidationJob]) -> Callable[[], None] | None:
    """Starts a job; a refusal is a warning on the page."""
    try:
        job = start()
        job.present = job_status.present()
        profiles.started(job)
    except CostError as error:
        messages.warning(str(error), ":material/hourglass:")
        return None
    return st.rerun


def _choose() -> None:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        form.show("calibrate form", [versions.device()])
    with right:
        upload.one_file(
            "A profile of your own (JSON)",
            "profile",
            "json",
            "calibrate upload",
            _uploaded,
            "As `python -m explorer calibrate --output mine.json` writes it, or the button below.",
        )
    state.show_problem("calibrate upload")
    data_table.frame(_listed(profiles.known()), key="calibrate profiles", column_config=_heads())


def _uploaded(file: UploadedFile | None) -> None:
    with guard("The file"):
        if file is None:  # taken away again: the profile stays
            state.choose("calibrate upload")
            return
        try:
            own_devices.add(devices.upload(file.getvalue(), file.name))
        except (ArchError, CostError) as error:
            state.put(state.scenario().refuse("calibrate upload", error))


def _listed(known: list[str]) -> pandas.DataFrame:
    rows = []
    for key in known:
        profile = devices.load(key)
        of = profile.environment
        rows.append(
            {
                "profile": devices.title(key),
                "whose": devices.owner(key),
                "processor": of.get("processor", "unknown"),
                "torch": of.get("torch", ""),
                "date": of.get("date", ""),
                "fitted": profile.networks,
                **{name: profile.held_out["all"].model_dump()[name] for name in ("mape", "within_5", "within_10")},
                "warnings": "; ".join(profile.warnings),
            }
        )
    return pandas.DataFrame(rows)


def _heads() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "whose": "predicted for",
        "fitted": number("fitted on", help="networks"),
        "mape": number("mean error, %", help="on its held-out networks"),
        "within_5": number("within ±5 %", format="%.0f %%"),
        "within_10": number("within ±10 %", format="%.0f %%"),
    }


def _lasted(seconds: float) -> str:
    return f"{seconds / 60:,.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def _about(key: str) -> None:
    profile = devices.load(key)
    environment = {k: v for k, v in profile.environment.items() if k not in ("device", "threads", "layout")}
    st.markdown(f"Latencies on this page: **{messages.literal(devices.whose(key))}**.")
    if torch := environment.get("torch"):
        environment["torch"] = f"PyTorch {torch}"
    took = f" in {_lasted(profile.seconds)}" if profile.seconds else ""
    made = f"{'quick, ' if profile.quick else ''}{profile.networks:,} networks{took}"
    prior = [f"initialised from {profile.prior}"] if profile.prior else []
    messages.caption(" · ".join([*map(str, environment.values()), made, *prior]))
    for warning in profile.warnings:
        messages.warning(warning, ":material/graphic_eq:")
    if own_devices.is_lost(key):
        st.warning(
            f"This browser does not store the profile: packed, your last {profiles.MAX_UPLOADED} may take "
            f"{own_devices.MAX_PACKED / 1e6:.0f} million characters. A reload loses it, so keep its file.",
            icon=":material/save:",
        )
    with st.container(horizontal=True):
        profile_file.button(profile, "calibrate download")
        effects.button(
            "Validate here",
            "validate",
            partial(_start, lambda: jobs.validate(key)),
            icon=":material/rule:",
            disabled=current() is not None or not profile.references,
            help="Times over a hundred networks that no calibration fits, twice, on the machine that serves this page; "
            f"about {jobs.VALIDATION / 60:.0f} minutes. A machine that is slower or faster as a whole is taken out.",
        )


def _evidence(key: str) -> None:
    found = evidence.of(key)
    name = st.segmented_control(
        "Predicted against measured on", list(found), default=next(iter(found)), required=True, key=f"evidence {key}"
    )
    pairs = found.get(name or "", next(iter(found.values())))
    if pairs.empty:
        st.caption("The profile names no held-out networks.")
        return
    all_of_it = evidence.errors_of(pairs, key)
    st.markdown(
        f"{all_of_it.networks} networks: mean error **{all_of_it.mape:.1f} %**, {all_of_it.within_5:.0f} % within "
        f"±5 %, {all_of_it.within_10:.0f} % within ±10 %; the 90 % interval covers "
        f"{all_of_it.coverage:.0f} %."
    )
    figure = drawing.scatter(pairs, networks.families())
    chart.show(figure, "evidence", "Predicted against measured milliseconds, with bands of ±5 and ±10 %")
    chart.legend(legend(figure))
    st.caption("Bands: ±5 % and ±10 %. Below, the error of each; beyond ±35 % it lies on the edge.")
    table = pandas.DataFrame(
        [{"family": family, **errors.model_dump()} for family, errors in devices.load(key).held_out.items()]
    )[["family", *ERRORS]]
    with st.expander("Held-out errors by family"):
        data_table.frame(table, key="calibrate errors", column_config=dict(ERRORS))
    csv(pairs, "predicted_and_measured", "networks")
