"""The header of an exported file: two latencies with their conditions where there is a profile, else as it was."""

import json

import pytest

import archs
import costmodel
from explorer.cli.main import main
from explorer.data import profiles as devices
from explorer.data.latency_notes import latency_notes
from explorer.editing.history import History
from explorer.editing.scenario import Scenario

GRAPH = archs.build(archs.spec("mobilenet_v3_small", resolution=96))
NETWORK = ["mobilenet_v3_small", "--resolution", "96"]


def header(text):
    return " ".join(text.split('"""')[1].split())


def test_both_figures_are_stated_with_their_conditions():
    profile = costmodel.load_profile("cpu")
    head = header(archs.to_source(GRAPH, latency_notes(GRAPH, profile)))
    kept = costmodel.predict(GRAPH, profile)
    plain = costmodel.predict(GRAPH, profile, allocator="default")
    assert "AMD EPYC, PyTorch 2.13.0+cpu, float32, 1 thread, batch 1, calibrated 2026-11-26." in head
    assert f"=1000000000): {kept.latency_ms:.4g} ms, {kept.interval_text}." in head
    assert f"glibc's default settings: {plain.latency_ms:.4g} ms, {plain.interval_text};" in head
    assert f"{plain.page_faults:,.0f} page faults per call" in head


def test_a_device_without_a_cost_of_a_page_fault_has_one_figure():
    notes = latency_notes(archs.build("mobilenet_v2"), costmodel.load_profile("pixel1"))
    assert len(notes) == 2
    assert "TFLite" in notes[0]
    assert "batch norms folded" in notes[0]
    assert "glibc" not in " ".join(notes)


def test_without_a_profile_the_text_is_as_it_was(capsys):
    assert archs.to_source(GRAPH, ()) == archs.to_source(GRAPH)
    assert main(["export", *NETWORK]) == 0
    assert capsys.readouterr().out == archs.to_source(GRAPH)
    assert "Predicted" not in archs.to_source(GRAPH)


def test_the_command_line_states_them_with_a_profile(capsys):
    assert main(["export", *NETWORK, "--profile", "cpu", "--json"]) == 0
    text = json.loads(capsys.readouterr().out)["text"]
    assert text == archs.to_source(GRAPH, latency_notes(GRAPH, costmodel.load_profile("cpu")))
    bare, stated = archs.to_source(GRAPH).split('"""'), text.split('"""')
    assert stated[1].startswith(bare[1].rstrip())
    assert stated[2:] == bare[2:]
    assert main(["export", *NETWORK, "--profile", "cpu", "--format", "spec"]) == 2
    assert "--profile is for the header of a PyTorch file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ['"""\nimport os', "back\\", "\\N{"])
def test_no_name_of_a_profile_is_code(name):
    """Profiles are files of anyone's: their texts stay text, and the file still runs."""
    profile = costmodel.load_profile("cpu").model_copy(update={"name": name})
    text = archs.to_source(GRAPH, latency_notes(GRAPH, profile))
    assert text.split('"""')[2:] == archs.to_source(GRAPH).split('"""')[2:]
    compile(text, "network.py", "exec")


def test_the_page_states_them_for_its_profile():
    scenario = Scenario(History.start(archs.spec("mobilenet_v2")))
    assert scenario.profile == devices.preferred()
    assert "glibc's default settings" in header(scenario.source)
