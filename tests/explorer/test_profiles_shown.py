"""A profile that is accepted can be shown: mutations of the shipped profiles through loading, panels and commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from math import isnan
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest
from support.apptest import PAGES
from support.hostile import mutated_json
from support.hostile_inputs import RUNTIME, WHOLE_NETWORKS, slim_profile

import archs
import costmodel
from archs import ArchError
from costmodel import CostError
from costmodel.latency.profile import names
from explorer.cli.main import main
from explorer.data import evidence, profiles
from explorer.editing.scenario import start
from explorer.figures import calibration as drawing
from explorer.page.state.session import SCENARIO

COMMANDS = (["predict", "mobilenet_v1"], ["advise", "mobilenet_v1"], ["diff", "mobilenet_v1", "mobilenet_v2"])
EVERY = 10  # each tenth accepted profile goes through a command, which takes as long as all panels
PANELS = 4  # accepted profiles that the page is drawn with
KINDS = (*names(), RUNTIME, WHOLE_NETWORKS)
"""Profiles per operator, of fused operators, of whole networks."""


def accepted(seed: int, kinds: Sequence[str] = KINDS) -> costmodel.DeviceProfile | None:
    """The profile of a mutated file; None where it is refused in one line."""
    rng = Random(seed)
    content = mutated_json(slim_profile(rng.choice(kinds)), rng)
    try:
        return profiles.upload(content.encode(errors="replace"), "x.json")
    except (ArchError, CostError) as error:
        return _refused(str(error))


def _refused(message: str) -> None:
    assert len(message.splitlines()) == 1


def show(profile: costmodel.DeviceProfile, seed: int, folder, capsys) -> None:
    """What the panels and the commands compute of a profile."""
    key = profiles.store(profile)
    assert str(profile)
    assert all((profiles.title(key), profiles.owner(key), profiles.whose(key)))
    for pairs in evidence.of(key).values():
        if not pairs.empty:
            evidence.errors_of(pairs, key)
            drawing.scatter(pairs)
    found = profiles.prediction(archs.spec("mobilenet_v1"), key)
    assert 0 < found.low_ms <= found.latency_ms <= found.high_ms or isnan(found.low_ms)
    if seed % EVERY:
        return
    profile.save(folder / "x.json")
    command = COMMANDS[seed // EVERY % len(COMMANDS)]
    assert main([*command, "--profile", str(folder / "x.json"), *(["--json"] if seed // EVERY % 2 else [])]) == 0
    assert "Traceback" not in "".join(capsys.readouterr())


def check(seed: int, folder, capsys) -> None:
    if profile := accepted(seed):
        show(profile, seed, folder, capsys)


def in_few_and_many(examples: int):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@given(seed=st.integers(0, 2**32))
@in_few_and_many(10)
def test_an_accepted_profile_can_be_shown(seed, tmp_path, capsys):
    check(seed, tmp_path, capsys)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32))
@in_few_and_many(2000)
def test_two_thousand_mutated_profiles(seed, tmp_path, capsys):
    check(seed, tmp_path, capsys)


def test_a_refusal_of_a_key_with_line_breaks_is_one_line():
    """`[x][1]`, an empty line and a link's target stood in the message as they were in the file."""
    content = json.dumps({**slim_profile("cpu"), "predictors": {"relu": {"a\n\n[1]: http://sentinel.invalid": 1}}})
    with pytest.raises(CostError, match="predictors"):
        profiles.upload(content.encode(), "x.json")
    assert accepted(2_272_114_150, names()) is None


def test_a_slim_profile_is_accepted(tmp_path, capsys):
    for number, name in enumerate(KINDS):
        show(profiles.upload(json.dumps(slim_profile(name)).encode(), "x.json"), EVERY * number, tmp_path, capsys)


@pytest.mark.slow
def test_the_page_shows_accepted_profiles():
    drawn = 0
    for seed in range(500):
        if drawn < PANELS and (profile := accepted(seed)):
            at = AppTest.from_string(PAGES["calibrate"], default_timeout=60)
            key = profiles.store(profile)
            at.session_state["uploaded profiles"] = {key: profile}
            at.session_state["memory"] = {SCENARIO: replace(start(), profile=key)}
            at.run()
            assert not at.exception
            assert not at.error
            drawn += 1
    assert drawn == PANELS
