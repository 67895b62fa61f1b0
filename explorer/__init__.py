"""What you can do with a network's costs. Networks are in `archs`, costs in `costmodel`.

estimate, diff, advise, pareto and sweep are functions for Python and notebooks; `explorer.figures` draws their tables.
The page starts with `streamlit run app.py`, the command line with `python -m explorer`.
"""

from explorer.front_door import advise, diff, estimate, pareto, sweep

__all__ = ["advise", "diff", "estimate", "pareto", "sweep"]
