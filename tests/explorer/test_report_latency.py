"""The report's latency row: each network's value with its own interval, and the change."""

from __future__ import annotations

import re

import archs
from explorer.data.metrics import duration, percent
from explorer.editing.history import History
from explorer.editing.scenario import Scenario
from explorer.views.report import report


def test_the_latency_row_has_both_networks_and_the_change():
    scenario = Scenario(History.start(archs.spec("mobilenet_v2", width=1.4)), against="mobilenet_v1")
    row = re.search(r"<tr><td>Latency.*?</tr>", report(scenario), re.DOTALL)
    assert row
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row.group())
    now, before = scenario.prediction, scenario.compared.prediction
    assert cells[1].startswith(duration(now.latency_ms))
    assert duration(now.high_ms) in cells[1]
    assert cells[2].startswith(duration(before.latency_ms))
    assert duration(before.high_ms) in cells[2]
    assert cells[3] == percent(now.latency_ms / before.latency_ms - 1, 1, "+")
