"""What a browser keeps of the lab: it comes back as it was, and nothing else comes in."""

from __future__ import annotations

import json

import pytest
from support.lab_runs import fake_run

from explorer.errors import LabError
from explorer.lab import session_text
from explorer.lab.experiment import Settings, experiment
from explorer.lab.session_text import Membership, StoredSession

ORDERS = {1: ["c1:c2 = 1:12", "c1:c2 = 1:6", "c1:c2 = 1:2", "c1:c2 = 1:1"], 3: []}


ANSWERS = {"swish": "none", "shuffle": ""}
MEMBER = Membership("ABC234", "0" * 32, "Ada")
CONTROLS = {"g1 kind": "own", "g1 channels": 24, "g1 order": ["c1:c2 = 1:12"], "presentation view": True}


def whole():
    return StoredSession(ORDERS, runs(), ANSWERS, "ab12", MEMBER, CONTROLS)


def runs():
    found = {}
    for made in (experiment(1), experiment(2, "GPU", 2, settings=Settings(2, 2, "channels_last"))):
        run = fake_run(made, [1 + n / 3 for n in range(len(made.variants))])
        found[tuple(v.spec for v in made.variants), made.settings] = run
    return found


def test_orders_and_runs_come_back():
    kept = session_text.unpack(session_text.pack(whole()))
    assert kept.orders == ORDERS
    assert (kept.answers, kept.ticket, kept.membership, kept.controls) == (ANSWERS, "ab12", MEMBER, CONTROLS)
    found = kept.runs
    assert list(found) == list(runs())
    for back, was in zip(found.values(), runs().values()):
        assert back.rows == was.rows
        assert back.environment == was.environment
        assert back.least == pytest.approx(was.least, rel=1e-5)
        for name in ("middle", "low", "high"):
            assert [getattr(r, name) for r in back.ratio] == pytest.approx(
                [getattr(r, name) for r in was.ratio], rel=1e-5
            )


def test_the_oldest_run_goes_where_the_text_would_be_too_long(monkeypatch):
    monkeypatch.setattr(session_text, "MAX_TEXT", len(session_text.pack(StoredSession(runs=runs()))) - 300)
    kept = session_text.unpack(session_text.pack(StoredSession(runs=runs())))
    assert list(kept.runs) == list(runs())[1:]


def changed(change):
    data = json.loads(session_text.pack(whole()))
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(version="lab-kept/9"),
        lambda data: data.update(orders={"7": []}),
        lambda data: data.update(orders={"1": ["<b>"]}),
        lambda data: data.update(answers={"swish": 1}),
        lambda data: data.update(answers={"swish": "x" * 999}),
        lambda data: data.update(ticket=["ab12"]),
        lambda data: data.update(membership=["ABCDEF"]),
        lambda data: data.update(controls={"g1 kind": 1.5}),
        lambda data: data.update(controls={"g1 kind": {}}),
        lambda data: data.update(controls={"g1 order": [["own"]]}),
        lambda data: data.update(controls={"g1 kind": "x" * 999}),
        lambda data: data.update(controls=["g1 kind"]),
        lambda data: data["runs"][0].pop(),
        lambda data: data["runs"][0][0][0].__setitem__(1, "{}"),
        lambda data: data["runs"][0][0][0].__setitem__(0, "another row"),
        lambda data: data["runs"][0][1].update(threads=10**9),
        lambda data: data["runs"][0][1].update(more=1),
        lambda data: data["runs"][0][2].update(rounds=[[1.0]] * 9),
        lambda data: data["runs"][0][2].update(rounds=[[1.0, -1.0, 1.0, 1.0]] * 9),
        lambda data: data["runs"][0][2].update(rounds=[[1.0, float("nan"), 1.0, 1.0]] * 9),
        lambda data: data["runs"][0][2].update(rounds=[[1.0] * 4] * 4),
        lambda data: data["runs"][0][2].update(least=[1.0]),
        lambda data: data["runs"][0][2].update(least=[0.0, 1.0, 1.0, 1.0]),
        lambda data: data["runs"][0][2].pop("least"),
        lambda data: data["runs"][0][2].update(kernels=[["x" * 999]] * 4),
        lambda data: data["runs"][0][2].update(environment={"relu_gb_s": float("inf")}),
        lambda data: data["runs"][0][2].update(environment=[1]),
    ],
)
def test_nothing_else_comes_in(change):
    assert session_text.unpack(changed(lambda data: None))
    with pytest.raises(LabError, match="no session of this lab"):
        session_text.unpack(changed(change))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, "x" * 3_000_000])
def test_no_text_of_ours(text):
    with pytest.raises(LabError, match="no session of this lab"):
        session_text.unpack(text)


def test_what_is_shown_of_it_is_plain():
    text = changed(lambda data: data["runs"][0][2]["environment"].update(processor="<script>x</script>"))
    found = session_text.unpack(text).runs
    assert list(found.values())[-1].environment["processor"] == "script x /script"
