"""Caches with a name, a size and a reason each, and `clear_all()` for tests.

`cached` is `functools.lru_cache` that is registered here. Its arguments are keys: frozen values that compare by value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Cache(NamedTuple):
    """A registered cache: where it is, how many results it holds (None: all), why it exists, how to empty it."""

    name: str
    size: int | None
    reason: str
    clear: Callable[[], None]


_caches: dict[str, Cache] = {}


def cached(size: int | None, reason: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Keep the last `size` results of a function, or all with None; `reason` says which repeated calls it saves.

    >>> @cached(8, "an example")
    ... def square(number: int) -> int:
    ...     return number * number
    >>> square(3), [cache.reason for cache in caches() if cache.name.endswith("square")]
    (9, ['an example'])
    """

    def register_function(function: Callable[P, T]) -> Callable[P, T]:
        wrapped = lru_cache(size)(function)
        register(f"{function.__module__}.{function.__qualname__}", size, reason, wrapped.cache_clear)
        return wrapped  # type: ignore[return-value]  # lru_cache's wrapper does not carry the parameters

    return register_function


def register(name: str, size: int | None, reason: str, clear: Callable[[], None]) -> None:
    """Register a store that is no function's cache, so that `clear_all` empties it too."""
    _caches[name] = Cache(name, size, reason, clear)


class Store(dict[K, V]):
    """A registered store whose entries can be computed again: it is emptied where one more than `size` comes.

    Read it with `get`: another thread may empty it at any moment.
    """

    def __init__(self, name: str, size: int, reason: str):
        super().__init__()
        self.size = size
        register(name, size, reason, self.clear)

    def __setitem__(self, key: K, value: V) -> None:
        if len(self) >= self.size:
            self.clear()
        super().__setitem__(key, value)


def caches() -> tuple[Cache, ...]:
    """Every registered cache of the modules imported so far, by name."""
    return tuple(_caches[name] for name in sorted(_caches))


def clear_all() -> None:
    """Empty every registered cache."""
    for cache in caches():
        cache.clear()
