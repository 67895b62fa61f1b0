"""Seeded mutations of valid documents, and strings that attack whatever shows them."""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import Any

HOST = "http://sentinel.invalid"
"""No test may see a request to it, or a link to it."""

ACTIVE = (
    "a[href*=sentinel], a[href^=mailto], a[href^=javascript], [data-testid=stApp] img, iframe[src*=sentinel], "
    "[data-testid=stApp] svg a, embed, object"
)
"""What a text from outside may never become in a page, as a CSS selector."""
FORMULA = ".katex"
"""Neither, on pages that have none of their own."""

STRINGS = (
    f"![x]({HOST}/a.png)",
    f"[click]({HOST})",
    f"<{HOST}>",
    f"{HOST}/bare",
    "www.sentinel.invalid",
    "a@sentinel.invalid",
    f"[x][1]\n\n[1]: {HOST}",
    f"![x][1]\n\n[1]: {HOST}/b.png",
    f"<img src={HOST}/c.png onerror=alert(1)>",
    f"<script src={HOST}/d.js></script>",
    f"<a href='{HOST}'>x</a>",
    f"<iframe src='{HOST}'></iframe>",
    "<svg/onload=window.executed=1>",
    "javascript:window.executed=1",
    "[x](javascript:window.executed=1)",
    f"<style>@import '{HOST}/e.css'</style>",
    "# heading",
    "**bold** _it_ ~~x~~",
    "`code` ``` fence",
    "$x^2$ $$y$$",
    ":red[x] :material/home: :smile:",
    ":red-background[x]",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "> quote\n- item\n1. item",
    "\\[x](y) \\",
    "    indented",
    "=HYPERLINK(1)",
    "+1-2",
    "@SUM(1)",
    "\u202egnp.exe\u0000\u0007",
    "&lt;img src=x&gt; &#104;",
    "{{7*7}} ${7*7} %s %(x)s",
)

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**300, -0.5, 1e308, 1e-308, float("nan"), float("inf"), "", "cpu",
    "__import__('os').system('true')", [], {}, [[]], [1] * 3000, {"a": 1}, {str(n): n for n in range(300)},
    "x" * 20_000, "\ud800", *STRINGS,
)  # fmt: skip


def mutated_json(data: Any, rng: Random) -> str:
    """The document as text with one to three places changed."""
    data = json.loads(json.dumps(data))
    for _ in range(rng.randint(1, 3)):
        data = _changed(data, rng)
    text = json.dumps(data)
    return text if rng.random() < 0.8 else mutated_text(text, rng)


def _changed(item: Any, rng: Random) -> Any:
    if not isinstance(item, (dict, list)) or not item or rng.random() < 0.15:
        return deepcopy(rng.choice(VALUES))
    keys = list(item) if isinstance(item, dict) else range(len(item))
    key = rng.choice(keys)
    action = rng.random()
    if action < 0.1:
        del item[key]
    elif action < 0.2:
        if isinstance(item, dict):
            item[rng.choice(STRINGS)] = deepcopy(rng.choice(VALUES))
        else:
            item.insert(key, deepcopy(rng.choice(VALUES)))
    else:
        item[key] = _changed(item[key], rng)
    return item


def mutated_text(text: str, rng: Random) -> str:
    """The text cut, repeated, or with characters changed."""
    if not text:
        return rng.choice(STRINGS)
    at, to = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    return rng.choice(
        (
            lambda: text[:at],
            lambda: text[:at] + text[to:],
            lambda: text[:to] + text[at:],
            lambda: text[:at] + chr(rng.choice((0, 9, 34, 44, 91, 92, 123, 955, 0x202E, 0x1F600))) + text[at:],
            lambda: text[:at] + rng.choice(STRINGS) + text[at:],
            lambda: text[:at] + text[at:to] * 20 + text[to:],
        )
    )()


def mutated_bytes(content: bytes, rng: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 50))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.randrange(len(changed))] if rng.random() < 0.2 else changed)
