"""Done once per server: what the first visit to a tab would wait seconds for, and how soon threads give way."""

from __future__ import annotations

import gc
import logging
import sys
import threading

import streamlit as st

from explorer.data import accuracy
from explorer.data import profiles as devices
from explorer.page.panels import frontier as landscape

log = logging.getLogger("explorer")
SWITCH_INTERVAL = 0.001
"""Seconds that a visitor's run keeps the interpreter while the server's own thread waits. Python's own: 0.005. Beside
eight runs, an answer of that thread then takes a quarter of the time, and the runs take as long as before."""


@st.cache_resource(show_spinner=False)
def once() -> threading.Thread:
    """Starts it in the background, the first time that it is called."""
    sys.setswitchinterval(SWITCH_INTERVAL)
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
