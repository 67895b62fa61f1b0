"""The lab's pages as the navigation lists them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps

import streamlit as st

from explorer.lab.experiment import GUIDELINES
from explorer.page.lab import classroom, guideline, held, keeper, lessons_conv, lessons_relu, lessons_v3, own

LESSONS: dict[str, Callable[[], None]] = {
    "separable": lessons_conv.separable,
    "multipliers": lessons_conv.multipliers,
    "shuffle": lessons_conv.shuffle,
    "relu": lessons_relu.manifold,
    "residual": lessons_relu.residual,
    "last_stage": lessons_v3.last_stage,
    "swish": lessons_v3.swish,
    "squeeze": lessons_v3.squeeze,
}
"""URL path → lesson, in the article's order."""

SHORT = {1: "equal widths", 2: "groups", 3: "fragments", 4: "element-wise"}


def kept(render: Callable[[], None]) -> Callable[[], None]:
    """The page, and what it has measured given to the browser to keep."""

    @wraps(render)
    def drawn() -> None:
        render()
        keeper.keep()

    return drawn


def navigation() -> dict[str, list[st.Page]]:
    """Section → pages, for st.navigation."""
    guidelines = [
        st.Page(kept(partial(guideline.render, number)), title=f"G{number}: {SHORT[number]}", url_path=f"g{number}")
        for number in GUIDELINES
    ]
    lab = [
        *guidelines,
        st.Page(kept(held.render), title="What held here", url_path="held"),
        st.Page(kept(own.render), title="Design your own", url_path="own"),
        st.Page(kept(classroom.render), title="For the teacher", url_path="class"),
    ]
    lessons = [st.Page(kept(render), title=render.title, url_path=path) for path, render in LESSONS.items()]
    return {"Guideline lab": lab, "Lessons": lessons}
