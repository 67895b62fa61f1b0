"""Class mode without a browser: create, join, predict, measure, what the teacher sees, export, presentation view."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from support.lab_pages import clean, fake, said, show

from explorer.lab.classes import Classes
from explorer.lab.experiment import experiment
from explorer.page.lab import pages
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
    assert list(table["G1"]) == [" / ".join(rows), " / ".join(rows[::-1])]
    assert set(table["results"]) == {"G1, ARM ×1, the paper s"}  # plain text
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
