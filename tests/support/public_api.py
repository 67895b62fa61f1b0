"""The public names of archs, costmodel and explorer with their signatures, one per line.

`python tests/support/public_api.py --write` records them in `tests/public_api.txt`.
"""

import inspect
import sys
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "tests" / "public_api.txt"


def public_api() -> str:
    """The lines of `tests/public_api.txt`."""
    import archs
    import costmodel
    import explorer

    lines = []
    for package in (archs, costmodel, explorer, explorer.figures):
        for name in package.__all__:
            lines.append(f"{package.__name__}.{name}{_form(getattr(package, name))}")
    return "\n".join(lines) + "\n"


def _form(value: object) -> str:
    value = inspect.unwrap(value) if callable(value) else value
    if inspect.isfunction(value):
        return str(inspect.signature(value))
    if isinstance(value, type):
        members = [n for n, m in vars(value).items() if not n.startswith("_") and _shown(m)]
        members += [n for n in getattr(value, "__annotations__", {}) if not n.startswith("_") and n not in members]
        return f": class with {', '.join(sorted(members))}" if members else ": class"
    return f": {type(value).__name__}"


def _shown(member: object) -> bool:
    return callable(member) or isinstance(member, (property, cached_property, staticmethod))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if "--write" in sys.argv:
        RECORD.write_text(public_api(), encoding="utf-8")
    else:
        print(public_api(), end="")
