"""Loads this folder's JavaScript and CSS as text for `st.components.v2.component`."""

from __future__ import annotations

import re
from pathlib import Path

from archs.caching import cached

FOLDER = Path(__file__).parent
IMPORT = re.compile(r'^import .* from "\./(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


@cached(32, "every page run mounts the same components")
def script(name: str) -> str:
    """`name.js` as one module: Streamlit mounts a component's script without a base address to import from.

    Imported files come first, each once; the top-level names of a bundle have to differ.
    """
    return "\n".join(EXPORT.sub("", IMPORT.sub("", _text(f"{one}.js"))) for one in modules(name))


def modules(name: str) -> list[str]:
    """The files of a bundle, without suffix, in the order of their use."""
    found: list[str] = []
    for imported in IMPORT.findall(_text(f"{name}.js")):
        found += [one for one in modules(imported) if one not in found]
    return [*found, name]


@cached(32, "every page run mounts the same components")
def style(*names: str) -> str:
    """The CSS files in a row."""
    return "\n".join(_text(f"{name}.css") for name in names)


def _text(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf-8")
