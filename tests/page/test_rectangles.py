"""Rectangular images: typed on the page and the command line, drawn, linked, imported."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest
from support.apptest import APP, check
from support.forms import fields, refusals, say, scenario_of
from support.onnx_files import exported
from torch import nn

import archs
import costmodel
from explorer.cli import main
from explorer.editing.images import resolution_of, resolution_text
from explorer.figures import diagram

RECTANGLE = archs.spec("mobilenet_v2", resolution=(224, 320))


def opened() -> AppTest:
    return AppTest.from_file(APP, default_timeout=60).run()


@pytest.mark.parametrize("control", ["mobilenet_v2:resolution", "whole resolution"])
def test_height_and_width_are_typed(control):
    at = opened()
    say(at, control, "224×320")
    check(at)
    assert scenario_of(at).spec == RECTANGLE
    assert fields(at)[control]["value"] == "224×320"
    say(at, control, "wide")
    assert any("found 'wide'; allowed: the side of a square, 224, or height×width" in words for words in refusals(at))
    assert scenario_of(at).spec == RECTANGLE
    again = AppTest.from_file(APP, default_timeout=60)
    again.query_params["net"] = at.query_params["net"]
    assert scenario_of(again.run()).spec == RECTANGLE


def test_the_picture_says_both_sides_of_a_map():
    at = opened()
    say(at, "whole resolution", "224x320")
    figure = diagram.network(scenario_of(at).blocks, "mult_adds")
    words = [note.text for note in figure.notes]
    assert words[0] == "112×160"
    assert "²" not in words[0]


def test_the_command_line_takes_them(capsys):
    assert main.main(["count", "mobilenet_v2", "--resolution", "224x320", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert counted["total"]["mult_adds"] == costmodel.count(RECTANGLE).total.mult_adds
    assert main.main(["count", "mobilenet_v2", "--resolution", "wide"]) == 2
    assert "height×width" in capsys.readouterr().err


def page() -> None:
    from explorer.page import importing

    importing.render()


@pytest.mark.slow
def test_an_import_takes_them():
    at = AppTest.from_function(page, default_timeout=60).run()
    at.selectbox(key="import size").set_value("224×320").run()
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    file = exported(net, (3, 8, 8), input_names=["x"], dynamic_axes={"x": {2: "height", 3: "width"}})
    at.file_uploader(key="import file").upload("net.onnx", file, "application/octet-stream").run()
    at.session_state["import job"].wait()
    at.run()
    assert not at.exception
    assert tuple(at.session_state["imported"].graph.input) == (3, 224, 320)


def test_a_text_is_read_as_it_is_written():
    for resolution in (224, (224, 320), (320, 224)):
        assert resolution_of(resolution_text(resolution)) == resolution
