"""What a browser stores is within the bounds of its reader: by the blocks that a reload builds."""

import pytest
from support.lab_runs import run_of

import archs
from archs import ArchError, Spec
from archs.tables.rows import Conv
from explorer.editing import designs, history_text, links
from explorer.editing.designs import Design
from explorer.editing.history import History, Version
from explorer.lab import session_text
from explorer.lab.experiment import Settings

BLOCKS = 500
MOST = links.MAX_BLOCKS // BLOCKS


def long_network(number: int) -> Spec:
    """`BLOCKS` blocks; each number has other channels."""
    rows = tuple([Conv(stage=f"s{n}", channels=8 + number, repeat=50) for n in range(BLOCKS // 50)])
    return Spec(name="long", rows=rows, resolution=32)


@pytest.fixture(scope="module")
def networks():
    return [long_network(number) for number in range(MOST + 3)]


@pytest.mark.parametrize(("position", "first", "last"), [(MOST + 2, 3, MOST + 3), (0, 0, MOST), (4, 3, MOST + 3)])
def test_a_history_loses_its_oldest_versions_then_the_last_undone(networks, monkeypatch, position, first, last):
    monkeypatch.setattr(links, "build", lambda spec: None)
    history = History(tuple([Version(f"v{n}", spec, None) for n, spec in enumerate(networks)]), position)
    found, _ = history_text.unpack(history_text.pack(history, [spec.to_json() for spec in networks]))
    assert found.versions == history.versions[first:last]
    assert found.spec == history.spec


def test_equal_versions_count_once(monkeypatch):
    history = History(tuple([Version(f"v{n}", long_network(n % 2), None) for n in range(20)]), 19)
    monkeypatch.setattr(links, "build", lambda spec: None)
    found, _ = history_text.unpack(history_text.pack(history, [one.spec.to_json() for one in history.versions]))
    assert len(found.versions) == 20


def test_designs_beyond_the_blocks_are_refused_and_left_out_of_a_merge(networks, monkeypatch):
    monkeypatch.setattr(links, "build", lambda spec: None)
    kept: designs.Collection = ()
    for number in range(MOST):
        kept = designs.keep(kept, Design(f"d{number}", networks[number]))
    with pytest.raises(ArchError, match="over 5,000 blocks in all; remove some first"):
        designs.keep(kept, Design("more", networks[MOST]))
    assert designs.unpack(designs.pack(kept)) == kept
    small = Design("small", archs.spec("mobilenet_v1"))
    assert designs.merged(kept, [Design("more", networks[MOST]), small]) == kept


def test_a_session_keeps_its_newest_runs(networks, monkeypatch):
    monkeypatch.setattr(links, "build", lambda spec: None)
    run, other = run_of(["0", "1"], [(1.0, 2.0)] * 5), archs.spec("mobilenet_v1")  # which all runs share
    runs = {((spec, other), Settings()): run for spec in networks}
    found = session_text.unpack(session_text.pack(session_text.StoredSession({}, runs)))
    assert [specs[0] for specs, _ in found.runs] == networks[-(MOST - 1) :]
