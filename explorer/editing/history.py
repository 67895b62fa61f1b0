"""What the user has done, as one frozen value: undo, redo, a named history, and the way back to the paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from archs import ArchError, Spec
from archs.errors import shorten
from explorer.data.originals import paper

if TYPE_CHECKING:
    import pandas

LIMIT = 200  # versions; a spec is some ten kB, and a server holds a class of histories


@dataclass(frozen=True)
class Version:
    """A network that was, and what made it: "row 4, column kernel: 5"."""

    label: str
    spec: Spec
    measured_pct: float | None = None
    """The top-1 accuracy of this network that the user measured."""


@dataclass(frozen=True)
class History:
    """Versions in the order in which they were made, and which of them is shown. Every step makes a new History."""

    versions: tuple[Version, ...]
    position: int = 0

    @staticmethod
    def start(spec: Spec, label: str = "") -> History:
        return History((Version(label or f"opened {spec.name}", spec),))

    @property
    def spec(self) -> Spec:
        return self.versions[self.position].spec

    @property
    def can_undo(self) -> bool:
        return self.position > 0

    @property
    def can_redo(self) -> bool:
        return self.position < len(self.versions) - 1

    def push(self, label: str, spec: Spec) -> History:
        """With a new version, which ends what could be redone; the oldest is forgotten beyond LIMIT.

        A spec that is the one shown changes nothing, so that a rerun of the page leaves no trace.
        """
        if spec == self.spec:
            return self
        versions = (*self.versions[: self.position + 1], Version(label, spec))[-LIMIT:]
        return History(versions, len(versions) - 1)

    def continued(self, later: Sequence[Version], steps: int) -> History:
        """With later versions, if any, in place of what could be redone; so many steps on from the one shown."""
        versions = (*self.versions[: self.position + 1], *later) if later else self.versions
        dropped = max(0, len(versions) - LIMIT)
        return History(versions[dropped:], max(0, self.position + steps - dropped))

    def measure(self, top1_pct: float | None) -> History:
        """With the measured accuracy of the version shown; None takes it away. Raises ArchError if it is none."""
        if top1_pct is not None and not (isinstance(top1_pct, (int, float)) and 0 <= top1_pct <= 100):
            raise ArchError(f"found {shorten(top1_pct)}; allowed: 0 to 100", "Measured top-1, %")
        versions = list(self.versions)
        versions[self.position] = replace(versions[self.position], measured_pct=top1_pct)
        return replace(self, versions=tuple(versions))

    def undo(self) -> History:
        """One version back; at the first, itself."""
        return replace(self, position=max(0, self.position - 1))

    def redo(self) -> History:
        """One version forward; at the last, itself."""
        return replace(self, position=min(len(self.versions) - 1, self.position + 1))

    def go(self, position: int) -> History:
        """To any version, as the named history offers them. Raises ArchError where there is none."""
        if not 0 <= position < len(self.versions):
            raise ArchError(f"found {position}; allowed: 0 to {len(self.versions) - 1}", "version")
        return replace(self, position=position)

    def reset(self) -> History:
        """A new version: the paper's network at the knobs of the one shown. Raises ArchError where there is no paper.

        It can be undone like any other step.
        """
        original = paper(self.spec)
        if original is None:
            raise ArchError(f"{self.spec.name} is no network of the catalogue; undo leads back to its first version")
        return self.push("reset to paper", original)

    def table(self) -> pandas.DataFrame:
        """One row per version: `position`, `label`, `rows` of its table, and whether it is the one `shown`."""
        import pandas

        rows = [
            {"position": i, "label": v.label, "rows": len(v.spec.rows), "shown": i == self.position}
            for i, v in enumerate(self.versions)
        ]
        return pandas.DataFrame(rows)
