"""Everything that the user has chosen, as one frozen value. A choice makes a new one; nothing here knows Streamlit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import archs
import costmodel
from archs import ArchError, Graph, Spec
from costmodel import NetworkCounts

DEFAULT = "mobilenet_v2"


@dataclass(frozen=True)
class Problem:
    """A choice that could not be followed: by which control it is to be shown, and why."""

    control: str
    message: str


@dataclass(frozen=True)
class Scenario:
    """The network and how it is looked at. `spec` always builds: a bad choice leaves it and sets `problem`."""

    spec: Spec
    folded: bool = False
    block: str | None = None  # the block that is open
    metric: str = "mult_adds"  # what colours the picture
    own: Spec | None = None  # the last valid uploaded network, so that one can go back to it
    problem: Problem | None = None

    @property
    def graph(self) -> Graph:
        return _graph(self.spec, self.folded)

    @property
    def counts(self) -> NetworkCounts:
        return _counts(self.spec, self.folded)

    @property
    def source(self) -> str:
        """The PyTorch file."""
        return _source(self.spec, self.folded)

    def choose(self, control: str, **choices: object) -> Scenario:
        """The scenario after a choice, with `block` kept where the new network has it.

        Where the choice makes no network (the graph does not build), the one before, with the problem to show.
        """
        chosen = replace(self, **choices, problem=None)  # type: ignore[arg-type]
        try:
            blocks = {node.block for node in chosen.graph.nodes}
        except ArchError as error:
            return self.refuse(control, error)
        return chosen if chosen.block in blocks else replace(chosen, block=None)

    def refuse(self, control: str, error: Exception) -> Scenario:
        return replace(self, problem=Problem(control, str(error)))


def start() -> Scenario:
    return Scenario(archs.spec(DEFAULT))


# Specs are frozen and compare by value, the kinds of their rows included, so they can be the keys. A class of forty
# looks at few networks at a time; the limit keeps a shared server's memory flat.
@lru_cache(64)
def _graph(spec: Spec, folded: bool) -> Graph:
    graph = archs.build(spec)
    return archs.fold_batchnorm(graph) if folded else graph


@lru_cache(64)
def _counts(spec: Spec, folded: bool) -> NetworkCounts:
    return costmodel.count(_graph(spec, folded))


@lru_cache(64)
def _source(spec: Spec, folded: bool) -> str:
    return archs.to_source(_graph(spec, folded))
