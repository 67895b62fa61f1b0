"""The page "Import": an ONNX file, or a network of torchvision or timm; its costs, its edits, its export.

A job reads the file in a process of its own, within bounds, and nothing in the file is executed; a library's network is
one of its own list of names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

import streamlit as st

from archs import ArchError, Spec
from archs.interop.onnx.importer import MAX_NAME
from archs.interop.pytorch.execute import state_dict
from archs.transforms.weights import to_safetensors
from explorer.data import zoo
from explorer.data.metrics import IN_THE_PICTURE, METRICS, quantity
from explorer.editing.images import resolution_of
from explorer.editing.imported import Imported
from explorer.figures import charts as figures
from explorer.figures import diagram
from explorer.jobs.job import Busy
from explorer.jobs.network_import import ImportJob
from explorer.page import headline, import_edit
from explorer.page.browser import effects
from explorer.page.panels.tables import csv, table_of
from explorer.page.state import session as state
from explorer.page.state.session import guard, scenario
from explorer.page.widgets import download, job_status, live, messages, upload, words

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

KEY, PROBLEM, JOB = import_edit.IMPORTED, "import problem", "import job"
HOME = "home"
"""Where app.py leaves the page that shows tables."""
AS_STATED = "as stated in it"
SIZES = (AS_STATED, "96", "128", "160", "192", "224", "256", "299", "384", "224×320")


def render() -> None:
    st.title("Import a network", anchor=False)
    st.caption(
        "Any convolutional network: what each layer costs, edits, and PyTorch text. Your own module, with its trained "
        "weights: `python -m explorer import package.module:function` on your machine."
    )
    with guard("The import"):
        _follow()
    with guard("The choice"):
        _choose()
    if JOB not in st.session_state:
        ImportJob.prepare()
    if problem := st.session_state.get(PROBLEM):
        messages.error(problem)
    found: Imported | None = st.session_state.get(KEY)
    if found is None:
        st.info(
            f"Upload an ONNX file of up to {upload.LIMITS_MB['onnx']} MB: "
            "`torch.onnx.export(model, (images,), 'network.onnx', external_data=False)` writes one.",
            icon=":material/upload_file:",
        )
        return
    with guard("The headline"):
        _headline(found)
        _known_table(found)
    with guard("The picture"):
        _picture(found)
    panels: dict[str, Callable[[Imported], None]] = {
        "Blocks": _blocks,
        "Layers": _layers,
        "Edit": import_edit.edit,
        "Export": _export,
    }
    for tab, (name, panel) in zip(st.tabs(list(panels), key="import tab", on_change="rerun"), panels.items()):
        if tab.open:
            with tab, guard(name):
                panel(found)


def _choose() -> None:
    sources = ["ONNX file", *zoo.installed()]
    left, middle, right = st.columns([3, 5, 2], vertical_alignment="bottom")
    with left:
        source = st.segmented_control("From", sources, default=sources[0], required=True, key="import source")
        effects.changed("import source", source, _forget)
    with right:
        st.selectbox(
            "Image size",
            SIZES,
            key="import size",
            help="A side, or height×width; any other may be typed. A file that is made for one size takes only that.",
            accept_new_options=True,
        )
    with middle:
        if source == sources[0]:
            upload.one_file(
                "An ONNX file with its weights in it",
                "onnx",
                "onnx",
                "import file",
                _uploaded,
                "Nothing in the file is executed.",
            )
        else:
            name = st.selectbox("Network", zoo.names(str(source)), key="import name", index=None)
            effects.changed("import name", name, partial(_named, str(source), name))


def _forget() -> None:
    """The error is of the file or the name chosen before."""
    st.session_state.pop(PROBLEM, None)


def _size() -> tuple[int, int] | None:
    """Height and width. Raises ArchError for a text that is no size."""
    chosen = st.session_state.get("import size") or AS_STATED
    if chosen == AS_STATED:
        return None
    size = resolution_of(chosen)
    return (size, size) if isinstance(size, int) else size


def _uploaded(file: UploadedFile | None) -> None:
    st.session_state.pop(PROBLEM, None)
    if file is not None:
        name = PurePath(file.name).stem[:MAX_NAME]
        _begin(f"ONNX file {file.name[:80]}", lambda job: job.read_file(file.getvalue(), _shape(), name))


def _shape() -> tuple[int, int, int] | None:
    size = _size()
    return (3, *size) if size else None


def _named(library: str, name: str | None) -> None:
    st.session_state.pop(PROBLEM, None)
    if name:
        _begin(f"{library}: {name}", lambda job: job.read_library(library, name, _size()))


def _begin(source: str, start: Callable[[ImportJob], None]) -> None:
    """Start a job, in the place of one that is running; a refusal leaves the network that was there."""
    if running := st.session_state.pop(JOB, None):
        running.stop()
        running.wait()
    job = ImportJob(source=source, present=job_status.present())
    try:
        start(job)
    except (ArchError, Busy) as error:
        st.session_state[PROBLEM] = f"{source}: {error}"
    else:
        st.session_state[JOB] = job


def _follow() -> None:
    """The progress of the job, or its result once it has ended."""
    job: ImportJob | None = st.session_state.get(JOB)
    if job is None:
        return
    if job.running:
        job_status.watch(job, "import", "The network that was there stays.", keepable=False)
        return
    # The job goes last: Streamlit may stop the run at any access to the session state
    if job.graph is None:
        st.session_state[PROBLEM] = f"{job.source}: {job.problem}"
    else:
        st.session_state[KEY] = Imported(job.graph, job.source, scenario().profile)
    del st.session_state[JOB]


def _headline(found: Imported) -> None:
    graph = found.graph
    st.subheader(messages.literal(graph.name), anchor=False)
    edits = f" · {quantity(len(found.before), 'edit')}" if found.before else ""
    operators = quantity(len(graph.nodes), "operator")
    messages.caption(f"{found.source} · input {graph.input} · output {graph.output} · {operators}{edits}")
    if found.verification:
        messages.caption(f"The import: {found.verification}.")
    headline.draw(found.tiles, "tiles")
    if found.opaque:
        messages.warning(
            f"Unknown operators, counted as unknown and never as zero: {', '.join(found.opaque)}.", ":material/help:"
        )
    if found.unpriced:
        messages.info(f"No milliseconds: {found.unpriced}.", ":material/timer_off:")
    if graph.weights and graph.weights.unused:
        unused = graph.weights.unused
        messages.info(f"{sum(unused.values()):,} more parameters that it never reads: {', '.join(unused)[:200]}.")


def _known_table(found: Imported) -> None:
    """Whether the network is a table of this program, with all its edits."""
    spec, reason = found.table
    if spec is None:
        messages.caption(f"Not a table of this program: {reason}. The Edit tab edits the graph itself.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        effects.button(
            "Open in Explore", "import open", partial(_open, spec), icon=":material/open_in_new:", type="primary"
        )
        st.caption("Every block has a row in a table of this program. Explore has all its edits.")


def _open(spec: Spec) -> Callable[[], None]:
    state.choose("link", spec=spec, label=f"imported {spec.name}")
    return partial(st.switch_page, st.session_state[HOME])


def _picture(found: Imported) -> None:
    blocks = found.blocks
    offered = [metric for metric in IN_THE_PICTURE if metric in blocks]
    metric = st.selectbox("Colour by", offered, key="import metric", format_func=lambda m: METRICS[m].title)
    live.show(diagram.network(blocks, metric), "import picture", f"The blocks of {found.graph.name}")
    live.show(figures.where_by_block(blocks), "import where", "Each block's share of the costs", heading="By block")
    kinds = found.kinds
    live.show(
        figures.where_by_kind(kinds), "import kinds", "Each kind of operator's share of the costs", heading="By kind"
    )
    words.kinds(kinds["kind"])


def _blocks(found: Imported) -> None:
    shown = ["block", "kind", "output", "mult_adds", "params", "mem_access", "elementwise", "intensity", "fragments"]
    shown[4:4] = ["latency_ms"] if "latency_ms" in found.blocks else []
    table_of(found.blocks, shown)
    csv(found.blocks, found.graph.name, "imported blocks")


def _layers(found: Imported) -> None:
    shown = ["path", "operator", "input", "output", "mult_adds", "params", "mem_access", "elementwise", "unknown"]
    shown[5:5] = ["latency_ms"] if "latency_ms" in found.layers else []
    table_of(found.layers, shown, height=520)
    csv(found.layers, found.graph.name, "imported layers")


# Export


def _export(found: Imported) -> None:
    name = found.graph.name
    text, reason = found.text
    if not text:
        messages.warning(f"No PyTorch file: {reason}.", ":material/block:")
        return
    with st.container(horizontal=True):
        _file("PyTorch file", lambda: text, f"{name}.py", "text/x-python")
        if state_dict(found.graph):
            weights = partial(to_safetensors, found.graph)
            _file("Weights (safetensors)", weights, f"{name}.safetensors", "application/octet-stream")
        spec, _ = found.table
        if spec is not None:
            _file("Spec (JSON)", spec.to_json, f"{name}.json", "application/json")
    st.caption("`module.load_state_dict(safetensors.torch.load_file(…), strict=False)` takes the weights.")
    st.code(text, language="python", height=520)


def _file(label: str, make: Callable[[], str | bytes], file_name: str, mime: str) -> None:
    download.button(label, make, file_name, mime, f"import {label}")
