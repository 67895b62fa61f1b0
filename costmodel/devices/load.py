"""The shipped profiles of whole networks, and their reader for `costmodel.load_profile`."""

from __future__ import annotations

from pathlib import Path

from archs.caching import cached
from costmodel.devices.profile import FORMAT, WholeNetworkProfile
from costmodel.errors import CostError
from costmodel.latency import profile as latency

SHIPPED = Path(__file__).with_name("profiles")


def register() -> None:
    """Make `costmodel.load_profile` and `costmodel.predict` take profiles of whole networks."""
    latency.READERS[FORMAT] = WholeNetworkProfile.model_validate
    if SHIPPED not in latency.FOLDERS:
        latency.FOLDERS.append(SHIPPED)


def names() -> tuple[str, ...]:
    """The shipped profiles of whole networks."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.json")))


def load(name: str) -> WholeNetworkProfile:
    """A shipped profile of whole networks. Raises CostError for an unknown name."""
    path = SHIPPED / f"{name}.json"
    if Path(name).name != name or not path.is_file():  # a page asks for many: no listing of the folder
        raise CostError(f"device: found {name[:60]!r}; allowed: {', '.join(names())[:400]}")
    return _load(path, path.stat().st_mtime_ns)


@cached(256, "all that are shipped; a page lists them with their errors")
def _load(path: Path, written: int) -> WholeNetworkProfile:
    found = latency.read_profile(path.read_bytes(), path.name)
    assert isinstance(found, WholeNetworkProfile)
    return found
