"""The kit for timing a user's device: files of networks, a CSV to fill in, the commands, a script for a board.

The networks are in the order of `costmodel.devices.design`: stop after any number of them.
"""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path

import archs
from archs import Graph
from archs.interop.onnx.exporter import to_onnx
from costmodel import CostError
from costmodel.devices import networks
from costmodel.devices.design import order
from costmodel.devices.reading import COLUMNS
from costmodel.devices.tables import NetworkTiming

BENCH = Path(__file__).with_name("bench_template.py")
README = Path(__file__).with_name("kit_readme.md")
SUFFIXES = {"onnx": ".onnx", "torchscript": ".pt", "torch.export": ".pt2"}
"""Format of the networks' files → their suffix."""


def least() -> int:
    """How few networks a kit may have."""
    return 3


def write_kit(folder: Path, count: int, kind: str = "cpu", file_format: str = "onnx") -> list[str]:
    """Write the kit into a new or empty folder; returns the files' names.

    Args:
        folder: made where it is not there.
        count: networks.
        kind: of the device, which decides the order: one of `costmodel.devices.user.KINDS`.
        file_format: one of SUFFIXES. Weights are initial ones: a kit is for timing.

    Raises CostError for a count out of range and a folder that holds files.
    """
    chosen = order(kind)
    if not least() <= count <= len(chosen):
        raise CostError(f"--networks: found {count}; allowed: {least()} to {len(chosen)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CostError(f"{folder}: is there already and not an empty folder; name another")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, timing in enumerate(chosen[:count], 1):
        graph = archs.build(networks.spec(timing.network, **dict(timing.knobs)))
        name = f"{file_stem(number, timing)}{SUFFIXES[file_format]}"
        (folder / name).write_bytes(_content(graph, file_format))
        written.append(name)
    for name, text in texts(count, kind, file_format).items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(name)
    return written


def _content(graph: Graph, file_format: str) -> bytes:
    if file_format == "onnx":
        return to_onnx(graph)
    import torch

    module, image, file = archs.to_module(graph).eval(), torch.zeros(1, *graph.input), io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        if file_format == "torchscript":
            warnings.simplefilter("ignore", DeprecationWarning)  # boards run older versions, which read nothing else
            torch.jit.save(torch.jit.trace(module, image), file)
        else:
            torch.export.save(torch.export.export(module, (image,)), file)
    return file.getvalue()


def texts(count: int, kind: str = "cpu", file_format: str = "onnx") -> dict[str, str]:
    """The kit's files but the networks: what a page offers at once."""
    chosen, suffix = order(kind)[:count], SUFFIXES[file_format]
    listed = "\n".join(f"{number}. `{file_stem(number, t)}{suffix}`: {t.title}" for number, t in enumerate(chosen, 1))
    return {
        "timings.csv": _timings(chosen),
        "bench.py": BENCH.read_text(encoding="utf-8"),
        "README.md": README.read_text(encoding="utf-8").replace("{{networks}}", listed),
    }


def file_stem(number: int, timing: NetworkTiming) -> str:
    """`01_mobilenet_v2_width_0.35_resolution_96`: the order first."""
    return "_".join([f"{number:02d}", timing.network, *(f"{knob}_{value}" for knob, value in timing.knobs)])


def _timings(chosen: tuple[NetworkTiming, ...]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({"network": timing.network, "batch": 1, **dict(timing.knobs)} for timing in chosen)
    return text.getvalue()
