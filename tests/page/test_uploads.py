"""One limit per kind of file, the same in the configuration, the widget, the check and the help text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.testing.v1 import AppTest
from support.apptest import PAGES

from archs.catalogue.published import published
from costmodel import CostError
from explorer.data import profiles as devices
from explorer.page.browser import answers
from explorer.page.widgets.upload import LIMITS_MB

ROOT = Path(__file__).resolve().parents[2]


def test_the_configuration_admits_the_largest_kind_of_file_and_no_more():
    text = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert re.search(r"^maxUploadSize = (\d+)$", text, re.MULTILINE)[1] == str(max(LIMITS_MB.values()))


def test_every_catalogue_networks_onnx_file_is_admitted():
    """Its weights are nearly all of it. The limit was 6 MB, less than MobileNetV2's own file has."""
    largest = max(float(row.params_m) for row in published() if row.params_m)
    assert 4 * largest * 1e6 < 0.9 * LIMITS_MB["onnx"] * 2**20


@pytest.mark.parametrize(
    ("path", "key", "kind"), [("import", "import file", "onnx"), ("calibrate", "calibrate upload", "profile")]
)
def test_the_widget_has_the_limit_of_its_kind_and_says_it(path, key, kind):
    at = AppTest.from_string(PAGES[path], default_timeout=60).run()
    (uploader,) = [one for one in at.get("file_uploader") if one.proto.id.endswith(key)]
    assert uploader.proto.max_upload_size_mb == LIMITS_MB[kind]
    assert f"Up to {LIMITS_MB[kind]} MB." in uploader.proto.help


def test_the_check_has_the_limit_of_the_widget():
    with pytest.raises(CostError, match=f"allowed: up to {LIMITS_MB['profile']} MB"):
        devices.upload(b" " * (LIMITS_MB["profile"] * 2**20 + 1), "large.json")


@pytest.mark.parametrize("fragments", [None, ["one"]])
def test_a_run_that_begins_leaves_the_answer_to_an_upload(fragments):
    """The browser waits for it: without it the file is lost without a word."""
    answers.keep()
    answers.keep()
    queue = ForwardMsgQueue()
    for number in range(3):
        queue.enqueue(ForwardMsg(delta={"add_block": {}}, metadata={"delta_path": [number]}))
        queue.enqueue(ForwardMsg(file_urls_response={"response_id": f"{number}"}))
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=fragments)
    sent = [sent.file_urls_response.response_id for sent in queue.flush() if sent.HasField("file_urls_response")]
    assert sent == ["0", "1", "2"]
    assert queue.is_empty()
