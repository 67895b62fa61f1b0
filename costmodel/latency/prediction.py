"""What a prediction says: milliseconds of a network and its nodes with intervals, as properties, tables and text.

Nothing is priced here: that is `costmodel.latency.predictor`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, nan
from typing import TYPE_CHECKING, Literal

from archs.guidance import Guided, guided
from archs.ir.graph import Graph
from archs.ir.ops import Opaque
from archs.networks import Text
from costmodel.counting.counts import group_of
from costmodel.counting.kinds import KINDS
from costmodel.counting.summary import summary_text
from costmodel.latency.calibrated_range import Outside
from costmodel.latency.profile import DeviceProfile

if TYPE_CHECKING:
    import pandas

Allocator = Literal["default", "retain"]
ALLOCATORS = ("default", "retain")


@dataclass(frozen=True, repr=False)
class Prediction(Guided):
    """The latency of one network on one device, in the profile's regime, with its 90 % interval.

    Times are milliseconds of one batch. Sequences have one entry per node, in the order of `graph.nodes`.

    >>> import costmodel
    >>> found = costmodel.predict("mobilenet_v2")
    >>> found.low_ms < found.latency_ms < found.high_ms
    True
    >>> found.bounds[found.nodes_ms.index(max(found.nodes_ms))] in ("compute", "memory", "launch")
    True
    """

    graph: Graph
    profile: DeviceProfile
    latency_ms: float
    low_ms: float
    """NaN, as `high_ms` is, where the network is outside of the calibrated range."""
    high_ms: float
    nodes_ms: tuple[float, ...]
    """They add up to `latency_ms`: each includes its share of the time between operators."""
    kinds: tuple[str, ...]
    bounds: tuple[str, ...]
    """Per node the largest term of its physical base: "compute", "memory" or "launch", the time to start a kernel."""
    allocator: Allocator = "retain"
    """"retain": freed memory stays in the process; "default": glibc's default settings, with page faults."""
    node_faults: tuple[float, ...] = ()
    """Page faults per call of each node, with the default allocator."""
    note: str = ""
    """A warning to show beside the numbers: the network is unlike all that the profile was fitted on."""
    out_of_range: tuple[Outside, ...] = ()
    """The nodes unlike all that the profile was timed on, each with its path and the reason. No interval is claimed for
    a network that has any, nor for these nodes."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low_ms, high_ms), the 90 % interval; None where the network is outside of the calibrated range."""
        return None if self.out_of_range else (self.low_ms, self.high_ms)

    @property
    def interval_text(self) -> str:
        """The interval in words: "90 % between 20.7 and 21.8", or why there is none."""
        if self.unknown:
            return self.lower_bound
        if not self.out_of_range:
            return f"90 % between {self.low_ms:.4g} and {self.high_ms:.4g}"
        first, others = self.out_of_range[0], len(self.out_of_range) - 1
        return f"outside the calibrated range, no interval: {first}" + (f" (and {others} more nodes)" if others else "")

    @property
    def page_faults(self) -> float:
        """Page faults per call; 0 where freed memory is kept."""
        return sum(self.node_faults)

    @property
    def page_fault_ms(self) -> float:
        """The part of `latency_ms` that page faults take."""
        return self.page_faults * (self.profile.page_fault_us or 0.0) / 1e3

    @property
    def unknown(self) -> tuple[str, ...]:
        """The operators that are not in the figures, which are a lower bound where there are any."""
        return tuple(sorted({node.op.target for node in self.graph.nodes if isinstance(node.op, Opaque)}))

    @property
    def lower_bound(self) -> str:
        """A sentence where the figures are a lower bound, else empty."""
        return f"at least: unknown and not in it: {', '.join(self.unknown)}" if self.unknown else ""

    def __repr__(self) -> str:
        about = f"{self.graph.name!r} on {self.profile.name!r}"
        return f"Prediction({about}: {self.latency_ms:.4g} ms, {self.interval_text})"

    def _repr_html_(self) -> str:
        return self.by("block").to_html(index=False)

    @guided()
    def by(self, level: str) -> pandas.DataFrame:
        """A DataFrame with a row per `level`, "block", "stage" or "kind": its path, `latency_ms` and `share`."""
        import pandas

        sums: dict[str, float] = {kind: 0.0 for kind in KINDS} if level == "kind" else {}
        for node, ms in zip(self.graph.nodes, self.nodes_ms):
            path = group_of(self.graph, node, level)
            sums[path] = sums.get(path, 0.0) + ms
        rows = [(path, ms, ms / self.latency_ms) for path, ms in sums.items() if ms]
        return pandas.DataFrame(rows, columns=[level, "latency_ms", "share"])

    @guided()
    def summary(self, depth: int = 2) -> Text:
        """The network as a tree of stages (depth 1), blocks (2) and operators (3), with milliseconds."""
        return summary_text(self.graph, {"ms": self.nodes_ms}, depth)

    @guided()
    def table(self) -> pandas.DataFrame:
        """A DataFrame with one row per node: path, operator, milliseconds with their 90 % interval, and bound.

        With the default allocator also `page_faults` per call and `page_fault_ms`, which is part of `latency_ms`.
        """
        import pandas

        rows = []
        outside = {one.path for one in self.out_of_range}
        for node, ms, kind, bound in zip(self.graph.nodes, self.nodes_ms, self.kinds, self.bounds):
            factor = nan if node.path in outside else exp(self.profile.node_interval_of(kind))
            rows.append(
                {
                    "path": node.path,
                    "stage": node.stage,
                    "block": node.block,
                    "operator": node.op.describe(*self.graph.input_shapes(node)),
                    "kind": kind,
                    "latency_ms": ms,
                    "low_ms": ms / factor,
                    "high_ms": ms * factor,
                    "share": ms / self.latency_ms,
                    "bound": bound,
                }
            )
        table = pandas.DataFrame(rows)
        if self.node_faults:
            faults_ms = [faults * (self.profile.page_fault_us or 0.0) / 1e3 for faults in self.node_faults]
            table = table.assign(page_faults=self.node_faults, page_fault_ms=faults_ms)
        return table

    @cached_property
    def by_block(self) -> dict[str, float]:
        """Milliseconds per block, in execution order."""
        sums: dict[str, float] = {}
        for node, ms in zip(self.graph.nodes, self.nodes_ms):
            sums[node.block] = sums.get(node.block, 0.0) + ms
        return sums
