"""The device profiles that the page can choose from, and predictions on them. No fitting, and no made-up numbers.

A profile has a key: its name if it is shipped, else a hash of its content (`store`), so that caches can use the key. A
profile calibrated by this server is offered to every session; an uploaded one belongs to its session. Profiles per
operator and profiles of whole networks (`costmodel.devices`) are alike here; `device_list` has what tells them apart.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
from typing import cast
from weakref import WeakValueDictionary

import archs
import costmodel
from archs import Graph, Spec, fold_batchnorm
from archs.caching import cached, register
from archs.catalogue.registry import FAMILIES
from costmodel import CostError, DeviceProfile, Prediction
from costmodel.devices import load as whole_networks
from costmodel.devices import tables
from costmodel.devices.profile import FittedRow, WholeNetworkProfile
from costmodel.latency.page_faults import page_faults
from costmodel.latency.profile import DEFAULT, SHIPPED, read_profile
from costmodel.latency.profile import names as shipped
from costmodel.onnx_runtime.profile import OnnxRuntimeProfile
from costmodel.onnx_runtime.profile import names as of_onnx_runtime
from explorer.data.latency_notes import latency_notes
from explorer.data.metrics import quantity
from explorer.data.plain_text import plain

STORED = "own:"  # the prefix of keys of profiles that are not shipped
MAX_HERE = 8  # profiles of this machine, each some megabytes
MAX_UPLOAD_MB = 6  # MB of 2²⁰ bytes; a calibration gives some 2
EAGER, ONNX_RUNTIME, OWN = "eager", "onnxruntime", "own"
"""The groups of profiles per operator, per fused node, and of those that the visitor has fitted or uploaded."""
MAX_REFERENCES = 100  # of an uploaded profile: each is built and predicted when the profile is shown

# State of the server, shared by its sessions. A key is a hash of the content, so an entry never changes.
_here: dict[str, DeviceProfile] = {}
register(f"{__name__}.here", MAX_HERE, "profiles calibrated by this server, for every session", _here.clear)
_stored: WeakValueDictionary[str, DeviceProfile] = WeakValueDictionary()


def names() -> tuple[str, ...]:
    """The profiles per operator that are shipped; the folder is read again when something in it has changed."""
    return _names(SHIPPED.stat().st_mtime_ns) if SHIPPED.is_dir() else ()


@cached(1, "read from a folder on every page run")
def _names(written: int) -> tuple[str, ...]:
    return *shipped(), *of_onnx_runtime()


@cached(1, "read from a folder on every page run")
def of_whole_networks() -> tuple[str, ...]:
    """The shipped profiles of phones, GPUs and boards, which were fitted to timings of whole networks."""
    return whole_networks.names()


@cached(1, "read from a table on every page run")
def of_papers() -> tuple[str, ...]:
    """Those of them that the papers measured."""
    known = tables.devices()
    return tuple(key for key in of_whole_networks() if known[key].table == "papers")


def preferred() -> str | None:
    """The profile that a page opens with; None where none is shipped."""
    known = names()
    return DEFAULT if DEFAULT in known else next(iter(known), None)


def store(profile: DeviceProfile) -> str:
    """The profile's key; `load` finds the profile under it as long as a reference to the profile exists."""
    key = STORED + hashlib.sha256(profile.model_dump_json().encode()).hexdigest()[:16]
    _stored.setdefault(key, profile)
    return key


def made_here(profile: DeviceProfile) -> str:
    """Store a profile of this machine; the last of each regime stays, and the last MAX_HERE in all."""
    key = store(profile)
    for known, other in list(_here.items()):
        if other.regime == profile.regime and known != key:
            del _here[known]
    _here[key] = profile
    while len(_here) > MAX_HERE:
        del _here[next(iter(_here))]
    return key


def here() -> tuple[str, ...]:
    """The keys of this machine's profiles, the newest first."""
    return tuple(reversed(_here))


def upload(content: bytes, name: str) -> DeviceProfile:
    """A profile from a file of the user.

    Raises CostError for any other content, and for a profile that cannot predict the catalogue.
    """
    if len(content) > MAX_UPLOAD_MB * 2**20:
        raise CostError(f"{plain(name)}: {len(content) / 2**20:.1f} MB; allowed: up to {MAX_UPLOAD_MB} MB")
    profile = read_profile(content, plain(name) or "the file")
    if len(profile.references) > MAX_REFERENCES:
        raise CostError(f"{plain(name)}: {len(profile.references)} references; allowed: up to {MAX_REFERENCES}")
    profile = tidy(profile)
    for family in FAMILIES.values():
        found = costmodel.predict(profile.regime.graph(family.spec()), profile).latency_ms  # raises for what it lacks
        if not 1e-6 < found < 1e9:  # nan and infinity are not either
            raise CostError(f"{plain(name)}: predicts {found:g} ms for {family.title}; calibrate again")
    return profile


def tidy(profile: DeviceProfile) -> DeviceProfile:
    """The profile with texts that are safe to show; what comes back from its JSON by `upload` equals it."""
    texts: dict[str, object] = {
        "name": plain(profile.name) or "uploaded",
        "warnings": tuple(plain(warning, 200) for warning in profile.warnings[:8]),
    }
    if isinstance(profile, WholeNetworkProfile):
        texts |= {name: plain(getattr(profile, name), 100) for name in ("device", "runtime", "precision")}
        texts["rows"] = tuple(row.model_copy(update=_texts_of(row)) for row in profile.rows)
    else:
        texts["environment"] = {plain(k): v if isinstance(v, int) else plain(v) for k, v in profile.environment.items()}
    return profile.model_copy(update=texts)


def _texts_of(row: FittedRow) -> dict[str, str]:
    return {name: plain(getattr(row, name), 200) for name in ("network", "family", "source")}


def load(key: str) -> DeviceProfile:
    """Raises CostError for a file that is no profile, or an uploaded profile whose session has ended."""
    if key.startswith(STORED):
        found = _stored.get(key)
        if found is None:
            raise CostError("this profile ended with the session that uploaded it; upload it again")
        return found
    if key in of_whole_networks():
        return cast(DeviceProfile, whole_networks.load(key))
    try:
        written = (SHIPPED / f"{key}.json").stat().st_mtime_ns
    except OSError:
        written = 0
    return _load(key, written)


def group(key: str) -> str:
    """Whose figures: "eager" (per operator), "onnxruntime" (per fused node), "papers", "timm", "ncnn" or "own"."""
    if is_uploaded(key):
        return OWN
    profile = load(key)
    if isinstance(profile, OnnxRuntimeProfile):
        return ONNX_RUNTIME
    return profile.group if isinstance(profile, WholeNetworkProfile) else EAGER


@cached(8, "a profile file has megabytes")
def _load(name: str, written: int) -> DeviceProfile:
    return costmodel.load_profile(name)


def prediction(spec: Spec, key: str, folded: bool = False) -> Prediction:
    """The latency of a network on a profile, with its batch norms folded where asked for or calibrated so.

    Raises CostError where the profile cannot price it.
    """
    return _prediction(spec, key, str(load(key).environment.get("date", "")), folded)


@cached(128, "a page run shows one prediction in several panels")
def _prediction(spec: Spec, key: str, date: str, folded: bool) -> Prediction:
    profile = load(key)
    return costmodel.predict(folded_for(archs.build(spec), profile, folded), profile)


def plain_ms(spec: Spec, key: str, folded: bool = False) -> float | None:
    """The latency in a plain process, whose allocator returns freed memory to the system: with its page faults.

    None where the profile has no cost of a page fault, or does not price operators. Raises CostError as `prediction`.
    """
    return _plain_ms(spec, key, str(load(key).environment.get("date", "")), folded)


@cached(128, "a page run and a report show it beside the prediction")
def _plain_ms(spec: Spec, key: str, date: str, folded: bool) -> float | None:
    found, fault_us = prediction(spec, key, folded), load(key).page_fault_us
    if not fault_us:
        return None
    return found.latency_ms + page_faults(found.graph, found.profile.regime.batch).total * fault_us / 1e3


def notes(spec: Spec, key: str, folded: bool = False) -> tuple[str, ...]:
    """The latency of a network as lines for the header of its file. Raises CostError as `prediction`."""
    return _notes(spec, key, str(load(key).environment.get("date", "")), folded)


@cached(64, "a page run shows and offers the same text")
def _notes(spec: Spec, key: str, date: str, folded: bool) -> tuple[str, ...]:
    profile = load(key)
    return latency_notes(folded_for(archs.build(spec), profile, folded), profile)


def nodes_ms(found: Prediction, graph: Graph) -> dict[str, float]:
    """Node path → milliseconds, on a graph that may be folded where the profile's is not.

    The time of a node that the graph lacks is added to the first node of its block, so that sums stay as predicted.
    """
    first: dict[str, str] = {}
    for node in graph.nodes:
        first.setdefault(node.block, node.path)
    known = {node.path for node in graph.nodes}
    times: dict[str, float] = {}
    for node, ms in zip(found.graph.nodes, found.nodes_ms):
        path = node.path if node.path in known else first[node.block]
        times[path] = times.get(path, 0.0) + ms
    return times


def folded_for(graph: Graph, profile: DeviceProfile, folded: bool = False) -> Graph:
    """The graph, folded if asked for, or if the profile was calibrated on folded networks."""
    return fold_batchnorm(graph) if folded or profile.regime.folded else graph


def is_uploaded(key: str) -> bool:
    """Whether only the session that uploaded the profile knows it."""
    return key.startswith(STORED) and key not in _here


def title(key: str) -> str:
    """`this machine · 1 thread, nchw, batch 1`, `cpu · …`: the machine, then the regime."""
    profile = load(key)
    regime = profile.regime
    if isinstance(profile, WholeNetworkProfile):
        return f"{profile.name} · {_setting(profile)}"
    threads = quantity(regime.threads, "thread")
    folded = ", batch norm folded" if regime.folded else ""
    whose = "this machine" if key in _here else profile.name
    device = f"{regime.device}, " if regime.device != "cpu" else ""
    if isinstance(profile, OnnxRuntimeProfile):
        return f"{whose} · {profile.regime.runtime} {profile.regime.version}, {threads}, batch {regime.batch}"
    return f"{whose} · {device}{threads}, {regime.layout}, batch {regime.batch}{folded}"


def owner(key: str) -> str:
    """`eager PyTorch, AMD EPYC, 1 thread · not your device`: what a latency beside it was predicted for."""
    profile = load(key)
    if isinstance(profile, WholeNetworkProfile):
        return f"{profile.device}, {profile.runtime} · {'your timings' if is_uploaded(key) else 'not your device'}"
    processor = str(profile.environment.get("processor", "unknown processor"))
    short = " ".join(processor.replace("(R)", "").replace("(TM)", "").split()[:2])
    threads = quantity(profile.regime.threads, "thread")
    runtime = f"ONNX Runtime {profile.regime.version}" if isinstance(profile, OnnxRuntimeProfile) else "eager PyTorch"
    return f"{runtime}, {short}, {threads} · {'this machine' if key in _here else 'not your device'}"


def whose(key: str) -> str:
    """The machine of the milliseconds with its processor, and the date where it is the server's machine."""
    profile = load(key)
    environment = profile.environment
    processor = environment.get("processor", "unknown processor")
    if isinstance(profile, WholeNetworkProfile):
        return f"predicted from {profile.networks} timed networks of {processor}"
    if key in _here:
        return f"of the machine that serves this page: {processor}, {environment.get('date', '')}"
    return f"predicted for {processor}, not your device"


def _setting(profile: WholeNetworkProfile) -> str:
    """`TFLite, fp32, 1 thread, batch 8`, as far as the source states it."""
    threads = profile.stated_threads
    stated = [profile.runtime, profile.precision]
    stated += [quantity(threads, "thread")] if threads else []
    stated += [f"batch {profile.regime.batch}"] if profile.regime.batch > 1 else []
    return ", ".join(stated)


def present() -> tuple[str, ...]:
    """The devices that this machine seems to have, without asking torch, whose import is slow."""
    nvidia = ["cuda"] if shutil.which("nvidia-smi") else []
    apple = ["mps"] if (platform.system(), platform.machine()) == ("Darwin", "arm64") else []
    return ("cpu", *nvidia, *apple)
