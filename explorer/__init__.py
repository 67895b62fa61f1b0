"""What you can do with a network's costs. Networks are in `archs`, costs in `costmodel`.

estimate, diff, advise, pareto and sweep are functions for Python and notebooks. plot(value) draws a network, a result
of `costmodel`, a diff or a sweep; figures.scatter(table, cost) draws a sweep, its modules the page's other figures.
The page starts with `streamlit run app.py`, the command line with `python -m explorer`.
"""

from importlib import import_module
from types import ModuleType

from archs.guessed_words import OF_EXPLORER
from archs.guidance import module_attribute
from explorer.front_door import advise, diff, estimate, pareto, sweep
from explorer.plotting import plot

__all__ = ["advise", "diff", "estimate", "figures", "pareto", "plot", "sweep"]


def __getattr__(name: str) -> ModuleType:
    """`explorer.figures`, imported on first use: plotly takes longer than the rest."""
    if name != "figures":
        module_attribute("explorer", __all__, OF_EXPLORER)(name)
    for module in ("as_plotly", "charts", "diagram", "tradeoff"):
        import_module(f"explorer.figures.{module}")
    return import_module("explorer.figures")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
