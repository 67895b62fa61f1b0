"""The one direction of imports: archs ← costmodel ← explorer ← app.py, and Streamlit only in the page layer."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {"archs": {"archs"}, "costmodel": {"archs", "costmodel"}, "explorer": {"archs", "costmodel", "explorer"}}
FILES = sorted(path for package in ALLOWED for path in (ROOT / package).rglob("*.py"))
PAGE = {"panels", "pages", "state", "calibration_panel"}  # explorer's modules that draw the page


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    ours = {"archs", "costmodel", "explorer", "app"}
    assert set(imported(path)) & ours <= ALLOWED[package]
    if package != "explorer":
        assert not set(imported(path)) & {"streamlit", "plotly"}


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name == "archs"], ids=lambda p: p.name)
def test_tables_load_without_torch_and_without_pandas(path):
    """The heavy packages are imported where they are used, so that counting starts fast."""
    top = ast.parse(path.read_text(encoding="utf-8")).body
    names = {a.name.split(".")[0] for n in top if isinstance(n, ast.Import) for a in n.names}
    names |= {(n.module or "").split(".")[0] for n in top if isinstance(n, ast.ImportFrom)}
    assert not names & {"torch", "pandas", "fvcore", "numpy"}
