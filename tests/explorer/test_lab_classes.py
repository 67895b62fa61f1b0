"""Classes in SQLite: codes and keys, predictions and results, restarts, limits, text from outside."""

from __future__ import annotations

import pytest
from support.lab_pages import result

from explorer.errors import LabError
from explorer.lab import classes as module
from explorer.lab.classes import Classes

ADA, BOB, EVE = "a" * 32, "b" * 32, "e" * 32


@pytest.fixture
def classes(tmp_path):
    return Classes(tmp_path / "data" / "classes.sqlite3")


def test_predictions_and_results_are_there_after_a_restart(classes):
    code, key = classes.create()
    classes.predict(code, ADA, "Ada", "G1", "1:1 / 1:2")
    classes.predict(code, BOB, "Bob", "G1", "1:2 / 1:1")
    classes.result(code, ADA, "Ada", "G1", result(1, "Ada"))
    again = Classes(classes.path)
    assert again.exists(code)
    assert again.allows(code, key)
    assert [(e.student, e.topic, e.content) for e in again.predictions(code)] == [
        ("Ada", "G1", "1:1 / 1:2"),
        ("Bob", "G1", "1:2 / 1:1"),
    ]
    (entry,) = again.results(code)
    assert (entry.student, entry.content) == ("Ada", result(1, "Ada"))


def test_a_later_prediction_replaces_the_first(classes):
    code, _ = classes.create()
    classes.predict(code, ADA, "Ada", "Swish", "not at all")
    classes.predict(code, ADA, "Ada Lovelace", "Swish", "about 5 %")
    assert [e.content for e in classes.predictions(code)] == ["about 5 %"]
    assert [e.student for e in classes.predictions(code)] == ["Ada Lovelace"]


def test_two_students_of_one_name_are_told_apart(classes):
    code, _ = classes.create()
    for student in (ADA, BOB, EVE):
        classes.predict(code, student, "Kim", "G1", "x")
    assert [e.student for e in classes.predictions(code)] == ["Kim", "Kim (2)", "Kim (3)"]


def test_only_the_key_of_a_class_shows_it(classes):
    code, key = classes.create()
    other, other_key = classes.create()
    assert classes.allows(code, key)
    assert not classes.allows(code, other_key)
    assert not classes.allows(code, "")
    assert not classes.allows("ZZZZZZ", key)
    assert key.encode() not in classes.path.read_bytes(), "the file holds no key"
    assert other != code


def test_a_deleted_class_leaves_nothing(classes):
    code, _ = classes.create()
    classes.predict(code, ADA, "Ada", "G1", "x")
    classes.delete(code)
    assert not classes.exists(code)
    assert classes.predictions(code) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c, code: c.predict("ZZZZZZ", ADA, "Ada", "G1", "x"), "class ZZZZZZ: not found"),
        (lambda c, code: c.predict(code, "../x", "Ada", "G1", "x"), "student"),
        (lambda c, code: c.predict(code, ADA, " <> ", "G1", "x"), "name: the field is empty"),
        (lambda c, code: c.result(code, ADA, "Ada", "G1", "a,b"), "not a result of this lab"),
    ],
)
def test_bad_input_is_one_line(classes, call, message):
    code, _ = classes.create()
    with pytest.raises(LabError, match=message) as refused:
        call(classes, code)
    assert "\n" not in str(refused.value)


def test_text_from_outside_is_plain(classes):
    code, _ = classes.create()
    classes.predict(code, ADA, "=<b>Ada</b>" + "x" * 500, "G1", "=1+1 <script>")
    (entry,) = classes.predictions(code)
    assert entry.student.startswith("b Ada /b")
    assert len(entry.student) <= module.MAX_NAME
    assert entry.content == "1+1 script"


def test_a_class_is_bounded(classes, monkeypatch):
    monkeypatch.setattr(module, "MAX_STUDENTS", 2)
    monkeypatch.setattr(module, "MAX_TOPICS", 1)
    monkeypatch.setattr(module, "MAX_CLASSES", 1)
    code, _ = classes.create()
    classes.predict(code, ADA, "Ada", "G1", "x")
    classes.predict(code, BOB, "Bob", "G1", "x")
    classes.predict(code, ADA, "Ada", "G1", "y")
    for student, topic in ((EVE, "G1"), (ADA, "G2")):
        with pytest.raises(LabError, match="is full"):
            classes.predict(code, student, "someone", topic, "x")
    with pytest.raises(LabError, match="1 classes"):
        classes.create()


def test_unused_classes_are_removed(classes, monkeypatch):
    code, _ = classes.create()
    monkeypatch.setattr(module, "UNUSED", -1.0)
    classes.create()
    assert not classes.exists(code)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="CNN_COST_DATA"):
        Classes(tmp_path / "file" / "classes.sqlite3").create()
