"""Results of the lab as CSV and back, those of a class, its sheet, a design of one's own."""

from __future__ import annotations

import csv
import io

import pytest
from support.lab_runs import fake_run

from explorer.errors import LabError
from explorer.lab import record, sheet
from explorer.lab.experiment import custom_design, experiment
from explorer.lab.repeat import repeated
from explorer.lab.run import run
from explorer.lab.text import CLAIMS
from explorer.lab.verdict import AGREES, BASE, DIFFERS, compare

SMALL = {"channels": 8, "resolution": 7}


@pytest.fixture(scope="module")
def handed_in():
    made = experiment(1, "GPU")
    result = fake_run(made, (2.0, 2.2, 1.9, 2.0), wobble=0.002)
    table = compare(made, result)
    return made, result, table, record.to_csv(made, result, table, "Ada's laptop")


def test_a_result_comes_back_as_it_was(handed_in):
    *_, table, text = handed_in
    read = record.read(text)
    assert list(read["row"]) == list(table["row"])
    assert list(read["ratio"]) == pytest.approx(list(table["measured"]), rel=1e-4)
    assert list(read["verdict"]) == list(table["verdict"])
    assert set(read["machine"]) == {"Ada’s laptop"}
    assert record.read(text + text).equals(record.read("\n" + text + "\n\n" + text))


def cell(text, column, value):
    """The text with one cell of its second line of data replaced."""
    rows = list(csv.reader(io.StringIO(text)))
    rows[2][record.COLUMNS.index(column)] = value
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("format", "lab/9", "line 3: format: found lab/9; allowed: lab/1"),
        ("guideline", "7", "guideline: found 7"),
        ("guideline", "1e3", "guideline: found 1e3"),
        ("row", "=cmd|' /C calc'!A0", "row: found =cmd"),
        ("row", "g = 8", "row: found g = 8; allowed: c1:c2 = 1:1"),
        ("platform", "TPU", "platform: found TPU"),
        ("time_ms", "nan", "time_ms: found nan; allowed: a number"),
        ("time_ms", "-1", "time_ms: found -1; allowed: a number"),
        ("low", "", "low: the cell is empty; allowed: a number"),
        ("ratio", "inf", "ratio: found inf"),
        ("ratio", "99", "ratio 99.0 lies outside of its interval"),
        ("threads", "9" * 400, "threads: found 999"),
        ("verdict", "<script>alert(1)</script>", "verdict: found script"),
    ],
)
def test_a_cell_that_no_run_writes_is_refused(handed_in, column, value, message):
    with pytest.raises(LabError, match=message) as caught:
        record.read(cell(handed_in[-1], column, value), "a.csv")
    assert "<" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no results in it"),
        (",".join(record.COLUMNS) + "\n", "no results in it"),
        ("a,b\n1,2\n", "first line: found a,b; allowed: format,machine"),
        ("{}", "not a result of this lab"),
        ("\x00\x01\x02", "not a result of this lab"),
        ('"' * 10 + "\n" * 5, "not a result|no results"),
        ("x" * 300_000, "300,000 characters; allowed: up to 200,000"),
        (",".join(record.COLUMNS) + "\n1,2\n", "line 2: found 2 columns; allowed: 22"),
        (",".join(record.COLUMNS) + "\n" + '"' + "y" * 140_000, "not a CSV file"),
    ],
    ids=["empty", "head only", "other", "json", "binary", "quotes", "long", "short row", "open quote"],
)
def test_a_file_that_is_not_ours_is_a_message(text, message):
    with pytest.raises(LabError, match=message):
        record.read(text, "b.csv")


SAVED = {
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big-endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "Windows": lambda text: text.encode("cp1252"),
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "tabs": lambda text: separated(text, "\t", "."),
    "a stated separator": lambda text: b"sep=;\r\n" + separated(text, ";", ","),
    "decimal commas": lambda text: separated(text, ";", ","),
}


def separated(text, separator, point):
    """The file as a spreadsheet of another country saves it."""
    rows = list(csv.reader(io.StringIO(text)))
    numbers = [record.COLUMNS.index(name) for name in ("flops_error", "time_ms", "ratio", "low", "high")]
    for row in rows[1:]:
        for at in numbers:
            row[at] = row[at].replace(".", point)
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(rows)
    return out.getvalue().encode()


@pytest.mark.parametrize("form", SAVED)
def test_a_result_that_a_spreadsheet_saved_again_is_read(handed_in, form):
    text = cell(handed_in[-1], "machine", "Zoë")
    assert record.read(SAVED[form](text)).equals(record.read(text))


def test_bytes_that_are_no_text_are_a_message():
    with pytest.raises(LabError, match=r"b.png: no text; upload the CSV file that a guideline's page gives"):
        record.read(b"\x89PNG\r\n\x00\x00", "b.png")


def test_too_many_rows_are_refused(handed_in):
    head, *rows = handed_in[-1].splitlines()
    with pytest.raises(LabError, match="over 600 rows"):
        record.read("\n".join([head, *rows * 160]))


def test_names_from_a_file_are_made_plain(handed_in):
    read = record.read(cell(handed_in[-1], "machine", '=HYPERLINK("http://x")<b onload=x>\u202e'))
    assert read["machine"][1] == "HYPERLINK( http://x ) b onload=x"
    assert record.plain("+1-2") == "1-2"
    assert len(record.plain("x" * 1000)) == 60


def test_a_class_is_summed_up_and_bad_files_are_named(handed_in):
    made, result, _, text = handed_in
    other = record.to_csv(made, result, compare(made, fake_run(made, (1.0, 1.3, 1.4, 2.0))), "Bob")
    runs, problems = record.collect([("a.csv", text), ("a again.csv", text), ("b.csv", other), ("c.csv", "nonsense")])
    assert len(runs) == 8
    (problem,) = problems
    assert problem.startswith("c.csv: not a result of this lab")
    summary = record.summary(runs).set_index("row")
    assert list(summary["machines"]) == [2, 2, 2]
    assert list(summary["agree"]) == [2, 1, 1]
    assert list(summary["differ"]) == [0, 1, 0]
    assert summary.loc["c1:c2 = 1:2", "largest"] == pytest.approx(1.3)
    machines = record.per_machine(runs).set_index("machine")
    assert list(machines["agrees"]) == ["1 of 3", "3 of 3"]
    assert list(machines["differs"]) == ["G1 c1:c2 = 1:6", ""]
    assert list(machines["too close or noisy"]) == ["G1 c1:c2 = 1:12", ""]
    later = record.to_csv(made, result, compare(made, fake_run(made, (1.0, 1.3, 0.4, 2.0))), "Bob")
    runs, _ = record.collect([("b.csv", other), ("b again.csv", later)])
    assert list(record.per_machine(runs)["agrees"]) == ["2 of 3"]  # the last of Bob's two
    empty, problems = record.collect([("c.csv", "nonsense")])
    assert empty.empty
    assert record.summary(empty).empty
    assert len(problems) == 1


# the class sheet


def test_the_questions_hold_no_answers(handed_in):
    made, _, table, _ = handed_in
    text = sheet.questions([experiment(g) for g in (1, 2, 3, 4)])
    assert text.count("<section") == 4
    assert text.count("section class=turn") == 1  # two guidelines per page
    for claim in CLAIMS.values():
        assert claim.title in text
        assert not any(answer in text for answer in claim.answers)
    assert "1.32" not in text  # 76.2 / 57.6
    answers = sheet.answers([(made, table)], "<i>my</i> machine")
    assert "&lt;i&gt;my&lt;/i&gt; machine" in answers
    assert AGREES in answers
    assert DIFFERS in answers
    assert "The paper's direction agrees in 1 of 3 comparisons; differs here: c1:c2 = 1:6; too close" in answers


def test_a_design_of_ones_own():
    networks = [(v.row, v.spec) for v in experiment(3, **SMALL).variants[:2]]
    made = custom_design(networks)
    table = compare(made, fake_run(made, (1.0, 1.5)))
    assert list(table["verdict"]) == [BASE, "slower"]
    assert table["paper_GPU"].isna().all()
    read = record.read(record.to_csv(made, fake_run(made, (1.0, 1.5)), table))
    assert set(read["guideline"]) == {0}


@pytest.mark.timing
@pytest.mark.parametrize("guideline", [1, 2, 3, 4])
def test_a_guideline_takes_under_a_minute_and_repeats(guideline):
    made = experiment(guideline)
    networks = [(v.row, v.graph) for v in made.variants]
    runs = [run(networks, made.settings) for _ in range(2)]
    assert max(one.seconds for one in runs) < 60
    assert all(row.overlap for row in repeated(runs))
