"""Times the kit's networks on this machine and fills in timings.csv.

ONNX files need numpy and onnxruntime; TorchScript (.pt) and torch.export (.pt2) files need PyTorch.

python bench.py --threads 4
"""

import argparse
import csv
import statistics
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUFFIXES = (".onnx", ".pt", ".pt2")


def onnx_call(path, threads):
    """A call of an ONNX file in ONNX Runtime."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (wanted,) = session.get_inputs()
    image = numpy.random.default_rng(0).random([1, *wanted.shape[1:]], dtype=numpy.float32)
    return lambda: session.run(None, {wanted.name: image})


def torch_call(path, threads, resolution):
    """A call of a TorchScript or torch.export file in PyTorch."""
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    network = torch.jit.load(str(path)) if path.suffix == ".pt" else torch.export.load(path).module()
    image = torch.rand(1, 3, resolution, resolution)
    return lambda: network(image)


def milliseconds(call, seconds):
    """The median of repeated calls with one image, after a warm-up."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < 8 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[3:])


def main():
    """Time each network whose row in timings.csv is still empty."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each network")
    parser.add_argument("--networks", type=int, help="only the first of them")
    options = parser.parse_args()
    table = HERE / "timings.csv"
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        fields, rows = reader.fieldnames, list(reader)
    paths = sorted(path for path in HERE.glob("[0-9][0-9]_*") if path.suffix in SUFFIXES)
    if len(paths) != len(rows):
        raise SystemExit(f"{len(paths)} networks for {len(rows)} rows of timings.csv; write the kit again")
    for path, row in list(zip(paths, rows))[: options.networks]:
        if row["latency_ms"]:
            continue
        if path.suffix == ".onnx":
            call = onnx_call(path, options.threads)
        else:
            call = torch_call(path, options.threads, int(row["resolution"] or 224))
        row["latency_ms"] = f"{milliseconds(call, options.seconds):.4g}"
        print(path.name, row["latency_ms"], "ms", flush=True)
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
