"""Components of `explorer.page.frontend` as Streamlit mounts them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException


class Component:
    """A Streamlit component, registered where it is first drawn: Streamlit 1.65 registers it for one runtime only."""

    def __init__(self, name: str, **parts: Any):
        self.name = name
        self._parts = parts
        self._mount: Any = None

    def __call__(self, **arguments: Any) -> Any:
        if self._mount is not None:
            with suppress(StreamlitAPIException):
                return self._mount(**arguments)
        self._mount = st.components.v2.component(self.name, **self._parts)
        return self._mount(**arguments)
