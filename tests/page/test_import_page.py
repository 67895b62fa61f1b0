"""The page "Import": files and their refusals, figures that equal a fresh count, edits, a table opened in Explore."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest
from support import zoo_styles as zoo
from support.forms import fields, refusals, say, shown, tiles
from support.modules import ResNet
from support.onnx_files import exported, model, node
from torch import nn

import archs
import costmodel
from archs.interop.onnx.exporter import to_onnx
from explorer.data import profiles as devices
from explorer.data import zoo as library
from explorer.data.latency_notes import latency_notes
from explorer.data.metrics import human
from explorer.editing.imported import Imported
from explorer.jobs import network_import

APP = str(Path(__file__).resolve().parents[2] / "app.py")

pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")


def page():
    """The page alone, without navigation, which AppTest does not follow."""
    from explorer.page import importing

    importing.render()


@pytest.fixture
def at():
    return AppTest.from_function(page, default_timeout=60)


@pytest.fixture(scope="module")
def resnet():
    return archs.from_module(ResNet().to("meta"), (3, 64, 64))


def show(at, graph, tab="Blocks"):
    at.session_state["imported"] = Imported(graph, "a test", devices.preferred())
    at.session_state["import tab"] = tab
    return at.run()


def check(at):
    assert not at.exception
    found = at.session_state["imported"]
    total = costmodel.count(found.graph).total
    shown = {title: tile["value"] for title, tile in tiles(at).items()}
    least = "at least " if total.unknown else ""
    assert shown["Mult-adds"] == least + human(total.mult_adds)
    assert shown["Params"] == human(total.params)
    assert shown["Kernels"] == f"{total.kernels:,}"
    return found.graph


def finish(at):
    """The page after its import job has ended."""
    at.session_state["import job"].wait()
    return at.run()


def test_empty(at):
    at.run()
    assert not at.exception
    assert "Upload an ONNX file of up to 128 MB" in at.info[0].value


@pytest.mark.slow
def test_an_uploaded_file(at):
    at.run()
    at.file_uploader(key="import file").upload(
        "my net.onnx", exported(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), (3, 8, 8)), "application/octet-stream"
    ).run()
    assert at.button(key="stop import").label == "Stop"
    finish(at)
    graph = check(at)
    assert graph.name == "my_net"
    assert [type(n.op).__name__ for n in graph.nodes] == ["Conv2d", "ReLU"]
    at.file_uploader(key="import file").upload("bad.onnx", b"PK\x03\x04 and so on", "application/octet-stream").run()
    finish(at)
    assert at.error[0].value.endswith("the file is a zip archive; allowed: an ONNX model as it is, unpacked")
    assert check(at) == graph, "a refusal leaves the network that was there"


def test_every_tab(at, resnet):
    for tab in ("Blocks", "Layers", "Edit", "Export"):
        show(at, resnet, tab)
        assert check(at) == resnet
        assert not at.error
    notes = latency_notes(resnet, devices.load(devices.preferred()))
    assert at.code[0].value == archs.to_source(resnet, notes).strip()


def test_what_is_unknown_is_said(at):
    data = model(
        [node("GridSample", "x", "g", outputs=["s"]), node("Conv", "s", "w")],
        constants={"g": torch.zeros(1, 5, 5, 2), "w": torch.zeros(2, 4, 1, 1)},
        declared={"s": (1, 4, 5, 5)},
    )
    show(at, archs.from_onnx(data.SerializeToString()))
    check(at)
    assert "GridSample" in at.warning[0].value
    assert tiles(at)["Latency"]["value"].startswith("at least ")
    show(at, at.session_state["imported"].graph, "Export")
    assert 'UnknownOperator("GridSample")' in at.code[0].value


def test_what_the_import_left_out_is_said_and_stays_with_an_edit(at):
    data = model(
        [node("Conv", "x", "w", name="conv"), node("Relu", "x", outputs=["z"])],
        constants={"w": torch.zeros(2, 4, 1, 1)},
    )
    data.graph.output.add().name = "x"
    show(at, archs.from_onnx(data.SerializeToString()), "Edit")
    assert any("· 1 operator" in caption.value and "1 operators" not in caption.value for caption in at.caption)
    assert tiles(at)["Kernels"]["beside"] == "of 1 operator"
    said = "the image itself or a constant: 'x'."
    assert any(caption.value.endswith(said) for caption in at.caption)
    edited = at.session_state["imported"].edit("an edit", lambda graph: replace(graph, verification=""))
    at.session_state["imported"] = edited
    at.run()
    assert any(caption.value.endswith(said) for caption in at.caption)


def test_edits_and_undo(at, resnet):
    show(at, resnet, "Edit")
    say(at, "scope", "layer3")
    say(at, "factor", 1.5)
    wider = check(at)
    assert wider["layer3/1/conv2"].output[0] == 384
    assert fields(at)["undo"]["label"] == "Undo: layer3: width ×1.5"
    assert any(caption.value.endswith("· 1 edit") for caption in at.caption)
    say(at, "scope", "layer2/1")
    say(at, "remove")
    assert "layer2/1" not in {n.block for n in check(at).nodes}
    say(at, "scope", "layer2/0")
    say(at, "remove")
    assert check(at).nodes != resnet.nodes
    for _ in range(3):
        say(at, "undo")
    assert check(at) == resnet


def test_fields_show_the_values_of_the_chosen_layer(at, resnet):
    """They held 64, 5 and 2, whatever the layer."""
    show(at, resnet, "Edit")
    say(at, "layer", "layer3/1/conv2")
    say(at, "convolution", "layer3/1/conv2")
    assert [shown(at, name) for name in ("channels", "kernel", "groups")] == ["256", "3", "1"]


def test_the_edits_name_what_the_picture_shows(at):
    """The file's stage 2 is stage 1 of the picture and of the tables, whose stages end at a stride."""
    show(at, archs.build(archs.spec("shufflenet_v2")), "Edit")
    found = at.session_state["imported"]
    titles = {name: [title for _, title in fields(at)[name]["options"]] for name in ("scope", "layer", "convolution")}
    assert "stage2 (stage1/block1 to stage1/block4)" in titles["scope"]
    assert "stage4/block2 (stage3/block2)" in titles["scope"]
    assert set(titles["layer"] + titles["convolution"]) <= set(found.layers["path"])
    say(at, "scope", "stage4/block2")
    say(at, "factor", 0.5)
    assert fields(at)["undo"]["label"] == "Undo: stage4/block2 (stage3/block2): width ×0.5"


@pytest.mark.parametrize("profile", ["cpu", "pixel1"])
def test_the_milliseconds_are_those_of_the_file_and_the_command_line(tmp_path, profile):
    """The page priced the table's order of operators: 21.22 ms beside 21.27 in the exported file and by `predict`."""
    path = tmp_path / "mine.onnx"
    path.write_bytes(to_onnx(archs.build(archs.spec("mobilenet_v2"))))
    graph = archs.from_onnx(path)
    found = Imported(graph, "a test", profile)
    device = costmodel.load_profile(profile)
    predicted = costmodel.predict(device.regime.prepared(graph), device).latency_ms
    assert found.shown is not graph
    assert found.prediction.latency_ms == predicted
    assert f"{predicted:.4g} ms" in found.text[0]
    for table in (found.blocks, found.kinds, found.layers):
        assert table["latency_ms"].sum() == pytest.approx(predicted)
        assert (table["latency_ms"] > 0).sum() > len(table) / 2


def test_a_block_without_a_name_has_the_kinds_of_its_operators(resnet):
    """The kind of layer1/0 was "0"."""
    kinds = Imported(replace(resnet, kinds=()), "a test").blocks.set_index("block")["kind"]
    assert kinds["conv1"] == "conv k×k"
    assert kinds["layer1/0"] == "conv k×k, batch norm, activation, add, multiply"
    assert Imported(resnet, "a test").blocks["kind"].isin(["basic block"]).any()


def test_a_refused_value_never_changes_the_network(at, resnet):
    """A refused 100000 was followed by 64, the field's default."""
    show(at, resnet, "Edit")
    say(at, "layer", "layer1/0/conv1")
    say(at, "channels", 100000)
    assert "100000" in "".join(refusals(at))
    assert shown(at, "channels") == "100000"
    assert check(at) == resnet
    say(at, "channels", "")
    assert refusals(at)
    assert check(at) == resnet
    say(at, "convolution", "layer1/0/conv1")
    say(at, "groups", 3)
    assert "groups=3 must divide the 64 input and the 64 output channels" in refusals(at)[0]
    assert check(at) == resnet


@pytest.mark.slow
def test_the_error_of_a_file_goes_with_the_next_choice(at, monkeypatch):
    monkeypatch.setattr(library, "installed", lambda: ("timm",))
    monkeypatch.setattr(library, "names", lambda library: ("tiny",))
    at.run()
    at.file_uploader(key="import file").upload("bad.onnx", b"PK\x03\x04 and so on", "application/octet-stream").run()
    finish(at)
    assert "bad.onnx" in at.error[0].value
    at.button_group(key="import source").set_value("timm").run()
    assert not at.error


def test_a_network_of_our_blocks_is_a_table(at):
    show(at, archs.from_module(zoo.MobileNetV2().to("meta"), (3, 64, 64)), "Edit")
    assert any("Explore has all its edits" in caption.value for caption in at.caption)
    assert at.button(key="import open").label == "Open in Explore"


def test_it_is_a_page_of_the_app():
    whole = AppTest.from_file(APP, default_timeout=60).run()
    assert not whole.exception
    assert "home" in whole.session_state


def test_a_known_network_has_the_names_of_its_table(at):
    """A file of a network of ours, whose operators it numbers."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    show(at, archs.from_module(net, (3, 32, 32)))
    check(at)
    found = at.session_state["imported"]
    assert found.table[0] is not None
    assert "stage1/block1" in list(found.blocks["block"])
    assert found.kinds["latency_ms"].sum() == pytest.approx(found.prediction.latency_ms)


# The libraries, which nothing requires


def test_only_what_is_installed_is_offered(monkeypatch):
    monkeypatch.setattr(library, "find_spec", lambda name: name == "timm")
    assert inspect.unwrap(library.installed)() == ("timm",)


def test_a_name_is_one_of_the_list(monkeypatch):
    monkeypatch.setattr(library, "names", lambda library: ("tiny",))
    monkeypatch.setattr(library, "_module", lambda library, name: nn.Sequential(nn.Conv2d(3, 4, 3)))
    assert library.graph("timm", "tiny", (32, 32)).input == (3, 32, 32)
    with pytest.raises(archs.ArchError, match="'os.system' is no network of timm"):
        library.graph("timm", "os.system")


def test_another_library():
    with pytest.raises(archs.ArchError, match="library is 'os'; allowed: torchvision, timm"):
        library.names("os")


def test_a_network_of_too_many_operators_to_be_drawn_is_refused(monkeypatch):
    monkeypatch.setattr(network_import, "MAX_OPERATORS", 100)
    few, many = (archs.build(archs.spec(name)) for name in ("mobilenet_v1", "mobilenet_v2"))
    network_import.require_few(few)
    with pytest.raises(archs.ArchError, match=r"\d+ operators; the page shows up to 100: `python -m explorer import`"):
        network_import.require_few(many)
