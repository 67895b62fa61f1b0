"""The literature's totals and accuracies of the catalogue's networks: `published.csv`, every row with its source.

`explained` is the reason why a printed figure differs from the count by more than its rounding. A test holds that
exactly those rows have one.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from archs.caching import cached
from archs.catalogue.registry import FAMILIES
from archs.tables.table import Spec

PATH = Path(__file__).with_name("published.csv")


@dataclass(frozen=True)
class Published:
    """One published network. Figures are strings as printed: the last digit of "3.4" is a tenth of a million."""

    name: str
    width: float | None
    groups: int | None
    resolution: int
    code: str | None
    mult_adds_m: str
    params_m: str
    top1_pct: float | None
    recipe: str
    source: str
    explained: str

    def spec(self) -> Spec:
        """The catalogue's spec of this row."""
        knobs = {"width": self.width, "groups": self.groups, "code": self.code, "resolution": self.resolution}
        return FAMILIES[self.name].spec(**{knob: value for knob, value in knobs.items() if value is not None})


def agrees(printed: str, count: int) -> bool:
    """Whether a count is within half a unit of the last digit of the printed millions; nothing printed agrees.

    >>> agrees("569", 568_740_352), agrees("3.4", 3_504_872)
    (True, False)
    """
    if not printed:
        return True
    figure = Decimal(printed)
    unit = Decimal(1).scaleb(int(figure.as_tuple().exponent))
    return abs(Decimal(count) / 10**6 - figure) <= unit / 2


@cached(1, "a file of the package")
def published() -> tuple[Published, ...]:
    """All rows, family by family."""
    with PATH.open(encoding="utf-8", newline="") as file:
        return tuple(
            Published(
                name=row["name"],
                width=float(row["width"]) if row["width"] else None,
                groups=int(row["groups"]) if row["groups"] else None,
                resolution=int(row["resolution"]),
                code=row["code"] or None,
                mult_adds_m=row["madds_m"],
                params_m=row["params_m"],
                top1_pct=float(row["top1_pct"]) if row["top1_pct"] else None,
                recipe=row["recipe"],
                source=row["source"],
                explained=row["explained"],
            )
            for row in csv.DictReader(file)
        )
