"""Permanent objects are freed all the same: at once without a cycle, with one by the next complete collection."""

import gc
from weakref import ref

import pytest

from explorer.page.browser import garbage


class Session:
    """Something in a cycle."""

    def __init__(self):
        self.myself = self


@pytest.fixture
def collected(monkeypatch):
    enabled, before = gc.isenabled(), list(gc.callbacks)
    gc.disable()
    monkeypatch.setattr(garbage, "_last_complete", 0.0)
    garbage.begin()
    yield
    gc.callbacks[:] = before
    if enabled:
        gc.enable()


def test_survivors_of_a_full_collection_are_permanent(collected):
    session = Session()
    before = gc.get_freeze_count()
    gc.collect()
    assert gc.get_freeze_count() > before
    left, session = ref(session), None
    gc.collect()
    assert left() is not None


def test_a_complete_collection_frees_permanent_cycles(collected, monkeypatch):
    session = Session()
    gc.collect()
    left, session = ref(session), None
    monkeypatch.setattr(garbage, "COMPLETE_SECONDS", -1.0)
    gc.collect()
    assert left() is None


def test_younger_collections_make_nothing_permanent(collected):
    session = Session()
    before = gc.get_freeze_count()
    gc.collect(1)
    assert gc.get_freeze_count() == before
    left, session = ref(session), None
    gc.collect()
    assert left() is None


def test_an_object_in_no_cycle_is_freed_at_once(collected):
    session = Session()
    session.myself = None
    gc.collect()
    left, session = ref(session), None
    assert left() is None


def test_it_begins_once(collected):
    garbage.begin()
    assert gc.callbacks.count(garbage._around) == 1
