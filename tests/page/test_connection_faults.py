"""Faults of the table in explorer/README.md that lie between browser and server: a dropped connection, a restarted
server, a visitor who reads nothing, visitors with hostile files.
"""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from support.browser import PATIENCE, figure, open_block, press, serving, settle, tile, type_number
from support.hostile import mutated_bytes, mutated_json, mutated_text
from support.hostile_inputs import TIMINGS, slim_profile
from support.onnx_files import chained
from support.soak import BLOCK, edit, memory_mb
from support.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE)
UNREAD = 60  # requests of a visitor who reads no answer
MORE_MB = 250  # of the server's memory, at most, for them
TILE = "Params"
EDITS = ("40", "48", "56", "64", "72", "80")
HOSTILE = 4  # files of each kind
HOSTILE_FILES = {
    ("import", "import file", "a.onnx"): partial(mutated_bytes, chained(20)),
    ("calibrate", "calibrate upload", "mine.json"): lambda rng: mutated_json(slim_profile("cpu"), rng).encode(
        "utf-8", "replace"
    ),
    ("devices", "device upload", "mine.csv"): lambda rng: mutated_text(TIMINGS, rng).encode("utf-8", "replace"),
}
"""(Page, uploader, name) → contents from a random generator."""


def edited(page: Page) -> tuple[str, str]:
    """The multiply-adds as the page opens, and after an edit."""
    before = tile(page, "Mult-adds")
    open_block(page, BLOCK)
    type_number(page, "k · kernel", "7")
    expect(figure(page, "Mult-adds")).not_to_have_text(before)
    settle(page)
    return before, tile(page, "Mult-adds")


def goes_on(page: Page, first: str, last: str) -> None:
    """The network is there as it was, and so is the way back."""
    settle(page)
    expect(figure(page, "Mult-adds")).to_have_text(last)
    press(page, "Undo")
    expect(figure(page, "Mult-adds")).to_have_text(first)


@pytest.fixture
def opened(browser):
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    assert page.get_by_test_id("stException").count() == 0
    page.context.close()


def test_a_dropped_connection(opened, address):
    lines: list[tuple[WebSocketRoute, WebSocketRoute]] = []

    def between(line: WebSocketRoute) -> None:
        lines.append((line, line.connect_to_server()))

    opened.route_web_socket("**/_stcore/stream", between)
    opened.goto(address)
    settle(opened)
    first, last = edited(opened)
    for end in lines[-1]:
        end.close()
    while len(lines) < 2:  # the browser connects again by itself
        opened.wait_for_timeout(100)
    goes_on(opened, first, last)


def test_a_restarted_server(opened):
    with serving() as (address, process):
        opened.goto(address)
        settle(opened)
        first, last = edited(opened)
        os.kill(process, signal.SIGKILL)
    with serving(port=int(address.rpartition(":")[2])):
        goes_on(opened, first, last)


def test_a_visitor_who_reads_nothing_delays_nobody():
    async def beside(address: str, process: int) -> float:
        silent, other = await Visitor.open(address), await Visitor.open(address)
        before, rng = memory_mb(process), Random(0)
        for number in range(UNREAD):
            await silent.ask()
            if number % 4 == 0:
                await edit(other, rng)
        assert not other.failures
        more = memory_mb(process) - before
        await other.close()
        await silent.close()
        return more

    with serving() as (address, process), ThreadPoolExecutor() as pool:  # Playwright's event loop is in this thread
        assert pool.submit(asyncio.run, beside(address, process)).result() < MORE_MB


def test_hostile_visitors_cost_nobody_an_edit(address):
    """Of another session, which edits meanwhile: each figure is that of its own network, and the way back is whole."""
    contents = [make(Random(f"{number}")) for number in range(HOSTILE) for make in HOSTILE_FILES.values()]

    async def attack() -> list[str]:
        visitor = await Visitor.open(address)
        for number, content in enumerate(contents):
            page, key, name = list(HOSTILE_FILES)[number % len(HOSTILE_FILES)]
            await visitor.goto(page)
            await visitor.upload(key, name, content)
        await visitor.close()
        return visitor.failures

    async def edits() -> list[str]:
        visitor, seen = await Visitor.open(address), []
        await visitor.say("block", BLOCK)
        for channels in EDITS:
            seen.append(visitor.tiles[TILE])
            await visitor.say("cell channels", channels)
        for before in reversed(seen):
            await visitor.say("undo")
            assert visitor.tiles[TILE] == before
        await visitor.close()
        assert len(set(seen)) == len(EDITS)
        return visitor.failures

    async def both() -> list[list[str]]:
        return await asyncio.gather(attack(), edits())

    with ThreadPoolExecutor() as pool:
        assert pool.submit(asyncio.run, both()).result() == [[], []]
