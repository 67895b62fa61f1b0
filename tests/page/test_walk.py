"""A thousand random walks through the page's own functions: what it shows is what a fresh count says, every time.

A walk edits (refused edits among them), undoes, redoes, jumps in the history, resets, folds, compares, and reloads by its
link. Shorter ones go through the page itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from math import isclose
from random import Random

import pytest
from streamlit.testing.v1 import AppTest
from support.apptest import APP, check
from support.forms import fields, say, scenario_of, shown

import archs
import costmodel
from archs.catalogue.registry import FAMILIES
from archs.catalogue.sampling import random_edit, random_spec
from archs.tables import lower
from archs.tables.rows import KINDS
from explorer.data.metrics import duration, human, megabytes
from explorer.editing import cells, edits, links
from explorer.editing import whole_network as whole
from explorer.editing.repair import Edited
from explorer.editing.scenario import Scenario, start
from explorer.figures import as_plotly, diagram
from explorer.figures import charts as figures
from explorer.views.tiles import tiles

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")
WALKS, CHUNKS = 1000, 50
VALUES = (0, 1, 2, 3, 4, 5, 7, 16, 24, 48, 97, 0.25, 0.5, 6.0, True, False, None, "relu", "hard_swish", "add", "x")


def edit(scenario: Scenario, rng: Random) -> Scenario:
    """One of the page's edits at random values; a refused one leaves the network as it was and says why."""
    spec = scenario.spec
    index = rng.randrange(len(spec.rows))
    column = rng.choice([*type(spec.rows[index]).model_fields, "kind"])
    value = rng.choice(list(KINDS)) if column == "kind" else rng.choice(VALUES)
    makers: list[Callable[[archs.Spec], Edited]] = [
        partial(edits.set_cells, changes={(index, column): value}),
        partial(edits.set_cells, changes={(index, "channels"): rng.choice((16, 24, 48, 97, 116, 0))}),
        partial(edits.insert, index=index, new=rng.choice(list(KINDS))),
        partial(edits.duplicate, index=index),
        partial(edits.move, index=index, to=rng.randrange(len(spec.rows))),
        partial(edits.delete, index=index),
        partial(edits.replace_stage, stage=spec.rows[index].stage, kind=rng.choice(list(KINDS))),
        partial(whole.set_width, width=rng.choice((0.5, 0.75, 1.25, -1))),
        partial(whole.set_resolution, resolution=rng.choice((32, 96, 224, -1))),
        partial(whole.set_classes, classes=rng.choice((10, 100))),
        whole.hard_swish,
        partial(whole.apply_guideline, guideline=rng.choice((1, 2, 3, 4))),
        lambda spec: Edited(random_edit(spec, rng)[0]),
    ]
    attempt = cells.attempted(spec, {(index, column): value})
    edited = scenario.edit("rows", "an edit", rng.choice(makers), attempt)
    assert edited.problem is None or (edited.spec == spec and edited.problem.message)
    return edited


def reload(scenario: Scenario) -> Scenario:
    """What the address reopens: the network, and nothing else of the session."""
    reopened = start().choose("link", spec=links.decode(links.encode(scenario.spec)))
    assert reopened.spec == scenario.spec
    return reopened


def step(scenario: Scenario, rng: Random) -> Scenario:
    history = scenario.history
    kind = rng.random()
    if kind < 0.6:
        return edit(scenario, rng)
    if kind < 0.7:
        return scenario.choose("history", history=history.undo())
    if kind < 0.77:
        return scenario.choose("history", history=history.redo())
    if kind < 0.8:
        return scenario.choose("history", history=history.go(rng.randrange(len(history.versions))))
    if kind < 0.85:
        return scenario.choose("history", history=history.reset())
    if kind < 0.9:
        return scenario.choose("folded", folded=not scenario.folded)
    if kind < 0.95:
        return scenario.choose("baseline", against=rng.choice(["paper", *FAMILIES, history.versions[0]]))
    return reload(scenario)


def fresh(scenario: Scenario) -> costmodel.NetworkCounts:
    """A count that shares nothing with the scenario: of the table's text, built again."""
    graph = lower.build.__wrapped__(archs.Spec.from_json(scenario.spec.to_json()))  # not the one that is kept
    return costmodel.count(archs.fold_batchnorm(graph) if scenario.folded else graph)


@cache
def shipped() -> costmodel.DeviceProfile:
    """Another reading of the file than the page's."""
    return costmodel.load_profile("cpu")


def compare_tiles(scenario: Scenario, counts: costmodel.NetworkCounts) -> None:
    shown = [tile.value for tile in tiles(scenario)]
    total = counts.total
    profile = shipped()
    graph = archs.build(scenario.spec)
    latency = costmodel.predict(archs.fold_batchnorm(graph) if scenario.folded else graph, profile).latency_ms
    assert shown == [
        duration(latency),
        human(total.mult_adds),
        human(total.params),
        human(total.mem_access),
        megabytes(4 * counts.peak_activation),
        f"{total.kernels:,}",
        f"{costmodel.fragmentation(counts.graph).mean:.1f} per block",
    ]


def compare_tables_and_figures(scenario: Scenario, counts: costmodel.NetworkCounts) -> None:
    blocks, groups = scenario.blocks, counts.groups("block")
    assert list(blocks["block"]) == list(groups)
    for metric in figures.WHERE:
        assert list(blocks[metric]) == [getattr(row, metric) for row in groups.values()]
        assert scenario.layers[metric].sum() == getattr(counts.total, metric)
    assert isclose(blocks["latency_ms"].sum(), scenario.prediction.latency_ms)
    picture = as_plotly.traces(diagram.network(blocks, "params"))[0]
    assert [custom[0] for custom in picture["customdata"]] == list(groups)
    assert list(picture["marker"]["color"]) == [row.params for row in groups.values()]
    (bar,) = as_plotly.traces(figures.where_by_block(blocks))
    largest = max(1, counts.total.mult_adds)
    assert [x * largest for x in bar["x"][: len(groups)]] == pytest.approx([row.mult_adds for row in groups.values()])


@pytest.mark.parametrize("chunk", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, CHUNKS))])
def test_a_thousand_walks(chunk):
    for seed in range(chunk, WALKS, CHUNKS):
        rng = Random(seed)
        scenario = start().choose("network", spec=random_spec(rng, edits=1))
        for _ in range(rng.randint(2, 6)):
            scenario = step(scenario, rng)
            compare_tiles(scenario, fresh(scenario))
        compare_tables_and_figures(scenario, fresh(scenario))


def turn(at: AppTest, rng: Random) -> None:
    """One step on the page itself."""
    keys = {name for name, field in fields(at).items() if not field.get("disabled")}
    kinds = ["open", "whole", "kernel", "channels", "rows", "undo", "redo", "reset", "fold", "reload"]
    kind = rng.choice([k for k in kinds if k not in ("undo", "redo", "reset") or k in keys])
    if kind == "kernel" and "cell kernel" in keys:
        say(at, "cell kernel", rng.choice((3, 5, 7, 4)))
    elif kind == "channels" and "cell channels" in keys:
        say(at, "cell channels", rng.choice((16, 24, 48, 97, 0)))
    elif kind == "rows" and "row Duplicate" in keys:
        say(at, rng.choice(sorted({"row Duplicate", "row Earlier", "row Later", "row Delete"} & keys)))
    elif kind == "whole":
        say(at, "whole resolution", rng.choice((96, 160, 224, -1)))
    elif kind in ("undo", "redo", "reset"):
        say(at, kind)
    elif kind == "fold":
        say(at, "folded", not shown(at, "folded"))
    else:
        say(at, "block", rng.choice([block for block, _ in fields(at)["block"]["options"] if block]))


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8))])
def test_walks_on_the_page(seed):
    rng = Random(seed)
    at = AppTest.from_file(APP, default_timeout=60).run()
    for _ in range(10):
        turn(at, rng)
        check(at)
    if address := at.query_params.get("net"):
        again = AppTest.from_file(APP, default_timeout=60)
        again.query_params["net"] = address
        again.run()
        check(again)
        assert scenario_of(again).spec == scenario_of(at).spec
