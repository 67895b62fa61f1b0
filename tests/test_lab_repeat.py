"""Runs that are repeated: whether their intervals overlap, in the library and on the command line."""

from __future__ import annotations

import json

import pytest
from lab_runs import fake_run

from explorer.__main__ import main
from explorer.lab import job as jobs
from explorer.lab import repeat
from explorer.lab.errors import LabError
from explorer.lab.experiment import experiment
from explorer.lab.run import Run

SMALL = {"channels": 8, "resolution": 7}


def of_rounds(*rounds):
    return Run(("a", "b", "c"), tuple((1.0, b, c) for b, c in rounds))


def test_repeats_agree_where_all_intervals_have_a_point_in_common():
    first = of_rounds(*[(1.0 + n / 100, 2.0 + n / 100) for n in range(5)])  # b 1.00 … 1.04, c 2.00 … 2.04
    second = of_rounds(*[(1.04 + n / 100, 2.05 + n / 100) for n in range(5)])  # b from 1.04, c from 2.05
    b, c = repeat.repeated([first, second])
    assert (b.row, b.overlap) == ("b", True)  # they touch
    assert (c.row, c.overlap) == ("c", False)  # by a hundredth
    assert [(i.low, i.high) for i in c.intervals] == [(2.0, 2.04), (2.05, 2.09)]
    assert repeat.repeated([second, first])[1].overlap is False  # whichever came first
    third = of_rounds(*[(1.08 + n / 100, 2.0) for n in range(5)])
    assert repeat.repeated([second, third])[0].overlap  # each meets the second, but not each other
    assert not repeat.repeated([first, second, third])[0].overlap
    said = repeat.sentence([b, c])
    assert said == "the intervals of 1 of 2 rows overlap; not those of c: 2.000 … 2.040, then 2.050 … 2.090"
    assert repeat.sentence([b]) == "the intervals of 1 of 1 rows overlap"


def test_runs_of_other_rows_are_no_repeats():
    with pytest.raises(LabError, match="different rows"):
        repeat.repeated([of_rounds((1, 2)), Run(("a", "b"), ((1.0, 1.0),))])


def test_command_line_repeats(capsys, monkeypatch):
    """Two runs of known times: what is printed is whether they overlap, and of which rows not."""
    made = experiment(2, **SMALL)
    again = iter([fake_run(made, (1, 1.2, 1.4, 1.6), 0.001), fake_run(made, (1, 1.2, 1.5, 1.6), 0.001)] * 2)

    class Done:
        running, problem = False, ""

        def __init__(self, *_):
            self.run = next(again)

    monkeypatch.setattr(jobs, "start", Done)
    options = ["lab", "g2", "--channels", "8", "--resolution", "7", "--repeat", "2"]
    assert main([*options, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["overlapping"] == 2
    assert [(row["row"], row["overlap"]) for row in result["repeats"]] == [
        ("g = 2", True),
        ("g = 4", False),
        ("g = 8", True),
    ]
    assert [i["middle"] for i in result["repeats"][1]["intervals"]] == pytest.approx([1.4, 1.5], abs=0.005)
    assert main(options) == 0
    assert "of 2 runs the intervals of 2 of 3 rows overlap; not those of g = 4: 1.39" in capsys.readouterr().out


def test_command_line_repeats_for_real(capsys):
    assert main(["lab", "g1", "--channels", "8", "--resolution", "7", "--repeat", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [len(row["intervals"]) for row in result["repeats"]] == [2, 2, 2]
    assert result["repeats"][0]["intervals"][0] != result["repeats"][0]["intervals"][1]  # two runs, not one twice
