"""A sweep: many random networks of a space, counted and priced, in Parquet parts that a killed run continues.

A part's rows follow from the space, the seed, the profile and the part's number alone, so a part that is there is
complete and is never written again, and its bytes do not depend on which run wrote it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import costmodel
from archs import ArchError
from archs.caching import cached
from archs.errors import shorten
from explorer.search.objectives import price
from explorer.search.space import Space
from explorer.search.spaces import space as space_of

FORMAT = "explorer.sweep/1"
PART = 1000
"""Networks per file."""
WINDOW = 2
"""Parts that wait per worker: a space of any size takes no more memory."""


@dataclass(frozen=True)
class Plan:
    """What a sweep is: equal plans give equal rows."""

    space: str
    samples: int
    seed: int
    profile: str
    fingerprint: str
    """SHA-256 of the profile, so that parts of another are not continued."""
    format: str = FORMAT

    def parts(self) -> list[tuple[int, int]]:
        """(number, networks) of each part."""
        return [(first // PART, min(PART, self.samples - first)) for first in range(0, self.samples, PART)]


def plan(space: str, samples: int, seed: int, profile: str) -> Plan:
    """The plan of a sweep. Raises ArchError or CostError for a space or a profile that is none."""
    space_of(space)
    if samples < 1:
        raise ArchError(f"samples is {samples}; allowed: at least 1")
    return Plan(space, samples, seed, profile, fingerprint(costmodel.load_profile(profile)))


def fingerprint(profile: costmodel.DeviceProfile) -> str:
    """SHA-256 of a profile's content."""
    return sha256(json.dumps(profile.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def sweep(made: Plan, out: Path, workers: int = 2, progress: Callable[[int, float], None] = lambda *_: None) -> int:
    """Write the parts that `out` lacks and return how many networks were added.

    `progress` is called with the networks that are done and the networks per second of this run. Raises ArchError where
    the folder holds another sweep, and OSError for a disk that is full; parts that were written stay.
    """
    out.mkdir(parents=True, exist_ok=True)
    _claim(made, out)
    missing = [(number, size) for number, size in made.parts() if not _path(out, number).exists()]
    done, added, started = made.samples - sum(size for _, size in missing), 0, time.monotonic()
    for size in _parts(made, out, missing, workers):
        added += size
        progress(done + added, added / max(1e-9, time.monotonic() - started))
    return added


def _parts(made: Plan, out: Path, missing: list[tuple[int, int]], workers: int) -> Iterator[int]:
    """The size of each part as it is written."""
    if workers == 1:
        for number, size in missing:
            yield write_part(made, out, number, size)
        return
    remaining = iter(missing)
    running: set[Future[int]] = set()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while True:
            while len(running) < WINDOW * workers and (part := next(remaining, None)):
                running.add(pool.submit(write_part, made, out, *part))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()


def write_part(made: Plan, out: Path, number: int, size: int) -> int:
    """Write one part, whole or not at all, and return its size."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = rows_of(made, number, size)
    table = pa.Table.from_pylist(rows, schema=_schema(made))
    path = _path(out, number)
    draft = path.with_suffix(f".draft-{os.getpid()}")
    try:
        pq.write_table(table, draft)
        os.replace(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    return size


def rows_of(made: Plan, number: int, size: int) -> list[dict[str, Any]]:
    """The rows of a part: digest, genome, latency, counts; a network that has no price has its `problem` instead."""
    space, profile = _loaded(made.space, made.profile)
    rng = Random(f"{made.seed}/{number}")
    genomes = [space.draw(rng) for _ in range(size)]
    graphs = [space.graph(genome) for genome in genomes]
    totals = costmodel.count_many(graphs)
    prices: list[tuple[float, float, float] | str]
    try:
        prices = list(price(graphs, profile))
    except costmodel.CostError:
        prices = [_price_or_problem(graph, profile) for graph in graphs]
    rows = []
    for place, (genome, total, found) in enumerate(zip(genomes, totals, prices)):
        row = {"number": number * PART + place, "digest": space.digest(genome), "genome": list(genome)}
        row |= {"mult_adds": total.mult_adds, "params": total.params, "mem_access": total.mem_access}
        ms, low, high = (None, None, None) if isinstance(found, str) else found
        row |= {"latency_ms": ms, "low_ms": low, "high_ms": high}
        rows.append(row | {"problem": found if isinstance(found, str) else ""})
    return rows


def _price_or_problem(graph: Any, profile: costmodel.DeviceProfile) -> tuple[float, float, float] | str:
    try:
        return price([graph], profile)[0]
    except costmodel.CostError as error:
        return str(error)


@cached(2, "each part of a sweep is made with the same space and profile")
def _loaded(space: str, profile: str) -> tuple[Space, costmodel.DeviceProfile]:
    return space_of(space), costmodel.load_profile(profile)


def _schema(made: Plan) -> Any:
    import pyarrow as pa

    integers = [(name, pa.int64()) for name in ("mult_adds", "params", "mem_access")]
    floats = [(name, pa.float64()) for name in ("latency_ms", "low_ms", "high_ms")]
    columns = [("number", pa.int64()), ("digest", pa.string()), ("genome", pa.list_(pa.int16())), *integers, *floats]
    return pa.schema([*columns, ("problem", pa.string())], metadata={"sweep": json.dumps(asdict(made))})


def _path(out: Path, number: int) -> Path:
    return out / f"part-{number:06d}.parquet"


def _claim(made: Plan, out: Path) -> None:
    """Note the plan in the folder, or check that it is the one that is noted there."""
    path, text = out / "sweep.json", json.dumps(asdict(made), indent=1) + "\n"
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    elif (found := path.read_text(encoding="utf-8")) != text:
        raise ArchError(f"{out} holds another sweep ({shorten(found)}); allowed: its plan, or another folder")
    for draft in out.glob("*.draft-*"):
        draft.unlink()
