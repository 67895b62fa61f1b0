"""Runs that are repeated: whether their intervals overlap, in the library and on the command line."""

from __future__ import annotations

import json
from math import exp

import pytest
from support.lab_runs import fake_run, run_of

from explorer.cli.main import main
from explorer.errors import LabError
from explorer.jobs import lab as jobs
from explorer.lab import repeat
from explorer.lab.experiment import experiment

SMALL = {"channels": 8, "resolution": 7}


def of_ratios(b, c, wobble=0.01):
    """Five rounds whose ratios to the first row are `b` and `c`, up to the wobble: b ± 1.5 wobbles is held."""
    return run_of("abc", [(1.0, b * exp(wobble * step), c * exp(wobble * step)) for step in (0, 0, -1, 0, 1)])


def test_repeats_agree_where_all_intervals_have_a_point_in_common():
    first, second, third = of_ratios(1.0, 2.0), of_ratios(1.025, 2.1), of_ratios(1.05, 2.0)
    b, c = repeat.repeated([first, second])
    assert (b.row, b.overlap) == ("b", True)
    assert (c.row, c.overlap) == ("c", False)
    assert [i.middle for i in c.intervals] == pytest.approx([2.0 * exp(-0.01), 2.1 * exp(-0.01)])
    assert repeat.repeated([second, first])[1].overlap is False  # whichever came first
    assert repeat.repeated([second, third])[0].overlap  # each meets the second, but not each other
    assert not repeat.repeated([first, second, third])[0].overlap
    said = repeat.sentence([b, c])
    low, high = c.intervals
    assert said == (
        "the intervals of 1 of 2 rows overlap; not those of c: "
        f"{low.low:.3f} … {low.high:.3f}, then {high.low:.3f} … {high.high:.3f}"
    )
    assert repeat.sentence([b]) == "the intervals of 1 of 1 rows overlap"


def test_runs_of_other_rows_are_no_repeats():
    with pytest.raises(LabError, match="different rows"):
        repeat.repeated([of_ratios(1, 2), run_of("ab", [(1.0, 1.0)] * 5)])


def test_command_line_repeats(capsys, monkeypatch):
    """Two runs of known times: what is printed is whether they overlap, and of which rows not."""
    made = experiment(2, **SMALL)
    again = iter([fake_run(made, (1, 1.2, 1.4, 1.6), 0.001), fake_run(made, (1, 1.2, 1.5, 1.6), 0.001)] * 2)

    class Done:
        running, problem = False, ""

        def __init__(self, *_):
            self.run = next(again)

        def stop(self):
            pass

        def wait(self):
            pass

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
    assert "of 2 runs the intervals of 2 of 3 rows overlap; not those of g = 4: 1.38" in capsys.readouterr().out


@pytest.mark.slow
def test_command_line_repeats_for_real(capsys):
    assert main(["lab", "g1", "--channels", "8", "--resolution", "7", "--repeat", "2", "--seconds", "4", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [len(row["intervals"]) for row in result["repeats"]] == [2, 2, 2]
    assert result["repeats"][0]["intervals"][0] != result["repeats"][0]["intervals"][1]  # two runs, not one twice
