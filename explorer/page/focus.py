"""Keyboard focus after a press that replaces the pressed control, for Streamlit's own widgets and for whole forms."""

from __future__ import annotations

from explorer.page.frontend import bundle
from explorer.page.widgets.components import Component

_focus = Component("focus", js=bundle.script("focus"))


def follow() -> None:
    """Watches the page; the same element on every page, so that it is mounted once."""
    _focus(key="focus", data={})
