"""The guideline lab without a page: tables by their formulas, intervals and verdicts, theory, the command."""

from __future__ import annotations

import json
import math
import re
from itertools import product

import pytest
from support.lab_runs import fake_run

import costmodel
from explorer.cli.main import main
from explorer.errors import LabError
from explorer.lab import prediction, record, theory
from explorer.lab.experiment import PLATFORMS, SCALES, Settings, experiment
from explorer.lab.published import Ratio, printed, ratios
from explorer.lab.run import MIN_ROUNDS, ROUNDS, SESSION, Interval, interval
from explorer.lab.verdict import (
    AGREES,
    BASE,
    CLOSE,
    DIFFERS,
    NOISY,
    Predicted,
    agreement,
    compare,
    disagreeing_rows,
    expected,
    verdict,
)

HW = 56 * 56
COLUMNS = [(g, platform, scale) for g in (1, 2, 3, 4) for platform in PLATFORMS for scale in SCALES]


# the tables


def test_every_cell_has_a_printed_figure_and_a_network():
    cells = [(column, cell) for column in COLUMNS for cell in printed(*column)]
    assert len(cells) == 102
    for column, cell in cells:
        assert cell.row in {variant.row for variant in experiment(*column).variants}
        assert cell.source.startswith("ShuffleNetV2 paper arXiv:1807.11164 Table ")
        assert cell.device == {"GPU": "NVIDIA GTX 1080Ti", "ARM": "Snapdragon 810"}[column[1]]


@pytest.mark.parametrize(
    ("column", "speeds"),
    [
        ((1, "GPU", 1), "1480 1296 876 748"),
        ((1, "ARM", 4), "5.3 5.1 4.6 4.4"),
        ((2, "GPU", 2), "1289 873 644 445"),
        ((2, "ARM", 1), "40.0 35.0 32.9 27.8"),
        ((3, "GPU", 4), "434 336 349 320 292"),
        ((3, "ARM", 2), "10.1 10.1 10.1 9.1 8.4"),
        ((4, "GPU", 4), "1436 1735 1458 1782"),
        ((4, "ARM", 1), "56.7 61.9 57.3 66.3"),
    ],
)
def test_printed_figures_are_the_articles(column, speeds):
    assert [cell.speed for cell in printed(*column)] == speeds.split()


def test_a_printed_ratio_holds_what_rounding_leaves_open():
    assert ratios(3, "ARM", 2)["2-fragment-series"].low < 1 < ratios(3, "ARM", 2)["2-fragment-series"].high
    far = ratios(1, "ARM", 1)["c1:c2 = 1:12"]
    assert far.middle == pytest.approx(76.2 / 57.6)
    assert far == pytest.approx((far.middle, 76.15 / 57.65, 76.25 / 57.55))


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_counts_are_the_formulas(column, exact):
    made = experiment(*column, exact=exact)
    for row, variant in zip(made.table.to_dict("records"), made.variants):
        c, name = variant.spec.input_channels, variant.row
        other = variant.spec.rows[0].channels
        if made.guideline == 1:
            assert row["mult_adds"] == 20 * HW * c * other
            assert row["mem_access_paper"] == 20 * (HW * (c + other) + c * other)
            assert row["params"] == 20 * c * other + 10 * (c + other)
        elif made.guideline == 2:
            groups = int(name.split()[-1])
            assert row["mult_adds"] == 10 * HW * c * c // groups
            assert row["mem_access_paper"] == 10 * (2 * HW * c + c * c // groups)
            assert row["params"] == 10 * (c * c // groups + c)
        elif made.guideline == 3:
            n = int(name[0])
            parallel = name.endswith("parallel")
            assert row["mult_adds"] == 10 * n * HW * c * c
            assert row["params"] == 10 * n * (c * c + c)
            assert row["elementwise"] == (10 * (n - 1) * HW * c if parallel else 0)
            assert (row["fragments"], row["branches"], row["depth"]) == ((n, n, 1) if parallel else (n, 1, n))
        else:
            inner = c // 4
            assert row["mult_adds"] == 10 * HW * (2 * c * inner + 9 * inner**2)
            assert row["params"] == 10 * (2 * c * inner + 9 * inner**2 + 2 * inner + c)


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_an_exact_experiment_is_within_one_percent(column):
    made = experiment(*column, exact=True)
    assert made.table["flops_error"].abs().max() < 0.01
    assert made.table["flops_error"].iloc[0] == 0
    first, asked = made.variants[0].spec.input_channels, experiment(*column).variants[0].spec.input_channels
    assert abs(first - asked) <= asked / 8


def test_the_papers_own_rows_are_not():
    errors = [experiment(1, platform).table["flops_error"].abs().max() for platform in PLATFORMS]
    assert errors == pytest.approx([0.0508, 0.0547], abs=0.0001)


def test_any_channels_resolution_and_settings():
    made = experiment(2, channels=24, resolution=14, settings=Settings(4, 2, "channels_last"))
    assert [variant.channels for variant in made.variants] == ["24", "34", "48", "64"]
    assert made.kind == "own"
    assert made.table["mult_adds"].iloc[0] == 10 * 14 * 14 * 24 * 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"guideline": 5}, "guideline: found 5"),
        ({"guideline": 1, "platform": "TPU"}, "platform: found 'TPU'; allowed: GPU, ARM"),
        ({"guideline": 1, "scale": 3}, "scale: found 3"),
        ({"guideline": 1, "channels": 0}, "channels: found 0; allowed: a whole number from 4 to 1,024"),
        ({"guideline": 1, "channels": 1.5}, "channels: found 1.5"),
        ({"guideline": 1, "resolution": 100_000}, "resolution: found 100000"),
        ({"guideline": 1, "channels": 1024, "resolution": 256}, "fewer channels"),
        ({"guideline": 2, "channels": 4, "exact": True}, "take more"),
    ],
)
def test_what_cannot_be_run_says_why(arguments, message):
    with pytest.raises(LabError, match=message):
        experiment(**arguments)


@pytest.mark.parametrize("bad", [{"batch": 0}, {"threads": 10**9}, {"layout": "nhwc"}, {"batch": True}])
def test_bad_settings(bad):
    with pytest.raises(LabError, match=f"{next(iter(bad))}: found"):
        Settings(**bad)


# intervals and verdicts


def test_the_interval_is_the_rounds_around_what_all_runs_gave():
    rounds = [2.0 * math.exp(step / 100) for step in (-2, -1, 0, 1, 2)]
    reach = math.hypot(2.132 * 0.0158114 / 5**0.5, 1.645 * SESSION)  # Student's t of four degrees, of a mean of five
    same = interval(2.0, rounds)
    assert (same.low, same.middle, same.high) == pytest.approx((2 * math.exp(-reach), 2, 2 * math.exp(reach)), rel=1e-4)
    less, more = interval(1.9, rounds), interval(2.1, rounds)  # more runs have moved it: both ends of the way are held
    assert (less.low, less.middle, less.high) == pytest.approx((1.9 * math.exp(-reach), 1.9, same.high), rel=1e-4)
    assert (more.low, more.middle, more.high) == pytest.approx((same.low, 2.1, 2.1 * math.exp(reach)), rel=1e-4)
    assert interval(1.0, [1.0] * 5).high == pytest.approx(
        math.exp(1.645 * SESSION), rel=1e-4
    )  # what sessions differ by


def test_intervals_hold_the_true_value_as_often_as_they_say():
    import numpy as np

    rng = np.random.default_rng(0)
    for n in (MIN_ROUNDS, ROUNDS):
        held = 0
        for _ in range(2000):
            rounds = rng.lognormal(0, 0.2, n)  # beside which sessions differ by nothing
            found = interval(float(np.exp(np.log(rounds).mean())), rounds.tolist())
            held += found.low <= 1 <= found.high
        assert 0.88 < held / 2000 < 0.92


def test_a_drift_that_falls_on_all_is_no_difference():
    made = experiment(1)
    slow = fake_run(made, (1.0, 1.1, 1.3, 1.8))
    assert [r.middle for r in slow.ratio] == pytest.approx([1, 1.1, 1.3, 1.8])
    assert slow.time_ms[0].high > 2 * slow.time_ms[0].low  # the times do drift


SLOWER = Ratio(1.3, 1.29, 1.31)
TIE = Ratio(1.0, 0.99, 1.01)


@pytest.mark.parametrize(
    ("guideline", "paper", "measured", "says"),
    [
        (1, SLOWER, (1.1, 1.05, 1.15), AGREES),
        (1, SLOWER, (0.9, 0.85, 0.95), DIFFERS),
        (1, SLOWER, (1.01, 0.99, 1.03), CLOSE),
        (1, SLOWER, (1.5, 0.9, 2.0), NOISY),
        (3, TIE, (1.1, 1.05, 1.15), AGREES),  # the printed digits tie, so the claim decides
        (4, None, (0.9, 0.85, 0.95), AGREES),
        (4, Ratio(0.9, 0.89, 0.91), (1.1, 1.05, 1.15), DIFFERS),
        (0, None, (1.1, 1.05, 1.15), "slower"),
        (0, None, (0.8, 0.75, 0.85), "faster"),
    ],
)
def test_verdict(guideline, paper, measured, says):
    assert verdict(guideline, paper, Interval(*measured)) == says


def test_the_direction_is_the_papers_where_its_digits_tell():
    assert expected(1, Ratio(0.9, 0.89, 0.91)) == -1
    assert expected(1, TIE) == 1
    assert expected(4, TIE) == -1


def test_all_printed_directions_are_those_of_the_claims():
    """No cell of the paper contradicts its own guideline; some tie."""
    ties = 0
    for column in COLUMNS:
        for row, ratio in list(ratios(*column).items())[1:]:
            assert expected(column[0], ratio) == (-1 if column[0] == 4 else 1), (column, row)
            ties += ratio.low <= 1 <= ratio.high
    assert ties == 7


def test_comparison():
    made = experiment(1)
    table = compare(
        made, fake_run(made, (2.0, 2.2, 1.9, 2.0)), {v.row: Predicted(4.0, "memory 100%") for v in made.variants}
    )
    assert list(table["verdict"]) == [BASE, AGREES, DIFFERS, CLOSE]
    assert list(table["measured"]) == pytest.approx([1, 1.1, 0.95, 1])
    assert list(table["predicted"]) == [1, 1, 1, 1]
    assert list(table["paper_ARM"]) == pytest.approx([1, 76.2 / 72.9, 76.2 / 69.1, 76.2 / 57.6])
    assert list(table["paper_GPU"]) == pytest.approx([1, 1480 / 1296, 1480 / 876, 1480 / 748])
    assert agreement(table) == (1, 3)
    assert table["why"][1].endswith("memory 100%")
    assert disagreeing_rows(table) == {DIFFERS: ["c1:c2 = 1:6"], CLOSE: ["c1:c2 = 1:12"]}


def test_comparison_before_anything_is_measured():
    table = compare(experiment(2))
    assert table[["measured", "low", "high", "predicted"]].isna().all().all()
    assert set(table["verdict"]) == {"not measured"}
    assert table["paper_GPU"].notna().all()


def test_the_papers_devices_are_predicted_in_every_guideline():
    errors, directions = [], []
    for guideline, platform, scale in product((1, 2, 3, 4), PLATFORMS, SCALES):
        made = experiment(guideline, platform, scale)
        table = compare(made, on_devices=prediction.on_papers_devices(made))
        predicted, printed = table[f"device_{platform}"], table[f"paper_{platform}"]
        errors += list((predicted / printed - 1).abs())
        directions += [one == two or (one - 1) * (two - 1) > 0 for one, two in zip(predicted, printed)]
    assert len(errors) == 102
    assert sum(errors) / len(errors) < 0.12
    assert sum(directions) >= 95


def test_the_papers_devices_are_predicted_at_ones_own_channels():
    paper, own = (experiment(1, "GPU", channels=channels) for channels in (None, 48))
    ratios_of = [compare(made, on_devices=prediction.on_papers_devices(made))["device_GPU"] for made in (paper, own)]
    assert all(of[3] > 1.2 for of in ratios_of), "1:12 is slower on the paper's GPU"
    assert ratios_of[0][3] != ratios_of[1][3]


def test_a_profile_of_other_settings_is_not_used():
    class Profile:
        name = "phone"

        class regime:
            device, threads, layout, batch, label = "cpu", 1, "nchw", 1, "cpu-1t-nchw-b1-eager"

    with pytest.raises(LabError, match="profile phone is for cpu-1t-nchw-b1-eager"):
        prediction.predicted(experiment(1, settings=Settings(threads=2)), Profile())


# theory


def test_g1_is_least_at_equal_widths_and_never_under_its_bound():
    table = theory.g1(128, 56)
    assert table.loc[table["mem_access"].idxmin(), "ratio"] == 1
    assert (table["relative"] >= 1 - 1e-12).all()
    at_12 = table.set_index("ratio").loc[12]
    assert at_12["mem_access"] == pytest.approx(theory.mem_access(128 / 12**0.5, 128 * 12**0.5, HW))


def test_g2_rises_at_fixed_flops_and_falls_at_fixed_channels():
    table = theory.g2(128, 56)
    assert table["mem_access"].is_monotonic_increasing
    assert table["same_channels"].is_monotonic_decreasing
    assert table["mem_access"].iloc[0] == table["same_channels"].iloc[0]


def test_theory_is_what_is_counted():
    for guideline in (1, 2):
        for variant in experiment(guideline, "GPU").variants:
            c1, c2 = variant.spec.input_channels, variant.spec.rows[0].channels
            groups = variant.spec.rows[0].groups
            total = costmodel.count(variant.graph).total
            layers = 20 if guideline == 1 else 10
            assert total.mem_access_paper == layers * theory.mem_access(c1, c2, HW, groups)
            assert total.mem_access_paper >= layers * theory.lower_bound(total.mult_adds / layers, HW) * (1 - 1e-12)


def test_g4_shares_add_to_one_and_elementwise_work_is_little_of_the_operations():
    table = theory.g4(experiment(4, "GPU", 4))
    assert table.groupby("row")[["operations_share", "mem_access_share"]].sum().to_numpy() == pytest.approx(1)
    full = table[(table["row"] == "ReLU yes, short-cut yes") & (table["kind"] != "convolution")]
    assert full["operations_share"].sum() < 0.06
    assert full["mem_access_share"].sum() > 0.5


# the command line


@pytest.mark.slow
def test_command_line(capsys, tmp_path):
    path = tmp_path / "g2.csv"
    assert (
        main(["lab", "g2", "--channels", "8", "--resolution", "7", "--seconds", "5", "--json", "--csv", str(path)]) == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert (result["guideline"], result["kind"], result["compared"]) == (2, "own", 3)
    assert [row["row"] for row in result["rows"]] == ["g = 1", "g = 2", "g = 4", "g = 8"]
    assert result["rows"][0]["measured"] == 1
    assert len(record.read(path.read_text())) == 4
    assert main(["lab", "g4", "--channels", "8", "--resolution", "7", "--seconds", "5"]) == 0
    assert "the paper's direction (ARM, c=32) agrees in " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch", "0"], "lab: batch: found 0; allowed: a whole number from 1 to 64"),
        (["--device", "abacus"], "lab: device 'abacus' is not there"),
        (["--channels", "1024"], "lab: 66 G multiply-adds per call; allowed: up to 20 G. Take fewer channels"),
        (["--repeat", "0"], "lab: repeat: found 0; allowed: a whole number from 1 to 9"),
        (["--seconds", "0.001"], "lab: one call of each takes .* take fewer channels"),
    ],
)
def test_bad_options_are_one_line(capsys, options, message):
    assert main(["lab", "g1", *options]) == 2
    assert re.search(message, capsys.readouterr().err)
