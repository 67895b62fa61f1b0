"""Turns for drawing pages: of a class that opens or edits at once, one first page and one other are drawn at a time.

Pages are drawn in the one interpreter of the server, which answers the browsers too. Forty that are drawn at the same
time are all late, and so is each answer: browsers give up the connection. `tests/bench_page.py class` and
`tests/bench_soak.py` measure it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from time import monotonic

from explorer.page.browser.memory import memory

LONG = 2.0
"""Seconds after which a run no longer counts: a large network, or a hostile one, holds up nobody for longer."""
DRAWN = "first page drawn"
"""Memory: whether the session has its first page."""


class Turns:
    """Lets so many runs go on at once, those aside that have taken long."""

    def __init__(self, at_once: int):
        self._at_once = at_once
        self._changed = Condition()
        self._began: dict[object, float] = {}

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Waits for a turn and holds it within."""
        run = object()
        with self._changed:
            while (seconds := self._to_wait()) > 0:
                self._changed.wait(seconds)
            self._began[run] = monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._began[run]
                self._changed.notify()

    def _to_wait(self) -> float:
        """Seconds until one of the runs that count has taken long; 0 where there is a turn."""
        left = [seconds for began in self._began.values() if (seconds := began + LONG - monotonic()) > 0]
        return min(left) if len(left) >= self._at_once else 0.0


FIRST, LATER = Turns(1), Turns(1)
"""First pages take longest; an edit does not wait behind those of a class that comes. With two of each, the server's
own thread waits five times as long for the interpreter, and no page comes sooner."""


@contextmanager
def page() -> Iterator[None]:
    """Draws a session's page within."""
    with (LATER if memory().get(DRAWN) else FIRST).taken():
        yield
    memory()[DRAWN] = True
