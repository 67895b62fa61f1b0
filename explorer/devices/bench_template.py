"""Times the kit's networks on this machine and fills in timings.csv. Needs only numpy and onnxruntime.

pip install onnxruntime numpy
python bench.py --threads 4
"""

import argparse
import csv
import statistics
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def milliseconds(path, threads, seconds):
    """The median of repeated calls with one image, after a warm-up."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (wanted,) = session.get_inputs()
    image = numpy.random.default_rng(0).random([1, *wanted.shape[1:]], dtype=numpy.float32)
    times, end = [], time.perf_counter() + seconds
    while len(times) < 8 or time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, {wanted.name: image})
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
    paths = sorted(HERE.glob("[0-9][0-9]_*.onnx"))
    if len(paths) != len(rows):
        raise SystemExit(f"{len(paths)} ONNX files for {len(rows)} rows of timings.csv; write the kit again")
    for path, row in list(zip(paths, rows))[: options.networks]:
        if row["latency_ms"]:
            continue
        row["latency_ms"] = f"{milliseconds(path, options.threads, options.seconds):.4g}"
        print(path.name, row["latency_ms"], "ms", flush=True)
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
