"""What the browser says is done once and in order, whenever the run that hears it is stopped."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.runtime.scriptrunner import StopException
from streamlit.runtime.state import SafeSessionState, SessionState

from explorer.page.state import events as hearing
from explorer.page.state import session as state


@pytest.fixture
def say(monkeypatch):
    """A message of a component, "form", to a session of its own."""
    state: dict[str, object] = {}
    monkeypatch.setattr(hearing.st, "session_state", state)

    def say(do: Callable[[list[object]], None], *events: object) -> None:
        state["form"] = {"said": {"events": list(events)}}
        hearing.hear("form", do)

    return say


def test_what_is_said_again_is_done_once(say):
    done = []
    say(done.append, [1, "a"])
    say(done.append, [1, "a"], [2, "b"], [3, "c"])
    say(done.append, [3, "c"])
    assert done == [["a"], ["b"], ["c"]]
    assert hearing.heard("form") == 3
    assert hearing.heard("another form") == 0


def test_what_a_stopped_run_was_in_the_midst_of_is_done_by_the_next(say):
    done = []

    def do(said: list[object]) -> None:
        if said == ["b"] and len(done) == 1:
            done.append("stopped")
            raise StopException
        done.append(*said)

    events = [[1, "a"], [2, "b"], [3, "c"]]
    with pytest.raises(StopException):
        say(do, *events)
    assert hearing.heard("form") == 1
    say(do, *events)
    assert done == ["a", "stopped", "b", "c"]
    assert hearing.heard("form") == 3


def test_what_fails_is_not_tried_for_ever(say):
    with pytest.raises(ZeroDivisionError):
        say(lambda said: 1 / 0, [1, "a"])
    assert hearing.heard("form") == 1


@pytest.mark.parametrize("event", [None, 7, [], ["1", "a"], [None, "a"], [0, "a"], [-1, "a"]])
def test_a_message_of_another_form_is_none(say, event):
    done = []
    say(done.append, event, [1, "b"])
    assert done == [["b"]]


def test_what_is_done_while_the_next_run_begins_is_kept(monkeypatch):
    """That one copies Streamlit's state and clears what was new; the run that it stops goes on in between."""

    class New(dict):
        def clear(self) -> None:
            hearing.hear("form", lambda said: state.choose("block", block="stage3/block2"))
            super().clear()

    ours = SessionState()
    shared = SafeSessionState(ours, lambda: None)
    monkeypatch.setattr("streamlit.runtime.state.session_state_proxy.get_session_state", lambda: shared)
    assert state.scenario().block is None
    assert hearing.heard("form") == 0
    ours._compact_state()
    shared["form"] = {"said": {"events": [[1]]}}
    ours._new_session_state = New(ours._new_session_state)
    ours._compact_state()
    assert hearing.heard("form") == 1
    assert state.scenario().block == "stage3/block2"
