"""axe-core in a page of the browser tests: fetched once from npm, pinned by version and digest. The product has none."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from support.browser import ROOT

VERSION = "4.14.1"
DIGEST = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
"""SHA-256 of npm's archive."""
CACHE = ROOT / ".pytest_cache" / f"axe-core-{VERSION}.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SERIOUS = ("serious", "critical")


@lru_cache(1)
def source() -> str:
    """axe-core's script."""
    if not CACHE.exists():
        npm = shutil.which("npm")
        assert npm, "npm is not installed; it fetches axe-core for this test"
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [npm, "pack", "--silent", f"axe-core@{VERSION}"],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=300,
            )
            (archive,) = Path(folder).iterdir()
            content = archive.read_bytes()
        assert hashlib.sha256(content).hexdigest() == DIGEST, "npm's archive is not the one that was pinned"
        with tarfile.open(fileobj=io.BytesIO(content)) as files:
            script = files.extractfile("package/axe.min.js")
            assert script
            CACHE.parent.mkdir(exist_ok=True)
            draft = CACHE.with_suffix(f".{os.getpid()}")  # another worker may fetch it too
            draft.write_bytes(script.read())
            draft.replace(CACHE)
    return CACHE.read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """The serious and critical violations on the page, one line each with its elements."""
    page.evaluate(source())
    found: list[dict[str, Any]] = page.evaluate(
        "values => axe.run({ runOnly: { type: 'tag', values }, resultTypes: ['violations'] }).then(done => done.violations)",
        RULES,
    )
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: "
        + " | ".join(node["html"][:160] for node in each["nodes"][:4])
        for each in found
        if each["impact"] in SERIOUS
    ]
