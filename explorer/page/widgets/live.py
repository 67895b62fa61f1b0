"""The figures that every edit repaints, as SVG (`figures.svg`); the browser replaces their content only.

Plotly charts, which Streamlit rebuilds with every change, took a second for the four of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from explorer.figures import svg
from explorer.figures.marks import Drawing
from explorer.page.browser import events
from explorer.page.frontend import bundle
from explorer.page.widgets.components import Component

HTML = """<figure class="figure"><h3 hidden></h3><div class="scroll"><div class="drawing"></div></div>
<div class="tooltip" role="tooltip" hidden></div><figcaption hidden></figcaption></figure>"""

# in no shadow root: `explorer.page.widgets.saver`, and whoever waits for the page, look for the drawings in the page
_figure = Component("figure", html=HTML, css=bundle.style("figure"), js=bundle.script("figure"), isolate_styles=False)


def show(
    drawing: Drawing,
    key: str,
    alt: str,
    on_choose: Callable[[str], None] | None = None,
    heading: str = "",
    caption: str = "",
) -> None:
    """Shows a drawing; `on_choose` gets the name of a pressed mark, unchecked."""
    rendered = svg.render(drawing, key, alt, on_choose is not None)
    callback = (
        {} if on_choose is None else {"on_queue_change": partial(events.handle, key, partial(_chosen, on_choose))}
    )
    data = {"svg": rendered, "heading": heading, "caption": caption, "acknowledged": events.acknowledged(key)}
    _figure(key=key, data=data, **callback)


def _chosen(on_choose: Callable[[str], None], content: list[Any]) -> None:
    match content:
        case [str(name)]:
            on_choose(name)
