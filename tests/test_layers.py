"""The layers of the packages, as import-linter's contracts in pyproject.toml hold them, and light imports."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "pandas", "fvcore", "plotly", "streamlit")


def test_contracts_are_kept():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_a_table_is_built_and_counted_without_the_heavy_packages():
    """They are imported where they are used, so that counting starts fast."""
    code = f"""
import sys, archs, costmodel
costmodel.count(archs.build(archs.spec("mobilenet_v2")))
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
