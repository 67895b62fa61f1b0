"""The log of an adaptation: a line with its plan, then a line per step with every proposal, chosen or not.

A killed run continues from it. The weights of the last step, where a step has some, lie beside it. Nothing is searched
here; start with `AdaptLog`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from archs import ArchError, Graph, Spec, build, load_weights
from archs.errors import shorten
from archs.transforms.weights import to_safetensors
from explorer.search.logs.plan_log import PlanLog, check_types, with_nan, without_nan
from explorer.search.netadapt import AdaptedStep, Proposal


class AdaptLog(PlanLog[AdaptedStep]):
    """The steps of one plan in a file."""

    FORMAT = "explorer.adapt-log/1"
    OF = "an adaptation"
    UNIT = "steps"

    def __init__(self, path: Path, plan: Mapping[str, Any]):
        super().__init__(path, plan)
        if [step.number for step in self.entries] != list(range(len(self.entries))):
            raise ArchError(f"{path} lacks a step; allowed: steps 0, 1, 2, … in order, or a new file")

    @property
    def ended(self) -> bool:
        """Whether the last step found nothing to choose."""
        return bool(self.entries) and self.entries[-1].number > 0 and self.entries[-1].chosen is None

    def read(self, row: Any) -> AdaptedStep:
        return step_of(row)

    def row(self, entry: AdaptedStep) -> dict[str, Any]:
        return row_of(entry)

    def append_with(self, step: AdaptedStep, state: Any) -> None:
        """Write a step, and the weights of its network if `state` is a graph with some."""
        has_weights = isinstance(state, Graph)
        if has_weights:
            self._write_weights(step.number, to_safetensors(state))
        self.append(step)
        if has_weights and step.number:
            self.weights(step.number - 1).unlink(missing_ok=True)

    def state(self, as_trained: Callable[[Spec], Spec]) -> Graph | None:
        """The last step's network with its weights; None where none are kept. Raises ArchError for a damaged file.

        `as_trained`: the table that a step's table was trained as.
        """
        path, spec = self.weights(self.entries[-1].number), self.entries[-1].spec
        return load_weights(build(as_trained(spec)), path) if path.exists() else None

    def weights(self, number: int) -> Path:
        """Where the weights of a step are kept."""
        return self.beside(f"step{number}")

    def beside(self, name: str) -> Path:
        """A file of weights that belongs to this log."""
        return self.path.with_name(f"{self.path.name}.{name}.safetensors")

    def _write_weights(self, number: int, content: bytes) -> None:
        path = self.weights(number)
        draft = path.with_name(f"{path.name}.draft")
        try:
            draft.write_bytes(content)
            os.replace(draft, path)
        except OSError as error:
            raise self.full(path, error) from None
        finally:
            draft.unlink(missing_ok=True)


def row_of(step: AdaptedStep) -> dict[str, Any]:
    """A step as JSON; a NaN is null."""
    row = {name.name: getattr(step, name.name) for name in fields(AdaptedStep)}
    proposals = [without_nan(asdict(one)) for one in step.proposals]
    return without_nan(row) | {"spec": json.loads(step.spec.to_json()), "proposals": proposals}


def step_of(row: Mapping[str, Any]) -> AdaptedStep:
    """A step from its JSON. Raises ValueError, KeyError or TypeError for one that is damaged."""
    step = with_nan(row)
    check_types(AdaptedStep, step)
    if not isinstance(row["proposals"], list):
        raise ArchError(f"proposals is {shorten(row['proposals'])}; allowed: a list")
    proposals = [with_nan(one) for one in row["proposals"]]
    for one in proposals:
        check_types(Proposal, one)
    spec = Spec.from_json(json.dumps(row["spec"]))
    return AdaptedStep(**step | {"spec": spec, "proposals": tuple([Proposal(**one) for one in proposals])})
