"""One call that counts and prices a network: `profile(network, input_shape)`. `profiles()` lists the devices.

The parts are `costmodel.counting` and `costmodel.latency`; nothing is computed here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archs.guidance import Guided, guided
from archs.ir.graph import Graph
from archs.networks import Text
from costmodel.arguments import Network, as_graph
from costmodel.counting.counts import NetworkCounts, count
from costmodel.counting.summary import summary_text
from costmodel.errors import CostError
from costmodel.latency.prediction import Prediction
from costmodel.latency.predictor import predict
from costmodel.latency.profile import BATCH, DEFAULT, DeviceProfile, Regime, as_profile, load_profile, names
from costmodel.onnx_runtime.profile import names as of_onnx_runtime

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, repr=False)
class NetworkProfile(Guided):
    """The counts of a network and its latency on one device.

    `counts` are of one image, by `costmodel.CONVENTION`. `prediction` is None where the device's profile cannot price
    an operator, and `unpriced` is the reason.

    >>> found = profile("mobilenet_v2")
    >>> found.by("stage").columns[-1], len(found.table())
    ('latency_ms', 153)
    """

    counts: NetworkCounts
    prediction: Prediction | None
    unpriced: str = ""

    @property
    def graph(self) -> Graph:
        """The network that was counted."""
        return self.counts.graph

    @property
    def mult_adds(self) -> int:
        """Multiply-adds of one image; half of what counters of FLOPs report."""
        return self.counts.total.mult_adds

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return self.counts.total.params

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds of one batch in the profile's regime; None where the network is not priced."""
        return self.prediction.latency_ms if self.prediction else None

    @guided()
    def by(self, level: str) -> pandas.DataFrame:
        """`counts.by(level)` with `latency_ms`; `level` is "stage", "block" or "kind"."""
        table = self.counts.by(level)
        if self.prediction is None:
            return table
        times = self.prediction.by(level).set_index(level)["latency_ms"]
        return table.assign(latency_ms=table[level].map(times).fillna(0.0))

    @guided()
    def table(self) -> pandas.DataFrame:
        """`counts.table()`, one row per operator, with `latency_ms`, `low_ms`, `high_ms` and `bound`."""
        table = self.counts.table()
        if self.prediction is None:
            return table
        times = self.prediction.table().set_index("path")[["latency_ms", "low_ms", "high_ms", "bound"]]
        return table.join(times, on="path")

    @guided()
    def summary(self, depth: int = 2) -> Text:
        """The network as a tree of stages (depth 1), blocks (2) and operators (3) with counts and milliseconds."""
        nodes = self.counts.nodes
        values: dict[str, Sequence[float]] = {
            "Params": [counts.params for counts in nodes],
            "Mult-adds": [counts.mult_adds for counts in nodes],
        }
        found = self.prediction
        if found is not None and found.graph.nodes == self.graph.nodes:
            values["ms"] = found.nodes_ms
        return Text(f"{summary_text(self.graph, values, depth)}\n{self._line()}")

    def _line(self) -> str:
        found = self.prediction
        counted = f"{self.mult_adds:,} mult-adds, {self.params:,} params"
        if found is None:
            return f"{counted}, not priced: {self.unpriced}"
        return f"{counted}, {found.latency_ms:.4g} ms on {found.profile.name} ({found.interval_text})"

    def __repr__(self) -> str:
        return f"NetworkProfile({self.graph.name!r}: {self._line()})"

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return self.by("block").to_html(index=False)


@guided(batch=BATCH, batch_size=BATCH, threads=BATCH)
def profile(
    network: Network,
    input_shape: Sequence[int] | None = None,
    profile: DeviceProfile | str | os.PathLike = DEFAULT,
) -> NetworkProfile:
    """Counts and milliseconds of a network, in one call.

    The network is folded where the profile is of folded networks. Raises TypeError for what is no network or profile,
    ArchError for a network that does not build, CostError for a bad shape or profile.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`, or an `nn.Module` with `input_shape`.
        input_shape: (channels, height, width), with or without a batch of 1; an `nn.Module` needs it.
        profile: a `DeviceProfile`, the name of a shipped one (`costmodel.profiles()`), or a path.

    >>> profile("mobilenet_v2", (1, 3, 224, 224)).mult_adds
    300774272
    >>> print(profile("mobilenet_v1").summary(depth=1).splitlines()[3].split()[:3])
    ['mobilenet_v1', '1000', '4,231,976']
    """
    device = as_profile(profile)
    graph = as_graph(network, input_shape)
    if not isinstance(network, Graph):
        graph = device.regime.prepared(graph)
    counts = count(graph)
    try:
        return NetworkProfile(counts, predict(graph, device))
    except CostError as error:
        return NetworkProfile(counts, None, str(error))


@guided()
def profiles() -> pandas.DataFrame:
    """The shipped device profiles: `name`, `device`, `threads`, `layout`, `batch`, `folded`, `processor`, `networks`.

    `runtime` is "eager", PyTorch's, or "onnxruntime". `mape` is the mean absolute error on held-out networks, in
    percent.

    >>> "cpu" in set(profiles()["name"])
    True
    """
    import pandas

    rows = []
    for name in (*names(), *of_onnx_runtime()):
        found = load_profile(name)
        regime = found.regime.model_dump(include=set(Regime.model_fields))
        row = {"name": name, **regime, "processor": found.environment.get("processor", "")}
        row["runtime"] = getattr(found.regime, "runtime", "eager")
        error = found.held_out["all"].mape if "all" in found.held_out else float("nan")
        rows.append({**row, "networks": found.networks, "mape": error})
    return pandas.DataFrame(rows)
