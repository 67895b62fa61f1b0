"""The profiles as a list of devices with their errors; one network over several devices, several networks on one.

No Streamlit, and no fitting: that is `costmodel.devices`. Start at `table`, `over_devices` and `over_networks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from archs import Spec
from archs.catalogue.registry import FAMILIES
from costmodel import CostError
from costmodel.devices import tables
from costmodel.devices.profile import WholeNetworkProfile
from costmodel.onnx_runtime.profile import OnnxRuntimeProfile
from explorer.data import profiles, sources

if TYPE_CHECKING:
    import pandas

GROUPS = {
    "eager": "PyTorch, calibrated per operator",
    "onnxruntime": "ONNX Runtime, calibrated per fused node",
    "papers": "The papers' devices",
    "timm": "timm's benchmarks",
    "ncnn": "ncnn's benchmarks",
    "own": "Yours",
}
PAPERS_FIGURES = ("pixel1", "pixel3", "snapdragon_810", "gtx_1080ti")
"""The devices that a comparison begins with: those of the figures of MobileNetV3 and ShuffleNetV2."""


def whole_network_row(name: str, profile: WholeNetworkProfile) -> dict[str, Any]:
    """One profile of whole networks as `explorer devices --json` lists it."""
    return {
        "profile": name,
        "name": profile.name,
        "device": profile.device,
        "runtime": profile.runtime,
        "precision": profile.precision,
        "threads": profile.stated_threads,
        "batch": profile.regime.batch,
        "networks": profile.networks,
        "leave_one_out_pct": profile.errors.leave_one_out_pct,
        "leave_family_out_pct": profile.errors.leave_family_out_pct,
        "coverage_pct": profile.errors.coverage_pct,
        "source": "; ".join(profile.sources),
        "group": profile.group,
    }


def table(keys: Iterable[str]) -> pandas.DataFrame:
    """One row per profile: `key`, `group`, `name`, `runtime`, `precision`, `threads`, `batch`, `networks`, `source`.

    And its errors in percent: `left_out_pct` is the mean error on networks that the fit did not see, `family_pct` that
    on whole families left out, `coverage_pct` the share of left-out networks in their 90 % interval; each None where it
    is not known.
    """
    import pandas

    return pandas.DataFrame([_row(key) for key in keys])


def _row(key: str) -> dict[str, Any]:
    profile = profiles.load(key)
    whose = {"key": key, "group": GROUPS[profiles.group(key)]}
    if isinstance(profile, WholeNetworkProfile):
        listed = whole_network_row(key, profile)
        named = "; ".join(map(sources.title, profile.sources))
        errors = {"left_out_pct": listed["leave_one_out_pct"], "family_pct": listed["leave_family_out_pct"]}
        stated = ("name", "runtime", "precision", "threads", "batch", "networks")
        found = whose | {name: listed[name] for name in stated} | errors
        return found | {"coverage_pct": listed["coverage_pct"], "source": named}
    errors = profile.held_out["all"]
    of = profile.environment
    runtime = f"PyTorch {of.get('torch', '')}, eager"
    if isinstance(profile, OnnxRuntimeProfile):
        runtime = f"{profile.regime.runtime} {profile.regime.version}"
    return whose | {
        "name": profiles.title(key),
        "runtime": runtime,
        "precision": "fp32",
        "threads": profile.regime.threads,
        "batch": profile.regime.batch,
        "networks": profile.networks,
        "left_out_pct": errors.mape,
        "family_pct": None,
        "coverage_pct": errors.coverage,
        "source": f"calibrated {of.get('date', '')}",
    }


def of_published(device: str, runtime: str, precision: str, batch: int) -> str | None:
    """The profile that was fitted to a device of `explorer.data.frontier.latencies`; None where none is shipped."""
    known = tables.devices()
    for key in profiles.of_papers():
        one = known[key]
        if (one.device, one.runtime, one.precision, one.batch) == (device, runtime, precision, batch):
            return key
    return None


def over_devices(spec: Spec, keys: Sequence[str], folded: bool = False) -> pandas.DataFrame:
    """One network on several devices; columns as `over_networks`, `label` being the device.

    A batch's milliseconds are divided by its images: `latency_ms` is of one image on every device.
    """
    return _frame([_priced(spec, key, folded, profiles.title(key)) for key in keys])


def over_networks(key: str, user_spec: Spec | None = None, folded: bool = False) -> pandas.DataFrame:
    """The catalogue's networks, and one of the user's own, on one device.

    Columns: `label`, `latency_ms`, `low_ms`, `high_ms` (the 90 % interval; NaN where the device cannot price a
    network), `images_per_s`, `note`. The user's own comes first.
    """
    specs = [family.spec() for family in FAMILIES.values()]
    rows = [_priced(spec, key, folded, FAMILIES[spec.name].title) for spec in specs if spec != user_spec]
    if user_spec is not None:
        rows.insert(0, _priced(user_spec, key, folded, f"{user_spec.name} (open)"))
    return _frame(rows)


def _frame(rows: Sequence[dict[str, Any]]) -> pandas.DataFrame:
    import pandas

    return pandas.DataFrame(rows, columns=["label", "latency_ms", "low_ms", "high_ms", "images_per_s", "note"])


def _priced(spec: Spec, key: str, folded: bool, label: str) -> dict[str, Any]:
    nan = float("nan")
    try:
        found = profiles.prediction(spec, key, folded)
    except CostError as error:
        return {
            "label": label,
            "latency_ms": nan,
            "low_ms": nan,
            "high_ms": nan,
            "images_per_s": nan,
            "note": str(error),
        }
    batch = found.profile.regime.batch
    times = [ms / batch for ms in (found.latency_ms, found.low_ms, found.high_ms)]
    return dict(zip(("latency_ms", "low_ms", "high_ms"), times)) | {
        "label": label,
        "images_per_s": 1000 / times[0],
        "note": found.note or ("" if found.interval else found.interval_text),
    }
