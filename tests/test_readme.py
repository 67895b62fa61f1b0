"""The README says what the code says."""

import re
from pathlib import Path

import readme
import screenshot

import archs
from archs.tables.table import KINDS


def test_generated_parts_are_fresh():
    text = readme.README.read_text(encoding="utf-8")
    assert readme.generated(text) == text, "stale: run `python tests/readme.py`"


def test_everything_in_the_catalogue_is_mentioned():
    text = readme.README.read_text(encoding="utf-8")
    missing = [name for name in (*archs.names(), *KINDS) if f"`{name}`" not in text]
    assert not missing


def test_the_pictures_are_there_and_small():
    text = readme.README.read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert {Path(name).stem for name in shown} <= set(screenshot.PAGES)
    for name in shown:
        assert 10_000 < (readme.ROOT / name).stat().st_size <= screenshot.LIMIT


def test_ci_runs_the_test_command_of_the_readme():
    text = readme.README.read_text(encoding="utf-8")
    assert text.count("<!-- test command -->") == 1
    assert "<!-- test command -->" in (readme.ROOT / ".ci" / "run").read_text(encoding="utf-8")
