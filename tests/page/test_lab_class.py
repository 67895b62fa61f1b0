"""Class mode without a browser: create, join, predict, measure, what the teacher sees, export, presentation view."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from support.lab_pages import clean, fake, said, show

from explorer.lab.classes import Classes
from explorer.lab.experiment import experiment
from explorer.page.lab import guideline, pages
from explorer.page.widgets import chart

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")
TEACHER = "from explorer.page.lab import classroom\nclassroom.render()"
G1 = "from explorer.page.lab import guideline\nguideline.render(1)"


@pytest.fixture(autouse=True)
def own_classes(tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_COST_DATA", str(tmp_path))


def teacher() -> AppTest:
    at = show(TEACHER)
    return clean(at.button(key="create class").click().run())


def parameter(at: AppTest, name: str) -> str:
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


def joined(code: str, name: str, script: str = G1) -> AppTest:
    at = show(script)
    at.text_input(key="class code").set_value(code.lower())
    at.text_input(key="class name").set_value(name)
    join = next(button for button in at.button if button.label == "Join")
    return clean(join.click().run())


def test_predictions_and_results_reach_the_teacher():
    at = teacher()
    code = parameter(at, "class")
    assert f"Class code: **{code}**" in said(at)
    assert "**0** students, **0** predictions, **0** results" in said(at)
    rows = [variant.row for variant in experiment(1).variants]
    for name, factors in (("Ada", (1.0, 1.2, 1.3, 1.4)), ("Bob", (1.0, 1.1, 0.9, 1.3))):
        student = joined(code, name)
        assert any(f"Class {code}, as {name}" in caption.value for caption in student.caption)
        made = experiment(1)
        key = (tuple(v.spec for v in made.variants), made.settings)
        student.multiselect(key="g1 order").set_value(rows if name == "Ada" else rows[::-1]).run()
        student.button(key="g1 keep").click().run()
        student.session_state["lab runs"] = {key: fake(made, factors)}
        clean(student.run())
        clean(student.run())  # a rerun sends nothing twice
    clean(at.run())
    assert "**2** students, **2** predictions, **2** results" in said(at)
    table = next(frame.value for frame in at.dataframe if "student" in frame.value.columns)
    assert list(table["student"]) == ["Ada", "Bob"]
    assert list(table["G1"]) == ["c1:c2 = 1:1 / 1:2 / 1:6 / 1:12", "c1:c2 = 1:12 / 1:6 / 1:2 / 1:1"]
    assert set(table["results"]) == {"G1, ARM ×1, channels: the paper’s"}  # plain text
    assert list(table) == ["student", "G1", "results"]
    assert "**G1**, predictions, fastest first" in said(at)  # a projector's chart has no other title
    fresh = AppTest.from_string(TEACHER, default_timeout=60)  # after a restart, by the teacher's address
    fresh.query_params["class"], fresh.query_params["key"] = code, parameter(at, "key")
    assert "**2** students, **2** predictions, **2** results" in said(clean(fresh.run()))


def test_a_lesson_sends_its_prediction():
    at = teacher()
    code = parameter(at, "class")
    student = joined(code, "Cy", "from explorer.page.lab import pages\npages.LESSONS['swish'].render()")
    title = pages.LESSONS["swish"].title
    option = student.radio[0].options[1]
    student.radio[0].set_value(option).run()
    clean(student.button(key=f"keep {title}").click().run())
    (entry,) = Classes().predictions(code)
    assert (entry.student, entry.topic, entry.content) == ("Cy", title, option)


def test_a_wrong_code_and_a_wrong_key_are_messages():
    student = show(G1)
    student.text_input(key="class code").set_value("AAAAAA")
    student.text_input(key="class name").set_value("Ada")
    next(button for button in student.button if button.label == "Join").click().run()
    assert "Class AAAAAA was not found on this server" in student.error[0].value
    at = teacher()
    stranger = AppTest.from_string(TEACHER, default_timeout=60)
    stranger.query_params["class"], stranger.query_params["key"] = parameter(at, "class"), "wrong"
    stranger.run()
    assert not stranger.exception
    assert "the key in the address is not that of this class" in stranger.error[0].value
    assert "students" not in said(stranger)


@pytest.mark.parametrize(
    ("code", "message"),
    [("", "the field is empty"), ("ABCDE0", "none of them I, O, 0 or 1"), ("AB", "found 'AB'")],
)
def test_a_code_that_is_none_says_why(code, message):
    """An empty field was "found ''", and ABCDE0 was told that a code has six letters and digits."""
    student = show(G1)
    student.text_input(key="class code").set_value(code)
    student.text_input(key="class name").set_value("Ada")
    next(button for button in student.button if button.label == "Join").click().run()
    assert message in student.error[0].value


def test_the_teacher_shows_an_address_that_a_phone_can_open(monkeypatch):
    monkeypatch.setattr(type(st.context), "url", property(lambda _: "http://192.0.2.2:8501/lab/class?x=1"))
    at = teacher()
    assert f"`http://192.0.2.2:8501/lab/g1?class={parameter(at, 'class')}`" in said(at)
    assert not at.info
    monkeypatch.setattr(type(st.context), "url", property(lambda _: "http://localhost:8501/class"))
    assert "on this machine alone" in clean(at.run()).info[0].value


def test_a_member_of_a_class_is_not_asked_for_a_name_again():
    made = experiment(1)
    for student, asked in ((show(G1), True), (joined(parameter(teacher(), "class"), "Ada"), False)):
        student.button(key="g1 skip").click().run()
        student.session_state["lab runs"] = {
            (tuple(v.spec for v in made.variants), made.settings): fake(made, (1,) * 4)
        }
        clean(student.run())
        assert ("lab machine" in [field.key for field in student.text_input]) == asked


def test_options_to_order_do_not_stand_in_the_answers_order_or_its_reverse(monkeypatch):
    rows = ["1:1", "1:2", "1:6", "1:12"]
    for seed in range(40):
        monkeypatch.setattr(guideline.store, "seed", lambda: str(seed))  # noqa: B023 called in this turn
        mixed = guideline.shuffled(rows, "G1")
        assert sorted(mixed) == sorted(rows)
        assert mixed not in (rows, rows[::-1])
        assert mixed == guideline.shuffled(rows, "G1")


def test_the_text_of_bars_is_not_shrunk_in_the_presentation_view():
    """Plotly fits it to the bars: that of G4 was 12 px."""
    from explorer.lab import charts, theory
    from explorer.lab.lessons import charts as lesson_charts
    from explorer.lab.lessons import networks

    large = chart.enlarged(charts.g4_shares(theory.g4(experiment(4))).to_plotly_json())
    assert large["layout"]["uniformtext"]["minsize"] >= chart.LEGIBLE
    bars = lesson_charts.side_by_side(networks.totals(networks.last_stage_networks()))
    assert {trace["constraintext"] for trace in chart.enlarged(bars.to_plotly_json())["data"]} == {"none"}


def test_side_by_side_tables_stand_below_each_other_in_the_presentation_view():
    """Their last columns were cut off: "activatio", "hard_swi"."""
    show_lesson = "from explorer.page.lab import pages\npages.LESSONS['layerwise'].render()"
    for large in (False, True):
        at = AppTest.from_string(show_lesson, default_timeout=60)
        at.session_state[chart.PRESENTATION] = large
        at.session_state["lab answers"] = {pages.LESSONS["layerwise"].title: ""}
        clean(at.run())
        named = [
            block for block in at.columns if any("its inverted residuals" in text.value for text in block.markdown)
        ]
        assert len(named) == (0 if large else 2)


def test_all_chart_text_is_legible_in_the_presentation_view():
    from explorer.lab import charts, theory

    made = experiment(1)
    figures = [
        charts.g1_curve(theory.g1(32, 56), theory.rows(made)),
        charts.g3_shape(experiment(3).table),
        charts.g4_shares(theory.g4(experiment(4))),
        charts.answers([("Ada", "1:1 / 1:2"), ("Bob", "1:2 / 1:1")]),
    ]
    for figure in figures:
        large = chart.enlarged(figure.to_plotly_json())
        assert min(sizes(large)) >= 20
        assert large["layout"]["height"] > figure.layout.height
        assert min(sizes(figure.to_plotly_json())) < 20  # the test would see it


def sizes(part, font: bool = False) -> list[float]:
    """The sizes of all fonts of a figure."""
    if isinstance(part, dict):
        own = [part["size"]] if font and "size" in part else []
        return own + [
            size for name, value in part.items() if name != "template" for size in sizes(value, name.endswith("font"))
        ]
    return [size for each in part for size in sizes(each)] if isinstance(part, (list, tuple)) else []


def test_a_student_of_a_deleted_class_is_told_that_nothing_is_sent():
    """The page went on saying that results are sent to the teacher."""
    code = parameter(teacher(), "class")
    student = joined(code, "Ada")
    Classes().delete(code)
    clean(student.run())
    assert [warning.value for warning in student.warning] == [
        f"Class {code}, as Ada: the class is no longer on this server, so nothing is sent. What you did stays here."
    ]
    assert not any("sent to the teacher" in caption.value for caption in student.caption)
    student.button(key="leave class").click().run()
    assert not clean(student).warning
