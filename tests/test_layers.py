"""The layers of the packages, as import-linter's contracts in pyproject.toml hold them, and light imports."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "pandas", "scipy", "networkx", "fvcore", "plotly", "streamlit")


def test_contracts_are_kept():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_a_table_is_counted_and_priced_without_the_heavy_packages():
    """They are imported where they are used, so that the packages and commands start fast."""
    code = f"""
import sys, archs, costmodel, explorer
costmodel.count(archs.build(archs.spec("mobilenet_v2")))
costmodel.predict("mobilenet_v2")
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_files_and_folders_stay_small_enough_to_read():
    packages = [ROOT / name for name in ("archs", "costmodel", "explorer")]
    files = [path for package in packages for path in package.rglob("*.py")]
    tests = list((ROOT / "tests").rglob("*.py"))
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in [*files, *tests]}
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > 350} == {}
    folders = Counter(path.parent for path in files if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): count for folder, count in folders.items() if count > 16} == {}


def test_a_public_class_name_has_one_meaning():
    """But for the modules of exported files, which have their operators' names, and a table's row of a linear layer."""
    exported = ROOT / "archs" / "interop" / "pytorch" / "helper_functions.py"
    files = [path for name in ("archs", "costmodel", "explorer") for path in (ROOT / name).rglob("*.py")]
    found = Counter(
        node.name
        for path in files
        if path != exported
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, count in found.items() if count > 1} == {"Linear"}
