"""What every test file shares: where the repository is, and for those in a real browser the server and the browser."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Scripts, not tests: `--doctest-modules` would import them, and with them what only they need
collect_ignore_glob = ["bench_*.py", "screenshot.py"]


@pytest.fixture(scope="session")
def address():
    """The page's, on this machine."""
    from browser import server

    with server() as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    from browser import chromium

    with chromium() as browser:
        yield browser
