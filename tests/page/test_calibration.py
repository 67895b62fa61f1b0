"""Calibrating from the page: the job and its stop, one at a time for all, whose the milliseconds are, hostile files."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest
from support import forms
from support.apptest import APP

import costmodel
from costmodel import CostError
from costmodel.latency.profile import SHIPPED, Regime
from explorer.data import evidence
from explorer.data import profiles as devices
from explorer.editing.scenario import start
from explorer.jobs import calibration as jobs
from explorer.jobs import job
from explorer.jobs.calibration import Calibration
from explorer.lab import prediction
from explorer.lab.experiment import Settings
from explorer.views import tiles

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")
PAGE = "from explorer.page import calibration\ncalibration.render()"
FILE = (SHIPPED / "cpu.json").read_bytes()


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(monkeypatch):
    """What a server keeps for all its visitors starts empty in every test."""
    for module, name in ((devices, "_here"), (evidence, "_reports")):
        monkeypatch.setattr(module, name, {})


@pytest.fixture
def mine():
    """A profile as a calibration of this machine would make it: the shipped one under another name."""
    return costmodel.load_profile("cpu").model_copy(update={"name": "cpu-2t", "regime": Regime(threads=2)})


def page() -> AppTest:
    at = AppTest.from_string(PAGE, default_timeout=60).run()
    assert not at.exception
    assert not at.error
    return at


def said(at: AppTest) -> str:
    return "\n".join(element.value for group in (at.markdown, at.caption, at.info) for element in group)


@pytest.fixture
def worker(monkeypatch, tmp_path) -> Callable[..., None]:
    """Puts a process in the calibration's place, which says what it would say; `then` is Python."""

    def put(*messages: dict, then: str = "") -> None:
        said, program = tmp_path / "said.json", tmp_path / "worker.py"
        said.write_text(json.dumps(messages))
        program.write_text(
            "import sys, json, time\nsys.stdin.read()\n"
            f"for message in json.load(open({str(said)!r})):\n"
            "    if message == 'wait':\n        time.sleep(3)\n"
            "    else:\n        print(json.dumps(message), flush=True)\n" + then
        )
        monkeypatch.setattr(jobs._Reported, "worker", (str(program),))

    return put


# the job


def test_a_calibration_makes_a_profile_of_this_machine(worker, mine):
    worker({"share": 0.5, "step": "timed 200 networks"}, {"profile": mine.model_dump(mode="json")})
    made = jobs.calibrate(Regime(threads=2), quick=True)
    made.wait()
    assert not made.problem
    assert (made.progress, made.status) == (0.5, "timed 200 networks")
    assert made.profile == mine
    (key,) = devices.here()
    assert devices.load(key) == mine
    assert devices.owner(key).endswith("this machine")
    assert "machine that serves this page" in devices.whose(key)
    assert devices.title(key).startswith("this machine · 2 threads")
    assert devices.owner("cpu").endswith("not your device")


def test_a_stopped_calibration_leaves_no_profile(worker):
    worker({"share": 0.1, "step": "timing"}, then="time.sleep(60)")
    made = jobs.calibrate(Regime(), quick=True)
    while not made.progress:
        assert made.running
    made.stop()
    made.wait()
    assert made.problem == "stopped; no profile was made"
    assert devices.here() == ()
    assert job.current() is None


def test_a_calibration_that_takes_too_long_is_ended(worker):
    worker({"share": 0.1, "step": "timing"}, then="time.sleep(60)")
    made = Calibration(limit=0.5)
    made.start({})
    made.wait()
    assert "not done after 0 s" in made.problem or "not done after 1 s" in made.problem


def test_one_at_a_time_whatever_it_is(worker):
    worker({"share": 0.25, "step": "timing"}, then="time.sleep(60)")
    first = jobs.calibrate(Regime(), quick=True)
    try:
        with pytest.raises(job.Busy, match="a calibration is going on"):
            jobs.validate("cpu")
        from explorer.jobs.lab import start as lab_start

        with pytest.raises(job.Busy, match="a calibration is going on"):
            lab_start([], Settings(), 5)
    finally:
        first.stop()
        first.wait()


def test_the_rest_of_a_job_is_told_from_its_pace(monkeypatch):
    made = Calibration(limit=100.0, started=0.0)
    monkeypatch.setattr(job.time, "monotonic", lambda: 30.0)
    assert made.remaining is None
    made.share = 0.5
    assert made.remaining == pytest.approx(30)
    made.share = 0.1
    assert made.remaining == pytest.approx(70)  # it is ended at its limit


@pytest.mark.slow
def test_the_real_process_says_what_is_wrong():
    made = jobs.calibrate(Regime(device="abacus"), quick=True)
    made.wait()
    assert "'abacus' is not there" in made.problem


# profiles and what they are worth


def test_the_last_of_a_regime_is_kept(mine):
    first = devices.made_here(mine)
    second = devices.made_here(mine.model_copy(update={"seconds": 1.0}))
    assert devices.here() == (second,) != (first,)
    for threads in range(1, 20):
        devices.made_here(mine.model_copy(update={"regime": Regime(threads=threads)}))
    assert len(devices.here()) == devices.MAX_HERE


def test_an_uploaded_profile_is_gone_with_its_session():
    profile = devices.upload(FILE, "mine.json")
    key = devices.store(profile)
    assert devices.load(key) == profile
    assert key not in devices.here()
    del profile
    with pytest.raises(CostError, match="ended with the session"):
        devices.load(key)


def test_the_lab_predicts_with_this_machines_profile_first(mine):
    assert prediction.profile_for(Settings(batch=2)) is None
    assert prediction.profile_for(Settings(threads=2)).name == "cpu-2-threads"
    devices.made_here(mine)
    assert prediction.profile_for(Settings(threads=2)) == mine


def test_evidence_of_the_shipped_profile():
    found = evidence.of("cpu")
    assert list(found)[-1] == "held-out networks"
    for name, pairs in found.items():
        assert (pairs[["measured_ms", "predicted_ms"]] > 0).all(axis=None), name
    profile = costmodel.load_profile("cpu")
    held_out = found["held-out networks"]
    assert len(held_out) == len(profile.references)
    ours = held_out[~held_out["network"].str.startswith(evidence.IMPORTED_AS)]
    again = evidence.errors_of(ours, "cpu")
    assert again.mape == pytest.approx(profile.held_out["all"].mape, abs=0.02)
    assert again.within_10 == profile.held_out["all"].within_10


def test_a_validation_is_kept_for_everyone(worker):
    report = {"per_network": [{"group": "edited", "network": "mobilenet_v2", "measured_ms": 2.0, "predicted_ms": 2.1}]}
    worker({"report": report})
    made = jobs.validate("cpu")
    made.wait()
    assert not made.problem
    name, pairs = next(iter(evidence.of("cpu").items()))
    assert name == "validated on this machine"
    assert pairs.to_dict("records") == [
        {"network": "MobileNetV2, edited", "measured_ms": 2.0, "predicted_ms": 2.1},
    ]
    for number in range(evidence.MAX_REPORTS + 5):
        evidence.store(str(number), report)
    assert len(evidence._reports) == evidence.MAX_REPORTS


def test_the_tile_says_whose_milliseconds_they_are(mine):
    assert tiles.tiles(start())[0].beside.count("not your device") == 1
    scenario = start().choose("profile", profile=devices.made_here(mine))
    tile = tiles.tiles(scenario)[0]
    assert "· this machine ·" in tile.beside
    assert "of the machine that serves this page" in tile.help


# the page


def test_the_page_says_what_the_shipped_profile_is_worth():
    at = page()
    assert "not your device" in said(at)
    assert "networks: mean error" in said(at)
    listed = at.dataframe[0].value
    assert listed["profile"].iloc[0].startswith("cpu · 1 thread")
    assert listed["mape"].iloc[0] == costmodel.load_profile("cpu").held_out["all"].mape
    assert list(at.number_input(key="calibrate threads").value for _ in "1") == [1]


def test_a_calibration_from_the_page(worker, mine):
    worker({"share": 0.5, "step": "timed 200 networks"}, "wait", {"profile": mine.model_dump(mode="json")})
    at = page()
    at.button(key="calibrate").click().run()
    assert at.button(key="stop job")
    running = at.session_state["job"]
    second = page()  # another visitor sees it, and cannot start one
    assert "a calibration is going on" in said(second)
    assert not [button for button in second.button if button.key == "calibrate"]
    running.wait()
    at.run()
    assert not at.error
    key = forms.scenario_of(at).profile
    assert devices.load(key) == mine
    assert "of the machine that serves this page" in said(at)
    second.run()
    assert forms.fields(second)["profile"]["options"][0][1].startswith("this machine · 2 threads")


def test_what_the_page_asks_for_is_what_is_started(monkeypatch):
    asked = []

    def calibrate(regime, quick):
        asked.append((regime, quick))
        raise job.Busy("taken")

    monkeypatch.setattr(jobs, "calibrate", calibrate)
    at = page()
    at.button_group(key="calibrate layout").set_value("channels_last")
    at.button_group(key="calibrate quick").set_value(True)
    at.toggle(key="calibrate folded").set_value(True)
    at.button(key="calibrate").click().run()
    assert asked == [(Regime(layout="channels_last", folded=True), True)]
    assert "taken: try again later" in [warning.value for warning in at.warning]


def test_a_stop_on_the_page(worker):
    worker({"share": 0.1, "step": "timing"}, then="time.sleep(60)")
    at = page()
    at.button(key="calibrate").click().run()
    running = at.session_state["job"]
    at.button(key="stop job").click().run()
    running.wait()
    at.run()
    assert [error.value for error in at.error] == ["A calibration: stopped; no profile was made"]
    assert at.button(key="calibrate")


def test_a_profile_of_ones_own_is_used_and_a_bad_one_refused():
    at = page()
    good = json.dumps(json.loads(FILE) | {"name": "laptop"}).encode()
    at.file_uploader(key="calibrate upload").set_value(("laptop.json", good, "application/json")).run()
    assert not at.error
    key = forms.scenario_of(at).profile
    assert devices.load(key).name == "laptop"
    at.file_uploader(key="calibrate upload").set_value(("bad.json", b"{", "application/json")).run()
    assert not at.exception
    (message,) = [error.value for error in at.error]
    assert message.startswith("bad.json: not a JSON text: ")
    assert message.endswith("a text that was cut off?")
    assert forms.scenario_of(at).profile == key
    forms.say(at, "profile", "cpu")
    assert not at.error
    assert forms.scenario_of(at).profile == "cpu"


def test_a_validation_from_the_page(monkeypatch):
    asked = []
    monkeypatch.setattr(jobs, "validate", lambda key: asked.append(key) or SimpleNamespace(running=False, problem=""))
    at = page()
    at.button(key="validate").click().run()
    assert asked == ["cpu"]
    at.button_group(key="evidence cpu").set_value("held-out networks").run()
    assert f"{len(costmodel.load_profile('cpu').references)} networks" in said(at)


def test_the_explore_page_offers_this_machines_profile(mine):
    key = devices.made_here(mine)
    at = AppTest.from_file(APP, default_timeout=60).run()
    assert not at.error
    forms.say(at, "profile", key)
    assert not at.exception
    assert not at.error
    assert forms.tiles(at)["Latency"]["beside"].count("· this machine ·") == 1
    forms.say(at, "profile", "")
    assert forms.tiles(at)["Latency"]["value"] == "–"


def test_a_profile_says_in_which_torch_and_how_long():
    """It said "2.13.0+cpu" and "4194 networks in 6096 s"."""
    at = AppTest.from_string("from explorer.page import calibration\ncalibration._about('cpu')").run()
    assert "PyTorch 2.13.0" in said(at)
    assert "4,194 networks in 102 min" in said(at)
