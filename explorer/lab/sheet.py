"""The class sheet: a page to hand out, and apart from it a page of answers from this machine. HTML that prints on A4.

One file with both would give the answers away. Neither has scripts, fonts or pictures from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from explorer.lab.experiment import Experiment
from explorer.lab.text import CLAIMS
from explorer.lab.verdict import counted, found, others

if TYPE_CHECKING:
    import pandas

STYLE = """
@page { size: A4; margin: 13mm 14mm; }
* { box-sizing: border-box; }
body { font: 10.5pt/1.38 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #111; background: #fff;
       margin: 0 auto; max-width: 182mm; }
h1 { font-size: 15pt; margin: 0 0 1mm; } h2 { font-size: 11.5pt; margin: 4.5mm 0 1mm; } p { margin: 1mm 0; }
.name { float: right; } .quiet { color: #555; font-size: 9pt; }
table { border-collapse: collapse; width: 100%; margin: 1.5mm 0; font-size: 9.2pt; }
th, td { border: 0.3mm solid #999; padding: 0.8mm 1.6mm; text-align: right; } th { background: #eee; font-weight: 600; }
th:first-child, td:first-child { text-align: left; } td.blank { min-width: 17mm; }
section { break-inside: avoid; } section.turn { break-before: page; }
.line { border-bottom: 0.3mm solid #999; height: 6.5mm; }
"""


def questions(experiments: Sequence[Experiment]) -> str:
    """The sheet to hand out: per guideline the claim, the variants to order, and what to think about. Two pages."""
    parts = ["<h1>Four guidelines, on your machine<span class=name>Name: ______________________</span></h1>"]
    parts.append(
        "<p class=quiet>After ShuffleNet V2 (Ma et al. 2018, arXiv:1807.11164). Order before you measure: 1 is the "
        "fastest. All variants of a table do the same multiply-adds, as far as whole channels go.</p>"
    )
    for number, experiment in enumerate(experiments):
        claim = CLAIMS[experiment.guideline]
        head = ("variant", "channels", "off equal FLOPs", "MAC, elements", "my order", "time here", "order here")
        rows = [
            [
                row["row"],
                row["channels"],
                f"{row['flops_error']:+.1%}",
                f"{row['mem_access']:,}",
                *("<blank>",) * 3,
            ]
            for row in experiment.table.to_dict("records")
        ]
        turn = " class=turn" if number == 2 else ""
        parts.append(f"<section{turn}><h2>G{experiment.guideline}. {escape(claim.title)}</h2>")
        parts.append(f"<p>{escape(claim.sentence)} <b>{escape(claim.plain_formula)}</b></p>")
        parts.append(_table(head, rows))
        for question in claim.questions:
            parts.append(f"<p>{escape(question)}</p><div class=line></div><div class=line></div>")
        parts.append("</section>")
    return _document("Four guidelines: questions", parts)


def answers(results: Sequence[tuple[Experiment, pandas.DataFrame]], machine: str) -> str:
    """This machine's answers: the paper's columns, the prediction and the measurement, with a verdict per row."""
    parts = [f"<h1>Four guidelines: answers</h1><p class=quiet>Measured on {escape(machine)}. Times over the first "
             "row's; [ ] holds the median of this run with at least 90 %.</p>"]  # fmt: skip
    for number, (experiment, table) in enumerate(results):
        claim = CLAIMS[experiment.guideline]
        head = ("variant", "channels", "paper, GPU", "paper, ARM", "predicted", "measured", "verdict")
        rows = [
            [
                row["row"],
                row["channels"],
                *(_ratio(row[column]) for column in ("paper_GPU", "paper_ARM", "predicted")),
                f"{_ratio(row['measured'])} [{_ratio(row['low'])}, {_ratio(row['high'])}]",
                row["verdict"],
            ]
            for row in table.to_dict("records")
        ]
        said = counted(*found(table), others(table))
        turn = " class=turn" if number == 2 else ""
        parts.append(f"<section{turn}><h2>G{experiment.guideline}. {escape(claim.title)}</h2>")
        settings = experiment.settings
        parts.append(
            f"<p class=quiet>{experiment.platform} column {escape(experiment.column)}, {experiment.kind} channels, "
            f"batch {settings.batch}, {settings.threads} thread(s), {settings.layout}. The paper's direction "
            f"{escape(said)}.</p>"
        )
        parts.append(_table(head, rows))
        for question, answer in zip(claim.questions, claim.answers):
            parts.append(f"<p><b>{escape(question)}</b> {escape(answer)}</p>")
        parts.append("</section>")
    return _document("Four guidelines: answers", parts)


def _ratio(value: float) -> str:
    return "–" if value != value else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["<table><thead><tr>", *(f"<th>{escape(cell)}</th>" for cell in head), "</tr></thead><tbody>"]
    for row in rows:
        cells = ["<td class=blank></td>" if cell == "<blank>" else f"<td>{escape(str(cell))}</td>" for cell in row]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "".join([*lines, "</tbody></table>"])


def _document(title: str, parts: Sequence[str]) -> str:
    head = f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{escape(title)}</title>"
    return f"{head}<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
