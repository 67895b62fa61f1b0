"""Oversized documents from outside: bounded time and memory, an error of ours, and nothing else.

Mutations of valid documents are in `test_mutated_inputs.py`.
"""

from __future__ import annotations

import contextlib
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from support.hostile_inputs import profile, read_timings, upload
from support.lab_runs import run_of

from archs import ArchError, Spec, bounded_json
from archs.tables.rows import Conv
from costmodel import CostError
from explorer.editing import designs, history_text, links
from explorer.lab import session_text
from explorer.lab.experiment import Settings

MAX_SECONDS = 2.0  # of this process; the least of three, because what shares its core slows a single one down
MAX_MEMORY = 300e6
PROFILE = profile() | {"warnings": []}
SLIM = {**PROFILE, "predictors": {}}


def text_of(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def many_blocks(number: int) -> str:
    """A short text of a network of 512 blocks."""
    rows = [Conv(stage=f"s{n}", channels=8 + number, repeat=64) for n in range(8)]
    return Spec(name="deep", rows=tuple(rows), resolution=32).to_json()


def runs_of_large_networks() -> str:
    run = run_of(["0", "1"], [(1.0, 2.0)] * 5)
    deep = [Spec.from_json(many_blocks(number)) for number in range(120)]
    runs = {(pair, Settings()): run for pair in zip(deep[::2], deep[1::2])}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(links, "MAX_BLOCKS", 10**9)  # more than a session packs
        return session_text.pack(session_text.StoredSession({}, runs))


OVERSIZED = {
    "2.9 million column numbers": (upload, lambda: text_of(SLIM | {"columns": [1] * 2_900_000})),
    "900,000 column numbers": (upload, lambda: text_of(SLIM | {"columns": [1] * 900_000})),
    "400,000 unknown keys": (upload, lambda: text_of(SLIM | {"regime": {str(n): 1 for n in range(400_000)}})),
    "400,000 predictors": (upload, lambda: text_of(SLIM | {"predictors": {str(n): {} for n in range(400_000)}})),
    "400,000 references": (upload, lambda: text_of(SLIM | {"references": [{}] * 400_000})),
    "a deep profile": (upload, lambda: b'{"format":"costmodel.profile/1","x":' + b"[" * 900 + b"]" * 900 + b"}"),
    "a spec of 70,000 keys": (Spec.from_json, lambda: text_of({"format": "archs.spec/1"} | {str(n): 1 for n in range(70_000)})),
    "a history of 60,000 versions": (
        history_text.unpack, lambda: json.dumps({"versions": [["a", 5]] * 60_000, "position": 0}),
    ),
    "a history of 200 networks of 512 blocks": (
        history_text.unpack,
        lambda: json.dumps({"versions": [["a", many_blocks(n), None] for n in range(200)], "position": 0, "linked": True}),
    ),
    "designs of 512 blocks": (
        designs.unpack, lambda: links.pack([[f"{n}", False, None, json.loads(many_blocks(n))] for n in range(50)]),
    ),
    "60 runs of networks of 512 blocks": (session_text.unpack, runs_of_large_networks),
    "device timings of 600,000 empty rows": (read_timings, lambda: b"network,latency_ms\n" + b",\n" * 600_000),
    "device timings of 400,000 columns": (read_timings, lambda: b"network,latency_ms" + b",x" * 400_000 + b"\n1"),
    "a session of 150,000 runs": (
        session_text.unpack, lambda: json.dumps({"version": "lab-kept/2", "orders": {}, "runs": [[1, 2, 3]] * 150_000}),
    ),
}  # fmt: skip


def seconds(read: Callable[[Any], object], content: object) -> float:
    """CPU time of a reading, the least of three."""
    taken = []
    for _ in range(3):
        started = time.process_time()
        with contextlib.suppress(ArchError, CostError):
            read(content)
        taken.append(time.process_time() - started)
    return min(taken)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (n > 0)) for n, name in enumerate(OVERSIZED)]
)
def test_oversized_documents_take_little(name):
    read, make = OVERSIZED[name]
    content = make()
    with pytest.raises((ArchError, CostError)) as refused:
        read(content)
    assert seconds(read, content) < MAX_SECONDS
    assert "\n" not in str(refused.value)
    tracemalloc.start()  # a second time, because it slows the first down
    try:
        with pytest.raises((ArchError, CostError)):
            read(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MAX_MEMORY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2, 3]", "allowed: 3"),
        ("[[[1]]]", "more than 2 levels"),
        ("[" * 100_000, "values|levels"),
        (json.dumps({str(n): 0 for n in range(300)}), "300 keys|values"),
    ],
)
def test_the_bounds_of_json(text, message):
    with pytest.raises(ValueError, match=message):
        bounded_json.loads(text, max_values=3 if "1" in text[:3] else 10**6, max_depth=2)


def test_a_profile_without_total_errors_is_refused():
    with pytest.raises(CostError, match="held_out"):
        upload(text_of(PROFILE | {"held_out": {}}))
