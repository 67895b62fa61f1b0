"""Over 10,000 seeded mutations of valid documents of every kind that a page or a command reads.

Each is accepted or refused in an error of ours, in bounded time and memory; nothing is executed and no host is asked.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
from collections.abc import Iterator
from random import Random
from types import FrameType
from typing import Any

import pytest
from support.hostile_inputs import Kind, kinds

import archs
from archs import ArchError
from costmodel import CostError
from explorer.search.logs.adapt_log import AdaptLog, row_of
from explorer.search.netadapt import AdaptedStep

MAX_SECONDS = 2.0  # of this process; the least of three, because what shares its core slows a single one down
MAX_GROWTH = 600_000  # kB of this process over all documents
TRIED = 10_000
FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")
FORBIDDEN += ("urllib.Request", "pickle.find_class", "marshal.loads", "exec", "ctypes.dlopen")
"""Audit events of Python that would run something or ask a host."""
TORCH_ANNOTATIONS = "_torchscript_type_to_python_type"

_seen: list[str] | None = None


def _hook(event: str, _: tuple[Any, ...]) -> None:
    if _seen is not None and event in FORBIDDEN and not _harmless(sys._getframe(1)):
        _seen.append(event)


def _harmless(frame: FrameType | None) -> bool:
    """Whether a module is being loaded, which executes its code, or torch evaluates its own operators' annotations."""
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib") or frame.f_code.co_name == TORCH_ANNOTATIONS:
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def inert() -> Iterator[None]:
    """No event of FORBIDDEN happens inside. Python keeps a hook for ever, so there is one."""
    global _seen
    _seen = []
    try:
        yield
        assert not _seen
    finally:
        _seen = None


def outcome(kind: Kind, content: str | bytes) -> bool:
    """Whether a document is accepted; one that is not is refused in an error of ours."""
    try:
        kind.read(content)
    except (ArchError, CostError):
        return False
    return True


def seconds(kind: Kind, content: str | bytes) -> float:
    """CPU time of a reading, the least of three."""
    taken = []
    for _ in range(3):
        started = time.process_time()
        outcome(kind, content)
        taken.append(time.process_time() - started)
    return min(taken)


@pytest.mark.parametrize("field", ["score", "latency_ms", "number"])
@pytest.mark.parametrize("value", ["x", [1], 10**400, True], ids=["text", "list", "large", "truth"])
def test_a_log_holds_numbers(field, value, tmp_path):
    """A text among them was read, and the adaptation that went on from it ended in a TypeError."""
    step = AdaptedStep(0, 0.0, archs.spec("mobilenet_v1"), 2.0, 1.5, 2.5, 70.0)
    head, row = {"format": AdaptLog.FORMAT, "plan": {}}, row_of(step)
    (tmp_path / "x.jsonl").write_text(f"{json.dumps(head)}\n{json.dumps(row)}\n")
    assert AdaptLog(tmp_path / "x.jsonl", {}).entries == [step]
    (tmp_path / "x.jsonl").write_text(f"{json.dumps(head)}\n{json.dumps(row | {field: value})}\n")
    with pytest.raises(ArchError, match=f"line 2 is damaged.*{field} is"):
        AdaptLog(tmp_path / "x.jsonl", {})


def memory_kb() -> int:
    """The most that this process has taken so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ten_thousand_mutations(tmp_path):
    sys.addaudithook(_hook)
    tried = kinds(tmp_path)
    assert sum(kind.count for kind in tried.values()) > TRIED
    slowest: dict[str, tuple[float, int]] = {}
    for title, kind in tried.items():
        accepted, before = 0, memory_kb()
        for seed in range(kind.count):
            content = kind.make(Random(f"{title} {seed}"))
            started = time.process_time()
            try:
                with inert():
                    accepted += outcome(kind, content)
            except Exception as error:
                raise AssertionError(f"{title}, seed {seed}: {error!r} for {content[:300]!r}") from error
            taken = time.process_time() - started
            if taken >= MAX_SECONDS:
                taken = seconds(kind, content)
            slowest[title] = max(slowest.get(title, (0, 0)), (taken, seed))
            assert taken < MAX_SECONDS, (title, seed)
        assert accepted < kind.count or kind.may_be_ignored
        assert memory_kb() - before < MAX_GROWTH, title
    print({title: (round(taken, 2), seed) for title, (taken, seed) in slowest.items()})
