"""Every kind of document that a page or a command reads: its reader, a mutation of a valid one, how many are tried.

Start at `kinds`. The mutations themselves are in `support.hostile`.
"""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy
import torch
from support.hostile import mutated_bytes, mutated_json, mutated_text
from support.lab_runs import fake_run
from support.onnx_files import exported
from support.onnx_runtime_profiles import made_up_profile

import archs
from archs import Spec
from archs.catalogue.sampling import random_edit
from costmodel.calibration.plain_report import read_validation
from costmodel.devices import load as whole_networks
from costmodel.devices import reading
from costmodel.latency.profile import SHIPPED, Regime
from costmodel.timing.timing_records import Record, raw_text, read_raw
from explorer.data import profiles
from explorer.editing import designs, history_text, links
from explorer.editing.designs import Design
from explorer.editing.history import History
from explorer.editing.scenario import start
from explorer.lab import record, session_text
from explorer.lab.experiment import experiment
from explorer.lab.verdict import compare
from explorer.page.state import own_devices, share
from explorer.search import sweep
from explorer.search.image_sets import load as images
from explorer.search.logs.adapt_log import AdaptLog, row_of
from explorer.search.logs.search_log import SEARCH, SearchLog
from explorer.search.netadapt import AdaptedStep
from explorer.search.runs.settings import SearchSettings, of_parameters
from explorer.search.spaces import space

TIMINGS = "network,width,resolution,latency_ms\n" + "".join(
    f"{name},{width},{resolution},{width * resolution / 10}\n"
    for name in ("mobilenet_v1", "mobilenet_v2")
    for width in (0.5, 1.0)
    for resolution in (160, 224)
)
"""A list of timings of a device."""
RUNTIME, WHOLE_NETWORKS = "onnxruntime", "pixel1"
"""Profiles that are not per operator of PyTorch."""


class Kind(NamedTuple):
    """`count` documents of `make`, each from a random generator of its own, go to `read`."""

    read: Callable[[Any], object]
    make: Callable[[Random], str | bytes]
    count: int
    may_be_ignored: bool = False
    """Whether the reader ignores what is no value, instead of a refusal."""


def kinds(folder: Path) -> dict[str, Kind]:
    """By title, in the order in which they are tried; the files of those that are read by path lie in the folder."""
    return _links() | _pages() | _searches(folder) | _lab() | _profiles(folder) | _files(folder)


def upload(content: bytes) -> None:
    profiles.upload(content, "x.json")


def read_timings(content: bytes) -> None:
    reading.read(content, "x.csv")


def profile(name: str = "cpu") -> dict[str, Any]:
    """A shipped profile as JSON."""
    return json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))


@cache
def slim_profile(name: str) -> dict[str, Any]:
    """A profile with one tree per predictor and three references, a hundredth of its size; RUNTIME, WHOLE_NETWORKS whole."""
    if name == RUNTIME:
        return json.loads(made_up_profile().text())
    if name == WHOLE_NETWORKS:
        return json.loads(whole_networks.load(name).text())
    data = profile(name)
    for predictor in data["predictors"].values():
        for part in ("columns", "thresholds", "values"):
            predictor[part] = predictor[part][:1]
        predictor.pop("timed", None)  # without a calibrated range there are intervals
    return {**data, "references": data["references"][:3], "warnings": ["noisy"]}


def specs() -> list[Spec]:
    """The catalogue, and an edit of each network."""
    rng, found = Random(2), [archs.spec(name) for name in archs.names()]
    return found + [random_edit(spec, rng)[0] for spec in found]


def repacked(data: str) -> str:
    """Any JSON as the text of a link."""
    packer = zlib.compressobj(zdict=links.DICTIONARY)
    packed = packer.compress(data.encode(errors="replace")) + packer.flush()
    return links.VERSION + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _of(document: Any, encode: Callable[[str], Any] = str) -> Callable[[Random], Any]:
    """Mutations of a document of JSON."""
    return lambda rng: encode(mutated_json(document, rng))


def _of_text(text: str, encode: Callable[[str], Any] = str) -> Callable[[Random], Any]:
    return lambda rng: encode(mutated_text(text, rng))


def _of_file(path: Path, read: Callable[[Path], object]) -> Callable[[str | bytes], None]:
    """A reader of files as one of contents."""

    def reader(content: str | bytes) -> None:
        path.write_bytes(content if isinstance(content, bytes) else _bytes(content))
        read(path)

    return reader


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def _links() -> dict[str, Kind]:
    tables = specs()
    texts = [links.encode(spec) for spec in tables]
    data = [json.loads(links.unpack(text)) for text in texts]
    kept = designs.pack(tuple([Design(f"design {n}", spec) for n, spec in enumerate(tables[:5])]))
    stored = json.loads(links.unpack(kept, designs.MAX_STORED))
    versions = History.start(tables[0])
    for number, spec in enumerate(tables[1:6]):
        versions = versions.push(f"edit {number}", spec)
    history = json.loads(history_text.pack(versions, [history_text.text_of(v.spec) for v in versions.versions]))
    return {
        "links, as text": Kind(links.decode, lambda rng: mutated_text(rng.choice(texts), rng), 1000),
        "links, as data": Kind(links.decode, lambda rng: repacked(mutated_json(rng.choice(data), rng)), 1500),
        "specs": Kind(Spec.from_json, lambda rng: mutated_json(json.loads(rng.choice(tables).to_json()), rng), 2000),
        "histories": Kind(history_text.unpack, _of(history), 1000),
        "designs, as text": Kind(designs.unpack, _of_text(kept), 300),
        "designs, as data": Kind(designs.unpack, _of(stored, repacked), 300),
    }


def _given(text: str) -> dict[str, str]:
    """Any text as the parameters of an address."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = text
    found = found if isinstance(found, dict) else dict.fromkeys((*share.PARAMETERS, "cells", "w"), found)
    return {str(name): str(value) for name, value in found.items()}


def _read_address(text: str) -> None:
    """The choices of a link, as the page takes them, and the link that the page then writes."""
    scenario = start().choose("link", **share._choices(_given(text), start()))
    share.parameters(scenario)


def _read_search(text: str) -> None:
    of_parameters(_given(text)).made_space(archs.spec("mobilenet_v2"))


def _pages() -> dict[str, Kind]:
    other = archs.spec("mobilenet_v1").edit_row(1, channels=48)
    address = {"folded": "1", "device": "pixel1", "baseline": links.encode(other), "top1": "71.5", "target": "12"}
    address |= {"least": "70", "colour": "params", "block": "stage3/block1", "panel": "Diff"}
    searched = SearchSettings("open_table", "tpe", "params", 40, 3, -0.07, ((3, "kernel"), (4, "channels")))
    return {
        "addresses of the page": Kind(_read_address, _of(address), 700, True),
        "addresses of a search": Kind(_read_search, _of(searched.parameters()), 600, True),
    }


def _log(format_: str, row: str) -> str:
    """A log of an empty plan with one line, which is any text."""
    return json.dumps({"format": format_, "plan": {}}) + "\n" + row + "\n"


def _searches(folder: Path) -> dict[str, Kind]:
    step = AdaptedStep(0, 0.0, archs.spec("mobilenet_v1"), 2.0, 1.5, 2.5, 70.0)
    adapted = _log(AdaptLog.FORMAT, json.dumps(row_of(step)))
    macro = space("nas_bench_macro")
    genome = macro.draw(Random(0))
    evaluated = {"genome": genome, "digest": macro.digest(genome), "score": 70.0, "latency_ms": 2.0, "low_ms": 1.5}
    evaluated |= {"high_ms": 2.5, "mult_adds": 1000, "params": 10}
    row = {"origin": SEARCH, "candidate": evaluated}
    searched = _log(SearchLog.FORMAT, json.dumps(row))
    swept = sweep.part(sweep.plan("nas_bench_macro", 5, 0, "cpu"), 0, 5)[2]
    file = io.BytesIO()
    numpy.savez(file, x_train=numpy.zeros((40, 8, 8), numpy.uint8), y_train=numpy.arange(40) % 2)
    read = _of_file(folder / "steps.jsonl", lambda path: AdaptLog(path, {}))
    read_search = _of_file(folder / "search.jsonl", lambda path: SearchLog(path, {}, macro))
    read_rows = _of_file(folder / "part-000000.parquet", lambda path: sweep.read_part(path, macro))
    npz = _of_file(folder / "x.npz", lambda path: images(str(path)))
    return {
        "logs of an adaptation": Kind(read, _of_text(adapted), 300),
        "steps of an adaptation": Kind(read, _of(row_of(step), partial(_log, AdaptLog.FORMAT)), 200),
        "logs of a search": Kind(read_search, _of_text(searched), 200),
        "evaluations of a search": Kind(read_search, _of(row, partial(_log, SearchLog.FORMAT)), 300),
        "parts of a sweep": Kind(read_rows, partial(mutated_bytes, swept), 150),
        "images of an adaptation": Kind(npz, partial(mutated_bytes, file.getvalue()), 200),
    }


def _lab() -> dict[str, Kind]:
    made = experiment(1)
    run = fake_run(made, (2.0, 2.2, 1.9, 2.0))
    result = record.to_csv(made, run, compare(made, run), "Ann")
    runs = {(tuple(v.spec for v in made.variants), made.settings): run}
    member = session_text.Membership("ABCDEF", "0123456789abcdef", "Ann")
    session = json.loads(session_text.pack(session_text.StoredSession({1: []}, runs, {"g1": "a"}, "", member)))
    return {
        "sessions of the lab": Kind(session_text.unpack, _of(session), 800),
        "class results": Kind(record.read, _of_text(result), 1000),
    }


def _read_stored(text: str) -> None:
    list(own_devices.unpack(text))


def _profiles(folder: Path) -> dict[str, Kind]:
    timed = raw_text([Record(archs.spec("mobilenet_v1"), 10.0, (6.0, 4.0), 0.01, 4)] * 3, Regime())
    stored = " ".join(links.pack(slim_profile(name)) for name in (WHOLE_NETWORKS, "cpu"))
    report = {"profile": "cpu", "per_network": [], "plain": {"per_network": []}}
    return {
        "profiles, whole": Kind(upload, _of(profile() | {"warnings": []}, _bytes), 10),
        "profiles": Kind(upload, _of(slim_profile("cpu"), _bytes), 300),
        "profiles of devices": Kind(upload, _of(slim_profile(WHOLE_NETWORKS), _bytes), 200),
        "profiles that the browser stores, as text": Kind(_read_stored, _of_text(stored), 75, True),
        "profiles that the browser stores, as data": Kind(_read_stored, _of(slim_profile("cpu"), repacked), 75, True),
        "profiles of ONNX Runtime": Kind(upload, _of(slim_profile(RUNTIME), _bytes), 60),
        "device timings": Kind(read_timings, _of_text(TIMINGS, _bytes), 800),
        "raw timings": Kind(_of_file(folder / "x.raw.jsonl", read_raw), _of_text(timed), 200),
        "validations": Kind(_of_file(folder / "x.validation.json", read_validation), _of(report), 100),
    }


def _files(folder: Path) -> dict[str, Kind]:
    onnx = exported(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU()), (3, 8, 8))
    return {"ONNX files": Kind(archs.from_onnx, partial(mutated_bytes, onnx), 600)}
