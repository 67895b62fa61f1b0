"""Files carry the name of the version that they are of: two versions never have one name."""

from __future__ import annotations

import archs
from explorer.editing import edits
from explorer.editing.history import History
from explorer.editing.scenario import Scenario, start


def test_a_published_network_is_named_with_the_knobs_that_are_not_the_defaults():
    assert start().file("blocks", ".csv") == "mobilenet_v2_blocks.csv"
    for knobs, name in (
        ({"width": 0.75}, "mobilenet_v2_width_0.75.py"),
        ({"resolution": 192}, "mobilenet_v2_resolution_192.py"),
        ({"resolution": (224, 320)}, "mobilenet_v2_resolution_224x320.py"),
    ):
        scenario = Scenario(History.start(archs.spec("mobilenet_v2", **knobs)))
        assert scenario.file(suffix=".py") == name


def test_an_edited_network_is_named_after_the_edit():
    scenario = start().edit("cell", "row 4, column kernel: 5", lambda spec: edits.set_cell(spec, 3, "kernel", 5))
    assert scenario.file(suffix=".py") == "mobilenet_v2_row_4_column_kernel_5.py"
    other = scenario.edit("cell", "../a name: é", lambda spec: edits.set_cell(spec, 3, "kernel", 7))
    assert other.file(suffix=".py") == "mobilenet_v2__a_name_é.py"
    alone = Scenario(History.start(scenario.spec))
    assert alone.file(suffix=".json") == "mobilenet_v2_edited.json"


def test_a_spec_of_ones_own_has_its_own_name():
    own = Scenario(History.start(archs.spec("mobilenet_v2").edit(name="mine")))
    assert own.file("report", ".html").startswith("mine")
