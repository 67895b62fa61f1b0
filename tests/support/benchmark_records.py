"""What a benchmark measured, as a row of `.github/BENCHMARKS.md`: date, revision, machine, figures."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / ".github" / "BENCHMARKS.md"


def record(benchmark: str, figures: Mapping[str, str]) -> None:
    """Append a row for `benchmark`; `figures` are texts with their units."""
    row = (
        date.today().isoformat(),
        revision(),
        machine(),
        benchmark,
        "; ".join(f"{k} {v}" for k, v in figures.items()),
    )
    with RECORDS.open("a", encoding="utf-8") as file:
        file.write("| " + " | ".join(row) + " |\n")


def revision() -> str:
    """The commit, with a plus sign where tracked files differ from it."""
    return _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "-uno") else "")


def machine() -> str:
    """Processor, cores and Python: figures of different machines are not compared."""
    return f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def processor() -> str:
    """The processor's name, without a registered trademark's decoration."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
