"""Progress on standard error: a bar in a terminal, elsewhere one line every ten seconds."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from explorer.data.metrics import percent

EVERY_SECONDS = 10.0

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and what is being done."""


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show progress while the block runs; warnings become lines after it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if sys.stderr.isatty():
            with _bar() as progress:
                yield progress
        else:
            yield _lines()
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)


@contextmanager
def _bar() -> Iterator[Progress]:
    from tqdm import tqdm

    with tqdm(total=100, bar_format="{percentage:3.0f} % {bar:30} {desc}", file=sys.stderr) as bar:

        def progress(share: float, what: str) -> None:
            bar.n = round(100 * share)
            bar.set_description_str(what)

        yield progress


def waiting(holder: str) -> None:
    """Say once which process this one waits for to time networks."""
    print(f"waiting: {holder} is timing on this machine", file=sys.stderr)


def _lines() -> Progress:
    """Lines for a log: carriage returns would fill it."""
    last = -EVERY_SECONDS

    def progress(share: float, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY_SECONDS:
            last = now
            print(f"{percent(share):>5} {what}", file=sys.stderr, flush=True)

    return progress
