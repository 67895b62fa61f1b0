"""The page without a browser: its files, its controls as a browser reports them, and what every page must hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pyarrow
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Dataframe
from support import forms
from support.forms import refusals, say, scenario_of, tiles

import archs
import costmodel
from explorer.data.metrics import human, megabytes
from explorer.editing import cells
from explorer.lab.experiment import GUIDELINES
from explorer.page.lab import pages

APP = str(Path(__file__).resolve().parents[2] / "app.py")


TABS = ["Table", "Blocks", "Layers", "Diff", "Advisor", "Frontier", "Budget", "Designs", "Reconcile", "Export"]


def displayed(grid: Dataframe) -> pandas.DataFrame:
    """What a grid shows instead of its values, where it has text of its own for them."""
    return pyarrow.ipc.open_stream(grid.proto.arrow_data.styler.display_values).read_pandas()


def check(at: AppTest) -> None:
    """Nothing failed, and the tiles say what a fresh count says."""
    assert not at.exception
    scenario = scenario_of(at)
    graph = archs.build(scenario.spec)
    counts = costmodel.count(archs.fold_batchnorm(graph) if scenario.folded else graph)
    said = {title: tile["value"] for title, tile in tiles(at).items()}
    assert said["Mult-adds (the papers' FLOPs)"] == human(counts.total.mult_adds)
    assert said["Params"] == human(counts.total.params)
    assert said["MAC (memory access cost)"] == human(counts.total.mem_access)
    assert said["Peak activation memory"] == megabytes(4 * counts.peak_activation)
    assert said["Kernels"] == f"{counts.total.kernels:,}"
    assert said["Fragmentation"] == f"{costmodel.fragmentation(counts.graph).mean:.1f} per block"


def errors(at: AppTest) -> list[str]:
    """What is wrong, as the page and its forms say."""
    return [*(error.value for error in at.error), *refusals(at)]


def open_block(at: AppTest, block: str = "stage3/block1") -> None:
    say(at, "block", block)


def type_into_grid(at: AppTest, **rows: dict[str, object]) -> None:
    """As a browser reports it: `r3={"kernel": 5}` is the fourth row's kernel. Only what is typed now."""
    typed = [[int(name[1:]), column, cells.text(value)] for name, row in rows.items() for column, value in row.items()]
    handled = drawn(at)["acknowledged"]
    report(at, {"events": [[handled + number, *cell] for number, cell in enumerate(typed, 1)]})


def report(at: AppTest, value: object) -> None:
    """A message of the table's own script, which AppTest does not run."""
    forms.report(at, grid(at), "queue", value)


def grid(at: AppTest) -> BidiComponent:
    (found,) = [node for node in at._tree if getattr(node, "key", None) == "grid"]
    return found.proto


def spec(at: AppTest) -> archs.Spec:
    """The network that the page shows."""
    return scenario_of(at).spec


def overlay(at: AppTest) -> dict[tuple[int, str], tuple[object, bool]]:
    """The table's cells shown as typed and not as in the table, and whether they are refused."""
    return {(row, column): (value, bool(reason)) for row, column, value, reason in drawn(at)["overlay"]}


def drawn(at: AppTest) -> dict[str, Any]:
    """What the browser is told of the table."""
    return json.loads(grid(at).json)


DRAWS = {
    "calibrate": "calibration.render()",
    "devices": "devices.render()",
    "import": "importing.render()",
    "search": "page.render()",
    "own": "design.render()",
    "held": "all_guidelines.render()",
    "class": "classroom.render()",
    **{f"g{number}": f"guideline.render({number})" for number in GUIDELINES},
    **{path: f"pages.LESSONS[{path!r}].render()" for path in pages.LESSONS},
}


PAGES = {
    path: "from explorer.page import calibration, devices, importing\nfrom explorer.page.lab import classroom, guideline, all_guidelines, design, pages\n"
    "from explorer.page.search import page\n"
    f"from explorer.page.state.session import guard\nwith guard('The page'):\n    {draw}"
    for path, draw in DRAWS.items()
}
"""Every page but the explorer's own, as `app.py` runs it."""
