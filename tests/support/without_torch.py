"""What runs without torch, under any Python: every file compiles, and the doctests of `archs` pass.

A script for interpreters that have numpy and pydantic alone: python tests/support/without_torch.py
"""

from __future__ import annotations

import doctest
import sys
import warnings
from importlib import import_module, util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("archs", "costmodel", "explorer")
MODULES_WITH_TORCH = ("archs.interop", "archs.transforms.weights", "archs.transforms.match_weights")
NEED_TORCH = ("torch", "to_module", "from_source", "to_onnx")
"""Words of an example that runs a network."""


def compiled() -> int:
    """Compile every file with warnings as errors; the number of files. Raises SyntaxError or a warning."""
    paths = [ROOT / "app.py", *[path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]]
    for path in paths:
        compile(path.read_bytes(), str(path), "exec")
    return len(paths)


def examined() -> tuple[int, int]:
    """(examples run, examples failed) of the modules of `archs` that need no torch."""
    tried = failed = 0
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for path in sorted((ROOT / "archs").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name.startswith(MODULES_WITH_TORCH):
            continue
        for test in doctest.DocTestFinder(exclude_empty=True).find(import_module(name)):
            if not any(word in example.source for example in test.examples for word in NEED_TORCH):
                found = runner.run(test)
                tried, failed = tried + found.attempted, failed + found.failed
    return tried, failed


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    warnings.simplefilter("error")
    files = compiled()
    examples, failures = examined()
    torch = "with" if util.find_spec("torch") else "without"
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version} {torch} torch: {files} files compile, {examples} examples, {failures} failed")
    sys.exit(bool(failures) or not examples)
