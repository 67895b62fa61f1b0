"""What the lab says of a measured row, in numbers, and of all thirteen comparisons of a column."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.lab_runs import fake_run

from explorer.lab import machine, tally
from explorer.lab.experiment import experiment
from explorer.lab.verdict import AGREES, compare, told

FACTS = {"caches": {"L1": 32 << 10, "L2": 900_000, "L3": 32 << 20}, "relu_gb_s": 10.0, "start_us": 5.0}


def told_of(made, factors, number, wobble=0.0):
    """What is said of a row after a run of these milliseconds on a machine of these FACTS."""
    result = fake_run(made, factors, wobble)
    result = replace(result, kernels=(("gemm ×20, 90%",),) * len(factors), environment=FACTS)
    return told(made, compare(made, result), number)


def test_a_row_is_told_with_its_numbers():
    made = experiment(1)
    text = told_of(made, (2.0, 2.2, 1.9, 2.0), 3)
    first, row = (made.table["mem_access"][n] for n in (0, 3))
    worth = 4 * (row - first) / 10e9 / 2.0e-3
    assert text.startswith("1.00× the first row's time here (0.99 … 1.01), 1.32× in the paper's ARM column. ")
    assert f"Its channels (9, 108) do 5.1% fewer mult-adds: per mult-add it takes {1 / (1 - 0.0508):.2f}× (the" in text
    assert "1.82× the memory access, 1.4 MB instead of 788 kB in its largest operator" in text
    assert "(fits the 32 MB L3 cache; the first row fits the 879 kB L2 cache)" in text
    assert f"worth {worth:+.0%} at the 10 GB/s of a ReLU here" in text
    assert "Ran: gemm ×20, 90%" in text
    assert "operators instead of" not in text  # as many as in the first row: no reason


def test_what_the_counts_leave_over_is_said():
    """Of 1:12 they explain 0.949 of the work and 66 % for the memory: 1.614 of the first row's time."""
    made = experiment(1)
    explained = 1 - 0.05078 + 4 * 3_323_650 / 10e9 / 2.0e-3
    assert explained == pytest.approx(1.6140, abs=0.001)
    slower, as_said, faster = (told_of(made, (2.0, 2.0, 2.0, 2 * ratio), 3, 0.001) for ratio in (1.9, explained, 1.0))
    assert f"The other {1.9 - explained:+.0%} is how well its kernels use this processor" in slower
    assert "That is what was measured, as far as this run tells apart" in as_said
    assert f"Of that {explained - 1:+.0%} is hidden behind the arithmetic" in faster


def test_more_operators_are_a_reason_with_its_number():
    text = told_of(experiment(3), (1.0, 1.1, 1.2, 1.3, 1.4), 4)
    assert f"70 operators instead of 10: worth {60 * 5e-3:+.0%} at 5 µs to start one" in text
    assert "mult-adds." not in text.split("operators instead")[0]  # equal FLOPs to the last one


def test_without_the_machines_facts_nothing_is_made_up():
    made = experiment(1)
    text = told(made, compare(made, fake_run(made, (2.0, 2.2, 1.9, 2.0))), 3)
    assert "1.82× the memory access, 1.4 MB instead of 788 kB in its largest operator. In all" in text
    assert "cache" not in text
    assert "worth" not in text


def test_caches_are_read_or_not_spoken_of(tmp_path):
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


def test_the_thirteen_comparisons():
    assert tally.comparisons("GPU", 1) == tally.comparisons("ARM", 4) == 13
    said = tally.sentence("GPU", 1, measured("GPU", 1.1))
    assert said.startswith("GPU, ×1: agrees in 10 of 13 comparisons (G1 3 of 3, G2 3 of 3, G3 4 of 4, G4 0 of 3); ")
    assert "differs here: G4 ReLU yes, short-cut no, G4 ReLU no" in said
    said = tally.sentence("ARM", 1, measured("ARM", 0.9, (3, 4)))
    assert said.startswith("ARM, ×1: agrees in 3 of 7 comparisons (G3 0 of 4, G4 3 of 3); differs here: G3 2-fragment")
    assert said.endswith("; 6 not measured yet")
    assert tally.sentence("ARM", 1, []) == "ARM, ×1: none of the 13 comparisons is measured yet"


def test_the_table_of_all_comparisons():
    table = tally.table(1, {"GPU": measured("GPU", 1.1), "ARM": measured("ARM", 1.2, (2,))})
    assert len(table) == 13
    row = table[table["row"] == "g = 4"].iloc[0]
    assert (row["paper_GPU"], row["paper_ARM"]) == pytest.approx((2451 / 1026, 40.0 / 32.9))
    assert (row["measured_GPU"], row["measured_ARM"]) == pytest.approx((1.21, 1.44))
    assert (row["verdict_GPU"], row["verdict_ARM"]) == (AGREES, AGREES)
    assert set(table[table["guideline"] == "G1"]["verdict_ARM"]) == {"not measured"}
