"""Every cache is registered with its reason, and `clear_all` empties them."""

import re
from pathlib import Path

import archs
import costmodel
import explorer
from archs import caching
from explorer.data.originals import paper

OF_THE_PACKAGE = (
    "costmodel.devices.",
    "explorer.data.",
    "explorer.editing.cells.",
    "explorer.figures.draw.",
    "explorer.lab.published.",
    "explorer.search.runs.published_front.",
)
"""Modules whose caches are of files, kinds of rows and templates."""


def test_no_cache_goes_past_the_registry():
    found = [
        f"{path.name}: {line.strip()}"
        for package in (archs, costmodel, explorer)
        for path in Path(package.__file__).parent.rglob("*.py")
        if path != Path(caching.__file__)
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\b(lru_cache|functools\.cache|import (.*, )?cache)\b", line)
    ]
    assert not found


def test_only_what_the_package_itself_holds_is_cached_without_a_bound():
    """A server's memory grew by 90 kB with every network whose stages had names of their own."""
    unbounded = [cache.name for cache in caching.caches() if cache.size is None]
    assert not [name for name in unbounded if not name.startswith(OF_THE_PACKAGE)]


def test_a_full_store_is_emptied():
    store = caching.Store("test store", 2, "a test")
    for number in range(5):
        store[number] = number
        assert len(store) <= 2
        assert store.get(number) == number


def test_a_cache_is_emptied_and_computes_again():
    calls = []

    @caching.cached(2, "a test")
    def double(number: int) -> int:
        calls.append(number)
        return 2 * number

    assert [double(3), double(3)] == [6, 6]
    assert calls == [3]
    paper(archs.spec("mobilenet_v2"))
    caching.clear_all()
    assert double(3) == 6
    assert calls == [3, 3]
    named = {cache.name: cache for cache in caching.caches()}
    assert named["explorer.data.originals.paper"].size == 512
    assert all(cache.reason for cache in named.values())
