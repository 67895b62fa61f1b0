"""The pages of the lab for the navigation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from explorer.lab.experiment import GUIDELINES
from explorer.page.lab import all_guidelines, browser_storage, classroom, controls, design, guideline
from explorer.page.lab.lessons import conv, relu, search, v3
from explorer.page.lab.lessons.lesson import Lesson
from explorer.page.state.session import guard
from explorer.page.widgets import chart

LESSONS: dict[str, Lesson] = {
    "separable": conv.separable,
    "multipliers": conv.multipliers,
    "shuffle": conv.shuffle,
    "relu": relu.manifold,
    "residual": relu.residual,
    "last_stage": v3.last_stage,
    "swish": v3.swish,
    "squeeze": v3.squeeze,
    "blockwise": search.blockwise,
    "layerwise": search.layerwise,
}
"""URL path → lesson, in the article's order."""

LISTED = "lab pages"
"""Session state: guidelines and lessons in the order of reading."""
LARGE_TEXT = """<style>
.stMain :is(p, li, .legend, .katex-display, .short table) { font-size: 1.35rem; }
.stMain :is(p, li) code { font-size: inherit; }
.stMain [data-testid="stFileUploaderDropzone"] span { font-size: 1.35rem; }
.stMain .short { max-height: none; }
.stMain { --saver-text: 1.35rem; }
.stMain :is(.press, input) { font-size: 1.35rem; }
.stMain .stTooltipIcon button { min-width: 1.6rem; min-height: 1.6rem; }
.stMain .stSlider [data-testid="stSliderThumbValue"] p { font-size: 1rem; }
.stMain .st-key-class-code p { font-size: 4.5rem; line-height: 1.2; }
.stMain h1 { font-size: 3rem; }
.stMain h3 { font-size: 1.9rem; }
</style>"""
SHORT_TITLES = {1: "equal widths", 2: "groups", 3: "fragments", 4: "element-wise"}


def lab_page(render: Callable[[], None], title: str, path: str) -> StreamlitPage:
    """A page followed by links to its neighbours; its predictions and runs are saved in the browser."""

    @wraps(render)
    def page() -> None:
        controls.kept(chart.PRESENTATION, (False, True))  # before the figures, whose text depends on it
        render()
        with guard("The links"):
            _neighbours(path)
        browser_storage.save()

    return st.Page(page, title=title, url_path=path)


def _neighbours(path: str) -> None:
    """Links to the previous and the next guideline or lesson, and the presentation view."""
    listed: list[StreamlitPage] = st.session_state.get(LISTED, [])
    here = next((number for number, page in enumerate(listed) if page.url_path == path), None)
    st.divider()
    left, middle, right = st.columns([3, 2, 3], vertical_alignment="center")
    if here is not None and here > 0:
        left.page_link(listed[here - 1], label=f"Previous: {listed[here - 1].title}", icon=":material/arrow_back:")
    with middle:
        _presentation_view()
    if here is not None and here + 1 < len(listed):
        right.page_link(listed[here + 1], label=f"Next: {listed[here + 1].title}", icon=":material/arrow_forward:")


def navigation() -> dict[str, list[StreamlitPage]]:
    """Section → pages, for st.navigation."""
    guidelines = [
        lab_page(partial(guideline.render, number), f"G{number}: {SHORT_TITLES[number]}", f"g{number}")
        for number in GUIDELINES
    ]
    lab = [
        *guidelines,
        lab_page(all_guidelines.render, "All guidelines", "held"),
        lab_page(design.render, "Design your own", "own"),
        lab_page(classroom.render, "For the teacher", "class"),
    ]
    lessons = [lab_page(lesson.render, lesson.title, path) for path, lesson in LESSONS.items()]
    st.session_state[LISTED] = [*guidelines, *lessons]
    return {"Guideline lab": lab, "Lessons": lessons}


def _presentation_view() -> None:
    """The switch of the view for a projector; it holds for all pages of the lab."""
    on = st.toggle(
        "Presentation view",
        key=chart.PRESENTATION,
        persist_state="session",
        help="Larger text on the page, in charts and in tables, to be read from a distance.",
    )
    if on:
        st.html(LARGE_TEXT)
