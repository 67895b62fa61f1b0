"""A list of timings as somebody uploads it on the page Devices."""

from __future__ import annotations

import costmodel
from archs.ir.graph import Graph
from costmodel.devices import networks
from costmodel.devices.design import order


def timings(count: int = 8, factor: float = 0.5) -> str:
    """A list of timings of a device that is some factor slower than a Pixel 1, with one slip of the decimal point."""
    profile = costmodel.load_profile("pixel1")
    lines = ["network,width,resolution,groups,code,latency_ms"]
    for number, timing in enumerate(order("cpu")[:count]):
        graph: Graph = profile.regime.graph(networks.spec(timing.network, **dict(timing.knobs)))
        ms = factor * costmodel.predict(graph, profile).latency_ms * (10 if number == 3 else 1)
        knobs = dict(timing.knobs)
        cells = [str(knobs.get(name, "")) for name in ("width", "resolution", "groups", "code")]
        lines.append(",".join([timing.network, *cells, f"{ms:.4g}"]))
    return "\n".join(lines) + "\n"
