"""The headline's tiles as text: what the network costs, and how that relates to a baseline and to what papers print."""

from __future__ import annotations

import re

from archs import Spec
from archs.caching import cached
from archs.catalogue.published import Published, agrees, published
from archs.catalogue.registry import FAMILIES
from archs.catalogue.registry import published as is_published
from costmodel import CostError, Prediction
from costmodel.timing.plain_process import RETAIN_TEXT
from explorer.data import profiles as devices
from explorer.data import sources
from explorer.data.metrics import Tile, duration, human, interval, megabytes, percent, tile
from explorer.editing.scenario import Scenario

ARXIV = re.compile(r"arXiv:\d{4}\.\d{5}")


def tiles(scenario: Scenario) -> list[Tile]:
    """Latency, mult-adds, params, MAC, peak memory, kernels, fragmentation. Beside each the change, if there is any."""
    counts = scenario.counts
    total, size = counts.total, counts.convention.bytes_per_element
    rows = printed(scenario.spec)
    pieces = scenario.fragmentation
    worst = pieces.worst
    base = scenario.compared
    before, parts = base.counts, base.fragmentation

    def beside(now: float, then: float, fact: str) -> str:
        change = "" if base.spec == scenario.spec else _change(now, then)
        return " · ".join(filter(None, (change, fact)))

    most = f"most {worst.fragments} · {worst.block}" if worst else "no convolution or pooling"
    return [
        _latency(scenario, base),
        tile(
            "mult_adds",
            human(total.mult_adds),
            beside(total.mult_adds, before.total.mult_adds, _printed(scenario, [row.mult_adds_m for row in rows])),
            f"Here: {total.mult_adds:,}.\n\n{_comparison(rows, 'mult_adds_m', total.mult_adds)}",
            title="Mult-adds (the papers' FLOPs)",
        ),
        tile(
            "params",
            human(total.params),
            beside(total.params, before.total.params, _printed(scenario, [row.params_m for row in rows])),
            f"Here: {total.params:,}.\n\n{_comparison(rows, 'params_m', total.params)}",
        ),
        tile(
            "mem_access",
            human(total.mem_access),
            beside(total.mem_access, before.total.mem_access, f"elements · {megabytes(counts.mem_bytes)}"),
            f"Here: {total.mem_access:,} elements, {megabytes(counts.mem_bytes)} in float32; paper form "
            f"{total.mem_access_paper:,} elements.",
            title="MAC (memory access cost)",
        ),
        tile(
            "peak_activation",
            megabytes(counts.peak_activation * size),
            beside(counts.peak_activation, before.peak_activation, f"{human(counts.peak_activation)} elements"),
            f"Here: {counts.peak_activation:,} elements of {size} bytes.",
            title="Peak activation memory",
        ),
        tile(
            "kernels",
            f"{total.kernels:,}",
            beside(total.kernels, before.total.kernels, f"of {len(scenario.graph.nodes):,} operators"),
            "Published: no paper counts them.",
        ),
        tile(
            "fragments",
            f"{pieces.mean:.1f} per block",
            beside(pieces.mean, parts.mean, most),
            "Published: the paper names it for single blocks only.",
        ),
    ]


def _latency(scenario: Scenario, base: Scenario) -> Tile:
    """Milliseconds with their interval and whose they are; without a profile no number, and how to get one."""
    refused = ""
    try:
        found, before = scenario.prediction, base.prediction
    except CostError as error:
        found, before, refused = None, None, str(error)
    key = scenario.profile
    if found is None or before is None or key is None:
        reason = refused or "no device profile yet"
        beside = reason if len(reason) < 50 else "this profile cannot predict it"
        help_text = "The page Calibrate times networks on the machine that serves it, for four minutes."
        return tile("latency_ms", "–", beside, f"{reason}. {help_text}")
    outside = [f"Outside the calibrated range: {one}." for one in found.out_of_range[:3]]
    batch = f" per batch of {found.profile.regime.batch}" if found.profile.regime.batch > 1 else ""
    change = "" if base.spec == scenario.spec else f"{_change(found.latency_ms, before.latency_ms)} · "
    return tile(
        "latency_ms",
        f"{duration(found.latency_ms)}{batch}",
        f"{change}{devices.owner(key)} · {interval(found)}",
        "\n\n".join((f"Device: {devices.title(key)}; {devices.whose(key)}.", *outside)) + _allocator(found),
    )


def _allocator(found: Prediction) -> str:
    """Which process the milliseconds are of; empty where no page fault is priced.

    No figure of a plain process: the faults of MobileNetV2's processes are bimodal, and the estimate, which takes
    milliseconds of every edit, is of one mode. The Advisor has it.
    """
    if not found.profile.page_fault_us:
        return ""
    return (
        f"\n\nAllocator: of a process that keeps freed memory, as with {RETAIN_TEXT} set before it starts. A plain "
        "one, whose freed memory returns to the system and is faulted in again, may take longer: the Advisor "
        "estimates it, `python -m explorer measure` counts."
    )


def _change(now: float, before: float) -> str:
    """`▲ 12.3 %`: against the baseline."""
    if now == before:
        return "= baseline"
    share = now / before - 1 if before else float("inf")
    return f"{'▲' if now > before else '▼'} {percent(abs(share), 1)}"


@cached(64, "every page run looks up what papers print of one network")
def printed(spec: Spec) -> tuple[Published, ...]:
    """What the literature prints for exactly this network, the network's paper first; empty for an edited one."""
    if not is_published(spec):
        return ()
    rows = [row for row in published() if row.name == spec.name and row.resolution == spec.resolution]
    own_paper = ARXIV.search(FAMILIES[spec.name].source)
    rows = [row for row in rows if row.spec() == spec]
    return tuple(sorted(rows, key=lambda row: own_paper is None or own_paper.group() not in row.source))


def _printed(scenario: Scenario, figures: list[str]) -> str:
    """What papers print; nothing of an edited network, which none of them has."""
    first = next(filter(None, figures), None)
    if first is None:
        return "" if scenario.edited else "not printed for these knobs"
    return f"printed: {first} M"


def _comparison(rows: tuple[Published, ...], field: str, count: int) -> str:
    """One line per different printed figure: whether it is ours rounded, else the reason."""
    lines: dict[str, str] = {}
    for row in rows:
        if (figure := getattr(row, field)) and figure not in lines:
            explanation = "ours, rounded" if agrees(figure, count) else row.explained
            lines[figure] = f"* {figure} M, {sources.title(row.source)}: {explanation}"
    return "\n".join(["Published:", "", *list(lines.values())[:4]]) if lines else "Published: nothing for these knobs."
