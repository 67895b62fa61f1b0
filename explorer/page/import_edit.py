"""The "Edit" tab of an imported network: each field shows the value of the chosen layer and applies what is typed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from archs import ArchError, Graph
from archs.ir.ops import Conv2d
from archs.transforms.surgery import regroup, rekernel, remove, scopes, widen, widen_scope, widths
from explorer.editing.imported import Imported
from explorer.page.browser.memory import memory
from explorer.page.state.session import guard
from explorer.page.widgets import form
from explorer.page.widgets.form import Part

IMPORTED = "imported"
"""Session state: the network."""
CHOSEN, REFUSED = "import edit chosen", "import edit refused"
"""Memory: control → the chosen scope or layer; and the control of a refused edit with its message."""

Surgery = Callable[[Graph], Graph]


def edit(found: Imported) -> None:
    """The edits of an imported graph."""
    graph = found.graph
    if graph.weights is not None:
        st.caption("An edit of an operator with trained weights drops these weights: they would not fit.")
    undo = [form.button("undo", f"Undo: {found.before[-1][0]}", "undo", lambda _: _undo())] if found.before else []
    form.show("import edit form", [*_scope(found), *_layer(found), *_convolution(found), *undo])


def _scope(found: Imported) -> list[Part]:
    graph = found.graph
    offered = scopes(graph)
    if not offered:
        return []
    scope = _chosen("scope", offered)
    title = found.title(scope)
    parts = [
        _choice("scope", "Block or stage", offered, scope, found.title),
        _number("factor", "Width ×", 1.0, f"{title}: width ×", lambda x: partial(widen_scope, scope=scope, factor=x)),
        form.button(
            "remove",
            "Remove it",
            "delete",
            lambda _: _apply("remove", f"{title} removed", partial(remove, scope=scope)),
        ),
    ]
    return [form.grid("scopes", parts), *_problem("factor", "remove")]


def _layer(found: Imported) -> list[Part]:
    graph = found.graph
    offered = widths(graph)
    if not offered:
        return []
    path = _chosen("layer", offered)
    now, title = graph[path].output.channels, found.title(path)
    parts = [
        _choice("layer", "Layer", offered, path, found.title),
        _number("channels", "Channels", now, f"{title}: channels ", lambda x: partial(widen, path=path, channels=x)),
    ]
    return [form.grid("layers", parts), *_problem("channels")]


def _convolution(found: Imported) -> list[Part]:
    graph = found.graph
    offered = [node.path for node in graph.nodes if isinstance(node.op, Conv2d)]
    if not offered:
        return []
    path = _chosen("convolution", offered)
    op, title = graph[path].op, found.title(path)
    assert isinstance(op, Conv2d)
    parts = [
        _choice("convolution", "Convolution", offered, path, found.title),
        _number(
            "kernel", "Kernel", op.kernel[0], f"{title}: kernel ", lambda x: partial(rekernel, path=path, kernel=x)
        ),
        _number("groups", "Groups", op.groups, f"{title}: groups ", lambda x: partial(regroup, path=path, groups=x)),
    ]
    return [form.grid("convolutions", parts), *_problem("kernel", "groups")]


def _chosen(control: str, offered: list[str]) -> str:
    chosen = memory().setdefault(CHOSEN, {}).get(control)
    return chosen if chosen in offered else offered[0]


def _choice(control: str, label: str, offered: list[str], value: str, title: Callable[[str], str]) -> Part:
    return form.choice(control, label, offered, value, lambda change: _choose(control, change.value), title)


def _choose(control: str, value: str) -> None:
    memory().setdefault(CHOSEN, {})[control] = value
    memory()[REFUSED] = None


def _number(control: str, label: str, value: float, what: str, surgery: Callable[[Any], Surgery]) -> Part:
    """A field that applies what is typed; text that is no number is refused by the surgery, which names the limits."""
    return form.number(
        control,
        label,
        value,
        lambda change: _apply(control, f"{what}{change.value}", surgery(change.value)),
        0.25 if isinstance(value, float) else 1,
        error=_is_refused(control),
    )


def _apply(control: str, label: str, surgery: Surgery) -> None:
    """An edit; a refused one leaves the network and stays beside its control."""
    with guard("The edit"):
        memory()[REFUSED] = None
        try:
            st.session_state[IMPORTED] = st.session_state[IMPORTED].edit(label, surgery)
        except (ArchError, TypeError) as error:
            message = str(error) if isinstance(error, ArchError) else "the field has no number; type one"
            memory()[REFUSED] = (control, message)


def _is_refused(control: str) -> bool:
    refused = memory().get(REFUSED)
    return refused is not None and refused[0] == control


def _problem(*controls: str) -> list[Part]:
    return [
        form.note(f"problem {control}", memory()[REFUSED][1], "error", "error")
        for control in controls
        if _is_refused(control)
    ]


def _undo() -> None:
    with guard("Undo"):
        memory()[REFUSED] = None
        st.session_state[IMPORTED] = st.session_state[IMPORTED].undo()
