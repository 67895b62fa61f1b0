"""The log of an adaptation: a line with its plan, then a line per step with every proposal, chosen or not.

A killed run continues from it. The weights of the last step, where a step has some, lie beside it. Nothing is searched
here; start with `Log`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from math import isnan, nan
from pathlib import Path
from typing import Any

from archs import ArchError, Graph, Spec, build, load_weights
from archs.errors import shorten
from archs.transforms.weights import to_safetensors
from explorer.search.netadapt import AdaptedStep, Proposal

FORMAT = "explorer.adapt-log/1"


class Log:
    """The steps of one plan in a file. `plan` is JSON; a file of another plan is refused, never overwritten."""

    def __init__(self, path: Path, plan: Mapping[str, Any]):
        self.path = path
        self.steps: list[AdaptedStep] = []
        self._header = _line({"format": FORMAT, "plan": dict(plan)})
        content = path.read_bytes() if path.exists() else b""
        whole, _, _ = content.rpartition(b"\n")
        lines = whole.split(b"\n") if whole else []
        if not lines:
            if not self._header.startswith(content):
                raise ArchError(f"{path} is no log of an adaptation; allowed: one, or a new file")
            self._write(self._header, 0)
            return
        self._check(lines[0])
        for number, line in enumerate(lines[1:], 2):
            try:
                self.steps.append(_step(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                reason = shorten(str(error).splitlines()[0])
                raise ArchError(
                    f"{path}, line {number} is damaged ({reason}); remove it and the lines after it"
                ) from None
        if [step.number for step in self.steps] != list(range(len(self.steps))):
            raise ArchError(f"{path} lacks a step; allowed: steps 0, 1, 2, … in order, or a new file")
        self._end = len(whole) + 1

    @property
    def ended(self) -> bool:
        """Whether the last step found nothing to choose."""
        return bool(self.steps) and self.steps[-1].number > 0 and self.steps[-1].chosen is None

    def append(self, step: AdaptedStep, state: Any = None) -> None:
        """Write a step, and the weights of its network if `state` is a graph with some.

        Raises ArchError where they cannot be written; the steps before stay.
        """
        has_weights = isinstance(state, Graph)
        if has_weights:
            self._write_weights(step.number, to_safetensors(state))
        self._write(_line(row_of(step)), self._end)
        self.steps.append(step)
        if has_weights and step.number:
            self.weights(step.number - 1).unlink(missing_ok=True)

    def state(self) -> Graph | None:
        """The last step's network with its weights; None where none are kept. Raises ArchError for a damaged file."""
        path = self.weights(self.steps[-1].number)
        return load_weights(build(self.steps[-1].spec), path) if path.exists() else None

    def weights(self, number: int) -> Path:
        """Where the weights of a step are kept."""
        return self.beside(f"step{number}")

    def beside(self, name: str) -> Path:
        """A file of weights that belongs to this log."""
        return self.path.with_name(f"{self.path.name}.{name}.safetensors")

    def _check(self, line: bytes) -> None:
        try:
            found = json.loads(line)
            theirs = found["plan"]
            known = found["format"] == FORMAT and isinstance(theirs, dict)
        except (ValueError, KeyError, TypeError, RecursionError):
            known = False
        if not known:
            raise ArchError(f"{self.path} is no log of an adaptation; allowed: one, or a new file")
        ours = json.loads(self._header)["plan"]
        if differing := sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)):
            name = differing[0]
            raise ArchError(
                f"{self.path} is of another search: {name} is {shorten(theirs.get(name))} there and "
                f"{shorten(ours.get(name))} here; allowed: equal arguments, or another file"
            )

    def _write(self, content: bytes, at: int) -> None:
        """Write behind the whole lines; a line that is cut short by a full disk is taken back."""
        try:
            with self.path.open("r+b" if self.path.exists() else "wb") as file:
                file.truncate(at)
                file.seek(at)
                try:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), at)
                    raise
        except OSError as error:
            raise self._full(self.path, error) from None
        self._end = at + len(content)

    def _write_weights(self, number: int, content: bytes) -> None:
        path = self.weights(number)
        draft = path.with_name(f"{path.name}.draft")
        try:
            draft.write_bytes(content)
            os.replace(draft, path)
        except OSError as error:
            raise self._full(path, error) from None
        finally:
            draft.unlink(missing_ok=True)

    def _full(self, path: Path, error: OSError) -> ArchError:
        kept = f"the {len(self.steps)} steps before are kept" if self.steps else "nothing was there yet"
        return ArchError(f"{path} cannot be written ({error.strerror or error}); {kept}; run it again to continue")


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def row_of(step: AdaptedStep) -> dict[str, Any]:
    """A step as JSON; a NaN is null."""
    row = {name.name: getattr(step, name.name) for name in fields(AdaptedStep)}
    return _plain(row | {"spec": json.loads(step.spec.to_json()), "proposals": [asdict(p) for p in step.proposals]})


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [_plain(one) for one in value] if name == "proposals" else _null(value) for name, value in row.items()
    }


def _null(value: Any) -> Any:
    return None if isinstance(value, float) and isnan(value) else value


def _step(row: Mapping[str, Any]) -> AdaptedStep:
    proposals = tuple(Proposal(**_numbers(one)) for one in row["proposals"])
    spec = Spec.from_json(json.dumps(row["spec"]))
    return AdaptedStep(**_numbers(row) | {"spec": spec, "proposals": proposals})


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: nan if value is None else value for name, value in row.items()}
