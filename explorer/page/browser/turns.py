"""Turns for the first pages of sessions: a class that opens the page at once gets it one after another.

Pages are drawn in the one interpreter of the server, which answers the browsers too. Forty that are drawn at the same
time are all late, and so is each answer: browsers give up the connection. `tests/bench_page.py class` measures it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Semaphore

from explorer.page.browser.memory import memory

AT_ONCE = 2
"""First pages that are drawn at the same time. More than one: a link may open a network that takes long."""
PATIENCE = 20.0
"""Seconds after which a page is drawn out of turn."""
DRAWN = "first page drawn"
"""Memory: whether the session has had its turn."""

_free = Semaphore(AT_ONCE)


@contextmanager
def first_page() -> Iterator[None]:
    """Waits for the session's turn and holds it while its first page is drawn. Later pages do not wait."""
    if memory().get(DRAWN):
        yield
        return
    taken = _free.acquire(timeout=PATIENCE)
    try:
        yield
        memory()[DRAWN] = True
    finally:
        if taken:
            _free.release()
