"""Done once per server: what no visitor must wait for, or lose."""

from __future__ import annotations

import logging
import sys
import threading

import streamlit as st

from explorer.data import accuracy
from explorer.data import profiles as devices
from explorer.page.browser import answers, bursts, garbage
from explorer.page.panels import frontier as landscape

log = logging.getLogger("explorer")
SWITCH_INTERVAL = 0.001
"""Seconds that a visitor's run keeps the interpreter while the server's own thread waits. Python's own: 0.005. Beside
eight runs, an answer of that thread then takes a quarter of the time, and the runs take as long as before."""


def first() -> None:
    """Before a page is drawn: how soon threads give way, what is sent together, and that no answer is dropped."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    answers.keep()
    bursts.gather()


@st.cache_resource(show_spinner=False)
def once() -> threading.Thread:
    """What the first visit to a tab would wait seconds for, in the background; starts the first time it is called."""
    thread = threading.Thread(target=_warm, daemon=True)
    thread.start()
    return thread


def _warm() -> None:
    """Counting and pricing the published networks, and the estimate's errors; each is kept where it is asked for."""
    try:
        accuracy.errors("network")
        accuracy.errors("family")
        landscape.table(devices.preferred())
        garbage.begin()
    except Exception:
        log.exception("warming up failed")  # the next caller gets the error
