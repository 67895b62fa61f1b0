"""Answers of the server that Streamlit would drop.

A browser asks for the address of an upload, or for further rows of a table, and waits for the answer. Where a run
begins before the answer is sent, Streamlit clears its queue of messages: the file is lost without a word.
"""

from __future__ import annotations

from functools import wraps

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

ANSWERS = {"file_urls_response", "backend_operation_response", "heartbeat_ack"}
"""Types of messages that belong to a question of the browser, not to the run that is on."""


def keep() -> None:
    """Have a run that begins leave the answers in the queue, in this process."""
    clear = ForwardMsgQueue.clear
    if hasattr(clear, "__wrapped__"):
        return

    @wraps(clear)
    def keeping(
        queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
    ) -> None:
        before = queue._queue
        clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)
        if retain_lifecycle_msgs:  # otherwise the queue is empty because it was sent
            answers = [message for message in before if _is_answer(message)]
            queue._queue = answers + [message for message in queue._queue if not _is_answer(message)]

    setattr(ForwardMsgQueue, "clear", keeping)  # noqa: B010 - an assignment to a method is an error of types


def _is_answer(message: ForwardMsg) -> bool:
    return message.WhichOneof("type") in ANSWERS
