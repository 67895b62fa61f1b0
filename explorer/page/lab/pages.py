"""The pages of the lab for the navigation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps

import streamlit as st

from explorer.lab.experiment import GUIDELINES
from explorer.page.lab import (
    all_guidelines,
    browser_storage,
    classroom,
    design,
    guideline,
    lessons_conv,
    lessons_relu,
    lessons_v3,
)
from explorer.page.lab.lesson import Lesson

LESSONS: dict[str, Lesson] = {
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

SHORT_TITLES = {1: "equal widths", 2: "groups", 3: "fragments", 4: "element-wise"}


def with_storage(render: Callable[[], None]) -> Callable[[], None]:
    """The page, followed by saving its orders and runs in the browser."""

    @wraps(render)
    def page() -> None:
        render()
        browser_storage.save()

    return page


def navigation() -> dict[str, list[st.Page]]:
    """Section → pages, for st.navigation."""
    guidelines = [
        st.Page(
            with_storage(partial(guideline.render, number)),
            title=f"G{number}: {SHORT_TITLES[number]}",
            url_path=f"g{number}",
        )
        for number in GUIDELINES
    ]
    lab = [
        *guidelines,
        st.Page(with_storage(all_guidelines.render), title="What held here", url_path="held"),
        st.Page(with_storage(design.render), title="Design your own", url_path="own"),
        st.Page(with_storage(classroom.render), title="For the teacher", url_path="class"),
    ]
    lessons = [
        st.Page(with_storage(lesson.render), title=lesson.title, url_path=path) for path, lesson in LESSONS.items()
    ]
    return {"Guideline lab": lab, "Lessons": lessons}
