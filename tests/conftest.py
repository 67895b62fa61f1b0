"""What every test file shares: where the repository is, and for those in a real browser the server and the browser."""

import gc
import os
import sys
import tempfile
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores: more threads than cores take four times as long
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test asserts a time, so neither a test nor a process that it starts waits for a quiet moment, which hardly comes
os.environ["CNN_COST_IMPATIENT"] = "1"

# The tests start hundreds of processes, each of which would compile every source again
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Scripts, not tests: `--doctest-modules` would import them, and with them what only they need
collect_ignore_glob = ["bench_*.py", "screenshot.py"]


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What a collection loads stays to the end: the garbage collector need not look through it, then or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _own_temporary_folder(tmp_path_factory):
    """The lock of timings and the classes lie in a folder of its own for each worker: none waits for another."""
    folder = str(tmp_path_factory.mktemp("temporary"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setenv("CNN_COST_DATA", f"{folder}/data")  # not the classes of whoever runs the tests
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="session")
def shared_profile(tmp_path_factory):
    """`shared_profile(name, make)`: a profile that the first worker to need it fits with `make`, and the others read."""
    from filelock import FileLock

    from costmodel import load_profile

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def profile(name, make):
        path = folder / f"{name}.json"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                make().save(path)
        return load_profile(path)

    return profile


@pytest.fixture(scope="session")
def made_up_profile(shared_profile):
    """Of a machine whose times are a straight line, fitted to 60 networks."""
    from support.synthetic_profiles import fitted

    return shared_profile("made_up_profile", fitted)


@pytest.fixture(scope="session")
def address():
    """The page's, on this machine."""
    from support.browser import server

    with server() as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    from support.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, address):
    """The page as it opens; what fails in it, fails the test."""
    from support.browser import open_page

    page = open_page(browser, address)
    failures = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    assert not failures
    assert page.get_by_test_id("stException").count() == 0
    page.close()
