"""Held-out networks and validations of a profile: predicted and measured. Nothing is timed here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archs import ArchError
from archs.caching import cached, register
from archs.catalogue.registry import FAMILIES
from costmodel import CostError
from costmodel.calibration.holdout import errors
from costmodel.calibration.sample import MIXED, STACK, heavy
from costmodel.devices.profile import WholeNetworkProfile
from costmodel.latency.predictor import price
from costmodel.latency.profile import SHIPPED, Errors, names
from costmodel.onnx_runtime import profile as onnx_runtime
from costmodel.onnx_runtime.profile import OnnxRuntimeProfile
from explorer.data import profiles as devices

if TYPE_CHECKING:
    import pandas

COLUMNS = ("network", "measured_ms", "predicted_ms")
MAX_REPORTS = 16
IMPORTED_AS = "imported, "

_reports: dict[str, Mapping[str, Any]] = {}  # validations by this server, by the key of their profile
register(f"{__name__}.reports", MAX_REPORTS, "validations by this server, for every session", _reports.clear)


def store(key: str, report: Mapping[str, Any]) -> None:
    """Store the report of a validation on this machine; the last MAX_REPORTS stay."""
    _reports.pop(key, None)
    _reports[key] = report
    while len(_reports) > MAX_REPORTS:
        del _reports[next(iter(_reports))]


def of(key: str) -> dict[str, pandas.DataFrame]:
    """Title → networks: validated on this machine, validations that are shipped, held out."""
    here = {"validated on this machine": of_report(_reports[key])} if key in _reports else {}
    if isinstance(devices.load(key), WholeNetworkProfile):
        return {"networks left out in turn": held_out(key)}
    if isinstance(devices.load(key), OnnxRuntimeProfile):
        path = onnx_runtime.SHIPPED / f"{key}.validation.json"
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"per_network": []}
        return {"in fresh processes": of_report(report)}
    return here | shipped(key) | {"held-out networks": held_out(key)}


def shipped(key: str) -> dict[str, pandas.DataFrame]:
    """Session → its networks, of the validations that are shipped beside a profile."""
    found = SHIPPED.glob(f"{key}.validation*.json") if key in names() else []
    return {
        f"validation, session {number}": of_report(json.loads(path.read_text(encoding="utf-8")))
        for number, path in enumerate(sorted(found, key=lambda path: (len(path.name), path.name)), 1)
    }


def of_report(report: Mapping[str, Any]) -> pandas.DataFrame:
    """One row per network of a validation's report: `network`, `measured_ms`, `predicted_ms`."""
    import pandas

    return pandas.DataFrame(
        [(_title(row), row["measured_ms"], row["predicted_ms"]) for row in report["per_network"]], columns=COLUMNS
    ).astype({"measured_ms": float, "predicted_ms": float})


def _title(row: Mapping[str, Any]) -> str:
    """`MobileNetV2, edited`."""
    title = _family(row["network"])
    return f"{title}, edited" if row["group"] == "edited" else title


def _family(name: str) -> str:
    """`MobileNetV2`, `random table`, `random stack`; any other is of others' operators, as imports have them."""
    if name in (MIXED, STACK):
        return {MIXED: "random table", STACK: "random stack"}[name]
    return FAMILIES[name].title if name in FAMILIES else f"{IMPORTED_AS}{name}"


@cached(16, "every page run draws the held-out networks of one profile")
def held_out(key: str) -> pandas.DataFrame:
    """The same for the held-out networks of a calibration, without those that do not build.

    References too heavy for a calibration were not timed with it, and would delay the page.
    """
    import pandas

    profile = devices.load(key)
    if isinstance(profile, WholeNetworkProfile):
        timed = [(_family(row.family), row.latency_ms, row.left_out_ms) for row in profile.rows]
        return pandas.DataFrame(timed, columns=COLUMNS)
    rows = []
    for reference in profile.references:
        try:
            graph = profile.regime.graph(reference.to_spec())
            if not heavy(graph):
                name = _family(reference.to_spec().name)
                rows.append((name, reference.network_us / 1e3, price(graph, profile).network_us / 1e3))
        except (ArchError, CostError):
            continue
    return pandas.DataFrame(rows, columns=COLUMNS)


def errors_of(pairs: pandas.DataFrame, key: str) -> Errors:
    """Mean errors, the shares within ±5 and ±10 % and the interval's coverage over such a table."""
    profile = devices.load(key)
    if isinstance(profile, WholeNetworkProfile):  # each network has an interval of its own
        return profile.held_out["all"]
    return errors(list(pairs["measured_ms"]), list(pairs["predicted_ms"]), profile.half_interval)
