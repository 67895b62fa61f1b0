"""The address and the link reopen the network with its settings, and the accuracy stays with its version."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest
from support.apptest import APP, check
from support.forms import memory_of, say, scenario_of

from explorer.data import profiles as devices

SETTINGS = ("folded", "profile", "against", "metric", "block", "measured_pct")


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    for name, value in parameters.items():
        at.query_params[name] = value
    return at.run()


def test_a_reload_keeps_every_setting():
    at = opened()
    say(at, "network", "mobilenet_v1")
    say(at, "folded", True)
    say(at, "profile", next(name for name in devices.names() if name != devices.preferred()))
    say(at, "baseline", "mobilenet_v2")
    say(at, "metric", "params")
    say(at, "block", next(iter(scenario_of(at).blocks["block"][3:])))
    say(at, "tab", "Frontier")
    say(at, "measured", 71.5)
    again = opened(**{name: at.query_params[name] for name in at.query_params})
    check(again)
    for setting in SETTINGS:
        assert getattr(scenario_of(again), setting) == getattr(scenario_of(at), setting), setting
    assert scenario_of(again).spec == scenario_of(at).spec
    assert memory_of(again)["tab"] == "Frontier"


def test_a_version_as_baseline_is_in_the_link():
    at = opened()
    say(at, "whole hard_swish")
    say(at, "baseline", "#0")
    say(at, "whole G1")
    again = opened(**{name: at.query_params[name] for name in at.query_params})
    assert scenario_of(again).baseline == scenario_of(at).baseline


def test_what_is_wrong_in_the_address_is_ignored():
    at = opened(folded="yes", device="../etc", baseline="x", top1="nan", colour="no", block="no", panel="no")
    check(at)
    assert scenario_of(at).measured_pct is None
    assert scenario_of(at).profile == devices.preferred()


def test_a_measured_accuracy_belongs_to_its_version():
    """An edit and an undo lost it."""
    at = opened(panel="Frontier")
    say(at, "measured", 71.5)
    say(at, "whole hard_swish")
    assert scenario_of(at).measured_pct is None
    say(at, "undo")
    assert scenario_of(at).measured_pct == 71.5
    assert at.query_params["top1"] == "71.5"
