"""What a count costs: ours against the public counters, in one run. `python tests/bench_counts.py` prints the tables.

Not a test: it asserts nothing about time. One thread and its CPU time, so that other work on the machine does not count;
each round measures every subject once; medians over the rounds, with the middle half beside them.
"""

from __future__ import annotations

import argparse
import functools
import gc
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import ptflops
import thop
import torch
import torchinfo
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.benchmark_records import record

import archs
import costmodel
from archs.caching import clear_all
from archs.tables.table import Spec

Subject = Callable[[], int]  # gives the count, so that a fast wrong answer is seen


def by_fvcore(module: nn.Module, x: torch.Tensor) -> int:
    analysis = FlopCountAnalysis(module, x)
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def by_flop_counter_mode(module: nn.Module, x: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    return counter.get_total_flops()


def by_ptflops(backend: str) -> Callable[[nn.Module, torch.Tensor], int]:
    def counted(module: nn.Module, x: torch.Tensor) -> int:
        shape = tuple(x.shape[1:])
        return ptflops.get_model_complexity_info(
            module, shape, print_per_layer_stat=False, as_strings=False, backend=backend
        )[0]

    return counted


def by_thop(module: nn.Module, x: torch.Tensor) -> int:
    return int(thop.profile(module, (x,), verbose=False)[0])


def by_torchinfo(module: nn.Module, x: torch.Tensor) -> int:
    return torchinfo.summary(module, input_data=x, verbose=0).total_mult_adds


# On the meta device a tool computes no numbers; fvcore does not run there, and ptflops' pytorch backend counts other
# things there than on the CPU.
PEERS = {
    ("fvcore", "cpu"): by_fvcore,
    ("FlopCounterMode", "cpu"): by_flop_counter_mode,
    ("FlopCounterMode", "meta"): by_flop_counter_mode,
    ("ptflops (aten)", "cpu"): by_ptflops("aten"),
    ("ptflops (aten)", "meta"): by_ptflops("aten"),
    ("ptflops (pytorch)", "cpu"): by_ptflops("pytorch"),
    ("THOP", "cpu"): by_thop,
    ("THOP", "meta"): by_thop,
    ("torchinfo", "cpu"): by_torchinfo,
    ("torchinfo", "meta"): by_torchinfo,
}


def ours(spec: Spec) -> dict[str, tuple[Subject, bool]]:
    """Name → (what is timed, whether the caches are cleared before)."""
    graph = archs.build(spec)

    def count_only() -> int:
        return costmodel.count(graph).total.mult_adds

    def build_and_count() -> int:
        return costmodel.count(archs.build(spec)).total.mult_adds

    return {
        "ours, count only, warm": (count_only, False),
        "ours, count only, cold": (count_only, True),
        "ours, build + count, warm": (build_and_count, False),
        "ours, build + count, cold": (build_and_count, True),
    }


def peers(graph: archs.Graph) -> dict[str, tuple[Subject, bool]]:
    """The same for the tools; each counts a module of its own, as some leave hooks and buffers behind."""
    network = type(archs.to_module(graph))
    found: dict[str, tuple[Subject, bool]] = {}
    for (tool, device), count in PEERS.items():
        with torch.device(device):
            module, x = network().eval(), torch.zeros(1, *graph.input)

        def build_and_count(count=count, x=x) -> int:
            with torch.device(x.device):
                module = network().eval()
            return count(module, x)

        found[f"{tool}, {device}, count only"] = (functools.partial(count, module, x), False)
        found[f"{tool}, {device}, build + count"] = (build_and_count, False)
    return found


def milliseconds(subject: Subject, cold: bool, inner: int = 1) -> float:
    """CPU time, the collector off as in timeit. On one thread of an idle core it is the time on the clock."""
    if cold:
        clear_all()
    gc.disable()
    start = time.process_time_ns()
    for _ in range(inner):
        subject()
    elapsed = time.process_time_ns() - start
    gc.enable()
    return elapsed / 1e6 / inner


def compare(name: str, rounds: int) -> str:
    spec = archs.spec(name)
    graph = archs.build(spec)
    subjects = ours(spec) | peers(graph)
    reported = {label: subject() for label, (subject, _) in subjects.items()}  # and warms everything up
    times: dict[str, list[float]] = {label: [] for label in subjects}
    for _ in range(rounds):
        for label, (subject, cold) in subjects.items():
            inner = 10 if label.startswith("ours") and not cold else 1
            times[label].append(milliseconds(subject, cold, inner))
    medians = {label: statistics.median(found) for label, found in times.items()}
    base = {kind: medians[f"ours, {kind}, cold"] for kind in ("count only", "build + count")}
    print(f"\n{name}, {len(graph.nodes)} nodes, {rounds} rounds\n")
    print("| | ms (median) | middle half | × ours, cold | reports |\n| --- | ---: | ---: | ---: | ---: |")
    for label, found in times.items():
        low, _, high = statistics.quantiles(found, n=4)
        ratio = medians[label] / base["build + count" if "build" in label else "count only"]
        times_ours = "" if label.startswith("ours") else f"{ratio:,.0f}"
        print(f"| {label} | {medians[label]:.3f} | {low:.3f}-{high:.3f} | {times_ours} | {reported[label]:,} |")
    for kind, mine in base.items():
        others = {label: ms for label, ms in medians.items() if label.endswith(kind)}
        fastest = min(others, key=others.__getitem__)
        warm = medians[f"ours, {kind}, warm"]
        print(f"\n{kind}: {others[f'fvcore, cpu, {kind}'] / mine:,.0f}× faster than fvcore cold", end=", ")
        print(f"{others[f'fvcore, cpu, {kind}'] / warm:,.0f}× warm;", end=" ")
        print(f"{others[fastest] / mine:,.0f}× faster than {fastest.split(',')[0]}, the fastest", end="")
        print(f" ({fastest.split(',')[1].strip()}), cold, {others[fastest] / warm:,.0f}× warm")
    mine = base["count only"]
    return f"{mine:.2f} ms, {medians['fvcore, cpu, count only'] / mine:,.0f}× faster"


def depth(name: str, rounds: int) -> None:
    """How the cost grows where every repeated row is repeated more often."""
    print(f"\n{name}, its blocks repeated; build + count\n")
    print("| repeats | nodes | cold ms | warm ms | warm µs per node | fvcore ms | fvcore µs per node |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    published = archs.spec(name, resolution=64)
    for factor in (1, 2, 4, 8, 16):
        spec = published
        for index, row in enumerate(published.rows):
            if row.stage.startswith("stage"):
                spec = spec.edit_row(index, repeat=row.repeat * factor)
        graph = archs.build(spec)
        timed = ours(spec)
        cold = statistics.median(milliseconds(*timed["ours, build + count, cold"]) for _ in range(rounds))
        warm = statistics.median(milliseconds(*timed["ours, build + count, warm"], 5) for _ in range(rounds))
        module, x = archs.to_module(graph).eval(), torch.zeros(1, *graph.input)
        fvcore = statistics.median(milliseconds(functools.partial(by_fvcore, module, x), False) for _ in range(3))
        n = len(graph.nodes)
        print(f"| {factor}× | {n} | {cold:.2f} | {warm:.2f} | {warm / n * 1e3:.2f}", end=" ")
        print(f"| {fvcore:.0f} | {fvcore / n * 1e3:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=["mobilenet_v2", "mobilenet_v3_large", "shufflenet_v2"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # the peers' deprecations
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, one thread's CPU time, 224×224, batch 1")
    figures = {name: compare(name, options.rounds) for name in options.networks}
    if options.record:
        record("count, cold, against fvcore", figures)
    depth(options.networks[0], options.rounds)


if __name__ == "__main__":
    main()
