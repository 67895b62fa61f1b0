"""The report of a measured row, the cache sizes, and the summary of the thirteen comparisons of a column."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.lab_runs import fake_run

from explorer.lab import machine, tally
from explorer.lab.experiment import experiment
from explorer.lab.verdict import AGREES, compare, describe_row

FACTS = {"caches": {"L1": 32 << 10, "L2": 900_000, "L3": 32 << 20}, "relu_gb_s": 10.0, "start_us": 5.0}

REPORT = """\
1.00× the first row's time here (0.99 … 1.01), 1.32× in the paper's ARM column. \
Its channels (9, 108) do 5.1 % fewer mult-adds: per mult-add it takes 1.05× (the exact channels have no such difference). \
1.82× the memory access, 1.4 MB instead of 788 kB in its largest operator (fits the 32 MB L3 cache; the first row fits \
the 879 kB L2 cache): about +66 % at the 10 GB/s of a ReLU. Of that +61 % overlaps with arithmetic. \
In all 30.5 instead of 32.1 G mult-adds/s. Ran: gemm ×20, 90%"""


def report(made, factors, number, wobble=0.0, facts=FACTS):
    """The report of a row for these milliseconds on a machine with these facts."""
    result = fake_run(made, factors, wobble)
    result = replace(result, kernels=(("gemm ×20, 90%",),) * len(factors), environment=facts)
    return describe_row(made, compare(made, result), number)


def test_the_report_of_a_row():
    assert report(experiment(1), (2.0, 2.2, 1.9, 2.0), 3) == REPORT


def test_the_remainder_is_attributed():
    """The counts explain 0.949 by multiply-adds and 0.66 by memory access: 1.614 of the first row's time."""
    made = experiment(1)
    explained = 1 - 0.05078 + 4 * 3_323_650 / 10e9 / 2.0e-3
    assert explained == pytest.approx(1.6140, abs=0.001)
    slower, equal, faster = (report(made, (2.0, 2.0, 2.0, 2 * ratio), 3, 0.001) for ratio in (1.9, explained, 1.0))
    assert f"{100 * (1.9 - explained):+.0f} % is kernel efficiency" in slower
    assert "Within the uncertainty" in equal
    assert f"{100 * (explained - 1):+.0f} % overlaps" in faster


def test_more_operators_are_counted():
    text = report(experiment(3), (1.0, 1.1, 1.2, 1.3, 1.4), 4)
    assert f"70 operators instead of 10: about {100 * 60 * 5e-3:+.0f} %" in text


def test_unknown_machine_facts_are_omitted():
    text = report(experiment(1), (2.0, 2.2, 1.9, 2.0), 3, facts={})
    assert "1.82×" in text
    assert "cache" not in text
    assert "about" not in text


def test_cache_sizes(tmp_path):
    for number, (level, kind, size) in enumerate(
        [("1", "Data", "32K"), ("1", "Instruction", "64K"), ("3", "Unified", "8M")]
    ):
        (tmp_path / f"index{number}").mkdir()
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (tmp_path / f"index{number}" / name).write_text(text + "\n")
    (tmp_path / "index9").mkdir()
    assert machine.caches(tmp_path) == {"L1": 32768, "L3": 8 << 20}
    assert machine.caches(tmp_path / "nowhere") == {}


def measured(platform, slowdown, guidelines=(1, 2, 3, 4)):
    """The column with every row this much slower than the one before it."""
    made = [of for of in tally.column(platform, 1) if of.guideline in guidelines]
    return [(of, compare(of, fake_run(of, [slowdown**n for n in range(len(of.variants))]))) for of in made]


@pytest.mark.parametrize(
    ("platform", "slowdown", "guidelines", "summary"),
    [
        ("GPU", 1.1, (1, 2, 3, 4), "10 of 13 comparisons (G1 3 of 3, G2 3 of 3, G3 4 of 4, G4 0 of 3)"),
        ("ARM", 0.9, (3, 4), "3 of 7 comparisons (G3 0 of 4, G4 3 of 3)"),
        ("ARM", 1.0, (), "none of the 13 comparisons"),
    ],
)
def test_the_summary_of_a_column(platform, slowdown, guidelines, summary):
    assert tally.comparisons(platform, 1) == 13
    assert summary in tally.sentence(platform, 1, measured(platform, slowdown, guidelines))


def test_the_table_of_all_comparisons():
    table = tally.table(1, {"GPU": measured("GPU", 1.1), "ARM": measured("ARM", 1.2, (2,))})
    assert len(table) == 13
    row = table[table["row"] == "g = 4"].iloc[0]
    assert (row["paper_GPU"], row["paper_ARM"]) == pytest.approx((2451 / 1026, 40.0 / 32.9))
    assert (row["measured_GPU"], row["measured_ARM"]) == pytest.approx((1.21, 1.44))
    assert (row["verdict_GPU"], row["verdict_ARM"]) == (AGREES, AGREES)
    assert set(table[table["guideline"] == "G1"]["verdict_ARM"]) == {"not measured"}
