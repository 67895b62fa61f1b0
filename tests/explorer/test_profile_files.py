"""Uploaded files that are no profiles, and references that are no networks."""

from __future__ import annotations

import json

import pytest

from costmodel import CostError
from costmodel.latency.profile import SHIPPED
from explorer.data import evidence
from explorer.data import profiles as devices

FILE = (SHIPPED / "cpu.json").read_bytes()
PROFILE = json.loads(FILE)


def changed(**values: object) -> bytes:
    return json.dumps(PROFILE | values).encode()


BAD = {
    "empty": (b"", "found an empty text; allowed: a JSON text"),
    "cut": (FILE[:-500], "not a JSON text: .*; a text that was cut off"),
    "deep": (b"[" * 100_000, "nested more than 32 levels deep"),
    "binary": (b"\xff\xfe\x00", "not a JSON text: it has bytes that are no text"),
    "another file": (b'{"format": "archs.spec/1"}', "not a device profile; allowed: a file that"),
    "another version": (changed(format="costmodel.profile/9"), "a profile of version"),
    "no scale": (changed(scale=0), "scale"),
    "negative interval": (changed(half_interval=-5), "half_interval: found -5: Input should be greater than 0"),
    "no device": (
        changed(regime=PROFILE["regime"] | {"device": "toaster"}),
        "found 'toaster'; allowed: cpu, cuda, mps",
    ),
    "operators that save time": (changed(per_node_us=-3.5), "per_node_us: found -3.5; allowed on a CPU: 0 or more"),
    "a key twice": (
        FILE.replace(b"{", b'{"name": "other", ', 1),
        "the key 'name' stands twice in an object; allowed: once",
    ),
    "before its start": (changed(seconds=-1), "seconds: found -1: "),
    "longer than any calibration": (changed(seconds=1e30), "seconds: found 1e[+]30: "),
    "no name": (json.dumps({key: PROFILE[key] for key in PROFILE if key != "name"}).encode(), "name: Field required"),
    "infinite": (changed(scale=1e300), "ms for"),
    "nothing to price with": (changed(predictors={}), "no predictor"),
    "many references": (changed(references=PROFILE["references"] * 5), "references; allowed"),
    "large": (b" " * (devices.MAX_UPLOAD_MB * 2**20 + 1), f"allowed: up to {devices.MAX_UPLOAD_MB} MB"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_profile_is_refused(name):
    content, message = BAD[name]
    with pytest.raises(CostError, match=message) as caught:
        devices.upload(content, "mine <b>.json")
    assert len(str(caught.value)) < 300
    assert "<" not in str(caught.value).replace("<class", "")


def test_text_of_a_file_is_shown_plain():
    found = devices.upload(changed(name="<b>x</b>", warnings=["=1+1 ![](http://x)"] * 20), "f.json")
    assert found.name == "b x /b"
    assert len(found.warnings) == 8
    assert "[" not in found.warnings[0]


def test_references_that_are_no_networks_are_left_out():
    spec = {"spec": {"nonsense": 1}, "network_us": 5.0}
    profile = devices.upload(changed(references=[spec]), "f.json")
    assert evidence.held_out(devices.store(profile)).empty
