"""What a run draws is sent to the browser in bursts: a twentieth of a second of it at a time, and the rest at its end.

Streamlit sends every five milliseconds what there is. A browser renders the whole app for each of those, its navigation
included: eight times for one edit. `tests/bench_page.py edits` measures it.
"""

from __future__ import annotations

from functools import wraps

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession

SECONDS = 0.05


def gather() -> None:
    """Send the elements of pages in bursts, in this process. Other messages go at once, with what waits before them."""
    enqueue = AppSession._enqueue_forward_msg
    if hasattr(enqueue, "__wrapped__"):
        return

    @wraps(enqueue)
    def gathering(session: AppSession, message: ForwardMsg) -> None:
        if message.WhichOneof("type") != "delta" or session._message_enqueued_callback is None:
            enqueue(session, message)
            return
        waiting = not session._browser_queue.is_empty()
        session._browser_queue.enqueue(message)
        if not waiting:
            loop = session._event_loop
            loop.call_soon_threadsafe(loop.call_later, SECONDS, session._message_enqueued_callback)

    setattr(AppSession, "_enqueue_forward_msg", gathering)  # noqa: B010 - an assignment to a method is an error of types
