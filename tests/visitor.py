"""A visitor without a browser: the websocket that a browser would open, for benchmarks with a class of them.

Streamlit's own protocol (`streamlit.proto`): a state of the controls goes out, elements come in until the script ends.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

KEYED = re.compile(r"\$\$ID-[0-9a-f]+-(.+)", re.DOTALL)
PATIENCE = 60.0  # seconds


class Visitor:
    """One session. `await Visitor.open(address)`, then `await change(key, double_value=5)` for each edit."""

    def __init__(self, connection: ClientConnection):
        self._connection = connection
        self._states: dict[str, dict[str, Any]] = {}
        self._ids: dict[str, str] = {}
        self.tiles: dict[str, str] = {}
        """Title → figure, as they were drawn last."""
        self.failures: list[str] = []
        """What the page says went wrong."""
        self.received = 0
        """Bytes."""

    @staticmethod
    async def open(address: str) -> Visitor:
        url = address.replace("http", "ws") + "/_stcore/stream"
        visitor = Visitor(await connect(url, max_size=None, subprotocols=["streamlit"], compression=None))
        await visitor._run()
        return visitor

    async def close(self) -> None:
        await self._connection.close()

    def has(self, key: str) -> bool:
        return key in self._ids

    async def change(self, key: str, **value: Any) -> float:
        """Sets a control to a value of Streamlit's protocol; returns the seconds until the page is drawn anew."""
        started = time.perf_counter()
        trigger = "trigger_value" in value
        await self._run(self._ids[key], value)
        if not trigger:  # a browser sends what was chosen with every later run
            self._states[self._ids[key]] = value
        return time.perf_counter() - started

    async def _run(self, changed: str = "", value: dict[str, Any] | None = None) -> None:
        message = BackMsg()
        message.rerun_script.query_string = ""
        for identity, state in (self._states | ({changed: value} if value else {})).items():
            state_of = message.rerun_script.widget_states.widgets.add()
            state_of.id = identity
            for name, content in state.items():
                if name == "string_array_value":
                    state_of.string_array_value.data.extend(content)
                else:
                    setattr(state_of, name, content)
        await self._connection.send(message.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while True:
                received = await self._connection.recv()
                self.received += len(received)
                answer = ForwardMsg.FromString(received)
                kind = answer.WhichOneof("type")
                if kind == "delta":
                    self._see(answer.delta)
                elif kind == "script_finished" and answer.script_finished in (
                    ForwardMsg.FINISHED_SUCCESSFULLY,
                    ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
                ):
                    return

    def _see(self, delta: Any) -> None:
        if delta.WhichOneof("type") == "add_block":
            self._keep(delta.add_block.tab_container.id)
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind is None:
            return
        content = getattr(element, kind)
        self._keep(getattr(content, "id", ""))
        if kind == "metric":
            self.tiles[content.label] = content.body
        elif kind == "exception" or (kind == "alert" and "an error in this program" in content.body):
            self.failures.append(getattr(content, "body", "") or content.message)

    def _keep(self, identity: str) -> None:
        if found := KEYED.fullmatch(identity):
            self._ids[found.group(1)] = identity
