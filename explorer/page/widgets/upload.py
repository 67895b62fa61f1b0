"""File uploaders with one limit per kind of file: in the widget, the check and the help text.

`server.maxUploadSize` in `.streamlit/config.toml` is the largest of them.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.data.profiles import MAX_UPLOAD_MB

LIMITS_MB = {"onnx": 128, "profile": MAX_UPLOAD_MB, "spec": 1, "csv": 1, "timings": 2}
"""Kind of file → its limit in MB of 2²⁰ bytes, as Streamlit counts them."""


def one_file(label: str, kind: str, suffix: str, key: str, on_change: Callable[[], None], help: str) -> None:
    """An uploader whose file `on_change` finds in the session state under `key`."""
    limit = LIMITS_MB[kind]
    st.file_uploader(
        label,
        type=suffix,
        max_upload_size=limit,
        key=key,
        on_change=on_change,
        help=f"{help} Up to {limit} MB.",
    )
