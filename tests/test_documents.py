"""The documents say what the code says."""

import importlib
import re
import subprocess
import sys
import warnings
from pathlib import Path

import documents
import pdoc
import pytest
import screenshot

import archs
from archs.tables.rows import KINDS

README = documents.ROOT / "README.md"
TESTS = documents.ROOT / "tests"


def _name(path: Path) -> str:
    return str(path.relative_to(documents.ROOT))


def _marked(path: Path):
    """The document of the search replays NetAdapt, which takes over five seconds."""
    return pytest.param(path, marks=pytest.mark.slow) if path.parent.name == "search" else path


@pytest.mark.parametrize("path", [_marked(path) for path in documents.DOCUMENTS], ids=_name)
def test_generated_parts_are_fresh(path):
    text = path.read_text(encoding="utf-8")
    assert documents.generated(text) == text, "stale: run `python tests/documents.py`"


def test_every_generated_part_stands_in_one_document():
    texts = [path.read_text(encoding="utf-8") for path in documents.DOCUMENTS]
    assert {name: sum(f"<!-- {name} -->" in text for text in texts) for name in documents.PARTS} == dict.fromkeys(
        documents.PARTS, 1
    )


def test_everything_in_the_catalogue_is_mentioned():
    text = README.read_text(encoding="utf-8")
    missing = [name for name in (*archs.names(), *KINDS) if f"`{name}`" not in text]
    assert not missing


def test_the_readme_is_one_page():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 160


def test_the_python_example_runs():
    text = README.read_text(encoding="utf-8").partition("<!-- example -->")[2]
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], {})


@pytest.mark.parametrize("path", documents.DOCUMENTS, ids=_name)
def test_links_lead_to_files(path):
    for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / link).exists(), link


def test_the_pictures_are_there_and_small():
    pictures = {
        picture for path in documents.DOCUMENTS for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", path.read_text())
    }
    assert {Path(name).stem for name in pictures} <= set(screenshot.PAGES)
    for picture in (documents.ROOT / ".github").glob("*.png"):
        assert 10_000 < picture.stat().st_size <= screenshot.LIMIT


def test_ci_runs_the_test_command_of_the_readme():
    assert README.read_text(encoding="utf-8").count("<!-- test command -->") == 1
    assert "<!-- test command -->" in (documents.ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.slow  # a process each
@pytest.mark.parametrize("path", sorted(TESTS.glob("bench_*.py")), ids=lambda path: path.stem)
def test_a_benchmark_starts_from_any_folder_and_can_record(path, tmp_path):
    found = subprocess.run([sys.executable, str(path), "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert "--record" in found.stdout


@pytest.mark.slow
def test_the_api_reference_has_every_public_name(tmp_path):
    """As `python -m pdoc` with these modules writes it; a module that does not import is a warning."""
    packages = ("archs", "costmodel", "explorer")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Error parsing type annotation")  # of names imported for type checkers only
        pdoc.pdoc(*packages, "archs.tables.rows", output_directory=tmp_path)
    for package in packages:
        text = (tmp_path / f"{package}.html").read_text(encoding="utf-8")
        names = [name for name in importlib.import_module(package).__all__ if name not in ("rows", "figures")]
        assert [name for name in names if f'id="{name}"' not in text] == []
    rows = (tmp_path / "archs" / "tables" / "rows.html").read_text(encoding="utf-8")
    assert all(f'id="{row.__name__}"' in rows for row in KINDS.values())
