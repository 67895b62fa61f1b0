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
from support.soak import BLOCK, memory_mb
from support.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE)
UNREAD = 6  # requests, between two uploads, of a visitor who reads no answer
MAX_MB = 1000  # of the server's memory, which holds torch
TILE = "Params"
EDITS = ("40", "48", "56", "64", "72", "80")
HOSTILE = 3  # files of each kind
HOSTILE_FILES = {
    ("import", "import file", "a.onnx"): partial(mutated_bytes, chained(20)),
    ("calibrate", "calibrate upload", "mine.json"): lambda rng: mutated_json(slim_profile("cpu"), rng).encode(
        "utf-8", "replace"
    ),
    ("devices", "device upload", "mine.csv"): lambda rng: mutated_text(TIMINGS, rng).encode("utf-8", "replace"),
}
"""(Page, uploader, name) → contents from a random generator."""


def edited(page: Page, edits: int = 2) -> tuple[str, str]:
    """The multiply-adds before the last edit and after it."""
    figures = [tile(page, "Mult-adds")]
    open_block(page, BLOCK)
    for label, value in (("k · kernel", "7"), ("c · channels", "48"))[:edits]:
        type_number(page, label, value)
        expect(figure(page, "Mult-adds")).not_to_have_text(figures[-1])
        settle(page)
        figures.append(tile(page, "Mult-adds"))
    return figures[-2], figures[-1]


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
    """The page asks the new server by itself, and what the browser stores is there before the next edit."""
    state = opened.locator("[data-test-connection-state]")
    with serving() as (address, process):
        opened.goto(address)
        settle(opened)
        first, last = edited(opened, 2)
        os.kill(process, signal.SIGKILL)
        expect(state).not_to_have_attribute("data-test-connection-state", "CONNECTED")
    with serving(port=int(address.rpartition(":")[2])):
        expect(state).to_have_attribute("data-test-connection-state", "CONNECTED")
        type_number(opened, "c · channels", "56")
        expect(figure(opened, "Mult-adds")).not_to_have_text(last)
        settle(opened)
        for before in (last, first):
            press(opened, "Undo")
            expect(figure(opened, "Mult-adds")).to_have_text(before)
            settle(opened)
        press(opened, "Undo")
        expect(figure(opened, "Mult-adds")).not_to_have_text(first)
        expect(opened.get_by_role("button", name="Undo")).to_be_disabled()


def test_silent_and_hostile_visitors_cost_nobody_an_edit():
    """Of another session, which edits meanwhile: each figure is that of its own network, and the way back is whole."""
    contents = [make(Random(f"{number}")) for number in range(HOSTILE) for make in HOSTILE_FILES.values()]

    async def attack(address: str) -> None:
        visitor, silent = await Visitor.open(address), await Visitor.open(address)
        for number, content in enumerate(contents):
            page, key, name = list(HOSTILE_FILES)[number % len(HOSTILE_FILES)]
            await visitor.goto(page)
            await visitor.upload(key, name, content)
            await visitor.goto("explore")
            await visitor.say("whole hard_swish" if number % 2 else "undo")
            for _ in range(UNREAD):
                await silent.ask()
        await visitor.close()
        await silent.close()
        assert not visitor.failures

    async def edits(address: str) -> None:
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
        assert not visitor.failures

    async def both(address: str) -> None:
        await asyncio.gather(attack(address), edits(address))

    with serving() as (address, process), ThreadPoolExecutor() as pool:  # Playwright's event loop is in this thread
        pool.submit(asyncio.run, both(address)).result()
        assert memory_mb(process) < MAX_MB
