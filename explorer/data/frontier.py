"""Published networks beside an edited one: accuracy with recipe and source, and latency on real devices.

`archs/catalogue/published.csv` has the catalogue's networks, `frontier.csv` other recipes and other networks. Figures
of catalogue networks are counted here, others are as printed. Latencies (`published_latency.csv`) are of other
machines: they have a table of their own and never share a column with predictions.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from archs import Graph, Spec, build
from archs.caching import cached
from archs.catalogue.published import published
from archs.catalogue.registry import FAMILIES
from costmodel import count

if TYPE_CHECKING:
    import pandas

PATH = Path(__file__).with_name("frontier.csv")
LATENCY_PATH = Path(__file__).with_name("published_latency.csv")
MILLISECONDS: dict[str, Callable[[float], float]] = {
    "latency_ms": lambda value: value,
    "images_per_s": lambda value: 1000 / value,
    "batches_per_s": lambda value: 1000 / value,
}
"""How a printed figure becomes the milliseconds of one batch; images per second are printed for batch 1 only."""


def rows() -> tuple[dict[str, str], ...]:
    """`frontier.csv` as it is printed, row by row; `explained` has the reason for a total that differs from ours."""
    return _rows(PATH)


def spec_of(row: dict[str, str]) -> Spec | None:
    """The catalogue's network that a row is of, or None."""
    if not row["name"]:
        return None
    knobs: dict[str, object] = {"resolution": int(row["resolution"])}
    if row["width"] and "width" in FAMILIES[row["name"]].knobs:
        knobs["width"] = float(row["width"])
    if row["groups"]:
        knobs["groups"] = int(row["groups"])
    return FAMILIES[row["name"]].spec(**knobs | ({"code": row["code"]} if row.get("code") else {}))


@cached(None, "read from two files")
def _points() -> tuple[tuple[dict[str, Any], Spec | None], ...]:
    found: dict[tuple[object, ...], tuple[dict[str, Any], Spec | None]] = {}
    for p in published():
        if p.top1_pct is not None:
            family = FAMILIES[p.name]
            knobs = [f"{p.width:g}×" if p.width else "", f"g = {p.groups}" if p.groups else "", p.code or ""]
            point = {
                "family": family.title,
                "variant": " ".join([family.title, *filter(None, knobs), f"@{p.resolution}"]),
                "name": p.name,
                "resolution": p.resolution,
                "top1_pct": p.top1_pct,
                "recipe": p.recipe,
                "year": family.year,
                "source": p.source,
            }
            spec = p.spec()
            found.setdefault((spec, p.top1_pct, p.recipe), (point, spec))  # papers quote each other's figures
    for row in rows():
        point = {
            "family": FAMILIES[row["name"]].title if row["name"] else row["family"],
            "variant": row["variant"],
            "name": row["name"],
            "resolution": int(row["resolution"] or 0),
            "top1_pct": float(row["top1_pct"]),
            "recipe": row["recipe"],
            "year": int(row["year"]),
            "source": row["source"],
        }
        known = spec_of(row)
        if known is None:
            point["mult_adds"] = float(row["madds_m"]) * 1e6
            point["params"] = float(row["params_m"]) * 1e6 if row["params_m"] else float("nan")
        found.setdefault((known or row["variant"], point["top1_pct"], row["recipe"]), (point, known))
    return tuple(found.values())


class PublishedTop1(NamedTuple):
    """A printed top-1 accuracy with its training recipe and source; `variant` is the network as a title."""

    top1_pct: float
    recipe: str
    source: str
    variant: str


@cached(None, "read from two files")
def published_networks() -> dict[Spec, PublishedTop1]:
    """The catalogue's networks whose accuracy is printed, each with the first that the tables print."""
    found: dict[Spec, PublishedTop1] = {}
    for p, spec in _points():
        if spec is not None:
            found.setdefault(spec, PublishedTop1(p["top1_pct"], p["recipe"], p["source"], p["variant"]))
    return found


@cached(None, "read from two files")
def catalogue_variants() -> dict[str, Spec]:
    """Title of a point (`variant` in `table`) → its network, of all points whose network the catalogue has."""
    return {p["variant"]: spec for p, spec in _points() if spec is not None}


def published_top1(spec: Spec) -> PublishedTop1 | None:
    """The first accuracy that the tables print of exactly this network; None for any other network."""
    return published_networks().get(spec)


def families() -> tuple[str, ...]:
    """The families of all published networks, in a fixed order."""
    return tuple(dict.fromkeys(point["family"] for point, _ in _points()))


@cached(None, "a network is in several tables")
def _counted(spec: Spec) -> dict[str, float]:
    total = count(build(spec)).total
    return {"mult_adds": total.mult_adds, "params": total.params, "mem_access": total.mem_access}


def table(latency_ms: Callable[[Graph], float] | None = None) -> pandas.DataFrame:
    """One row per published accuracy, no two alike.

    Columns: `family`, `variant`, `name` (the catalogue's, or empty), `resolution` (0 where the source has none),
    `year`, `recipe`, `top1_pct`, `mult_adds`, `params`, `mem_access` (NaN where it cannot be counted), `counted`
    (whether by us), `source`; and `latency_ms` of the catalogue's networks where a prediction is passed in.
    """
    import pandas

    times: dict[Spec, float] = {}
    made = []
    for point, spec in _points():
        row = {"mult_adds": float("nan"), "params": float("nan"), "mem_access": float("nan"), **point}
        if spec is not None:
            row |= _counted(spec)
        row["counted"] = spec is not None
        if latency_ms is not None:
            if spec is not None and spec not in times:
                times[spec] = latency_ms(build(spec))
            row["latency_ms"] = times[spec] if spec is not None else float("nan")
        made.append(row)
    columns = ["family", "variant", "name", "resolution", "year", "recipe", "top1_pct", "mult_adds", "params"]
    columns += ["mem_access", "counted", "source", *(["latency_ms"] if latency_ms else [])]
    return pandas.DataFrame(made)[columns]


def pareto(points: pandas.DataFrame, cost: str, value: str = "top1_pct") -> pandas.DataFrame:
    """The rows that no other beats: for its cost or less, none has more of `value`. In order of cost, to be a line."""
    known = points.dropna(subset=[cost, value]).sort_values([cost, value], ascending=[True, False], kind="stable")
    best = known[value].astype(float).cummax().shift(fill_value=float("-inf"))
    return known[known[value] > best]


def choose(
    points: pandas.DataFrame,
    families: Sequence[str] | None = None,
    recipes: Sequence[str] | None = None,
    years: tuple[int, int] | None = None,
) -> pandas.DataFrame:
    """The rows of some families, recipes and years, both ends included; None takes all."""
    chosen = points
    if families is not None:
        chosen = chosen[chosen["family"].isin(families)]
    if recipes is not None:
        chosen = chosen[chosen["recipe"].isin(recipes)]
    return chosen if years is None else chosen[chosen["year"].between(*years)]


def latencies() -> pandas.DataFrame:
    """One row per published latency of a catalogue network, on the device that was measured.

    Columns: `family`, `variant`, `name`, `device`, `runtime`, `precision`, `threads` (as stated, or empty), `batch`,
    `latency_ms` (of one batch), `printed` (the figure with its unit), `mult_adds` (ours), `source`, `note`.
    """
    import pandas

    made = []
    for row in _rows(LATENCY_PATH):
        spec = spec_of(row)
        assert spec is not None
        columns = {key: row[key] for key in ("variant", "name", "device", "runtime", "precision", "threads")}
        made.append(
            {
                "family": FAMILIES[row["name"]].title,
                **columns,
                "batch": int(row["batch"]),
                "latency_ms": MILLISECONDS[row["metric"]](float(row["value"])),
                "printed": f"{row['value']} {row['metric'].replace('_per_s', '/s').replace('latency_', '')}",
                "mult_adds": _counted(spec)["mult_adds"],
                "source": row["source"],
                "note": row["note"],
            }
        )
    return pandas.DataFrame(made)


def timed_on(device: str) -> pandas.DataFrame:
    """Published networks with an accuracy and a latency on one device, batch 1, as `latencies` names it.

    Columns: `family`, `variant`, `latency_ms`, `top1_pct`, `source` (of the latency), `spec`; no rows for a device
    without published latencies.
    """
    import pandas

    made = []
    for row in _rows(LATENCY_PATH):
        spec = spec_of(row)
        known = published_top1(spec) if spec and row["device"] == device and row["batch"] == "1" else None
        if known:
            latency_ms = MILLISECONDS[row["metric"]](float(row["value"]))
            made.append((FAMILIES[row["name"]].title, row["variant"], latency_ms, known.top1_pct, row["source"], spec))
    return pandas.DataFrame(made, columns=["family", "variant", "latency_ms", "top1_pct", "source", "spec"])


@cached(None, "read from a file")
def _rows(path: Path) -> tuple[dict[str, str], ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
