"""File uploaders with one limit per kind of file: in the widget, the check and the help text.

`server.maxUploadSize` in `.streamlit/config.toml` is the largest of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from explorer.data.profiles import MAX_UPLOAD_MB
from explorer.page.browser import effects

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

LIMITS_MB = {"onnx": 128, "profile": MAX_UPLOAD_MB, "spec": 1, "csv": 1, "timings": 2}
"""Kind of file → its limit in MB of 2²⁰ bytes, as Streamlit counts them."""


def one_file(
    label: str, kind: str, suffix: str, key: str, receive: Callable[[UploadedFile | None], None], help: str
) -> None:
    """An uploader that gives `receive` each new file, and None where the file was taken away."""
    limit = LIMITS_MB[kind]
    file = st.file_uploader(
        label,
        type=suffix,
        max_upload_size=limit,
        key=key,
        help=f"{help} Up to {limit} MB.",
    )

    def received() -> Callable[[], None]:
        receive(file)
        return st.rerun  # what stands above shows what came of it

    effects.changed(key, file.file_id if file else None, received)
