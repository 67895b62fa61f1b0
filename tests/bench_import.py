"""How long an import takes, and how that grows with depth: `python tests/bench_import.py`. What becomes of a zoo: `--zoo`.

Not a test: the default run does not collect it. Networks are chains of convolution, norm and activation on the meta
device, so neither memory nor arithmetic is in the figures. The bar: 200 operators in 2 seconds. `--files`: ONNX files of
up to 100,000 operators, in a chain and side by side, each in a process of its own; the bar is a constant time of each.
`--command`: the command line, where the bar is a second beyond torch's own start, the comparison apart.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from support import zoo_runs
from support.benchmark_records import record
from support.onnx_files import chained, side_by_side
from torch import nn

import archs
from archs.interop.aten import reader
from archs.interop.onnx import tracing, wire
from archs.interop.pytorch.importer import from_module

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 3
BLOCKS = (16, 33, 66, 132, 264)  # three operators each, and two behind
OPERATORS = (1_000, 10_000, 30_000, 100_000)  # of a file
SHAPES = {"chain": chained, "side by side": side_by_side}


def chain(blocks: int) -> nn.Module:
    with torch.device("meta"):
        layers = []
        for i in range(blocks):
            layers += [nn.Conv2d(3 if i == 0 else 16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def file(shape: str, count: int) -> tuple[float, float, float, float]:
    """(MB of the file, CPU seconds of its import, of its text, most MB of the process).

    Files beyond what an import takes are measured too: its bounds on operators and fields are lifted here.
    """
    for module in (reader, tracing):
        module.MAX_NODES = 2 * max(OPERATORS)
    wire.MAX_FIELDS = 100 * max(OPERATORS)
    archs.to_source(archs.from_onnx(SHAPES[shape](2)))  # loads torch
    content = SHAPES[shape](count)
    taken = [time.process_time()]
    graph = archs.from_onnx(content)
    taken.append(time.process_time())
    archs.to_source(graph)
    taken.append(time.process_time())
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return len(content) / 1e6, taken[1] - taken[0], taken[2] - taken[1], most


def files() -> dict[str, str]:
    figures = {}
    print(f"{'file':>13} {'operators':>9} {'MB':>6} {'import, s':>9} {'text, s':>8} {'ms each':>8} {'process, MB':>11}")
    for shape in SHAPES:
        for count in OPERATORS:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                size, imported, written, most = pool.submit(file, shape, count).result()
            each = 1e3 * (imported + written) / count
            print(
                f"{shape:>13} {count:>9,} {size:>6.2f} {imported:>9.2f} {written:>8.2f} {each:>8.2f} {most:>11.0f}",
                flush=True,
            )
            figures[f"{shape}, {count:,}"] = f"{imported:.1f} + {written:.1f} s, {most:.0f} MB"
    return figures


STARTS = {
    "torch": "import torch, torch.fx, torch.export",
    "torch, after an export of one layer": "import torch, torch.fx, torch.export; from torch import nn; "
    "torch.export.export(nn.Conv2d(3, 8, 3).eval(), (torch.zeros(2, 3, 32, 32),), strict=False)",
}


def command_line() -> dict[str, str]:
    """User CPU seconds of `python -m explorer import` without the comparison, beside those of torch's own start."""
    with TemporaryDirectory() as folder:
        texts = {
            "MobileNetV2": (archs.to_source(archs.build("mobilenet_v2")), "3,224,224"),
            "200 operators": (archs.to_source(from_module(chain(66), (3, 32, 32))), "3,32,32"),
        }
        commands = {name: ["-c", text] for name, text in STARTS.items()}
        for name, (text, shape) in texts.items():
            path = Path(folder, f"{name}.py".replace(" ", "_"))
            path.write_text(text)
            commands[name] = ["-m", "explorer", "import", str(path), "--shape", shape, "--no-verify"]
        seconds = {name: min(_user_seconds(command) for _ in range(5)) for name, command in commands.items()}
    for name in texts:
        beyond = ", ".join(f"{seconds[name] - seconds[start]:.2f} s beyond {start}" for start in STARTS)
        print(f"import of {name}: {seconds[name]:.2f} s, {beyond}")
    return {name: f"{taken:.2f} s" for name, taken in seconds.items()}


def _user_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument(
        "--zoo", metavar="FOLDER", help="import the networks of the torchvision and timm in this folder"
    )
    parser.add_argument("--results", type=Path, default=zoo_runs.RESULTS, help="lines of JSON, extended by --zoo")
    parser.add_argument("--seconds", type=float, default=500, help="no network is begun after that many")
    parser.add_argument("--files", action="store_true", help="ONNX files of up to 100,000 operators")
    parser.add_argument("--command", action="store_true", help="the command line, CPU seconds beyond torch's own start")
    options = parser.parse_args()
    if options.command:
        found = command_line()
        if options.record:
            record("import on the command line, user CPU", found)
        return
    if options.files:
        found = files()
        if options.record:
            record("import and text of ONNX files, CPU", found)
        return
    if options.zoo:
        zoo_runs.run_all(options.zoo, options.results, options.seconds)
        return
    torch.set_num_threads(1)
    figures = {}
    start = time.perf_counter()
    from_module(chain(1), (3, 32, 32))
    print(f"the first import of a process, torch.export's own imports in it: {time.perf_counter() - start:.2f} s")
    print(f"{'operators':>9} {'wall s':>8} {'CPU s':>8} {'ms each':>8}")
    for blocks in BLOCKS:
        module, walls, cpus = chain(blocks), [], []
        for _ in range(REPEATS):
            wall, cpu = time.perf_counter(), time.process_time()
            graph = from_module(module, (3, 32, 32))
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        count = len(graph.nodes)
        print(f"{count:>9} {median(walls):>8.2f} {median(cpus):>8.2f} {1000 * median(cpus) / count:>8.2f}")
        figures[f"{count} operators"] = f"{median(walls):.2f} s"
    if options.record:
        record("import of a chain of modules, wall", figures)


if __name__ == "__main__":
    main()
