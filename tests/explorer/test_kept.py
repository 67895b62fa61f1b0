"""A history kept by a browser comes back as it was; a text that is none is refused in words."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archs
from archs import ArchError
from archs.catalogue.sampling import random_edit
from archs.tables.rows import Conv
from explorer.editing import history_text as kept
from explorer.editing import links
from explorer.editing.history import History

V2 = archs.spec("mobilenet_v2")


def walked(steps: int, seed: int = 0) -> History:
    rng = Random(seed)
    history = History.start(V2)
    for number in range(steps):
        history = history.push(f"edit {number}", random_edit(history.spec, rng)[0])
    return history


def packed(history: History) -> str:
    return kept.pack(history, [kept.text_of(version.spec) for version in history.versions])


@pytest.mark.parametrize("back", [0, 5, 20])
def test_there_and_back(back):
    history = walked(20)
    for _ in range(back):
        history = history.undo()
    assert kept.unpack(packed(history)) == (history, True)


def long_spec(seed: int) -> archs.Spec:
    """A network whose link would be too long."""
    rng = Random(seed)
    words = ("relu", "relu6", "swish", "none")
    rows = [
        Conv(stage=f"s{rng.randrange(10**30)}", channels=rng.randrange(1, 999), activation=rng.choice(words))
        for _ in range(240)
    ]
    return V2.edit(rows=tuple(rows), name="long")


def test_a_network_too_long_for_a_link_is_kept_as_a_table():
    spec = long_spec(1)
    with pytest.raises(ArchError):
        links.encode(spec)
    history = History.start(V2).push("long", spec)
    assert kept.unpack(packed(history)) == (history, False)


def test_the_oldest_go_where_it_would_be_too_long(monkeypatch):
    history = walked(20)
    monkeypatch.setattr(kept, "MAX_TEXT", 500)
    back, _ = kept.unpack(packed(history))
    assert 1 <= len(back.versions) < 20
    assert back.spec == history.spec
    assert back.versions == history.versions[-len(back.versions) :]
    assert sum(len(kept.text_of(version.spec)) for version in back.versions) <= 500


GOOD = json.loads(packed(walked(2)))
HOSTILE = [
    "",
    "null",
    "[]",
    "[" * 100_000,
    "{}",
    '{"versions": [], "position": 0}',
    '{"versions": [["a"]], "position": 0}',
    '{"versions": [["a", 5]], "position": 0}',
    '{"versions": [["a", "1AAAA"]], "position": 0}',
    '{"versions": [["a", "{}"]], "position": 0}',
    '{"versions": [["a", "__import__"]], "position": 0}',
    json.dumps(GOOD | {"position": 3}),
    json.dumps(GOOD | {"position": -1}),
    json.dumps(GOOD | {"position": True}),
    "x" * 10_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text(text):
    with pytest.raises(ArchError):
        kept.unpack(text)


@pytest.mark.slow
@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_refused_or_a_history(text):
    try:
        history, _ = kept.unpack(text)
    except ArchError:
        return
    assert history.spec


def by_link(spec: archs.Spec) -> History:
    """What a session opens with."""
    return History.start(V2).push("opened a link", spec)


def test_after_a_reload_it_goes_on_where_it_was():
    history = walked(5).undo()
    assert kept.resumed(history, True, by_link(history.spec), 1) == history


@pytest.mark.parametrize("back", range(6))
def test_what_the_session_has_done_meanwhile_follows(back):
    """A press that is handled before the browser's own text: two edits, then steps back past what was stored."""
    stored, whole, session = walked(5), walked(5), by_link(walked(5).spec)
    for label, width in (("a", 0.5), ("b", 0.75)):
        session, whole = [one.push(label, archs.spec("mobilenet_v2", width=width)) for one in (session, whole)]
    for _ in range(back):
        session, whole = session.undo(), whole.undo()
    again = kept.resumed(stored, True, session, 1)
    assert again.versions == whole.versions
    assert again.position == max(whole.position, 4)  # one before the network that the session opened with


def test_what_is_beyond_the_limit_is_the_oldest(monkeypatch):
    monkeypatch.setattr("explorer.editing.history.LIMIT", 5)
    session = by_link(walked(4).spec).push("last", archs.spec("shufflenet_v2"))
    again = kept.resumed(walked(4), True, session, 1)
    assert (len(again.versions), again.position, again.spec) == (5, 4, session.spec)


def test_another_link_is_one_more_step_and_nothing_is_lost():
    history, other = walked(5), archs.spec("shufflenet_v2")
    again = kept.resumed(history, True, by_link(other), 1)
    assert again.spec == other
    assert again.undo() == History((*history.versions, again.versions[-1]), 5)
    assert again.versions[-1].label == "opened a link to shufflenet_v2"


def test_the_bare_address_begins_anew_with_the_way_back():
    history = walked(5)
    again = kept.resumed(history, True, History.start(V2), 0)
    assert again.spec == V2
    assert again.undo().spec == history.spec


def test_a_network_that_no_link_holds_is_there_after_a_reload():
    history = History.start(V2).push("long", long_spec(2))
    assert kept.resumed(history, False, History.start(V2), 0) == history
