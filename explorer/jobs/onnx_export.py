"""An ONNX file for the page, made in a process of its own: torch's exporter takes some ten seconds and half a gigabyte.

The process (`python -m explorer.jobs.onnx_export`) reads {"spec": …, "folded": …} and writes one JSON line per message:
{"step": n} when a step begins, at last {"raw": n} and behind it the file of n bytes, or {"problem": "…"}.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import archs
from archs import Spec
from archs.interop.onnx.exporter import to_onnx
from explorer.jobs.job import Job
from explorer.jobs.limits import check_export
from explorer.jobs.worker import request, send, send_raw, working

STEPS = (("starts torch", 0.1), ("traces the network", 0.4))
"""What it does, and what the bar shows meanwhile: the exporter does not say how far it is."""


@dataclass(kw_only=True)
class OnnxJob(Job):
    """The file of one network, batch norm folded or not, in `file` once it is there."""

    title: ClassVar[str] = "an ONNX export"
    worker: ClassVar[tuple[str, ...]] = ("-m", "explorer.jobs.onnx_export")
    timing: ClassVar[bool] = False
    limit: float = 240.0
    spec: Spec
    folded: bool = False
    file: bytes | None = None
    _step: int = 0

    @property
    def progress(self) -> float:
        return STEPS[self._step][1] if self.running else 1.0

    @property
    def remaining(self) -> None:
        return None

    @property
    def status(self) -> str:
        return f"torch's ONNX exporter {STEPS[self._step][0]}: {time.monotonic() - self.started:.0f} s so far"

    def begin(self) -> None:
        """Start. Raises Busy while the server is occupied, CostError for a file that is too large for the page."""
        check_export(archs.build(self.spec), self.limit)
        self.start({"spec": self.spec.to_json(), "folded": self.folded})

    def read(self, message: dict[str, Any]) -> None:
        self._step = message.get("step", self._step)
        self.file = message.get("raw", self.file)

    def end(self) -> None:
        if self.file is None:
            self.problem = f"no ONNX file: {self.end_reason}"


def main() -> None:
    """The worker: exports the network of its request."""
    arguments = request()
    send(step=0)
    with working(timing=False):  # loads torch, which takes seconds
        send(step=1)
        graph = archs.build(Spec.from_json(arguments["spec"]))
        send_raw(to_onnx(archs.fold_batchnorm(graph) if arguments["folded"] else graph))


if __name__ == "__main__":
    main()
