"""`search` on the command line: a log that continues, w from published networks, bad input in one line."""

from __future__ import annotations

import json

import pytest

from explorer.cli.main import main
from explorer.search.logs.search_log import RANDOM, SEARCH, SearchLog

COMMAND = ["search", "nas_bench_macro", "--objective", "nas_bench_macro", "--target", "8", "--strategy", "random"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(capsys, *arguments, status=0):
    assert main([*COMMAND, *arguments]) == status
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out if status == 0 else captured.err


def _origins(path):
    _, *lines = path.read_text().splitlines()
    return [json.loads(line)["origin"] for line in lines]


@pytest.mark.slow
def test_a_log_is_continued_as_if_it_had_not_ended(folder, capsys):
    whole = _run(capsys, "--evaluations", "4", "--log", "whole.jsonl")
    _run(capsys, "--evaluations", "3", "--log", "cut.jsonl")
    assert _origins(folder / "cut.jsonl") == [SEARCH] * 3 + [RANDOM] * 3
    with (folder / "cut.jsonl").open("ab") as file:
        file.write(b'{"origin": "sea')  # killed while it wrote
    assert _run(capsys, "--evaluations", "4", "--log", "cut.jsonl") == whole
    assert sorted(_origins(folder / "cut.jsonl")) == sorted(_origins(folder / "whole.jsonl"))
    before = (folder / "cut.jsonl").read_bytes()
    assert _run(capsys, "--evaluations", "4", "--log", "cut.jsonl") == whole
    assert (folder / "cut.jsonl").read_bytes() == before


def test_a_log_of_another_search_is_refused(folder, capsys):
    _run(capsys, "--evaluations", "2", "--log", "one.jsonl")
    said = _run(capsys, "--evaluations", "2", "--log", "one.jsonl", "--seed", "1", status=2)
    assert "one.jsonl is of another search: seed is 0 there and 1 here" in said
    (folder / "note.jsonl").write_text("a note\n")
    assert "is no log of a search" in _run(capsys, "--log", "note.jsonl", status=2)


def test_a_damaged_line_is_named(folder, capsys):
    _run(capsys, "--evaluations", "2", "--log", "one.jsonl")
    text = (folder / "one.jsonl").read_text().replace(RANDOM, "nobody", 1)
    (folder / "one.jsonl").write_text(text)
    assert "one.jsonl, line 4 is damaged" in _run(capsys, "--evaluations", "2", "--log", "one.jsonl", status=2)


def test_an_interrupt_says_what_is_kept(capsys, monkeypatch):
    append, count = SearchLog.append, []

    def interrupted(log, entry):
        append(log, entry)
        count.append(entry)
        if len(count) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(SearchLog, "append", interrupted)
    status = main([*COMMAND, "--evaluations", "5", "--log", "one.jsonl"])
    assert status == 130
    said = capsys.readouterr().err
    assert "the rows of the best of 2 evaluated networks are kept in " in said
    assert "; run it again to continue from one.jsonl" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--w", "steep"], "w is 'steep'; allowed: a number, or front"),
        (["--w", "nan"], "w is 'nan'; allowed: a number, or front"),
        (["--target", "inf"], "target inf ms; allowed: above 0"),
        (["--evaluations", "0"], "0 evaluations; allowed: at least 1"),
        (["--log", "one.txt"], "one.txt: found suffix '.txt'; allowed: .jsonl"),
    ],
)
def test_bad_input_is_one_line(arguments, said, capsys):
    assert _run(capsys, *arguments, status=2) == f"search: {said}\n"


@pytest.mark.slow
def test_the_exponent_of_published_networks(folder, capsys):
    document = json.loads(_run(capsys, "--evaluations", "3", "--w", "front", "--figure", "w.html", "--json"))
    assert -1 < document["w"] < 0
    assert document["random_search"] is None
    assert (folder / "w.html").read_text().count("Plotly.newPlot") == 3
    given = json.loads(_run(capsys, "--evaluations", "3", "--w", "-0.07", "--json"))
    assert given["w"] == -0.07
    far = ["search", "nas_bench_macro", "--target", "90000", "--w", "front"]
    assert main(far) == 2
    assert "too few published networks are near 90000 ms" in capsys.readouterr().err
