"""Read JSON from untrusted sources in time and memory linear in its length, with a bound on values and depth.

A key that stands twice in an object is refused: Python's reader keeps the last value and drops the others.

Validators such as pydantic collect an error of about a kilobyte per invalid value, so that the number of values has to
be bounded before validation. Start at `loads`.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from archs.errors import shorten

MAX_DEPTH = 32
MAX_KEYS = 256  # of one object


def loads(text: str | bytes, max_values: int, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text with at most `max_values` values, at most `max_depth` levels, MAX_KEYS keys per object.

    Raises ValueError for any other text. The number of values is bounded by the commas and brackets of the text,
    including those in strings, before anything is built.

    >>> loads("[1, [2]]", max_values=4)
    [1, [2]]
    >>> loads("[[[[1]]]]", max_values=9, max_depth=3)
    Traceback (most recent call last):
    ValueError: nested more than 3 levels deep
    >>> loads('{"width": 1, "width": 2}', max_values=9)
    Traceback (most recent call last):
    ValueError: the key 'width' stands twice in an object; allowed: once
    """
    text = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    found = 1 + sum(text.count(mark) for mark in (b",", b"[", b"{"))
    if found > max_values:
        raise ValueError(f"up to {found:,} values; allowed: {max_values:,}")
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise ValueError("not a JSON text: it has bytes that are no text") from None
    except json.JSONDecodeError as error:
        if not text.strip():
            raise ValueError("found an empty text; allowed: a JSON text") from None
        raise ValueError(f"not a JSON text: {error}; a text that was cut off?") from None
    except RecursionError:
        raise ValueError(f"nested more than {max_depth} levels deep") from None
    _check_structure(data, max_depth)
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {shorten(twice)} stands twice in an object; allowed: once")
    return found


def _check_structure(data: Any, max_depth: int) -> None:
    level = [data]
    for _ in range(max_depth + 1):
        level = [child for item in level if isinstance(item, (dict, list)) for child in _children(item)]
        if not level:
            return
    raise ValueError(f"nested more than {max_depth} levels deep")


def _children(item: dict | list) -> list[Any]:
    if isinstance(item, list):
        return item
    if len(item) > MAX_KEYS:
        raise ValueError(f"an object with {len(item):,} keys; allowed: {MAX_KEYS}")
    return list(item.values())
