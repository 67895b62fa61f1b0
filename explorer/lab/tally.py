"""Summary of all comparisons of a column: which ones agree with the paper's direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from explorer.lab.experiment import GUIDELINES, PLATFORMS, Experiment, experiment
from explorer.lab.published import printed, ratios
from explorer.lab.verdict import NOTHING, agreement, agreement_sentence, disagreeing_rows

if TYPE_CHECKING:
    import pandas

Measured = Sequence[tuple[Experiment, "pandas.DataFrame"]]
"""The measured experiments of one column with their comparisons."""


def column(platform: str, scale: int, exact: bool = False) -> list[Experiment]:
    """The four guidelines' experiments of one column."""
    return [experiment(guideline, platform, scale, exact) for guideline in GUIDELINES]


def comparisons(platform: str, scale: int) -> int:
    """Number of rows that the four tables compare with their first row: 13."""
    return sum(len(printed(guideline, platform, scale)) - 1 for guideline in GUIDELINES)


def sentence(platform: str, scale: int, measured: Measured) -> str:
    """`GPU, ×1: agrees in 10 of 13 comparisons (G1 1 of 3, …); too close to call: G1 c1:c2 = 1:2`."""
    if not measured:
        return f"{platform}, ×{scale}: none of the {comparisons(platform, scale)} comparisons is measured yet"
    rest: dict[str, list[str]] = {}
    counts = []
    for made, table in measured:
        counts.append((f"G{made.guideline}", *agreement(table)))
        for word, rows in disagreeing_rows(table).items():
            rest.setdefault(word, []).extend(f"G{made.guideline} {row}" for row in rows)
    compared = sum(count for *_, count in counts)
    text = agreement_sentence(sum(agree for _, agree, _ in counts), compared, {})
    text += f" ({', '.join(f'{name} {agree} of {count}' for name, agree, count in counts)})"
    for word, rows in rest.items():
        text += f"; {word}: {', '.join(rows)}"
    missing = comparisons(platform, scale) - compared
    return f"{platform}, ×{scale}: {text}" + (f"; {missing} not measured yet" if missing else "")


def table(scale: int, measured: Mapping[str, Measured]) -> pandas.DataFrame:
    """One row per comparison: the paper's ratio and the measured one, for each column. `measured` by platform."""
    import pandas

    found_here = {
        (platform, made.guideline, row["row"]): row
        for platform, runs in measured.items()
        for made, rows in runs
        for row in rows.to_dict("records")
    }
    lines = []
    for guideline in GUIDELINES:
        papers = {platform: ratios(guideline, platform, scale) for platform in PLATFORMS}
        for name in list(papers[PLATFORMS[0]])[1:]:
            line: dict[str, object] = {"guideline": f"G{guideline}", "row": name}
            for platform in PLATFORMS:
                row = found_here.get((platform, guideline, name))
                line[f"paper_{platform}"] = papers[platform][name].middle
                for column_ in ("measured", "low", "high", "verdict"):
                    unknown = NOTHING if column_ == "verdict" else float("nan")
                    line[f"{column_}_{platform}"] = row[column_] if row else unknown
            lines.append(line)
    return pandas.DataFrame(lines)
