"""What only some systems have: glibc, /proc, file locks, page-fault counters. Without them, the rest works."""

import ast
import ctypes
import json
import os
import platform
import runpy
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path

import pytest
import torch

import archs
from archs.transforms.onnx_runtime import fuse
from costmodel.timing import fault_cost, heap, machine_lock, plain_child, stopwatch
from explorer.jobs import address_space

ROOT = Path(archs.__file__).parents[1]
SOURCES = sorted(path for name in ("archs", "costmodel", "explorer") for path in (ROOT / name).rglob("*.py"))
POSIX = {"fcntl", "grp", "pwd", "resource", "termios"}


@cache
def trees():
    """Every file of the packages, parsed as the oldest supported Python does."""
    found = []
    for path in SOURCES:
        with tokenize.open(path) as file:
            found.append((path, ast.parse(file.read(), str(path), feature_version=(3, 10))))
    return found


def test_modules_of_one_system_are_imported_where_their_absence_is_handled():
    found = []
    for path, tree in trees():
        for statement in tree.body:
            names = (
                {alias.name for alias in getattr(statement, "names", [])} if isinstance(statement, ast.Import) else ()
            )
            found += [f"{path.relative_to(ROOT)}: import {name}" for name in POSIX.intersection(names)]
    assert not found


def test_the_syntax_is_that_of_the_oldest_python():
    assert len(trees()) == len(SOURCES)


def test_files_are_read_in_one_encoding():
    """Windows reads text as cp1252 where no encoding is stated."""
    found = []
    for path, tree in trees():
        for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
            name = getattr(call.func, "attr", "")
            if name in ("read_text", "write_text") and "encoding" not in {k.arg for k in call.keywords}:
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert not found


def test_without_glibc_the_heap_is_left_as_it_is(monkeypatch):
    def absent(name):
        raise OSError(f"{name}: not found")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    assert not heap.keep_heap.__wrapped__()


def test_without_proc_a_processor_has_a_name(monkeypatch, tmp_path):
    monkeypatch.setattr(stopwatch, "Path", lambda path: tmp_path / "absent")
    assert stopwatch.processor(torch.device("cpu"))


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_a_system_that_counts_no_page_faults_has_no_cost_of_one(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    assert fault_cost.page_fault_us(tries=1) is None


@pytest.mark.parametrize(
    ("mapped", "libc", "library"),
    [
        ("7f00 r-xp /usr/lib/x86_64-linux-gnu/libc.so.6", "glibc", "glibc"),
        ("7f00 r-xp /usr/lib/x86_64-linux-gnu/libjemalloc.so.2", "glibc", "jemalloc"),
        ("7f00 r-xp /opt/lib/libtcmalloc_minimal.so.4", "glibc", "tcmalloc"),
        ("7f00 r-xp /lib/ld-musl-x86_64.so.1", "", f"that of {platform.system()}"),
        (None, "", f"that of {platform.system()}"),
    ],
)
def test_the_library_of_the_allocator_is_told(monkeypatch, tmp_path, mapped, libc, library):
    maps = tmp_path / "maps"
    if mapped is not None:
        maps.write_text(mapped, encoding="utf-8")
    monkeypatch.setattr(plain_child, "Path", lambda path: maps)
    monkeypatch.setattr(plain_child.platform, "libc_ver", lambda: (libc, ""))
    assert plain_child.allocator_library() == library


def test_another_allocator_has_no_cost_of_a_page_fault_and_its_name_in_a_profile(monkeypatch):
    for module in (fault_cost, heap):
        monkeypatch.setattr(module, "allocator_library", lambda: "jemalloc")
    assert fault_cost.page_fault_us(tries=1) is None
    assert stopwatch.Stopwatch().environment().allocator == "jemalloc"


def test_without_file_locks_timings_are_not_coordinated(monkeypatch):
    monkeypatch.setattr(machine_lock, "fcntl", None)
    with machine_lock.exclusive(), machine_lock.exclusive():
        assert machine_lock.holder() == ""


def test_without_resource_limits_a_job_runs(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    address_space.limit_memory()


def test_without_proc_no_memory_is_limited(monkeypatch, tmp_path):
    """A system such as macOS has limits of resources and no /proc."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    monkeypatch.setattr(address_space, "Path", lambda path: tmp_path / "absent")
    address_space.limit_memory()
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_without_proc_the_blocks_of_onnx_runtime_are_those_of_most_processors(monkeypatch, tmp_path):
    monkeypatch.setattr(fuse, "Path", lambda path: tmp_path / "absent")
    assert fuse.block_size() == 8


def test_what_a_newer_python_has_is_not_used():
    """Names that the standard library got after 3.10."""
    newer = {"tomllib", "ExceptionGroup", "Self", "StrEnum", "UTC", "file_digest", "assert_never", "add_note"}
    newer |= {"process_cpu_count", "sumprod", "cbrt", "LiteralString", "NotRequired", "override", "TaskGroup"}
    found = []
    for path, tree in trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)]
            names.append(node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", ""))
            found += [f"{path.relative_to(ROOT)}: {name}" for name in newer.intersection(names)]
    assert not found


def test_without_page_fault_counters_a_plain_process_times(monkeypatch, tmp_path, capsys):
    text = archs.to_source(archs.spec("mobilenet_v1", width=0.25, resolution=32))
    (tmp_path / "network.py").write_text(text, encoding="utf-8")
    wanted = {"file": str(tmp_path / "network.py"), "shape": [1, 3, 32, 32], "threads": 1, "seconds": 0.01}
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr(sys, "argv", ["plain_child.py", json.dumps(wanted)])
    runpy.run_path(plain_child.__file__, run_name="__main__")
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(found["faults"]) == {0}
    assert found["median_ms"] > 0


ONE_SYSTEM = {
    "os": {"fork", "killpg", "getpgid", "setsid", "getuid", "geteuid", "sched_getaffinity", "sysconf", "uname", "nice"}
    | {"fchmod", "mkfifo", "getloadavg", "wait4", "statvfs", "O_DIRECTORY", "O_NOFOLLOW"}
    | {"pread", "pwrite", "O_CLOEXEC", "sched_setaffinity", "register_at_fork", "getgrouplist", "chown"},
    "signal": {"SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGCHLD", "alarm", "setitimer", "pthread_kill", "sigwait"},
    "time": {"clock_gettime", "tzset"},
}
"""Names that Windows or macOS lacks, by module of the standard library."""
LOCK = {
    f"costmodel/timing/machine_lock.py: os.{name}" for name in ("O_CLOEXEC", "O_NOFOLLOW", "fchmod", "pread", "pwrite")
}
HANDLED = {
    "explorer/jobs/worker.py: signal.SIGKILL": "behind sys.platform",
    "explorer/jobs/address_space.py: os.sysconf": "behind the import of resource and the reading of /proc",
    **dict.fromkeys(LOCK, "behind the import of fcntl"),
}


def test_what_only_one_system_has_is_used_where_its_absence_is_handled():
    """A new use is either mended or entered here with the reason, and simulated below."""
    found = set()
    for path, tree in trees():
        for node in ast.walk(tree):
            module = getattr(getattr(node, "value", None), "id", "")
            if isinstance(node, ast.Attribute) and node.attr in ONE_SYSTEM.get(module, ()):
                found.add(f"{path.relative_to(ROOT).as_posix()}: {module}.{node.attr}")
            if isinstance(node, ast.ImportFrom) and node.module in ONE_SYSTEM:
                names = {alias.name for alias in node.names} & ONE_SYSTEM[node.module]
                found |= {f"{path.relative_to(ROOT).as_posix()}: {node.module}.{name}" for name in names}
    assert found == set(HANDLED)


ELSEWHERE = """
import os, signal, sys
import torch, numpy, pandas, scipy.linalg, streamlit, concurrent.futures, multiprocessing.util, tempfile  # their own uses
for module in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[module] = None
for module, names in {names!r}.items():
    for name in names:
        if hasattr(sys.modules[module], name):
            delattr(sys.modules[module], name)
import archs, costmodel, explorer
from costmodel.timing import machine_lock
from explorer.cli import main
from explorer.jobs import address_space, worker
from explorer.lab import machine
address_space.limit_memory()
with machine_lock.exclusive():
    pass
assert costmodel.measure("mobilenet_v1", (3, 32, 32), runs=2).median_ms > 0
assert costmodel.profile("mobilenet_v2").latency_ms > 0
assert main.main(["predict", "mobilenet_v2", "--top", "1"]) == 0
assert main.main(["export", "mobilenet_v2", "--output", "net.py"]) == 0
"""


@pytest.mark.slow
def test_without_all_that_only_one_system_has_the_packages_work(tmp_path):
    """The modules and names are taken away before the packages are imported, in a process of its own."""
    names = {module: sorted(found) for module, found in ONE_SYSTEM.items() if module != "time"}
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE.format(names=names)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert (tmp_path / "net.py").read_text(encoding="utf-8").startswith('"""MobileNetV2')
