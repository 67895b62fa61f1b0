from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from explorer.page.browser import bursts


def test_elements_are_sent_in_bursts() -> None:
    bursts.gather()
    bursts.gather()  # once per process
    with ThreadPoolExecutor(1) as pool:  # the tests in a browser have a loop in this thread
        pool.submit(asyncio.run, _enqueued()).result()


class Session(AppSession):
    """A session's queue of messages, without a server."""

    def __init__(self, flushes: list[int]):
        self._event_loop = asyncio.get_running_loop()
        self._browser_queue = ForwardMsgQueue()
        self._message_enqueued_callback = lambda: flushes.append(len(self.flush_browser_queue()))

    def __del__(self) -> None: ...


async def _enqueued() -> None:
    flushes: list[int] = []
    session = Session(flushes)
    for place in range(20):
        session._enqueue_forward_msg(_element(place))
        await asyncio.sleep(0)
    assert not flushes
    while not flushes:
        await asyncio.sleep(0.01)
    assert flushes == [20]
    session._enqueue_forward_msg(_element(0))
    session._enqueue_forward_msg(ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY))
    assert flushes == [20, 2], "the end of a run does not wait"


def _element(place: int) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend([0, place])
    message.delta.new_element.markdown.body = str(place)
    return message
