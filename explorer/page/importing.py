"""The page "Import": an ONNX file, or a network of torchvision or timm; its costs, its edits, its export.

An uploaded file is read in memory, within bounds, and nothing in it is executed; a library's network is one of its own
list of names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePath

import streamlit as st

from archs import ArchError, from_onnx
from archs.interop.onnx.importer import MAX_NAME
from archs.interop.pytorch.execute import state_dict
from archs.transforms.surgery import regroup, rekernel, remove, scopes, widen, widen_scope, widths
from archs.transforms.weights import to_safetensors
from explorer.data import costs, zoo
from explorer.data.metrics import IN_THE_PICTURE, METRICS
from explorer.editing.imported import Imported
from explorer.figures import charts as figures
from explorer.figures import diagram
from explorer.page.panels import headline
from explorer.page.panels.tables import csv, table_of
from explorer.page.state import session as state
from explorer.page.state.session import guard, scenario
from explorer.page.widgets import chart, messages, upload

KEY, PROBLEM = "imported", "import problem"
HOME = "home"
"""Where app.py leaves the page that shows tables."""
OWN = "as it says"
SIZES = (OWN, 96, 128, 160, 192, 224, 256, 299, 384)


def render() -> None:
    st.title("Import a network", anchor=False)
    st.caption(
        "Any convolutional network: what each layer costs, edits, and PyTorch text. Your own module, with its trained "
        "weights: `python -m explorer import package.module:function` on your machine."
    )
    with guard("The choice"):
        _choose()
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
    with guard("The picture"):
        _picture(found)
    panels: dict[str, Callable[[Imported], None]] = {
        "Blocks": _blocks,
        "Layers": _layers,
        "Edit": _edit,
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
    with right:
        st.selectbox("Image size", SIZES, key="import size", help="A file that is made for one size takes only that.")
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
            st.selectbox("Network", zoo.names(str(source)), key="import name", index=None, on_change=_named)


def _size() -> int | None:
    chosen = st.session_state.get("import size", OWN)
    return None if chosen == OWN else int(chosen)


def _uploaded() -> None:
    file = st.session_state.get("import file")
    if file is not None:
        size = _size()
        shape = (3, size, size) if size else None
        name = PurePath(file.name).stem[:MAX_NAME]
        _take(lambda: from_onnx(file.getvalue(), shape, name), f"ONNX file {file.name[:80]}")


def _named() -> None:
    library, name = str(st.session_state.get("import source")), st.session_state.get("import name")
    if name:
        _take(lambda: zoo.graph(library, name, _size()), f"{library}: {name}")


def _take(make: Callable, source: str) -> None:
    """The network that `make` gives; a refusal leaves the one that was there."""
    st.session_state.pop(PROBLEM, None)
    with guard("The import"):
        try:
            graph = make()
        except ArchError as error:
            st.session_state[PROBLEM] = str(error)
            return
        st.session_state[KEY] = Imported(graph, source, scenario().profile)


def _headline(found: Imported) -> None:
    graph = found.graph
    st.subheader(messages.literal(graph.name), anchor=False)
    edits = f" · {len(found.before)} edits" if found.before else ""
    messages.caption(
        f"{found.source} · input {graph.input} · output {graph.output} · {len(graph.nodes)} operators{edits}"
    )
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


def _picture(found: Imported) -> None:
    blocks = found.blocks
    offered = [metric for metric in IN_THE_PICTURE if metric in blocks]
    metric = st.selectbox("Colour by", offered, key="import metric", format_func=lambda m: METRICS[m].title)
    chart.show(diagram.network(blocks, metric), "import picture", f"The blocks of {found.graph.name}")
    chart.show(figures.where_by_block(blocks), "import where", "Each block's share of the costs")
    chart.show(figures.where_by_kind(costs.kinds(found.counts)), "import kinds", "Each kind's share of the costs")


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


# Edits


def _edit(found: Imported) -> None:
    spec, why = found.table
    if spec is not None:
        st.success("Every block is one of ours, so the network is a table with all its edits.", icon=":material/check:")
        if st.button("Open in Explore", key="import open", icon=":material/open_in_new:", type="primary"):
            state.choose("link", spec=spec, label=f"imported {spec.name}")
            st.switch_page(st.session_state[HOME])
    else:
        messages.caption(f"Not a table of ours: {why}. What can be edited here is the graph itself.")
    if found.graph.weights is not None:
        st.caption("An edit of an operator that has trained weights drops them: they would not fit.")
    graph = found.graph
    all_scopes, all_widths = scopes(graph), widths(graph)
    convs = [node.path for node in graph.nodes if hasattr(node.op, "kernel") and hasattr(node.op, "groups")]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        scope = st.selectbox("Block or stage", all_scopes, key="edit scope")
        factor = st.number_input("Width ×", 0.05, 16.0, 1.5, 0.25, key="edit factor")
        _button("Widen it", "widen scope", lambda: partial(widen_scope, scope=scope, factor=factor), bool(scope))
        _button("Remove it", "remove", lambda: partial(remove, scope=scope), bool(scope))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        path = st.selectbox("Layer", all_widths, key="edit width of")
        channels = st.number_input("Channels", 1, 16384, 64, key="edit channels")
        _button("Set the width", "widen", lambda: partial(widen, path=path, channels=int(channels)), bool(path))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        conv = st.selectbox("Convolution", convs, key="edit conv")
        kernel = st.number_input("Kernel", 1, 31, 5, 2, key="edit kernel")
        _button("Set the kernel", "rekernel", lambda: partial(rekernel, path=conv, kernel=int(kernel)), bool(conv))
        groups = st.number_input("Groups", 1, 16384, 2, key="edit groups")
        _button("Set the groups", "regroup", lambda: partial(regroup, path=conv, groups=int(groups)), bool(conv))
    if problem := st.session_state.pop("import edit problem", None):
        messages.error(problem)
    if found.before:
        st.button(
            f"Undo: {messages.literal(found.before[-1][0])}", key="import undo", icon=":material/undo:", on_click=_undo
        )


def _button(label: str, key: str, make: Callable[[], partial], enabled: bool) -> None:
    st.button(label, key=f"import {key}", on_click=_change, args=(key, make()), disabled=not enabled)


def _change(what: str, change: partial) -> None:
    with guard("The edit"):
        found: Imported = st.session_state[KEY]
        label = f"{what} {' '.join(map(str, change.keywords.values()))}"
        try:
            st.session_state[KEY] = found.edit(label, change)
        except ArchError as error:
            st.session_state["import edit problem"] = str(error)


def _undo() -> None:
    with guard("Undo"):
        st.session_state[KEY] = st.session_state[KEY].undo()


# Export


def _export(found: Imported) -> None:
    name = found.graph.name
    text, why = found.text
    if not text:
        messages.warning(f"No PyTorch file: {why}.", ":material/block:")
        return
    with st.container(horizontal=True):
        _file("PyTorch file", text, f"{name}.py", "text/x-python")
        if state_dict(found.graph):
            make = partial(to_safetensors, found.graph)
            _file("Weights (safetensors)", make, f"{name}.safetensors", "application/octet-stream")
        spec, _ = found.table
        if spec is not None:
            _file("Spec (JSON)", spec.to_json(), f"{name}.json", "application/json")
    st.caption("`module.load_state_dict(safetensors.torch.load_file(…), strict=False)` takes the weights.")
    st.code(text, language="python", height=520)


def _file(label: str, data: str | bytes | Callable, file_name: str, mime: str) -> None:
    st.download_button(
        label,
        data,
        file_name=file_name,
        mime=mime,
        on_click="ignore",
        key=f"import {label}",
        icon=":material/download:",
    )
