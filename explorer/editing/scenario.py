"""Everything that the user has chosen, as one frozen value. A choice makes a new one; nothing here knows Streamlit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import archs
import costmodel
from archs import ArchError, Graph, Spec
from archs.caching import cached
from archs.catalogue.registry import FAMILIES, citation
from archs.errors import Problem
from archs.tables.lower import block_paths
from costmodel import CostError, Fragmentation, NetworkCounts, Prediction
from explorer.data import costs
from explorer.data import profiles as devices
from explorer.data.originals import knobs, paper
from explorer.editing import diff as compare
from explorer.editing.history import History, Version
from explorer.editing.repair import Edited, Refused

if TYPE_CHECKING:
    import pandas

DEFAULT = "mobilenet_v2"
PAPER = "paper"
_UNSAFE = re.compile(r"(?:[^\w.-]|\.\.+)+")
"""What no name of a file has."""


@dataclass(frozen=True)
class Rejection:
    """A choice that was refused: the control that shows it, and the reason.

    `attempt` is the requested table where it is a valid spec that does not build: a `fix` of its causes applies to it.
    """

    control: str
    message: str
    causes: tuple[Problem, ...] = ()
    attempt: Spec | None = None


@dataclass(frozen=True)
class Scenario:
    """The network and how it is looked at. `spec` always builds: a bad choice leaves it and sets `problem`.

    Derived values are cached properties, as a page reads most of them many times.
    """

    history: History
    folded: bool = False
    block: str | None = None  # the block that is open
    metric: str = "mult_adds"  # what colours the picture
    custom: Spec | None = None  # the last valid network that is not of the catalogue, so that one can return to it
    against: str | Version = PAPER  # the baseline: the paper's, a catalogue name, an earlier version
    profile: str | None = field(default_factory=devices.preferred)
    target_ms: float | None = None  # the latency budget
    least_pct: float | None = None  # and the least top-1 accuracy
    notes: tuple[str, ...] = ()  # adjustments that the last edit made in other cells
    problem: Rejection | None = None

    @property
    def spec(self) -> Spec:
        return self.history.spec

    @property
    def measured_pct(self) -> float | None:
        """The top-1 accuracy of the version shown, where the user measured it."""
        return self.history.versions[self.history.position].measured_pct

    @cached_property
    def graph(self) -> Graph:
        return _graph(self.spec, self.folded)

    @cached_property
    def counts(self) -> NetworkCounts:
        return _counts(self.spec, self.folded)

    @cached_property
    def fragmentation(self) -> Fragmentation:
        return _fragmentation(self.spec, self.folded)

    @cached_property
    def layers(self) -> pandas.DataFrame:
        """One row per operator, with `latency_ms` where a profile prices the network; not to be changed."""
        table, times = _layers(self.spec, self.folded), self.nodes_ms
        return table if times is None else table.assign(latency_ms=[times.get(path, 0.0) for path in table["path"]])

    def layers_of(self, block: str) -> dict[str, list[Any]]:
        """Column → its values: the rows of `layers` that are of a block."""
        table, times = costs.layer_columns(self.counts, block), self.nodes_ms
        return table if times is None else table | {"latency_ms": [times.get(path, 0.0) for path in table["path"]]}

    @property
    def source(self) -> str:
        """The PyTorch file; its header states the latency on the chosen profile, where that prices the network."""
        try:
            notes = devices.notes(self.spec, self.profile, self.folded) if self.profile else ()
        except CostError:  # the tile has the reason
            notes = ()
        return _source(self.spec, self.folded, notes)

    @cached_property
    def edited(self) -> bool:
        """Whether the network is no published one at its knobs."""
        return _edited(self.spec)

    @cached_property
    def title(self) -> str:
        """`MobileNetV2, width 1.0, edited`."""
        name = citation(self.spec)[0]
        return f"{name}, edited" if self.edited and self.spec.name in FAMILIES else name

    def file(self, what: str = "", suffix: str = "") -> str:
        """The name of a file about this version: the network, what makes it another than its paper's, and `what`."""
        name, position = self.spec.name, self.history.position
        if self.edited:
            name += f"_{self.history.versions[position].label[:60]}" if position else "_edited"
        else:
            changed = [(k, v) for k, v in knobs(self.spec).items() if v != FAMILIES[name].default(k)]
            name += "".join([f"_{k}_{'x'.join(map(str, v)) if isinstance(v, tuple) else v}" for k, v in changed])
        return "_".join(filter(None, (_UNSAFE.sub("_", name).strip("_"), _UNSAFE.sub("_", what)))) + suffix

    @property
    def prediction(self) -> Prediction | None:
        """On the chosen profile, None without one. Raises CostError where the profile cannot price the network."""
        return devices.prediction(self.spec, self.profile, self.folded) if self.profile else None

    @property
    def nodes_ms(self) -> dict[str, float] | None:
        """Milliseconds by the path of the graph's nodes; None where no profile prices the network."""
        try:
            found = self.prediction
        except CostError:  # the tile has the reason
            return None
        return devices.nodes_ms(found, self.graph) if found else None

    @cached_property
    def baseline(self) -> Spec:
        """The network that this one is compared with; without a paper, the first version."""
        if isinstance(self.against, Version):
            return self.against.spec
        if self.against == PAPER:
            return paper(self.spec) or self.history.versions[0].spec
        return FAMILIES[self.against].spec()

    @cached_property
    def compared(self) -> Scenario:
        """The baseline, looked at in the same way."""
        return replace(self, history=History.start(self.baseline), block=None, problem=None, notes=())

    @cached_property
    def touched(self) -> frozenset[str]:
        """The blocks that are not as in the baseline; none where that is another network altogether."""
        base = self.baseline
        return _touched(self.spec, base, self.folded) if base.name == self.spec.name else frozenset()

    @cached_property
    def blocks(self) -> pandas.DataFrame:
        """One row per block, with `latency_ms` where a profile prices the network."""
        return _blocks(self.spec, self.folded, self.profile)

    @cached_property
    def row(self) -> int | None:
        """The row, from 0, of the block that is open."""
        return self.row_of(self.block) if self.block else None

    def paths_of(self, row: int) -> list[str]:
        """The blocks of a row, from 0."""
        return list(block_paths(self.spec))[row][1]

    def row_of(self, block: str) -> int | None:
        rows = enumerate(block_paths(self.spec))
        return next((index for index, (_, paths) in rows if block in paths), None)

    def choose(self, control: str, **choices: object) -> Scenario:
        """The scenario after a choice, with the same `block` where the new network has it.

        `spec` with a `label` makes a new version. Where the choice makes no network (the graph does not build), the
        scenario before, with the problem to show.
        """
        spec, label = choices.pop("spec", None), choices.pop("label", "")
        if isinstance(spec, Spec):
            choices["history"] = self.history.push(str(label) or f"opened {spec.name}", spec)
            if spec.name not in FAMILIES:
                choices["custom"] = spec
        chosen = replace(self, **choices, problem=None, notes=())  # type: ignore[arg-type]
        try:
            blocks = {node.block for node in chosen.graph.nodes}
        except ArchError as error:
            return self.refuse(control, error)
        return chosen if chosen.block in blocks else replace(chosen, block=None)

    def edit(
        self,
        control: str,
        label: str,
        make: Callable[[Spec], Edited],
        attempt: Spec | None = None,
        follow: int | None = None,
    ) -> Scenario:
        """The scenario after an edit of the table, or with the problem to show.

        `attempt` is the table that the edit makes, if it were one; a block of row `follow` is open where the edit
        succeeds: the one that was, or the row's first.
        """
        try:
            edited = make(self.spec)
        except ArchError as error:
            return self.refuse(control, error, error.attempt if isinstance(error, Refused) else attempt)
        block = self.block
        if follow is not None:
            paths = [paths for _, paths in block_paths(edited.spec)][follow]
            block = block if block in paths else paths[0]
        return replace(self.choose(control, spec=edited.spec, label=label, block=block), notes=edited.notes)

    def refuse(self, control: str, error: Exception, attempt: Spec | None = None) -> Scenario:
        causes = error.problems if isinstance(error, ArchError) else ()
        return replace(self, problem=Rejection(control, getattr(error, "text", str(error)), causes, attempt))


def start() -> Scenario:
    """The scenario of a new session."""
    return Scenario(History.start(archs.spec(DEFAULT)))


# Specs are frozen and compare by value, the kinds of their rows included, so they can be the keys. A class of forty
# looks at few networks at a time; the limit keeps a shared server's memory flat.
@cached(64, "a page run asks for the same graph in every panel")
def _graph(spec: Spec, folded: bool) -> Graph:
    graph = archs.build(spec)
    return archs.fold_batchnorm(graph) if folded else graph


@cached(64, "a page run shows one network's counts in several panels")
def _counts(spec: Spec, folded: bool) -> NetworkCounts:
    return costmodel.count(_graph(spec, folded))


@cached(64, "a page run marks the edited blocks in several figures")
def _touched(spec: Spec, base: Spec, folded: bool) -> frozenset[str]:
    return compare.touched(_counts(base, folded), _counts(spec, folded))


@cached(64, "a page run shows the fragmentation in several panels")
def _fragmentation(spec: Spec, folded: bool) -> Fragmentation:
    return costmodel.fragmentation(_graph(spec, folded))


@cached(64, "a page run shows the layers in several tables")
def _layers(spec: Spec, folded: bool) -> pandas.DataFrame:
    return costs.layers(_counts(spec, folded))


@cached(64, "a page run shows and offers the same text")
def _source(spec: Spec, folded: bool, notes: tuple[str, ...]) -> str:
    return archs.to_source(_graph(spec, folded), notes)


@cached(64, "every title asks whether the network is edited")
def _edited(spec: Spec) -> bool:
    return paper(spec) != spec


@cached(64, "a page run draws several figures of one table")
def _blocks(spec: Spec, folded: bool, profile: str | None) -> pandas.DataFrame:
    table = costs.blocks(_counts(spec, folded), _fragmentation(spec, folded))
    try:
        by_block = devices.prediction(spec, profile, folded).by_block if profile else None
    except CostError:  # the tile has the reason
        by_block = None
    if by_block is not None:
        table["latency_ms"] = [by_block.get(block, 0.0) for block in table["block"]]
    return table
