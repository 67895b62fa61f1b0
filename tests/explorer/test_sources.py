"""Every source of a published figure has a title without a path, in the files and on the page's figures."""

from __future__ import annotations

import re

from archs.catalogue.published import published
from explorer.data import device_list, frontier, profiles, sources
from explorer.figures import tradeoff

PATH = re.compile(r"\w/\w|\.(md|py|csv)\b")


def known() -> set[str]:
    latencies = set(frontier.latencies()["source"])
    return {row.source for row in published()} | {row["source"] for row in frontier.rows()} | latencies


def test_every_source_has_a_title():
    assert [source for source in sorted(known()) if PATH.search(sources.title(source))] == []


def test_no_title_is_left_over():
    listed = device_list.table(profiles.of_whole_networks())["source"]
    shown = {sources.title(source) for source in known()} | {part for text in listed for part in text.split("; ")}
    assert {title for title in sources.TITLES.values() if not any(one.startswith(title) for one in shown)} == set()


def test_a_point_names_its_source_by_the_title():
    """Points said `tensorflow/models research/slim/nets/mobilenet_v1.md`."""
    table = frontier.table()
    figure = tradeoff.frontier(table, frontier.pareto(table, "mult_adds"))
    shown = [point[4] for trace in figure.data if trace.mode == "markers" for point in trace.customdata]
    assert len(shown) > 100
    assert not any(PATH.search(source) for source in shown)


def test_the_list_of_devices_has_titles_alone():
    listed = device_list.table(profiles.of_whole_networks())
    assert [source for source in listed["source"] if PATH.search(source)] == []
