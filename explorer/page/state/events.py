"""What the browser says is done once and in order, though Streamlit loses messages.

A run is stopped by the next message, of whichever control: before it has seen its own, or at any look into the session
state in the midst of what that one asks for. So the browser numbers what it says, and says it again until it is told
that it was heard; and heard is what has been done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import streamlit as st

from explorer.page.state.memory import memory

# All that waits goes with each message of any component, as that one stops the run of the last. While the page runs, it
# may be about to hear; on a machine that takes seconds to begin, saying it again each second would keep it from that.
# Numbers are times so that those of a component that comes back are new.
JS = """
const SAID = "cnn-cost said";
const LONGEST = 16;  // seconds

function outboxOf(root) {
  const box = { root, number: 0, unheard: [], post: () => deliver(box, 1) };
  document.addEventListener(SAID, box.post);
  return box;
}

function speak(box, name, value, event) {
  box.number = Math.max(box.number + 1, Date.now());
  box.unheard.push({ number: box.number, name, value, event });
  document.dispatchEvent(new Event(SAID));
}

function deliver(box, seconds) {
  clearTimeout(box.timer);
  if (!box.root.isConnected) return document.removeEventListener(SAID, box.post);
  if (!box.unheard.length) return;
  box.send({ events: box.unheard.map(({ number, event }) => [number, ...event]) });
  wait(box, seconds);
}

function wait(box, seconds) {
  const runs = () => document.querySelector("[data-test-script-state=running]");
  const again = () => runs() ? wait(box, seconds) : deliver(box, Math.min(2 * seconds, LONGEST));
  box.timer = setTimeout(again, 1000 * seconds);
}

const waiting = (box, name) => box.unheard.findLast((one) => one.name === name);

// name → the last value that was heard just now
function settle(box, heard) {
  const settled = new Map(box.unheard.filter((one) => one.number <= heard).map(({ name, value }) => [name, value]));
  box.unheard = box.unheard.filter((one) => one.number > heard);
  box.number = Math.max(box.number, heard);
  return settled;
}

// For a component that has one thing to say, if `find` finds it
const sayers = new WeakMap();
function sayOnce(root, setTriggerValue, heard, find) {
  const known = sayers.get(root), box = known ?? outboxOf(root);
  sayers.set(root, box);
  box.send = (said) => setTriggerValue("said", said);
  settle(box, heard);
  const found = known ? null : find();
  if (found) speak(box, "found", found, found);
}
"""
"""For the scripts of components whose `send` gives the trigger `said` and whose data hold what they were `heard` of."""


@dataclass(frozen=True)
class _Ears:
    """By component, the number of what was done last. One run at a time listens: a stopped one may still go on."""

    numbers: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


def heard(key: str) -> int:
    return _ears().numbers.get(key, 0)


def hear(key: str, do: Callable[[list[Any]], None]) -> None:
    """Has `do` do what the component says, without its numbers. A run that is stopped in the midst of it leaves it.

    So `do` has one effect, or the last of them is the one that counts. What fails would fail again, and is heard.
    """
    match st.session_state.get(key, {}).get("said"):
        case {"events": list(events)}:
            ears = _ears()
            with ears.lock:
                before = ears.numbers.get(key, 0)
                for event in events:
                    _once(ears.numbers, key, event, do)
            # Of two runs at once, one may make the other's message a lasting state, which would hide all that follow
            if ears.numbers.get(key, 0) == before:
                st.session_state[key] = {}


def _once(numbers: dict[str, int], key: str, event: object, do: Callable[[list[Any]], None]) -> None:
    match event:
        case [int(number), *said] if number > numbers.get(key, 0):
            try:
                do(said)
            except Exception:
                numbers[key] = number
                raise
            numbers[key] = number  # no look into the session state: a run that is stopped would stop here


def _ears() -> _Ears:
    return memory().setdefault("ears", _Ears())
