"""The import of a network for the page: an ONNX file, or a network of a library, read in a process of its own.

The process (`python -m explorer.jobs.network_import`) reads its request, behind it the file, and writes one JSON line
per message: {"share": 0.4, "step": "operator 2,000 of 5,000"}*, at last {"problem": "…"}, or {"raw": n} and behind it
n bytes of `archs.transforms.packed_graph`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from archs import ArchError, Graph, from_onnx
from archs.transforms.packed_graph import packed, unpacked
from explorer.data import zoo
from explorer.jobs.job import Job
from explorer.jobs.worker import request, rest, send, send_raw, working

MAX_MEMORY = 3_000_000_000
"""Bytes of address space for one import: a file of 128 MB takes four times that."""
MAX_OPERATORS = 5_000
"""Of a network that the page draws: each takes a millisecond and a half of every first view. torchvision's have 900."""


@dataclass(kw_only=True)
class ImportJob(Job):
    """A network of a file or a library; `graph` once it is there."""

    title: ClassVar[str] = "an import"
    worker: ClassVar[tuple[str, ...]] = ("-m", "explorer.jobs.network_import")
    timing: ClassVar[bool] = False
    limit: float = 180.0
    source: str
    """The file or network, for the page's messages."""
    graph: Graph | None = None
    _share: float = 0.0
    _step: str = "starting: PyTorch is loaded"

    @property
    def progress(self) -> float:
        return self._share

    @property
    def status(self) -> str:
        return self._step

    def read_file(self, content: bytes, shape: tuple[int, int, int] | None, name: str) -> None:
        """Import an ONNX file. Raises Busy while the server is occupied."""
        self.start({"shape": shape, "name": name}, content)

    def read_library(self, library: str, name: str, size: tuple[int, int] | None) -> None:
        """Import a network of a library's list. Raises Busy while the server is occupied."""
        self.start({"library": library, "name": name, "size": size})

    def read(self, message: dict[str, Any]) -> None:
        self._share, self._step = message.get("share", self._share), message.get("step", self._step)
        if "raw" in message:
            try:
                self.graph = unpacked(message["raw"])
            except ArchError as error:
                self.problem = str(error)

    def end(self) -> None:
        if self.graph is None:
            self.problem = f"not imported: {self.end_reason}"


def main() -> None:
    """The worker: reads the ONNX file or builds the library's network of its request."""
    arguments = request(_load)
    with working(timing=False, memory=MAX_MEMORY):
        if "library" in arguments:
            send(share=0.2, step=f"{arguments['library']} builds the network")
            size = tuple(arguments["size"]) if arguments["size"] else None
            graph = zoo.graph(arguments["library"], arguments["name"], size)
        else:
            shape = tuple(arguments["shape"]) if arguments["shape"] else None
            graph = from_onnx(rest(), shape, arguments["name"], progress=_progress)
        require_few(graph)
        send(share=0.95, step="the graph is handed over")
        send_raw(packed(graph))


def _load() -> None:
    """What every import needs: five of its six seconds."""
    import onnx  # noqa: F401
    from torch._subclasses import FakeTensorMode

    FakeTensorMode()  # loads what it needs when it is made


def require_few(graph: Graph) -> None:
    """Raises ArchError for a network that has too many operators to be drawn."""
    if len(graph.nodes) > MAX_OPERATORS:
        raise ArchError(
            f"{len(graph.nodes):,} operators; the page shows up to {MAX_OPERATORS:,}: `python -m explorer import` on a "
            "machine of your own takes more"
        )


def _progress(share: float, step: str) -> None:
    send(share=0.1 + 0.85 * share, step=step)


if __name__ == "__main__":
    main()
