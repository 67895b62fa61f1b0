"""One's own device on the page Devices: the kit to time networks with, and the list of timings that makes a profile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pandas
import streamlit as st

from costmodel import CostError, DeviceProfile
from costmodel.devices import few_shots
from costmodel.devices.profile import WholeNetworkProfile
from costmodel.devices.reading import COLUMNS, Line, read
from costmodel.devices.user import KINDS, FitReport, report
from explorer.data import frontier as networks
from explorer.data.plain_text import plain
from explorer.devices import kit
from explorer.figures import calibration as fitted_figure
from explorer.figures import devices as drawing
from explorer.figures.tradeoff import legend
from explorer.page.browser import effects
from explorer.page.browser.memory import memory
from explorer.page.panels.tables import csv
from explorer.page.state import own_devices
from explorer.page.state import session as state
from explorer.page.widgets import chart, download, messages, profile_file, upload

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

REPORT = "device report"
"""Memory: what the last list of timings gave, and the key of its profile."""
MAX_FITTED = 50
"""Networks of a list: each is left out in turn and all others are fitted again, while the page waits."""
KIND_TITLES = {"cpu": "CPU", "gpu": "GPU", "npu": "NPU or DSP"}


def show() -> None:
    """The kit, the form, and the report of the last list."""
    st.subheader("Your own device", anchor=False)
    st.markdown(
        "Time some of the catalogue's networks on your device with its own runtime, list the milliseconds in a CSV "
        "file, and the page predicts any other network there. Five networks give a first answer, twenty a good one."
    )
    _kit()
    _form()
    state.show_problem("device upload")
    found: tuple[FitReport, str] | None = memory().get(REPORT)
    if found:
        _about(*found)


def _kit() -> None:
    with st.expander("1. Get the kit: which networks to time, and how", icon=":material/download:"):
        left, middle, right = st.columns([1, 1, 2], vertical_alignment="bottom")
        with left:
            count = int(st.number_input("Networks", kit.least(), 40, 20, key="kit networks", persist_state="session"))
        with middle:
            kind = st.selectbox("Device", KINDS, key="kit kind", format_func=KIND_TITLES.__getitem__)
        with right:
            download.button(
                "timings.csv, bench.py and the commands (ZIP)",
                lambda: _zipped(count, kind),
                "kit.zip",
                "application/zip",
                "kit download",
            )
        st.markdown(
            "The networks are in an order in which any first few are a good choice. With their ONNX files, from the "
            "command line:"
        )
        st.code(f"python -m explorer devices kit --networks {count} --kind {kind} --output kit/", language="bash")


def _zipped(count: int, kind: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in kit.texts(count, kind).items():
            packed.writestr(name, text)
    return file.getvalue()


def _form() -> None:
    name, kind, runtime, precision, threads = st.columns([3, 2, 3, 2, 2], vertical_alignment="bottom")
    with name:
        st.text_input("Name of the device", "My device", max_chars=80, key="device name", persist_state="session")
    with kind:
        st.selectbox("Kind", KINDS, key="device kind", format_func=KIND_TITLES.__getitem__, persist_state="session")
    with runtime:
        st.text_input("Runtime", "ONNX Runtime", max_chars=80, key="device runtime", persist_state="session")
    with precision:
        st.text_input("Precision", "fp32", max_chars=20, key="device precision", persist_state="session")
    with threads:
        st.number_input(
            "Threads", 1, 4096, None, key="device threads", placeholder="not stated", persist_state="session"
        )
    st.toggle(
        "The runtime fuses convolution, batch norm and activation",
        True,
        key="device fuses",
        persist_state="session",
        help="ONNX Runtime, TFLite, ncnn and TensorRT do; eager PyTorch does not.",
    )
    upload.one_file(
        "2. Your list of timings (CSV)",
        "timings",
        "csv",
        "device upload",
        _uploaded,
        f"Columns: {', '.join(COLUMNS)}; network and latency_ms are needed. Commas, semicolons or tabs.",
    )


def _uploaded(file: UploadedFile | None) -> None:
    with state.guard("The list of timings"):
        if file is None:  # taken away again: the profile stays
            state.choose("device upload")
            return
        chosen = st.session_state
        try:
            found = report(
                _checked(read(file.getvalue(), plain(file.name) or "the file")),
                plain(chosen["device name"]),
                chosen["device kind"],
                plain(chosen["device runtime"]) or "not stated",
                plain(chosen["device precision"]) or "not stated",
                chosen["device threads"],
                chosen["device fuses"],
            )
        except CostError as error:
            state.put(state.scenario().refuse("device upload", error))
            return
        memory()[REPORT] = found, own_devices.add(found.profile)


def _checked(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """The lines, if a fit of them is a matter of seconds. Raises CostError."""
    networks = len({(line.timing.title, line.timing.batch) for line in lines})
    if networks > MAX_FITTED:
        raise CostError(
            f"{networks} networks; allowed on the page: up to {MAX_FITTED}. `python -m explorer fit-device` takes more"
        )
    return lines


def _about(found: FitReport, key: str) -> None:
    """What the list says about the device and about itself."""
    profile = found.profile
    errors = profile.errors
    family = f"; families left out: **{errors.leave_family_out_pct:.1f} %**" if errors.leave_family_out_pct else ""
    st.markdown(
        f"**{messages.literal(profile.name)}**: {errors.networks} networks fitted, mean error of each left out in turn "
        f"**{errors.leave_one_out_pct:.1f} %**{family}; {errors.coverage_pct:.0f} % are in their 90 % interval."
    )
    for outlier in found.outliers:
        messages.warning(f"Not fitted: {outlier}")
    pairs = _pairs(profile)
    figure = fitted_figure.scatter(pairs, networks.families())
    chart.show(figure, "device fit", "Measured milliseconds against those predicted by a fit without the network")
    chart.legend(legend(figure))
    csv(pairs, "timed_and_predicted", "networks")
    curve = drawing.few_shots(few_shots.table(), errors.networks)
    chart.show(curve, "device curve", "Median error against the number of networks timed")
    if found.gain:
        before, after = found.gain
        st.caption(f"Typical median error with {errors.networks} networks: {before} %; with five more: {after} %.")
    profile_file.button(cast(DeviceProfile, profile), "device profile")

    def use() -> Callable[[], None]:
        own_devices.add(profile)  # it may have made room for later ones
        return st.rerun

    effects.button("Use this device", "use own device", use, disabled=state.scenario().profile == key)


def _pairs(profile: WholeNetworkProfile) -> pandas.DataFrame:
    """The columns that the figure of a calibration has, of the networks left out in turn."""
    return pandas.DataFrame(
        {
            "network": [row.family for row in profile.rows],
            "variant": [row.network for row in profile.rows],
            "measured_ms": [row.latency_ms for row in profile.rows],
            "predicted_ms": [row.left_out_ms for row in profile.rows],
        }
    )
