"""The class sheet: a page of questions to hand out and a page of answers from this machine. HTML that prints on A4.

The layout is in `sheet.html.jinja`; this module supplies its values. Two files, so that the questions hold no answers.
Neither loads scripts, fonts or images.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from archs.caching import cached
from explorer.data.metrics import percent, quantity
from explorer.lab.experiment import Experiment
from explorer.lab.text import CLAIMS
from explorer.lab.verdict import agreement, agreement_sentence, disagreeing_rows

if TYPE_CHECKING:
    import jinja2
    import pandas

TEMPLATE = "sheet.html.jinja"
QUESTIONS_HEAD = ("variant", "channels", "FLOPs difference", "MAC, elements", "my order", "time here", "order here")
ANSWERS_HEAD = ("variant", "channels", "paper, GPU", "paper, ARM", "predicted", "measured", "verdict")
BLANK = None
"""A cell to write into."""


def questions(experiments: Sequence[Experiment]) -> str:
    """The sheet to hand out, two pages: per guideline the claim, the variants to order, and questions."""
    sections = [
        {
            **_claim(experiment),
            "rows": [
                [
                    row["row"],
                    row["channels"],
                    percent(row["flops_error"], 1, "+"),
                    f"{row['mem_access']:,}",
                    *(BLANK,) * 3,
                ]
                for row in _shuffled(experiment)
            ],
        }
        for experiment in experiments
    ]
    return _render("Four guidelines: questions", QUESTIONS_HEAD, sections, None)


def _shuffled(experiment: Experiment) -> list[dict[Hashable, Any]]:
    """The rows in a fixed order that is not that of the table: the table's is often the answer."""
    rows = experiment.table.to_dict("records")
    random.Random(experiment.guideline).shuffle(rows)
    return rows


def answers(results: Sequence[tuple[Experiment, pandas.DataFrame]], machine: str) -> str:
    """The answers of `machine`: the paper's columns, the prediction and the measurement, with a verdict per row."""
    sections = []
    for experiment, table in results:
        settings = experiment.settings
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
        sections.append(
            {
                **_claim(experiment),
                "rows": rows,
                "settings": f"{experiment.platform} column {experiment.column}, {experiment.kind} channels, batch "
                f"{settings.batch}, {quantity(settings.threads, 'thread')}, {settings.layout}.",
                "agreement": agreement_sentence(*agreement(table), disagreeing_rows(table)),
            }
        )
    return _render("Four guidelines: answers", ANSWERS_HEAD, sections, machine)


def _claim(experiment: Experiment) -> dict[str, object]:
    claim = CLAIMS[experiment.guideline]
    return {
        "guideline": experiment.guideline,
        "claim": claim,
        "questions": list(zip(claim.questions, claim.answers)),
    }


def _ratio(value: float) -> str:
    return "–" if value != value else f"{value:.2f}"


def _render(title: str, head: Sequence[str], sections: list[dict[str, object]], machine: str | None) -> str:
    return _template().render(title=title, head=head, sections=sections, machine=machine)


@cached(1, "one template")
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("explorer.lab", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(TEMPLATE)
