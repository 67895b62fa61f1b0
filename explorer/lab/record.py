"""Results as CSV: written on one machine, read on another as untrusted input.

A file holds the experiment, the settings, the machine and the times of each row. Every cell is validated on reading.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archs.file_text import decoded, separated
from explorer.data.plain_text import plain
from explorer.errors import LabError
from explorer.lab.experiment import GUIDELINES, LAYOUTS, PLATFORMS, SCALES, Experiment
from explorer.lab.published import printed
from explorer.lab.run import Run
from explorer.lab.verdict import AGREES, BASE, CLOSE, DIFFERS, NOISY

if TYPE_CHECKING:
    import pandas

VERSION = "lab/1"
MAX_TEXT = 200_000  # characters of one file or paste; a run of four guidelines has under 6,000
MAX_ROWS = 600
ORIGIN = "upload the CSV file that a guideline's page gives"
COLUMNS = (
    "format", "machine", "guideline", "platform", "scale", "kind", "row", "channels", "resolution", "batch", "threads",
    "layout", "device", "processor", "torch", "date", "flops_error", "time_ms", "ratio", "low", "high", "verdict",
)  # fmt: skip
VERDICTS = (AGREES, DIFFERS, CLOSE, NOISY, BASE, "slower", "faster")
KINDS = ("paper", "exact", "own")


def to_csv(experiment: Experiment, run: Run, table: pandas.DataFrame, machine: str = "") -> str:
    """The CSV of a run. `table` is its comparison; `machine` is the name given by its owner."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    settings, where = experiment.settings, run.environment
    for number, row in enumerate(table.to_dict("records")):
        writer.writerow(
            [
                VERSION,
                plain(machine or where.get("processor", "")),
                experiment.guideline,
                experiment.platform,
                experiment.scale,
                experiment.kind,
                plain(row["row"]),
                row["channels"],
                experiment.variants[number].spec.resolution,
                settings.batch,
                settings.threads,
                settings.layout,
                plain(where.get("device", settings.device)),
                plain(where.get("processor", "")),
                plain(where.get("torch", "")),
                plain(where.get("date", "")),
                f"{row['flops_error']:.5f}",
                *(f"{row[name]:.5g}" for name in ("time_ms", "measured", "low", "high")),
                row["verdict"],
            ]
        )
    return out.getvalue()


def read(content: str | bytes, name: str = "the text") -> pandas.DataFrame:
    """The rows of a CSV written by `to_csv`, or of several concatenated ones.

    A spreadsheet may have saved it with semicolons or tabs, and then with decimal commas. Raises LabError with file
    name and line for any other content.
    """
    import pandas

    name = plain(name) or "the text"
    try:
        text = decoded(content) if isinstance(content, bytes) else content.lstrip("\ufeff")
    except ValueError:
        raise LabError(f"{name}: no text; {ORIGIN}") from None
    if len(text) > MAX_TEXT:
        raise LabError(f"{name}: {len(text):,} characters; allowed: up to {MAX_TEXT:,}")
    rows: list[dict[str, object]] = []
    headed = False
    try:
        text, separator = separated(text, ",;\t")
        for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=separator), 1):
            if not any(cell.strip() for cell in cells):
                continue
            if tuple(cells) == COLUMNS:
                headed = True
                continue
            if not headed:
                first = f"{_found(separator.join(cells))}; allowed: {','.join(COLUMNS[:5])},…"
                raise LabError(f"{name}: not a result of this lab: first line: {first}; {ORIGIN}")
            if len(rows) == MAX_ROWS:
                raise LabError(f"{name}: over {MAX_ROWS} rows; allowed: up to {MAX_ROWS} in a file")
            rows.append(_row(cells, f"{name}, line {number}", separator))
    except csv.Error as error:
        raise LabError(f"{name}: not a CSV file ({error})") from None
    if not rows:
        raise LabError(f"{name}: no results in it; {ORIGIN}")
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def _row(cells: list[str], where: str, separator: str) -> dict[str, object]:
    if len(cells) != len(COLUMNS):
        raise LabError(f"{where}: found {len(cells)} columns; allowed: {len(COLUMNS)}")
    row: dict[str, object] = dict(zip(COLUMNS, cells))
    _one_of(row, "format", (VERSION,), where)
    for column, allowed in (("guideline", (0, *GUIDELINES)), ("scale", SCALES)):
        _number(row, column, int, 0, 8, where)
        _one_of(row, column, allowed, where)
    for column, high in (("resolution", 4096), ("batch", 4096), ("threads", 4096)):
        _number(row, column, int, 1, high, where)
    for column in ("flops_error", "time_ms", "ratio", "low", "high") if separator != "," else ():
        row[column] = str(row[column]).replace(",", ".")
    for column in ("time_ms", "ratio", "low", "high"):
        _number(row, column, float, 1e-6, 1e6, where)
    _number(row, "flops_error", float, -1, 100, where)
    for column, words in (("platform", PLATFORMS), ("kind", KINDS), ("layout", LAYOUTS), ("verdict", VERDICTS)):
        _one_of(row, column, words, where)
    if row["guideline"]:
        names = tuple(plain(cell.row) for cell in printed(int(str(row["guideline"])), str(row["platform"]), 1))
        _one_of(row, "row", names, where)
    if not float(str(row["low"])) <= float(str(row["ratio"])) <= float(str(row["high"])):
        raise LabError(f"{where}: ratio {row['ratio']} lies outside of its interval")
    for column in ("machine", "row", "channels", "device", "processor", "torch", "date"):
        row[column] = plain(row[column])
    return row


def _found(text: object) -> str:
    """What was found, as plain text; a sign at its begin stays, because the text does not begin with it."""
    return plain(f"found {text}") if str(text).strip() else "the cell is empty"


def _number(row: dict[str, object], column: str, kind: type, low: float, high: float, where: str) -> None:
    try:
        value = kind(str(row[column]))
    except ValueError:
        value = float("nan")
    if not low <= value <= high:  # also refuses nan and infinity
        raise LabError(f"{where}: {column}: {_found(row[column])}; allowed: a number from {low:g} to {high:g}")
    row[column] = value


def _one_of(row: dict[str, object], column: str, allowed: tuple, where: str) -> None:
    if row[column] not in allowed:
        raise LabError(f"{where}: {column}: {_found(row[column])}; allowed: {', '.join(map(str, allowed))}")


def collect(files: Sequence[tuple[str, str | bytes]]) -> tuple[pandas.DataFrame, list[str]]:
    """(all runs, a message per invalid file). Duplicate runs count once."""
    import pandas

    tables, problems = [], []
    for name, content in files:
        try:
            tables.append(read(content, name))
        except LabError as error:
            problems.append(str(error))
    if not tables:
        return pandas.DataFrame(columns=list(COLUMNS)), problems
    return pandas.concat(tables, ignore_index=True).drop_duplicates(ignore_index=True), problems


def summary(runs: pandas.DataFrame) -> pandas.DataFrame:
    """One row per row of an experiment: number of machines, spread of the ratios, numbers that agree and differ."""
    import pandas

    keys = ["guideline", "platform", "scale", "kind", "row"]
    compared = runs[runs["verdict"] != BASE]
    found = []
    for values, group in compared.groupby(keys, sort=False):
        verdicts = list(group["verdict"])
        found.append(
            {
                **dict(zip(keys, values)),
                "machines": group["machine"].nunique(),
                "runs": len(group),
                "smallest": group["ratio"].min(),
                "median": group["ratio"].median(),
                "largest": group["ratio"].max(),
                "agree": verdicts.count(AGREES),
                "differ": verdicts.count(DIFFERS),
            }
        )
    columns = [*keys, "machines", "runs", "smallest", "median", "largest", "agree", "differ"]
    return pandas.DataFrame(found, columns=columns)


def per_machine(runs: pandas.DataFrame) -> pandas.DataFrame:
    """One row per machine and column of the paper: number of agreeing comparisons, and the rows that differ."""
    import pandas

    keys = ["machine", "platform", "scale", "kind"]
    compared = runs[(runs["verdict"] != BASE) & (runs["guideline"] != 0)]
    # of several runs on one machine the last counts
    compared = compared.drop_duplicates([*keys, "guideline", "row"], keep="last")
    found = []
    for values, group in compared.groupby(keys, sort=False):
        named = "G" + group["guideline"].astype(str) + " " + group["row"]
        verdicts = group["verdict"]
        found.append(
            {
                **dict(zip(keys, values)),
                "agrees": f"{(verdicts == AGREES).sum()} of {len(group)}",
                "differs": ", ".join(named[verdicts == DIFFERS]),
                "too close or noisy": ", ".join(named[verdicts.isin((CLOSE, NOISY))]),
            }
        )
    return pandas.DataFrame(found, columns=[*keys, "agrees", "differs", "too close or noisy"])
