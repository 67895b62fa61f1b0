"""Running torch without its own logs and warnings."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO

QUIET = ("torch.fx.experimental.symbolic_shapes", "torch.export", "torch._export", "torch._subclasses.fake_tensor")
"""Loggers that report what could not be traced or read."""


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch's own report of what it could not trace or read: the error that follows says it in a line.

    Without a stack trace at each node either, which takes a sixth of a trace and is not read.
    """
    from torch.fx import config

    loggers = [logging.getLogger(name) for name in QUIET]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    traces, config.do_not_emit_stack_traces = config.do_not_emit_stack_traces, True
    try:
        with redirect_stderr(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.do_not_emit_stack_traces = traces
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
