"""Every state of every page that shows controls which the others do not, each made from nothing, without a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from streamlit.testing.v1 import AppTest
from support import lab_pages as lab
from support.apptest import APP, PAGES, TABS, type_into_grid
from support.device_timings import timings
from support.forms import say, scenario_of
from support.modules import ResNet
from support.search_runs import adapted, ended

import archs
from archs.catalogue.registry import FAMILIES
from costmodel.devices.reading import read
from costmodel.devices.user import report
from explorer.data import profiles as devices
from explorer.editing.designs import Design
from explorer.editing.history import History
from explorer.editing.imported import Imported
from explorer.editing.scenario import start
from explorer.jobs import lab_queue
from explorer.jobs.lab import LabJob
from explorer.jobs.onnx_export import OnnxJob
from explorer.lab.classes import Classes
from explorer.lab.experiment import GUIDELINES, experiment
from explorer.lab.session_text import Membership
from explorer.page.lab import store
from explorer.page.own_device import REPORT
from explorer.page.search import persistence
from explorer.page.state.session import SCENARIO
from explorer.search.runs.settings import OPEN, SearchSettings

KEPT = tuple(Design(name, archs.spec(name)) for name in ("mobilenet_v2", "shufflenet_v2"))


def explore(
    tab: str = "Table", edited: bool = False, memory: dict[str, object] | None = None, **state: object
) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    at.session_state["memory"] = {"tab": tab} | (memory or {})
    for key, value in state.items():
        at.session_state[key.replace("_", " ")] = value
    at.run()
    return say(at, "whole hard_swish") if edited else at


def opened(network: str, tab: str = "Table") -> AppTest:
    """With a block open in the middle of the network."""
    at = explore(tab)
    say(at, "network", network)
    blocks = list(scenario_of(at).blocks["block"])
    return say(at, "block", blocks[len(blocks) // 2])


def exporting(running: bool) -> AppTest:
    job = OnnxJob(spec=archs.spec("mobilenet_v2"), file=b"a file")
    if running:
        job._thread = threading.main_thread()
    return explore("Export", onnx_job=job)


def undone() -> AppTest:
    at = explore(edited=True)
    return say(at, "undo")


def refused_choice() -> AppTest:
    return say(opened("mobilenet_v2"), "cell kernel", 4)


def refused() -> AppTest:
    at = explore()
    type_into_grid(at, r3={"kernel": 4})
    return at


def page(path: str, memory: dict[str, object] | None = None, **state: object) -> AppTest:
    at = AppTest.from_string(PAGES[path], default_timeout=60)
    if memory:
        at.session_state["memory"] = memory
    for key, value in state.items():
        at.session_state[key.replace("_", " ")] = value
    return at.run()


def left_over() -> AppTest:
    found = History.start(archs.spec("mobilenet_v2")).push("another", archs.spec("mobilenet_v1"))
    return explore(memory={"offered history": found})


@cache
def _resnet() -> archs.Graph:
    return archs.from_module(ResNet(), (3, 64, 64))


def imported(tab: str, edits: int = 0) -> AppTest:
    found = Imported(_resnet(), "a test", devices.preferred())
    for _ in range(edits):
        found = found.edit("nothing", lambda graph: graph)
    return page("import", imported=found, import_tab=tab)


def ours(tab: str) -> AppTest:
    found = Imported(archs.build(archs.spec("mobilenet_v2")), "a test", devices.preferred())
    return page("import", imported=found, import_tab=tab)


def guideline(number: int, kind: str, measured: bool = False) -> AppTest:
    factors = (1.0, 1.2, 0.8, 1.0, 1.1)[: len(experiment(number).variants)]
    at = lab.measured(number, factors) if measured else page(f"g{number}")
    at.session_state["lab orders"] = {number: []}
    at.session_state[f"g{number} kind"] = kind
    return at.run()


def classroom() -> AppTest:
    made = experiment(1)
    runs = {store.key([(v.row, v.spec) for v in made.variants], made.settings): lab.fake(made, (1, 2, 3, 4))}
    return page("class", class_paste=lab.result(1, "Ada"), lab_runs=runs, lab_results={1: made})


def held() -> AppTest:
    made = experiment(1)
    return page("held", lab_runs={store.key_of(made): lab.fake(made, (1, 2, 3, 4))})


def joined() -> AppTest:
    """A student's page."""
    return page("g1", **{"lab class": Membership("AB2CD3", "a token", "Ada")})


def another_key() -> AppTest:
    """A teacher's page with a key in its address that is not the class's."""
    at = AppTest.from_string(PAGES["class"], default_timeout=60)
    at.query_params["class"], at.query_params["key"] = "AB2CD3", "another"
    return at.run()


def taught() -> AppTest:
    """A teacher's page with a class."""
    at = AppTest.from_string(PAGES["class"], default_timeout=60)
    at.query_params["class"], at.query_params["key"] = Classes().create()
    return at.run()


def queued(job: bool) -> AppTest:
    """A student's place in the queue: its run goes on, or it waits."""
    made = experiment(1)
    networks = tuple((variant.row, variant.spec.to_json()) for variant in made.variants)
    work = lab_queue._Work(networks, made.settings, 1.0)
    if job:
        work.job = LabJob(rows=tuple(row for row, _ in networks), settings=made.settings)
    ticket = lab_queue.Ticket(work)
    work.tickets.append(ticket)
    lab_queue._works.clear()
    lab_queue._works.append(work)
    return page("g1", lab_orders={1: []}, lab_job=(store.key_of(made), ticket))


def of_another() -> AppTest:
    """A run of equal settings that somebody else has just made."""
    made = experiment(1)
    networks = tuple((variant.row, variant.spec.to_json()) for variant in made.variants)
    work = lab_queue._Work(networks, made.settings, 1.0, done=True, run=lab.fake(made, (1, 2, 3, 4)))
    work.ended = time.monotonic()
    lab_queue._finished.append(work)
    return page("g1", lab_orders={1: []})


def beside_others(path: str) -> AppTest:
    """A page of the lab as the navigation has it, with links to its neighbours."""
    at = AppTest.from_string(
        "from explorer.page.lab import pages\n"
        f"next(one for one in sum(pages.navigation().values(), []) if one.url_path == {path!r})._page()",
        default_timeout=60,
    )
    return at.run()


def own_device() -> AppTest:
    """The report of an uploaded list of timings."""
    found = report(read(timings().encode(), "timings.csv"), "My device", "cpu", "ONNX Runtime", "fp32", 1, True)
    return page("devices", memory={REPORT: (found, "another profile")})


def searching(
    settings: SearchSettings | None = None, done: bool | None = None, evaluations: int = 8, target_ms: float = 5.0
) -> AppTest:
    """With a target; `done`: after a search that was not stopped, or was."""
    memory = {SCENARIO: replace(start(), target_ms=target_ms)} | ({persistence.SETTINGS: settings} if settings else {})
    job = {} if done is None else {persistence.JOB: ended(done, evaluations=evaluations)}
    return page("search", memory=memory | job)


def adapting(done: bool | None = None) -> AppTest:
    """Layer by layer; `done`: after an adaptation that has met its target, or was stopped."""
    memory = {SCENARIO: replace(start(), target_ms=5.0), persistence.KIND: persistence.LAYERS}
    return page("search", memory=memory | ({} if done is None else {persistence.ADAPT_JOB: adapted(done)}))


STATES: dict[str, Callable[[], AppTest]] = {
    **{f"explore, {tab}": lambda tab=tab: explore(tab, edited=tab == "Diff") for tab in TABS},
    **{f"explore, {name}": lambda name=name: opened(name) for name in FAMILIES},
    "explore, a published latency": lambda: explore("Frontier", frontier_cost="published"),
    "explore, a block to export": lambda: opened("mobilenet_v2", "Export"),
    "explore, a file is made": lambda: exporting(running=True),
    "explore, a file": lambda: exporting(running=False),
    "explore, a budget": lambda: explore("Budget", memory={SCENARIO: replace(start(), target_ms=20.0, least_pct=75.0)}),
    "explore, kept designs": lambda: explore("Designs", memory={"collection": KEPT}),
    "explore, edited": lambda: explore(edited=True),
    "explore, undone": undone,
    "explore, refused": refused,
    "explore, a refused choice": refused_choice,
    "explore, left over": left_over,
    **{path: lambda path=path: page(path) for path in PAGES},
    "import, a library": lambda: page("import", import_source="timm"),
    **{f"import, {tab}": lambda tab=tab: imported(tab) for tab in ("Blocks", "Layers", "Edit", "Export")},
    "import, edited": lambda: imported("Edit", 1),
    **{f"import, ours, {tab}": lambda tab=tab: ours(tab) for tab in ("Edit", "Export")},
    **{f"g{n}, {kind}": lambda n=n, kind=kind: guideline(n, kind) for n in GUIDELINES for kind in ("paper", "own")},
    **{f"g{n}, measured": lambda n=n: guideline(n, "paper", measured=True) for n in GUIDELINES},
    "held, a run": held,
    "search, ticked cells": lambda: searching(SearchSettings(space=OPEN)),
    "search, ended": lambda: searching(done=True),
    "search, stopped": lambda: searching(done=False),
    "search, distributions": lambda: searching(done=True, evaluations=24),
    "search, w": lambda: searching(target_ms=12.0),
    "search, layers": adapting,
    "search, adapted": lambda: adapting(done=True),
    "search, adaptation stopped": lambda: adapting(done=False),
    "class, a result": classroom,
    "class, another key": another_key,
    "class, taught": taught,
    "g1, joined": joined,
    "g1, a run goes on": lambda: queued(job=True),
    "g1, a run waits": lambda: queued(job=False),
    "g1, a run of another": of_another,
    "g2, beside others": lambda: beside_others("g2"),
    "devices, own": own_device,
}
