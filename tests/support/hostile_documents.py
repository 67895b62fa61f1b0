"""Valid documents of every kind that the page reads, with hostile strings in every field that takes a text."""

from __future__ import annotations

import base64
import json
import sqlite3
import zlib
from contextlib import closing
from functools import cache
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import onnx
from support.hostile import STRINGS
from support.lab_runs import fake_run
from support.onnx_files import model, node
from support.onnx_runtime_profiles import made_up_profile

import archs
from costmodel.devices.load import SHIPPED as WHOLE_NETWORKS
from costmodel.latency.profile import SHIPPED
from explorer.editing import designs, history_text, links
from explorer.editing.designs import Design
from explorer.editing.history import History, Version
from explorer.lab import record, session_text
from explorer.lab.experiment import experiment
from explorer.lab.session_text import Membership, StoredSession
from explorer.lab.verdict import compare

WIDTHS = (0.5, 0.75, 1.0)
CELLS = tuple([text for text in STRINGS if "\0" not in text])
"""Those that a CSV file holds."""
TOPICS = 3  # of a class; each has a chart


def link(data: object) -> str:
    """Any JSON as the text of a link."""
    packer = zlib.compressobj(zdict=links.DICTIONARY)
    packed = packer.compress(json.dumps(data).encode()) + packer.flush()
    return links.VERSION + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def hostile_spec(**changes: Any) -> dict[str, Any]:
    """A spec as JSON whose words are hostile; the changes stand in place of them."""
    rows = [{"kind": text[:60], "stage": text, "channels": 8, "activation": text} for text in STRINGS]
    rows += [{"kind": "conv", "stage": "a", "channels": 8, text: 1} for text in STRINGS]
    return {"format": "archs.spec/1", "name": STRINGS[0], "rows": rows, "code": STRINGS[1]} | changes


def history() -> str:
    """One version per string, which is its label."""
    specs = [archs.spec("mobilenet_v2", width=width) for width in WIDTHS]
    versions = [Version(text, specs[number % len(specs)]) for number, text in enumerate(STRINGS)]
    found = History(tuple(versions), len(versions) - 1)
    return history_text.pack(found, [history_text.text_of(version.spec) for version in versions])


def collection() -> str:
    spec = archs.spec("mobilenet_v3_small")
    return designs.pack(tuple([Design(" ".join(text.split())[: designs.MAX_NAME], spec) for text in STRINGS]))


def lab() -> str:
    """Runs of G1 whose rows, operators and machine are hostile, and a place in a class."""
    made = experiment(1)
    specs = tuple([variant.spec for variant in made.variants])
    run = fake_run(made, (2.0, 2.2, 1.9, 2.0))
    facts = {text[:40]: text for text in STRINGS[:16]} | {"processor": STRINGS[0], "date": STRINGS[1]}
    hostile = type(run)(tuple(STRINGS[: len(specs)]), run.rounds, run.least, tuple([STRINGS] * len(specs)), facts, 9.0)
    answers = {text[:60]: text for text in STRINGS}
    member = Membership(STRINGS[0], STRINGS[1], STRINGS[2])
    return session_text.pack(StoredSession({1: []}, {(specs, made.settings): hostile}, answers, "", member))


def results() -> str:
    """A student's CSV, hostile in every column that takes a text."""
    made = experiment(1)
    run = fake_run(made, (2.0, 2.2, 1.9, 2.0))
    lines = record.to_csv(made, run, compare(made, run), "machine").splitlines()
    quoted = ['"' + text.replace('"', '""') + '"' for text in CELLS]
    planted = [line.replace("machine", text).replace("test", text) for text in quoted for line in lines[1:]]
    return "\n".join([lines[0], *planted[: record.MAX_ROWS - 1]]) + "\n"


def plant_class(path: Path, code: str) -> None:
    """Students of a class whose names, topics and answers are hostile, and a result, in the file of the classes as it is:
    nothing that the page cleans before it stores a text is cleaned here.
    """
    with closing(sqlite3.connect(path)) as base, base:
        for number, (name, answer) in enumerate(zip(STRINGS, STRINGS[2:] + STRINGS[:2])):
            for topic in (STRINGS[number % TOPICS], "G1"):
                row = (code, f"{number:032x}", name, topic, "prediction", answer, float(number))
                base.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        row = (code, f"{0:032x}", STRINGS[0], STRINGS[1], "result", results(), 99.0)
        base.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def _texts(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    strings = iter(STRINGS * 9)
    return data | {name: next(strings)[:80] for name in names}


@cache
def profile() -> bytes:
    """A calibration whose facts, warnings, families and kinds are hostile."""
    data = json.loads((SHIPPED / "cpu.json").read_text(encoding="utf-8"))
    errors = data["held_out"]["all"]
    data["environment"] = {text[:80]: text for text in STRINGS[:30]} | {"processor": STRINGS[0], "date": STRINGS[1]}
    data["held_out"] = {"all": errors} | {text: errors for text in STRINGS}
    data["predictors"] |= {text: data["predictors"]["pointwise"] for text in STRINGS[:4]}
    data["references"] = data["references"][:20]
    for reference, text in zip(data["references"], STRINGS):
        reference["kinds_us"] = {text: 1.0}
    data["warnings"] = STRINGS
    return json.dumps(_texts(data, ("name", "prior"))).encode()


@cache
def onnx_runtime_profile() -> bytes:
    data = json.loads(made_up_profile().text())
    errors = data["held_out"]["all"]
    data["environment"] = {text: text for text in STRINGS[:30]} | {"processor": STRINGS[0]}
    data["regime"]["version"] = STRINGS[1]
    data["held_out"] |= {text: errors for text in STRINGS}
    data["predictors"] |= {text: next(iter(data["predictors"].values())) for text in STRINGS[:4]}
    data["warnings"] = STRINGS
    return json.dumps(_texts(data, ("name", "prior"))).encode()


@cache
def whole_network_profile() -> str:
    """A phone's profile, of which each row is hostile."""
    data = json.loads((WHOLE_NETWORKS / "pixel1.json").read_text(encoding="utf-8"))
    for row, text in zip(data["rows"], STRINGS * 9):
        row |= {"network": text, "family": text, "source": text}
    data["held_out"] = {"all": next(iter(data["held_out"].values()))} | {
        text: next(iter(data["held_out"].values())) for text in STRINGS
    }
    return json.dumps(_texts(data, ("name", "device", "runtime", "precision")) | {"warnings": STRINGS, "group": "own"})


def devices() -> str:
    """A phone's profile and a calibration, as the browser stores them."""
    return " ".join(links.pack(json.loads(one)) for one in (whole_network_profile(), profile()))


def timings() -> bytes:
    """A list of timings with a hostile cell in each column, and a hostile column."""
    head = ",".join(["network", "width", "resolution", "latency_ms", *(json.dumps(text) for text in CELLS[:4])])
    return "\n".join([head, *(f'"{text}","{text}","{text}",5' for text in CELLS)]).encode(errors="replace")


def onnx_file(unknown: bool) -> bytes:
    """A chain of operators with hostile names; `unknown`: kinds and domains too."""
    numbers = count()
    nodes, values = [], ["x", *[f"{text} {next(numbers)}" for text in STRINGS[:-1]], "y"]
    for text, (before, after) in zip(STRINGS, pairwise(values)):
        if unknown and not len(nodes) % 2:
            nodes.append(onnx.helper.make_node(text, [before], [after], name=text, domain=text))
        else:
            nodes.append(node("Relu", before, outputs=[after], name=text))
    made = model(nodes, declared=dict.fromkeys(values[1:-1], (1, 4, 8, 8)))
    made.graph.name, made.doc_string, made.producer_name = STRINGS[0], STRINGS[1], STRINGS[2]
    made.metadata_props.add(key=STRINGS[3], value=STRINGS[4])
    if unknown:
        made.opset_import.extend([onnx.helper.make_opsetid(text, 1) for text in STRINGS])
    return made.SerializeToString()
