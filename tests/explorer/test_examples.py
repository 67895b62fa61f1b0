"""The examples are short, run as scripts, and print what they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import explorer

EXAMPLES = sorted((Path(explorer.__file__).parent / "examples").glob("*.py"))
EXPECTED = {"count_and_export": "import torch", "fit_a_budget": "% top-1", "own_network": "multiply-adds"}


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(explorer.__file__).parent.parent)}
    command = [sys.executable, "-W", "error", str(path)]
    found = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120, check=False
    )
    assert found.returncode == 0, found.stderr
    assert EXPECTED[path.stem] in found.stdout


def test_there_are_three_of_at_most_25_lines():
    assert {path.stem for path in EXAMPLES} == set(EXPECTED)
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 25 for path in EXAMPLES)
