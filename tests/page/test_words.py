"""Plain words: no text of the page, the reports or the command line has a phrase of our own for a term of the field."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from unicodedata import east_asian_width

from support.browser import ROOT

PRIVATE = (
    "another machine's",
    "Milliseconds of",
    "strains",
    "no other beats",
    "its paper has not",
    "1 % off",
    "as paper",
    "found None",
    "widen scope",
    "hands on",
    "knobs: α",
    "like cards",
    "do not one",
    "is not paid for",
    "goes with",
    "go with",
    "has it at once",
    "believe it",
    "What held here",
    "Think about it",
    "next to n",
    "in no time",
    "no discernible latency cost (section 5.3); what",
    "from here on",
    "thins",
    "judges itself",
    "is to hold",
    "off by",
    "gets back",
    "hands fewer",
    "can be told",
    "tell two numbers",
    "off equal FLOPs",
    "more or less",
    "a change of the seed",
    'over the first"',
    "thread(s)",
)
FILES = [
    path
    for folder in ("page", "lab", "figures", "views", "cli", "jobs", "data", "editing")
    for path in sorted((ROOT / "explorer" / folder).rglob("*.py"))
]


def words(path: Path) -> str:
    """All string literals of a file except its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare
    ]
    return "\n".join(texts)


def test_no_private_phrase():
    found = [
        f"{path.relative_to(ROOT)}: {phrase}"
        for path in FILES
        for text in [words(path)]
        for phrase in PRIVATE
        if phrase in text
    ]
    assert found == []


PERCENT = re.compile(r"(?<!calc\(10)\d%|^percent$", re.MULTILINE)
"""A number, or a format of one, whose sign stands without a space; Streamlit's own format of a column."""


def test_a_percent_sign_stands_after_a_space():
    """43 % in one place was 43% in another. `explorer.data.metrics.percent` writes shares."""
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for folder in ("archs", "costmodel", "explorer")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for match in PERCENT.finditer(words(path))
    ]
    assert found == []


def test_no_sign_is_a_full_width_one():
    """The full-width signs of plus and minus were empty boxes where the font lacks them."""
    found = [
        f"{path.relative_to(ROOT)}: {sign}" for path in FILES for sign in words(path) if east_asian_width(sign) in "FW"
    ]
    assert found == []


def test_an_exponent_is_raised():
    """(latency / target)^w: a caret where the page has exponents of its own. LaTeX has its carets between signs."""
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}" for path in FILES for match in re.finditer(r"\)\^\w", words(path))
    ]
    assert found == []
