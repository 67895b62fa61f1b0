"""Every page of the lab without a browser: the five steps, a run and its stop, the class, the lessons."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from support.forms import downloads
from support.lab_pages import clean, fake, guideline, measured, result, said, show, steps
from support.lab_runs import run_of, until

from explorer.data.metrics import percent
from explorer.jobs import lab_queue
from explorer.jobs.lab import LabJob
from explorer.lab.experiment import Settings, experiment
from explorer.lab.lessons import design
from explorer.lab.lessons import networks as lessons
from explorer.page.lab import pages, store
from explorer.page.lab.lessons.lesson import predicted_ms

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")
G1 = "from explorer.page.lab import guideline\nguideline.render(1)"
STEPS = ["1  The claim", "2  Predict first", "3  Theory", "4  Measure here", "5  Compare"]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_nothing_is_shown_before_the_order(number):
    at = guideline(number)
    assert steps(at) == STEPS[:2]
    assert not at.dataframe
    rows = [variant.row for variant in experiment(number).variants]
    assert at.button(key=f"g{number} keep").disabled
    at.multiselect(key=f"g{number} order").set_value(rows[::-1]).run()
    clean(at.button(key=f"g{number} keep").click().run())
    assert steps(at) == STEPS
    assert " → ".join(rows[::-1]) in said(at)
    _, pairs = len(rows), len(rows) * (len(rows) - 1) // 2
    assert f"the paper's GPU order in **0 of {pairs}** pairs" in said(at) or number in (3, 4)
    clean(at.button(key=f"g{number} again").click().run())
    assert steps(at) == STEPS[:2]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_every_kind_of_experiment(number):
    at = guideline(number)
    at.button(key=f"g{number} skip").click().run()
    for platform, scale in (("GPU", 4), ("ARM", 2)):
        for kind in ("exact", "own"):
            at.button_group(key=f"g{number} platform").set_value(platform)
            at.button_group(key=f"g{number} scale").set_value(scale)
            clean(at.button_group(key=f"g{number} kind").set_value(kind).run())
            made = experiment(number, platform, scale, kind == "exact", 32 if kind == "own" else None)
            table = at.dataframe[0].value
            assert list(table["channels"]) == [variant.channels for variant in made.variants]
            assert list(table["FLOPs difference"]) == [percent(error, 1, "+") for error in made.table["flops_error"]]


@pytest.mark.parametrize("other", [False, True], ids=["of this page", "of other settings"])
def test_a_run_that_ends_while_the_page_is_drawn_is_there(other, monkeypatch):
    """The page took it for going on and then for ended: it showed no result, and ran no more by itself."""
    made = experiment(1, scale=2 if other else 1)
    run = fake(made, (1, 1.1, 1.2, 1.3))
    networks = tuple((variant.row, variant.spec.to_json()) for variant in made.variants)
    ticket = lab_queue.Ticket(lab_queue._Work(networks, made.settings, 1.0, done=True, run=run))
    ticket.work.tickets.append(ticket)
    asked = [True]
    monkeypatch.setattr(lab_queue.Ticket, "running", property(lambda _: asked.pop() if asked else False))
    at = AppTest.from_string(G1, default_timeout=60)
    at.session_state["lab orders"] = {1: []}
    at.session_state["lab job"] = store.key_of(made), ticket
    clean(at.run())
    assert list(at.session_state["lab runs"].values()) == [run]
    assert at.button(key="measure g1").label == ("Measure here" if other else "Measure again")


def test_what_cannot_be_run_is_a_line_and_the_page_goes_on():
    at = guideline(1)
    at.button(key="g1 skip").click().run()
    at.button_group(key="g1 kind").set_value("own").run()
    at.number_input(key="g1 channels").set_value(1024).run()
    assert "Take fewer channels" in at.error[0].value
    clean(at.number_input(key="g1 channels").set_value(64).run())
    assert steps(at) == STEPS


def test_g1_sliders_move_the_curve():
    at = guideline(1)
    at.button(key="g1 skip").click().run()
    assert "At 32 channels and 56×56" in said(at)
    clean(at.select_slider(key="g1 c 32 56").set_value(256).run())
    assert "At 256 channels and 56×56" in said(at)


def test_a_measured_guideline_has_its_verdicts():
    at = measured(1, (1.0, 1.2, 0.8, 1.0))
    table = at.dataframe[-1].value
    assert list(table["verdict"]) == ["first row", "✓ agrees", "✗ differs here", "≈ too close to call"]
    assert (
        "**The paper's direction (ARM, ×1) agrees in 1 of 3 comparisons; differs here: c1:c2 = 1:6; too close to call: "
        "c1:c2 = 1:12.**" in said(at)
    )
    assert (
        said(at).count("✗ differs here: **c1:c2 = 1:6**, 0.80× the first row's time here") == 2
    )  # one not in the fold
    assert said(at).count("✓ agrees: **c1:c2 = 1:2**") == 1
    assert (
        "1.10× in the paper's ARM column. Its channels (13, 78) do 1.0 % fewer mult-adds: per mult-add it takes 0.81×"
        in said(at)
    )
    assert "the measured order in **" in said(at)
    assert at.button(key="measure g1").label == "Measure again"
    assert "Result as CSV" in downloads(at)


def test_a_run_is_kept_under_what_it_measured():
    at = measured(1, (1.0, 1.2, 1.3, 1.4))
    clean(at.button_group(key="g1 kind").set_value("exact").run())
    assert "measured" not in at.dataframe[-1].value.columns
    clean(at.button_group(key="g1 kind").set_value("paper").run())
    assert list(at.dataframe[-1].value["measured"]) == ["1.00", "1.20", "1.30", "1.40"]


def test_a_noisy_and_a_stopped_run_say_so():
    at = measured(1, (1.0, 1.2, 1.3, 1.4))
    (key,) = at.session_state["lab runs"]
    rounds = tuple((1.0, 1 + turn / 3, 1.0, 1.0) for turn in range(5))
    rows = tuple(v.row for v in experiment(1).variants)
    at.session_state["lab runs"] = {key: run_of(rows, rounds, stopped=True)}
    clean(at.run())
    assert "too noisy" in at.warning[0].value
    assert "the intervals come from 5 rounds" in at.info[0].value
    assert at.dataframe[-1].value["verdict"][1] == "? too noisy to tell"


def test_a_second_run_says_whether_it_agrees():
    at = measured(1, (1.0, 1.2, 1.3, 1.4))
    assert "Measured again" not in said(at)
    made = experiment(1)
    (key,) = at.session_state["lab runs"]
    job = LabJob(tuple(v.row for v in made.variants), made.settings)
    job.run = fake(made, (1.0, 1.2, 1.36, 1.4))
    at.session_state["lab job"] = (key, job)  # the job of the button, now ended
    clean(at.run())
    assert (
        "Measured again with the same settings: the intervals of 2 of 3 rows overlap; not those of c1:c2 = 1:6: "
        "1.286 … 1.314, then 1.346 … 1.374." in said(at)
    )
    assert list(at.dataframe[-1].value["measured"]) == ["1.00", "1.20", "1.36", "1.40"]
    clean(at.run())
    assert "1.286 … 1.314, then 1.346 … 1.374." in said(at)  # a rerun is no third run


@pytest.mark.slow
def test_measuring_from_the_page():
    at = guideline(1)
    at.button(key="g1 skip").click().run()
    at.button_group(key="g1 kind").set_value("own").run()
    at.number_input(key="g1 channels").set_value(8)
    clean(at.number_input(key="g1 resolution").set_value(7).run())
    clean(at.button(key="measure g1").click().run())
    _, ticket = at.session_state["lab job"]
    assert {button.key for button in at.button} & {"leave g1", "stop g1"}
    ticket.wait()
    clean(at.run())
    assert at.button(key="measure g1").label == "Measure again"
    assert "measured" in at.dataframe[-1].value.columns
    assert list(at.session_state["lab results"]) == [1]


def test_a_stop_on_the_page_is_a_message():
    at = guideline(1)
    at.button(key="g1 skip").click().run()
    clean(at.button(key="measure g1").click().run())
    _, ticket = at.session_state["lab job"]
    until(lambda: ticket.job)
    at.run()
    at.button(key="stop g1").click().run()
    ticket.wait()
    at.run()
    assert any("stopped after" in error.value for error in at.error) or ticket.run is not None
    assert at.button(key="measure g1")


def test_a_second_run_waits(monkeypatch):
    at = guideline(1)
    at.button(key="g1 skip").click().run()
    monkeypatch.setattr(LabJob, "running", property(lambda job: True))
    at.session_state["lab job"] = ("another", LabJob(("a",), None))
    clean(at.run())
    assert "is not finished; it is kept" in at.info[0].value


SLIDERS = {"se ratio": (0.0625, 1.0), "block w": (-0.3, 0.0)}
"""First and last values of the sliders that are not of integers."""


@pytest.mark.parametrize("name", pages.LESSONS)
def test_every_lesson(name):
    at = show(f"from explorer.page.lab import pages\npages.LESSONS[{name!r}].render()")
    title = pages.LESSONS[name].title
    assert at.title[0].value == title
    assert not at.get("plotly_chart"), "a lesson shows nothing before the prediction"
    assert at.button(key=f"keep {title}").disabled
    option = at.radio[0].options[0]
    at.radio[0].set_value(option).run()
    clean(at.button(key=f"keep {title}").click().run())
    assert f"Your prediction: {option}" in at.info[0].value
    assert "Computed: " in at.info[0].value
    for number in range(len(at.select_slider)):  # the first and the last choice of each
        slider = at.select_slider[number]
        ends = SLIDERS.get(slider.key) or (int(slider.options[0]), int(slider.options[-1]))
        for end in ends:
            clean(at.select_slider[number].set_value(end).run())


def lesson(name: str) -> AppTest:
    """A lesson whose prediction was skipped."""
    at = show(f"from explorer.page.lab import pages\npages.LESSONS[{name!r}].render()")
    return clean(at.button(key=f"skip {pages.LESSONS[name].title}").click().run())


def test_the_article_and_the_paper_stand_side_by_side():
    at = lesson("separable")
    assert "**0.1189**" in said(at)  # 1/128 + 1/9, counted
    assert "**137**" in said(at)  # 128 + 9, the article's
    assert "That is no ratio" in said(at)


def test_design_your_own():
    at = show("from explorer.page.lab import design\ndesign.render()")
    assert "FLOPs difference" not in at.dataframe[0].value.columns  # the column's head is the page's, its name ours
    for kind in design.KINDS:
        clean(at.selectbox(key="own second").set_value(kind).run())
    for kind in design.KINDS:
        clean(at.selectbox(key="own first").set_value(kind).run())


def test_a_design_is_guessed_before_it_is_predicted():
    at = show("from explorer.page.lab import design\ndesign.render()")
    assert len(at.dataframe) == 1
    assert "measure own" not in [button.key for button in at.button]
    first, second, _ = at.radio[0].options
    clean(at.radio[0].set_value(second).run())
    assert at.dataframe[1].value["predicted"][0] == "1.00"
    size = 28
    c2 = design.matching("separable", design.mult_adds("conv3", 48, size), size)
    key = (design.network("conv3", 48, size), design.network("separable", c2, size)), Settings()
    at.session_state["lab runs"] = {key: run_of((first, second), [(1.0, 1.5)] * 7)}
    clean(at.run())
    assert at.radio[0].disabled
    assert f"You said **{second}**; measured: **{first}**." in said(at)


def test_the_last_stage_says_what_it_saves_here():
    at = lesson("last_stage")
    networks = lessons.last_stage_networks()
    before, after = predicted_ms(networks)
    assert list(at.dataframe[-1].value["predicted, ms"]) == [before, after]
    assert any("Predicted for AMD EPYC" in caption.value for caption in at.caption)
    assert f"Predicted here, until you measure: **{before - after:.2f} ms** of {before:.2f} ms" in said(at)
    key = tuple(spec for _, spec in networks), Settings()
    at.session_state["lab runs"] = {key: run_of([row for row, _ in networks], [(12.0, 10.5)] * 7)}
    clean(at.run())
    assert "Measured here: **1.50 ms** of 12.00 ms, **12 %**." in said(at)
    assert "On the paper's phone that was 7 ms, 11 %" in said(at)


def classroom() -> AppTest:
    return show("from explorer.page.lab import classroom\nclassroom.render()")


def test_a_class_is_collected():
    at = classroom()
    ours = [(f"{name}.csv", result(1, name).encode(), "text/csv") for name in ("Ada", "Bob")]
    clean(at.file_uploader(key="class files").set_value(ours).run())
    assert "**2** machines, 8 rows." in said(at)
    assert list(at.dataframe[0].value["agrees"]) == ["3 of 3", "3 of 3"]
    assert list(at.dataframe[1].value["machines"]) == [2, 2, 2]
    clean(at.text_area(key="class paste").set_value(result(3, "Cy") + result(4, "Cy")).run())
    assert "**3** machines, 17 rows." in said(at)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2", b"x" * 900_000, b"{}"], ids=str)
def test_a_file_that_is_not_ours_is_named_and_the_others_are_kept(content):
    at = classroom()
    files = [("good.csv", result(1, "Ada").encode(), "text/csv"), ("bad <b>.csv", content, "text/csv")]
    at.file_uploader(key="class files").set_value(files).run()
    assert not at.exception
    (message,) = [error.value for error in at.error]
    assert message.startswith("bad b .csv: ")
    assert len(message) < 300
    assert "**1** machine, 4 rows." in said(at)


def test_the_answers_come_from_this_sessions_runs():
    at = classroom()
    assert downloads(at) == ["Questions"]
    made = experiment(1)
    key = (tuple(v.spec for v in made.variants), made.settings)
    at.session_state["lab runs"] = {key: fake(made, (1, 2, 3, 4))}
    at.session_state["lab results"] = {1: made}
    clean(at.run())
    assert downloads(at) == ["Questions", "Answers"]
    assert any("From this session's runs: G1 (ARM, ×1)." in caption.value for caption in at.caption)


def test_every_page_is_in_the_navigation():
    script = "import streamlit as st\nfrom explorer.page.lab import pages\n"
    at = show(script + "st.session_state.listed = [p.url_path for s in pages.navigation().values() for p in s]")
    listed = at.session_state["listed"]
    assert listed == ["g1", "g2", "g3", "g4", "held", "own", "class", *pages.LESSONS]
