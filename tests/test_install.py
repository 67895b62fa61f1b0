"""The installed package: its command runs outside the checkout and finds its data."""

import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command, cwd, **environment):
    found = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which the package was installed, from a copy of the tracked files."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    tracked = run("git", "ls-files", "-z", cwd=ROOT).split("\0")[:-1]
    for name in tracked:
        if name.startswith(("archs/", "costmodel/", "explorer/")) or "/" not in name:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation")
    run(*pip, "--target", str(target), str(source), cwd=target)
    return target


@pytest.mark.slow
def test_the_command_runs_outside_the_checkout(installed, tmp_path):
    found = run(str(installed / "bin" / "cnn-cost"), "predict", "mobilenet_v2", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "mobilenet_v2: " in found
    where = run(sys.executable, "-c", "import archs; print(archs.__file__)", cwd=tmp_path, PYTHONPATH=str(installed))
    assert Path(where.strip()).is_relative_to(installed)


def test_every_file_beside_the_code_is_package_data():
    """A file that a module reads is in the installed package; READMEs and the linter's settings stay behind."""
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    patterns = re.findall(r'"([^"]+)"', re.search(r'^"\*" = \[(.*)\]$', settings, re.MULTILINE)[1])
    folders = [ROOT / name for name in ("archs", "costmodel", "explorer")]
    tracked = run("git", "ls-files", "-z", *map(str, folders), cwd=ROOT).split("\0")[:-1]
    names = {Path(path).name for path in tracked if not path.endswith(".py")} - {"README.md", ".biome.json"}
    assert len(names) > 100
    assert [name for name in sorted(names) if not any(fnmatch(name, pattern) for pattern in patterns)] == []


@pytest.mark.slow
def test_data_and_types_are_installed_and_raw_timings_are_not(installed):
    names = {path.name for path in installed.rglob("*")}
    assert {"py.typed", "published.csv", "cpu.json", "cpu.validation.json", "guideline_experiments.csv"} <= names
    assert not [name for name in names if "raw.jsonl" in name]
    assert sum(path.stat().st_size for path in installed.rglob("*") if path.is_file()) < 20e6


@pytest.mark.slow
def test_the_first_calls_of_a_new_user_outside_the_checkout(installed, tmp_path):
    script = (ROOT / "tests" / "support" / "first_calls.py").read_text(encoding="utf-8")
    (tmp_path / "first_calls.py").write_text(script, encoding="utf-8")
    found = run(sys.executable, "first_calls.py", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "calls work" in found
