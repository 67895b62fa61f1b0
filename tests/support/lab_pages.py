"""The lab's pages without a browser: shown, with a run of made-up times, and what they say."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest
from support.lab_runs import run_of

from explorer.lab import record
from explorer.lab.experiment import experiment
from explorer.lab.run import Run
from explorer.lab.verdict import compare
from explorer.page.widgets.messages import JOINER


def show(script: str) -> AppTest:
    return clean(AppTest.from_string(script, default_timeout=60).run())


def guideline(number: int) -> AppTest:
    return show(f"from explorer.page.lab import guideline\nguideline.render({number})")


def clean(at: AppTest) -> AppTest:
    assert not at.exception
    assert not at.error
    return at


def steps(at: AppTest) -> list[str]:
    return [heading.value for heading in at.subheader]


def said(at: AppTest) -> str:
    """The page's Markdown as a reader sees it: without what `messages.literal` puts in."""
    text = "\n".join(text.value for text in at.markdown)
    return re.sub(r"\\([\\`*_\[\]<>|~$&#])", r"\1", text).replace(JOINER, "")


def fake(made, factors) -> Run:
    rounds = tuple(tuple(f * (1 + turn / 10) for f in factors) for turn in range(7))
    return run_of(
        [v.row for v in made.variants], rounds, environment={"processor": "a machine", "threads": 1}, seconds=3.0
    )


def measured(number: int, factors) -> AppTest:
    """A guideline's page after a run of these times."""
    at = guideline(number)
    made = experiment(number)
    key = (tuple(v.spec for v in made.variants), made.settings)
    at.session_state["lab orders"] = {number: [v.row for v in made.variants]}
    at.session_state["lab runs"] = {key: fake(made, factors)}
    return clean(at.run())


def result(number: int, machine: str) -> str:
    made = experiment(number)
    run = fake(made, [1 + 0.1 * row for row in range(len(made.variants))])
    return record.to_csv(made, run, compare(made, run), machine)
