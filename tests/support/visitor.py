"""A visitor without a browser: the websocket that a browser would open, for benchmarks with a class of them.

Streamlit's own protocol (`streamlit.proto`): a state of the controls goes out, elements come in until the script ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.request
import uuid
from typing import Any

from google.protobuf.message import Message
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState, FileURLs, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from support.forms import every
from websockets.asyncio.client import ClientConnection, connect

KEYED = re.compile(r"\$\$ID-[0-9a-f]+-(.+)", re.DOTALL)
PATIENCE = 60.0  # seconds


class Visitor:
    """One session. `await Visitor.open(address)`, then `await say("cell kernel", "5")` for each edit."""

    def __init__(self, connection: ClientConnection, address: str):
        self._connection = connection
        self._address = address
        self._session = self._page = ""
        self._states: dict[str, dict[str, Any]] = {}
        self._ids: dict[str, str] = {}
        self._forms: dict[str, dict[str, Any]] = {}
        self.tiles: dict[str, str] = {}
        """Title → figure, as they were drawn last."""
        self.failures: list[str] = []
        """What the page says went wrong."""
        self.received = 0
        """Bytes."""

    @staticmethod
    async def open(address: str) -> Visitor:
        url = address.replace("http", "ws") + "/_stcore/stream"
        connection = await connect(url, max_size=None, subprotocols=["streamlit"], compression=None)
        visitor = Visitor(connection, address)
        await visitor.refresh()
        return visitor

    async def close(self) -> None:
        await self._connection.close()

    async def refresh(self) -> None:
        """The page once more, as it is."""
        await self._run()

    async def ask(self) -> None:
        """Ask for the page without reading the answer."""
        await self._send("", None, "")

    async def goto(self, path: str) -> None:
        """Another page of the navigation."""
        self._states, self._ids, self._forms = {}, {}, {}
        await self._run(page=path)

    async def upload(self, key: str, name: str, content: bytes) -> float:
        """Upload a file as the browser does: its bytes by HTTP, then its number as the uploader's state."""
        number = uuid.uuid4().hex
        path = f"/_stcore/upload_file/{self._session}/{number}"
        await asyncio.to_thread(_put, self._address, path, name, content)
        urls = FileURLs(file_id=number, upload_url=path, delete_url=path)
        info = UploadedFileInfo(file_id=number, name=name, size=len(content), file_urls=urls)
        return await self.change(key, file_uploader_state_value=FileUploaderState(uploaded_file_info=[info]))

    def has(self, key: str) -> bool:
        """Whether the page has such a control, of Streamlit's or of a form of ours."""
        return key in self._ids or any(key in form["names"] for form in self._forms.values())

    async def change(self, key: str, **value: Any) -> float:
        """Sets a control to a value of Streamlit's protocol; returns the seconds until the page is drawn anew."""
        started = time.perf_counter()
        trigger = "trigger_value" in value
        await self._run(self._ids[key], value)
        if not trigger:  # a browser sends what was chosen with every later run
            self._states[self._ids[key]] = value
        return time.perf_counter() - started

    async def say(self, name: str, value: str | bool | None = None) -> float:
        """The same for a control of `explorer.page.widgets.form`: what is typed, or nothing for a button."""
        identity, form = next((key, form) for key, form in self._forms.items() if name in form["names"])
        started = time.perf_counter()
        queue = {"events": [[form["acknowledged"] + 1, name, value, form["about"]]]}
        trigger = json.dumps([{"event": "queue", "value": queue}])
        self._states[identity] = {"json_value": "{}"}  # what the form holds beside what it triggers: nothing
        await self._run(_make_trigger_id(identity, "events"), {"json_trigger_value": trigger})
        return time.perf_counter() - started

    async def _send(self, changed: str, value: dict[str, Any] | None, page: str) -> None:
        message = BackMsg()
        message.rerun_script.query_string = ""
        if page:
            message.rerun_script.page_name = page
        else:
            message.rerun_script.page_script_hash = self._page
        for identity, state in (self._states | ({changed: value} if value else {})).items():
            state_of = message.rerun_script.widget_states.widgets.add()
            state_of.id = identity
            for name, content in state.items():
                if name == "string_array_value":
                    state_of.string_array_value.data.extend(content)
                elif isinstance(content, Message):
                    getattr(state_of, name).CopyFrom(content)
                else:
                    setattr(state_of, name, content)
        await self._connection.send(message.SerializeToString())

    async def _run(self, changed: str = "", value: dict[str, Any] | None = None, page: str = "") -> None:
        await self._send(changed, value, page)
        async with asyncio.timeout(PATIENCE):
            while True:
                received = await self._connection.recv()
                self.received += len(received)
                answer = ForwardMsg.FromString(received)
                kind = answer.WhichOneof("type")
                if kind == "delta":
                    self._see(answer.delta)
                elif kind == "new_session":
                    self._session = answer.new_session.initialize.session_id
                elif kind == "navigation":
                    self._page = answer.navigation.page_script_hash
                elif kind == "script_finished" and answer.script_finished in (
                    ForwardMsg.FINISHED_SUCCESSFULLY,
                    ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
                ):
                    return

    def _see(self, delta: Any) -> None:
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind is None:
            return
        content = getattr(element, kind)
        self._keep(getattr(content, "id", ""))
        if kind == "bidi_component":
            self._read(content)
        elif kind == "exception" or (kind == "alert" and "an error in this program" in content.body):
            self.failures.append(getattr(content, "body", "") or content.message)

    def _read(self, component: Any) -> None:
        """What the page tells the scripts of its forms and tiles."""
        if component.component_name.endswith("tiles"):
            self.tiles = {tile["title"]: tile["value"] for tile in json.loads(component.json)["tiles"]}
        elif component.component_name.endswith("form"):
            told = json.loads(component.json)
            self._forms[component.id] = told | {"names": {part["name"] for part in every(told["parts"])}}

    def _keep(self, identity: str) -> None:
        if found := KEYED.fullmatch(identity):
            self._ids[found.group(1)] = identity


def _put(address: str, path: str, name: str, content: bytes) -> None:
    """The request of a browser's uploader, with the token that Streamlit gives against forged ones."""
    with urllib.request.urlopen(f"{address}/_stcore/health", timeout=PATIENCE) as answer:
        token = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0].strip('"')
    border = uuid.uuid4().hex
    head = f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    headers = {"Cookie": f"_streamlit_xsrf={token}", "X-Xsrftoken": token}
    headers["Content-Type"] = f"multipart/form-data; boundary={border}"
    body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
    request = urllib.request.Request(f"{address}{path}", body, headers, method="PUT")
    urllib.request.urlopen(request, timeout=PATIENCE).close()
