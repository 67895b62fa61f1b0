"""An imported network as the page shows it: its graph, its edits and its costs. No Streamlit.

The counterpart of `Scenario`, whose networks are tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import pandas

import archs
import costmodel
from archs import ArchError, Graph, Spec
from archs.ir.isomorphism import matching_nodes
from archs.ir.ops import Opaque
from archs.tables.lift import spec_of
from costmodel import CostError, NetworkCounts, Prediction
from explorer.data import costs
from explorer.data import profiles as devices
from explorer.data.latency_notes import latency_notes
from explorer.data.metrics import Tile, duration, human, interval, megabytes, quantity, tile

MAX_STEPS = 50


@dataclass(frozen=True)
class Imported:
    """A graph from a file or a library, with the graphs before its last edits."""

    graph: Graph
    source: str
    """The file or library that it is from."""
    profile: str | None = None
    before: tuple[tuple[str, Graph], ...] = ()
    """The label of each edit with the graph before it, the newest last."""

    def edit(self, label: str, make: Callable[[Graph], Graph]) -> Imported:
        """The network after an edit. Raises ArchError where it cannot be made."""
        return replace(self, graph=make(self.graph), before=(*self.before, (label, self.graph))[-MAX_STEPS:])

    def undo(self) -> Imported:
        return replace(self, graph=self.before[-1][1], before=self.before[:-1]) if self.before else self

    @property
    def verification(self) -> str:
        """What the import says of itself: the first graph's, as an edit's is not that of the file."""
        return (self.before[0][1] if self.before else self.graph).verification

    @cached_property
    def shown(self) -> Graph:
        """The graph under the names of its table (`stage2/block1`) where it has one, else as the file names it."""
        spec, _ = self.table
        return archs.build(spec) if spec else self.graph

    @cached_property
    def _shown_paths(self) -> dict[str, str]:
        return {} if self.shown is self.graph else matching_nodes(self.graph, self.shown)

    def title(self, path: str) -> str:
        """An operator, or a scope of the file with its blocks, under the names of the picture and the tables.

        The file's own names count its stages otherwise: a table's stage ends at a stride.
        """
        if path in self._shown_paths:
            return self._shown_paths[path]
        inside = [shown for mine, shown in self._shown_paths.items() if mine.startswith(f"{path}/")]
        if not inside:
            return path
        among = {self.shown[one].block for one in inside}
        blocks = list(dict.fromkeys(node.block for node in self.shown.nodes if node.block in among))
        if blocks == [path]:
            return path
        return f"{path} ({blocks[0]})" if len(blocks) == 1 else f"{path} ({blocks[0]} to {blocks[-1]})"

    @cached_property
    def counts(self) -> NetworkCounts:
        return costmodel.count(self.shown)

    @cached_property
    def opaque(self) -> tuple[str, ...]:
        """The operators that the importer does not know."""
        return tuple(sorted({node.op.target for node in self.graph.nodes if isinstance(node.op, Opaque)}))

    @cached_property
    def _priced(self) -> tuple[Prediction | None, str]:
        if self.profile is None:
            return None, "no device profile yet"
        try:
            profile = devices.load(self.profile)
            return costmodel.predict(devices.folded_for(self.graph, profile), profile), ""
        except CostError as error:
            return None, str(error)

    @property
    def prediction(self) -> Prediction | None:
        return self._priced[0]

    @cached_property
    def _times(self) -> dict[str, float]:
        """Milliseconds by the paths of `shown`. They are of the file's order of operators, as the file runs."""
        times = devices.nodes_ms(self.prediction, self.graph) if self.prediction else {}
        return {self._shown_paths.get(path, path): ms for path, ms in times.items()}

    @property
    def unpriced(self) -> str:
        """The reason for missing milliseconds; empty where there are any."""
        return self._priced[1]

    @cached_property
    def blocks(self) -> pandas.DataFrame:
        """One row per block, with `latency_ms` where the profile prices the network."""
        table = costs.blocks(self.counts)
        if self.prediction:
            times = dict.fromkeys(table["block"], 0.0)
            for node in self.shown.nodes:
                times[node.block] += self._times.get(node.path, 0.0)
            table["latency_ms"] = list(times.values())
        return table

    @cached_property
    def kinds(self) -> pandas.DataFrame:
        """One row per kind of operator, with `latency_ms` where the profile prices the network."""
        return costs.timed_kinds(self.counts, self._times if self.prediction else None)

    @cached_property
    def layers(self) -> pandas.DataFrame:
        table = costs.layers(self.counts)
        if self.prediction:
            table["latency_ms"] = [self._times.get(path, 0.0) for path in table["path"]]
        return table

    @cached_property
    def table(self) -> tuple[Spec | None, str]:
        """The network as a table; None and the first block that no row describes, where there is one."""
        try:
            return spec_of(self.graph), ""
        except ArchError as error:
            return None, str(error)

    @cached_property
    def text(self) -> tuple[str, str]:
        """The PyTorch file, or an empty text and the reason. Its header states the latency, where there is one."""
        notes = latency_notes(self.graph, self.prediction.profile) if self.prediction else ()
        try:
            return archs.to_source(self.graph, notes), ""
        except ArchError as error:
            return "", str(error)

    @property
    def tiles(self) -> list[Tile]:
        """Latency, mult-adds, params, MAC, peak memory, kernels."""
        total, size = self.counts.total, self.counts.convention.bytes_per_element
        least = "at least " if total.unknown else ""
        unknown = f"{quantity(total.unknown, 'unknown operator')} not in it" if total.unknown else ""
        elements = f"elements · {megabytes(self.counts.mem_bytes)}"
        return [
            self._latency(),
            tile("mult_adds", least + human(total.mult_adds), unknown, f"Here: {total.mult_adds:,}."),
            tile("params", human(total.params), "", f"Here: {total.params:,}."),
            tile("mem_access", least + human(total.mem_access), elements, f"Here: {total.mem_access:,} elements."),
            tile("peak_activation", megabytes(self.counts.peak_activation * size), "", "In float32."),
            tile("kernels", f"{total.kernels:,}", f"of {quantity(format(len(self.graph.nodes), ','), 'operator')}", ""),
        ]

    def _latency(self) -> Tile:
        found = self.prediction
        if found is None or self.profile is None:
            return tile("latency_ms", "–", "not priced", f"{self.unpriced}.")
        beside = f"{devices.owner(self.profile)} · {interval(found)}"
        least = "at least " if self.opaque else ""
        return tile("latency_ms", least + duration(found.latency_ms), beside, f"Device: {devices.title(self.profile)}.")
