"""Browser events are handled once and in order, whenever the run that handles them is stopped."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.runtime.scriptrunner import StopException
from streamlit.runtime.state import SafeSessionState, SessionState

from explorer.page.browser import events
from explorer.page.state import session as state


@pytest.fixture
def say(monkeypatch):
    """A message of a component, "form", to a session of its own."""
    state: dict[str, object] = {}
    monkeypatch.setattr(events.st, "session_state", state)

    def say(do: Callable[[list[object]], None], *queue: object) -> None:
        state["form"] = {"queue": {"events": list(queue)}}
        events.handle("form", do)

    return say


def test_a_repeated_event_is_handled_once(say):
    done = []
    say(done.append, [1, "a"])
    say(done.append, [1, "a"], [2, "b"], [3, "c"])
    say(done.append, [3, "c"])
    assert done == [["a"], ["b"], ["c"]]
    assert events.acknowledged("form") == 3
    assert events.acknowledged("another form") == 0


def test_the_next_run_handles_the_event_of_a_stopped_one(say):
    done = []

    def do(content: list[object]) -> None:
        if content == ["b"] and len(done) == 1:
            done.append("stopped")
            raise StopException
        done.append(*content)

    queue = [[1, "a"], [2, "b"], [3, "c"]]
    with pytest.raises(StopException):
        say(do, *queue)
    assert events.acknowledged("form") == 1
    say(do, *queue)
    assert done == ["a", "stopped", "b", "c"]
    assert events.acknowledged("form") == 3


def test_an_event_whose_handler_raises_is_acknowledged(say):
    with pytest.raises(ZeroDivisionError):
        say(lambda content: 1 / 0, [1, "a"])
    assert events.acknowledged("form") == 1


@pytest.mark.parametrize("event", [None, 7, [], ["1", "a"], [None, "a"], [0, "a"], [-1, "a"]])
def test_malformed_events_are_ignored(say, event):
    done = []
    say(done.append, event, [1, "b"])
    assert done == [["b"]]


def test_a_change_made_while_the_next_run_begins_is_kept(monkeypatch):
    """The next run copies Streamlit's state and clears the new entries; the stopped run goes on in between."""

    class New(dict):
        def clear(self) -> None:
            events.handle("form", lambda content: state.choose("block", block="stage3/block2"))
            super().clear()

    ours = SessionState()
    shared = SafeSessionState(ours, lambda: None)
    monkeypatch.setattr("streamlit.runtime.state.session_state_proxy.get_session_state", lambda: shared)
    assert state.scenario().block is None
    assert events.acknowledged("form") == 0
    ours._compact_state()
    shared["form"] = {"queue": {"events": [[1]]}}
    ours._new_session_state = New(ours._new_session_state)
    ours._compact_state()
    assert events.acknowledged("form") == 1
    assert state.scenario().block == "stage3/block2"
