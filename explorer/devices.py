"""The device profiles that the page can choose from, and predictions on them. No fitting, and no made-up numbers."""

from __future__ import annotations

from functools import lru_cache

import costmodel
from archs import Graph, Spec, fold_batchnorm
from costmodel import DeviceProfile, Prediction
from costmodel.profile import DEFAULT, locate, names

__all__ = ["folded_for", "load", "names", "nodes_ms", "prediction", "preferred", "title", "whose"]


def preferred() -> str | None:
    """The profile that a page opens with; None where none is shipped."""
    known = names()
    return DEFAULT if DEFAULT in known else next(iter(known), None)


def load(name: str) -> DeviceProfile:
    """Raises CostError for a file that is no profile, or one that has gone."""
    try:
        written = locate(name).stat().st_mtime_ns
    except OSError:
        written = 0
    return _load(name, written)


@lru_cache(8)
def _load(name: str, written: int) -> DeviceProfile:
    return costmodel.load_profile(name)


def prediction(spec: Spec, name: str) -> Prediction:
    """The latency of a network in the profile's own regime, batch norm folded or not as it was calibrated.

    Raises CostError where the profile cannot price it.
    """
    return _prediction(spec, name, load(name).environment.get("date", ""))


@lru_cache(128)
def _prediction(spec: Spec, name: str, date: str) -> Prediction:
    profile = load(name)
    return costmodel.predict(profile.regime.graph(spec), profile)


def nodes_ms(found: Prediction, graph: Graph) -> dict[str, float]:
    """Node path → milliseconds, on a graph that may be folded where the profile's is not.

    What the graph has no node for is added to its block's first, so that blocks and total stay as predicted.
    """
    first: dict[str, str] = {}
    for node in graph.nodes:
        first.setdefault(node.block, node.path)
    known = {node.path for node in graph.nodes}
    times: dict[str, float] = {}
    for node, ms in zip(found.graph.nodes, found.nodes_ms):
        path = node.path if node.path in known else first[node.block]
        times[path] = times.get(path, 0.0) + ms
    return times


def folded_for(graph: Graph, profile: DeviceProfile) -> Graph:
    """A graph as the profile prices it."""
    return fold_batchnorm(graph) if profile.regime.folded else graph


def title(name: str) -> str:
    """`cpu · 1 thread, nchw, batch 1`."""
    regime = load(name).regime
    threads = f"{regime.threads} thread{'s' if regime.threads > 1 else ''}"
    folded = ", batch norm folded" if regime.folded else ""
    return f"{name} · {threads}, {regime.layout}, batch {regime.batch}{folded}"


def whose(profile: DeviceProfile) -> str:
    """What the milliseconds are of, for beside them: a shipped profile is another machine's until one calibrates."""
    return f"another machine's: {profile.environment.get('processor', 'unknown processor')}"
