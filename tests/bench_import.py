"""How long an import takes, and how that grows with depth: `python tests/bench_import.py`. What becomes of a zoo: `--zoo`.

Not a test: the default run does not collect it. Networks are chains of convolution, norm and activation on the meta
device, so neither memory nor arithmetic is in the figures. The bar: 200 operators in 2 seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from support import zoo_runs
from support.benchmark_records import record
from torch import nn

from archs.interop.pytorch.importer import from_module

REPEATS = 3
BLOCKS = (16, 33, 66, 132, 264)  # three operators each, and two behind


def chain(blocks: int) -> nn.Module:
    with torch.device("meta"):
        layers = []
        for i in range(blocks):
            layers += [nn.Conv2d(3 if i == 0 else 16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument(
        "--zoo", metavar="FOLDER", help="import the networks of the torchvision and timm in this folder"
    )
    parser.add_argument("--results", type=Path, default=zoo_runs.RESULTS, help="lines of JSON, extended by --zoo")
    parser.add_argument("--seconds", type=float, default=500, help="no network is begun after that many")
    options = parser.parse_args()
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
