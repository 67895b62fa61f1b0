"""A sweep: many random networks of a space, counted and priced, in Parquet parts that a killed run continues.

A part's rows follow from the space, the seed, the profile and the part's number alone, so a part that is there is
complete and is never written again, and its bytes do not depend on which run wrote it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import costmodel
from archs import ArchError
from archs.caching import cached
from archs.errors import shorten
from explorer.search.cluster import results
from explorer.search.logs.plan_log import reason_of
from explorer.search.objectives import price_each
from explorer.search.space import Space
from explorer.search.spaces import space as space_of

if TYPE_CHECKING:
    import pandas

FORMAT = "explorer.sweep/1"
PART = 1000
"""Networks per file."""


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


def sweep(
    made: Plan,
    out: Path,
    workers: int = 2,
    progress: Callable[[int, float], None] = lambda *_: None,
    scheduler: str | None = None,
) -> int:
    """Write the parts that `out` lacks and return how many networks were added.

    Workers compute parts, processes here or those of the Dask scheduler at an address; this process alone says which,
    and writes them. `progress` is called with the networks that are done and the networks per second of this run.
    Raises ArchError where the folder holds another sweep or a worker was killed, and OSError for a disk that is full;
    parts that were written stay.
    """
    out.mkdir(parents=True, exist_ok=True)
    _claim(made, out)
    absent = missing(made, out)
    done, added, started = made.samples - sum(size for _, size in absent), 0, time.monotonic()
    for number, size, content in results(part, [(made, *one) for one in absent], workers, scheduler):
        _write(_path(out, number), content)
        added += size
        progress(done + added, added / max(1e-9, time.monotonic() - started))
    return added


def missing(made: Plan, out: Path) -> list[tuple[int, int]]:
    """(number, size) of the parts that the folder lacks."""
    return [(number, size) for number, size in made.parts() if not _path(out, number).exists()]


def part(made: Plan, number: int, size: int) -> tuple[int, int, bytes]:
    """One part: its number, its size, its file's content."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(rows_of(made, number, size), schema=_schema(made))
    content = pa.BufferOutputStream()
    pq.write_table(table, content)
    return number, size, content.getvalue().to_pybytes()


def _write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    draft = path.with_suffix(f".draft-{os.getpid()}")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def rows_of(made: Plan, number: int, size: int) -> list[dict[str, Any]]:
    """The rows of a part: digest, genome, latency, counts; a network that has no price has its `problem` instead."""
    space, profile = _loaded(made.space, made.profile, made.fingerprint)
    rng = Random(f"{made.seed}/{number}")
    genomes = [space.draw(rng) for _ in range(size)]
    graphs = [space.graph(genome) for genome in genomes]
    totals = costmodel.count_many(graphs)
    rows = []
    for place, (genome, total, found) in enumerate(zip(genomes, totals, price_each(graphs, profile))):
        row = {"number": number * PART + place, "digest": space.digest(genome), "genome": list(genome)}
        row |= {"mult_adds": total.mult_adds, "params": total.params, "mem_access": total.mem_access}
        ms, low, high = (None, None, None) if isinstance(found, costmodel.CostError) else found
        row |= {"latency_ms": ms, "low_ms": low, "high_ms": high}
        rows.append(row | {"problem": str(found) if isinstance(found, costmodel.CostError) else ""})
    return rows


@cached(2, "each part of a sweep is made with the same space and profile")
def _loaded(space: str, profile: str, wanted: str) -> tuple[Space, costmodel.DeviceProfile]:
    """Raises ArchError where this machine's profile of that name is not the one that the sweep began with."""
    loaded = costmodel.load_profile(profile)
    if (found := fingerprint(loaded)) != wanted:
        raise ArchError(f"profile {profile} has changed: found fingerprint {found[:12]}; the sweep's is {wanted[:12]}")
    return space_of(space), loaded


def read_part(path: Path, space: Space) -> pandas.DataFrame:
    """The rows of a part. Raises ArchError for a file that is damaged, of another version or of another space."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, partitioning=None)
        if table.schema.remove_metadata() != _fields():
            raise ArchError(
                f"found columns {', '.join(table.schema.names)[:150]}; allowed: {', '.join(_fields().names)}"
            )
        rows = table.to_pandas()
        for genome in rows["genome"]:
            space.check(genome.tolist())
    except (pa.ArrowException, OSError, ValueError, TypeError, AttributeError) as error:
        advice = "remove it, and the same sweep makes it again"
        raise ArchError(f"{path} is no part of a sweep of {space.name} ({reason_of(error)}); {advice}") from None
    return rows


def _fields() -> Any:
    import pyarrow as pa

    integers = [(name, pa.int64()) for name in ("mult_adds", "params", "mem_access")]
    floats = [(name, pa.float64()) for name in ("latency_ms", "low_ms", "high_ms")]
    columns = [("number", pa.int64()), ("digest", pa.string()), ("genome", pa.list_(pa.int16())), *integers, *floats]
    return pa.schema([*columns, ("problem", pa.string())])


def _schema(made: Plan) -> Any:
    return _fields().with_metadata({"sweep": json.dumps(asdict(made))})


def _path(out: Path, number: int) -> Path:
    return out / f"part-{number:06d}.parquet"


def _claim(made: Plan, out: Path) -> None:
    """Note the plan in the folder, or check that it is the one that is noted there."""
    path, text = out / "sweep.json", json.dumps(asdict(made), indent=1) + "\n"
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    elif (found := path.read_bytes()) != text.encode():
        held = shorten(found.decode(errors="replace"))
        raise ArchError(f"{out} holds another sweep ({held}); allowed: its plan, or another folder")
    for draft in out.glob("*.draft-*"):
        draft.unlink()
