"""What is set aside is freed all the same: at once without a cycle, with one by the next collection of everything."""

import gc
from weakref import ref

import pytest

from explorer.page.browser import garbage


class Session:
    """Something in a cycle."""

    def __init__(self):
        self.myself = self


@pytest.fixture
def set_aside(monkeypatch):
    enabled, before = gc.isenabled(), list(gc.callbacks)
    gc.disable()
    monkeypatch.setattr(garbage, "_looked", 0.0)
    garbage.set_aside()
    yield garbage
    gc.callbacks[:] = before
    if enabled:
        gc.enable()


def test_what_a_collection_leaves_is_set_aside(set_aside):
    session = Session()
    before = gc.get_freeze_count()
    gc.collect()
    assert gc.get_freeze_count() > before
    left, session = ref(session), None
    gc.collect()
    assert left() is not None


def test_everything_is_looked_through_after_a_while(set_aside, monkeypatch):
    session = Session()
    gc.collect()
    left, session = ref(session), None
    monkeypatch.setattr(garbage, "EVERYTHING", -1.0)
    gc.collect()
    assert left() is None


def test_younger_collections_set_nothing_aside(set_aside):
    session = Session()
    before = gc.get_freeze_count()
    gc.collect(1)
    assert gc.get_freeze_count() == before
    left, session = ref(session), None
    gc.collect()
    assert left() is None


def test_what_is_in_no_cycle_is_freed_at_once(set_aside):
    session = Session()
    session.myself = None
    gc.collect()
    left, session = ref(session), None
    assert left() is None


def test_it_begins_once(set_aside):
    set_aside.set_aside()
    assert gc.callbacks.count(garbage._around) == 1
