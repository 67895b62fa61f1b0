"""A download that is pressed while Streamlit loses the message is sent again, and saved once."""

from __future__ import annotations

import pandas
import pytest
from playwright.sync_api import expect
from support.browser import PATIENCE, lossy, settle, turn

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def test_a_lost_press_of_a_download_is_sent_again(page, tmp_path):
    lost: list[bytes] = []

    def first(message: bytes) -> bool:
        if b"press" in message and not lost:
            lost.append(message)
            return True
        return False

    lossy(page, first)
    turn(page, "Layers")
    downloads = []
    page.on("download", lambda download: downloads.append(download))
    with page.expect_download() as download:
        page.get_by_role("button", name="Layers as CSV").click()
    download.value.save_as(tmp_path / "layers.csv")
    assert lost, "the message was to be lost"
    assert len(pandas.read_csv(tmp_path / "layers.csv")) > 100
    settle(page)
    turn(page, "Blocks")  # a run after it saves nothing again
    turn(page, "Layers")
    assert len(downloads) == 1
