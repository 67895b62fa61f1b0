"""The predicted latency of a network as lines for the header of its exported file, with the conditions they hold for.

No page and no file here. Start at `latency_notes`.
"""

from __future__ import annotations

from dataclasses import replace

import costmodel
from archs import Graph
from costmodel import DeviceProfile, Prediction
from costmodel.timing.plain_process import RETAIN_TEXT

CONDITIONS = {"torch": "PyTorch {}", "runtime": "{}", "precision": "{}", "dtype": "{}"}
"""Key of a profile's environment → its words, in this order."""


def latency_notes(graph: Graph, profile: DeviceProfile) -> tuple[str, ...]:
    """Lines that state the milliseconds of a graph on a profile's device.

    Two figures where the profile has a cost of a page fault: freed memory kept, and the allocator's default settings.
    Raises CostError for a network that the profile cannot price.
    """
    graph = replace(profile.regime.prepared(graph), in_place=frozenset())  # the file's calls write no tensor twice
    found = costmodel.predict(graph, profile)
    head = f"Predicted latency with profile {profile.name}: {_conditions(profile)}."
    if profile.page_fault_us is None:
        return head, f"{_figure(found)}."
    plain = costmodel.predict(graph, profile, allocator="default")
    return (
        head,
        f"Freed memory kept ({RETAIN_TEXT}): {_figure(found)}.",
        f"glibc's default settings: {_figure(plain)}; {plain.page_faults:,.0f} page faults per call are included.",
    )


def _figure(found: Prediction) -> str:
    return f"{found.latency_ms:.4g} ms, {found.interval_text}"


def _conditions(profile: DeviceProfile) -> str:
    """Device, runtime, threads, batch and date."""
    environment, regime = profile.environment, profile.regime
    words = [str(environment.get("processor") or regime.device)]
    words += [text.format(environment[key]) for key, text in CONDITIONS.items() if key in environment]
    if "threads" in environment:
        words.append("1 thread" if environment["threads"] == 1 else f"{environment['threads']} threads")
    words.append(f"batch {regime.batch}")
    words += [regime.layout] * (regime.layout != "nchw") + ["batch norms folded"] * regime.folded
    return ", ".join(words) + (f", calibrated {environment['date']}" if "date" in environment else "")
