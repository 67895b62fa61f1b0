"""The one-page report: its numbers, and that a hostile value stays text."""

import re

import archs
from explorer.editing.history import History
from explorer.editing.scenario import Scenario
from explorer.views.report import report

SPEC = archs.spec("mobilenet_v2").edit_row(3, kernel=5)


def test_the_report_has_the_network_its_costs_and_its_table():
    text = report(Scenario(History.start(SPEC), profile="cpu"), "https://example.org/?net=1abc&x=2")
    assert text.count("<h1>MobileNetV2, width 1.0, edited</h1>") == 1
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", text)
    assert rows[0][0] == "Mult-adds"
    assert rows[0][2:] == ("300.8 M", rows[0][3])
    assert len(re.findall(r"<td>stage\d+/block\d+</td>", text)) == 17
    assert "&#34;rows&#34;" in text
    assert '<a href="https://example.org/?net=1abc&amp;x=2">' in text
    assert "<td>Latency, predicted for AMD EPYC, not your device</td>" in text


def test_a_hostile_link_stays_text():
    text = report(Scenario(History.start(SPEC), profile=None), "'\"><script>alert(1)</script>")
    assert "<script>alert" not in text
    assert "Latency" not in text.split("<h2>")[0].split("</style>")[1].split("</script>")[-1]
