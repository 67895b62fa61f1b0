"""What the first visit to a tab would wait seconds for, done once per server, after the first page is drawn."""

from __future__ import annotations

import gc
import logging
import threading

import streamlit as st

from explorer.data import accuracy
from explorer.data import profiles as devices
from explorer.page.panels import frontier as landscape

log = logging.getLogger("explorer")


@st.cache_resource(show_spinner=False)
def once() -> threading.Thread:
    """Starts it in the background, the first time that it is called."""
    thread = threading.Thread(target=_warm, daemon=True)
    thread.start()
    return thread


def _warm() -> None:
    """Counting and pricing the published networks, and the estimate's errors; each is kept where it is asked for."""
    try:
        accuracy.errors("network")
        accuracy.errors("family")
        landscape.table(devices.preferred())
        gc.collect()
        gc.freeze()  # what is there now stays: later collections need not look through all of the libraries
    except Exception:
        log.exception("warming up failed")  # the next caller gets the error
