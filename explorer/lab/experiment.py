"""The experiments: the rows of a table as networks of equal FLOPs, and their deviation from equal FLOPs. No timing.

Three kinds. "paper": the printed channels. "own": given channels, the other rows at the nearest integers. "exact": as
"own", with the channels of the first row adjusted until every row is within 1 % of equal FLOPs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import archs
from archs import ArchError, Graph, Spec
from archs.caching import cached
from archs.catalogue.guidelines import PRINTED_OTHERWISE, SIZE, PrintedCell, cells
from archs.tables.rows import Conv
from costmodel import count, fragmentation
from explorer.data.metrics import percent
from explorer.errors import LabError

if TYPE_CHECKING:
    import pandas

GUIDELINES = (1, 2, 3, 4)
PLATFORMS = ("GPU", "ARM")
SCALES = (1, 2, 4)
LAYOUTS = ("nchw", "channels_last")
EQUAL = 0.01  # largest deviation from equal FLOPs of an exact experiment
REACH = 8  # an exact experiment changes the channels by at most 1/REACH
MAX_CHANNELS, MAX_RESOLUTION, MAX_BATCH, MAX_THREADS = 1024, 256, 64, 64
MAX_MULT_ADDS = 20e9  # of one row times the batch; the paper's largest has 16.4e9


@dataclass(frozen=True)
class Settings:
    """The settings of a run. Raises LabError for a value out of range."""

    batch: int = 1
    threads: int = 1
    layout: str = "nchw"
    device: str = "cpu"

    def __post_init__(self) -> None:
        check("batch", self.batch, 1, MAX_BATCH)
        check("threads", self.threads, 1, MAX_THREADS)
        if self.layout not in LAYOUTS:
            raise LabError(f"layout: found {str(self.layout)[:40]!r}; allowed: {', '.join(LAYOUTS)}")


def check(name: str, value: object, low: int, high: int) -> None:
    """Raises LabError where `value` is no whole number from `low` to `high`."""
    if type(value) is not int or not low <= value <= high:
        raise LabError(f"{name}: found {str(value)[:40]}; allowed: a whole number from {low:,} to {high:,}")


@dataclass(frozen=True)
class Variant:
    """One row of an experiment: its name and channels as the table prints them, and its network."""

    row: str
    channels: str
    spec: Spec

    @property
    def graph(self) -> Graph:
        return _graph(self.spec)


@dataclass(frozen=True)
class Experiment:
    """The rows of one column of a guideline's table. The first row is the reference."""

    guideline: int
    """1 to 4; 0 for a custom design."""
    platform: str
    """The platform of the paper's column, for channels and verdicts."""
    scale: int
    kind: str
    variants: tuple[Variant, ...]
    settings: Settings = Settings()

    @property
    def column(self) -> str:
        """The column's head in the paper: ×2, or c=128."""
        return column(self.guideline, self.platform, self.scale)

    @cached_property
    def table(self) -> pandas.DataFrame:
        """One row per variant: its channels, its counts, `flops_error` (relative deviation from the first row).

        `largest_access` is the largest memory access of one operator, to compare with cache sizes.
        """
        import pandas

        rows = []
        for variant in self.variants:
            counts = count(variant.graph)
            pieces = fragmentation(variant.graph)
            worst = pieces.worst
            rows.append(
                {
                    "row": variant.row,
                    "channels": variant.channels,
                    "mult_adds": counts.total.mult_adds,
                    "params": counts.total.params,
                    "mem_access": counts.total.mem_access,
                    "mem_access_paper": counts.total.mem_access_paper,
                    "largest_access": max(cost.mem_access for cost in counts.nodes),
                    "elementwise": counts.total.elementwise,
                    "kernels": counts.total.kernels,
                    "fragments": worst.fragments if worst else 0,
                    "branches": worst.branches if worst else 0,
                    "depth": worst.depth if worst else 0,
                }
            )
        table = pandas.DataFrame(rows)
        table.insert(3, "flops_error", table["mult_adds"] / table["mult_adds"].iloc[0] - 1)
        return table


@cached(256, "a sheet asks for the same graphs in several tables")
def _graph(spec: Spec) -> Graph:
    return archs.build(spec)


def _cells(guideline: int, platform: str) -> dict[str, list[PrintedCell]]:
    """Row → its cells at ×1, ×2, ×4. Tables 2 to 4 head the ARM platform's columns "CPU"."""
    rows: dict[str, list[PrintedCell]] = {}
    for cell in cells(guideline):
        if (cell.platform == "GPU") == (platform == "GPU"):
            rows.setdefault(cell.row, []).append(cell)
    return rows


def printed_platform(guideline: int, platform: str) -> str:
    """The platform as the head of the table has it: Tables 2 to 4 print CPU for the ARM core of Table 1.

    >>> printed_platform(1, "ARM"), printed_platform(2, "ARM"), printed_platform(2, "GPU")
    ('ARM', 'CPU', 'GPU')
    """
    if guideline not in GUIDELINES or platform == "GPU":
        return platform
    return next(cell.platform for cell in cells(guideline) if cell.platform != "GPU")


def printed_channels(made: Experiment) -> dict[str, tuple[int, str]]:
    """Row → (channels as the table prints them, why this experiment has others), for rows that differ."""
    if made.kind != "paper":
        return {}
    platform = printed_platform(made.guideline, made.platform)
    return {
        row: (channels * made.scale, reason)
        for (guideline, row, where), (channels, reason) in PRINTED_OTHERWISE.items()
        if (guideline, where) == (made.guideline, platform)
    }


def column(guideline: int, platform: str, scale: int) -> str:
    """The head of a column of the printed table; empty where there is no such guideline."""
    if guideline not in GUIDELINES:
        return ""
    return next(iter(_cells(guideline, platform).values()))[SCALES.index(scale)].column


def experiment(
    guideline: int,
    platform: str = "ARM",
    scale: int = 1,
    exact: bool = False,
    channels: int | None = None,
    resolution: int = SIZE,
    settings: Settings | None = None,
) -> Experiment:
    """One column of Table `guideline`, with the paper's channels or with `channels` in the first row.

    Raises LabError for a value out of range, or where whole channels cannot come within 1 % of equal FLOPs.

    >>> [variant.channels for variant in experiment(2, "ARM").variants]
    ['64', '90', '128', '184']
    >>> [variant.channels for variant in experiment(2, "ARM", exact=True).variants]
    ['62', '88', '124', '176']
    """
    if guideline not in GUIDELINES:
        raise LabError(f"guideline: found {str(guideline)[:40]}; allowed: 1, 2, 3, 4")
    if platform not in PLATFORMS:
        raise LabError(f"platform: found {str(platform)[:40]!r}; allowed: {', '.join(PLATFORMS)}")
    if scale not in SCALES:
        raise LabError(f"scale: found {str(scale)[:40]}; allowed: 1, 2, 4")
    check("resolution", resolution, 1, MAX_RESOLUTION)
    templates = {row: found[SCALES.index(scale)].spec for row, found in _cells(guideline, platform).items()}
    kind = "exact" if exact else "paper" if channels is None else "own"
    if kind == "paper":
        sizes = {row: _channels(guideline, spec) for row, spec in templates.items()}
    else:
        if channels is None:
            first = next(iter(templates.values()))
            channels = first.input_channels
        check("channels", channels, 4, MAX_CHANNELS)
        sizes = (_exact if exact else _nearest)(guideline, channels, list(templates))
    variants = []
    for row, (c1, c2) in sizes.items():
        spec = _with_channels(guideline, templates[row], c1, c2).edit(resolution=resolution)
        variants.append(Variant(row, f"({c1}, {c2})" if guideline == 1 else f"{c1}", spec))
    made = Experiment(guideline, platform, scale, kind, tuple(variants), settings or Settings())
    _affordable(made)
    return made


def custom_design(networks: list[tuple[str, Spec]], settings: Settings | None = None) -> Experiment:
    """Given networks as an experiment; the first is the reference. Raises LabError if one is too large."""
    variants = [Variant(row, f"{spec.input_channels}", spec) for row, spec in networks]
    made = Experiment(0, "ARM", 1, "own", tuple(variants), settings or Settings())
    _affordable(made)
    return made


def _affordable(made: Experiment) -> None:
    try:
        largest = int(made.table["mult_adds"].max()) * made.settings.batch
    except ArchError as error:
        raise LabError(str(error)) from None
    if largest > MAX_MULT_ADDS:
        raise LabError(
            f"{largest / 1e9:,.0f} G multiply-adds per call; allowed: up to {MAX_MULT_ADDS / 1e9:,.0f} G. "
            "Take fewer channels, a smaller resolution or a smaller batch"
        )


def _channels(guideline: int, spec: Spec) -> tuple[int, int]:
    """(c1, c2) of a network of this lab; equal except in G1."""
    return spec.input_channels, first_convolution(spec).channels if guideline == 1 else spec.input_channels


def first_convolution(spec: Spec) -> Conv:
    """The first row of a network of G1 or G2, which is a convolution."""
    row = spec.rows[0]
    if not isinstance(row, Conv):
        raise LabError(f"{spec.name}: the first row is a {row.kind}, not a convolution")
    return row


def _with_channels(guideline: int, template: Spec, c1: int, c2: int) -> Spec:
    """The template at other channels: it alternates between c1 and c2 in G1, keeps c1 in the others."""
    rows = []
    for number in range(len(template.rows)):
        changes = {"channels": c1 if number % 2 else c2}
        if guideline == 4:
            changes["inner"] = c1 // 4
        rows.append(template.edit_row(number, **changes).rows[number])
    return template.edit(input_channels=c1, rows=tuple(rows))


def _ratio(row: str) -> int:
    """The number in the name of a row: c2/c1 of G1, groups of G2, fragments of G3."""
    return int(row[0]) if row[0].isdigit() else int(row.replace(":", " ").split()[-1])


def _nearest_g1(channels: int, row: str) -> tuple[int, int]:
    c1 = max(1, round(channels / _ratio(row) ** 0.5))
    return c1, round(channels**2 / c1)


def _nearest_g2(channels: int, row: str) -> tuple[int, int]:
    groups = _ratio(row)
    c = groups * max(1, round(channels / groups**0.5))  # c = c₁·√g, a multiple of g
    return c, c


def _nearest_g3(channels: int, row: str) -> tuple[int, int]:
    c = max(1, round(channels / _ratio(row) ** 0.5))  # n·c² = c₁²
    return c, c


def _nearest_g4(channels: int, row: str) -> tuple[int, int]:
    c = 4 * max(1, round(channels / 4))  # the inner width is a quarter
    return c, c


_NEAREST: dict[int, Callable[[int, str], tuple[int, int]]] = {
    1: _nearest_g1,
    2: _nearest_g2,
    3: _nearest_g3,
    4: _nearest_g4,
}


def _nearest(guideline: int, channels: int, rows: list[str]) -> dict[str, tuple[int, int]]:
    return {row: _NEAREST[guideline](channels, row) for row in rows}


def _exact(guideline: int, channels: int, rows: list[str]) -> dict[str, tuple[int, int]]:
    """The channels nearest to the requested ones for which every row is within 1 % of equal FLOPs."""
    for step in range(channels // REACH + 1):
        for candidate in (channels + step, channels - step):
            found = _nearest(guideline, candidate, rows)
            if max(abs(_work(guideline, row, found[row]) / candidate**2 - 1) for row in rows) < EQUAL:
                return found
    raise LabError(
        f"channels: near {channels} no whole numbers of channels come within {percent(EQUAL)} of equal FLOPs; take more"
    )


def _work(guideline: int, row: str, sizes: tuple[int, int]) -> float:
    """Multiply-adds per pixel and layer; the first row has c²."""
    c1, c2 = sizes
    if guideline == 2:
        return c1 * c2 / _ratio(row)
    return c1 * c2 * _ratio(row) if guideline == 3 else c1 * c2
