"""The public counters by name: what each reports for a node of the exported module, and why.

Everything is for one image in inference. What a tool does not see has a rule of 0. `reconcile` applies the rules.
"""

from __future__ import annotations

from costmodel.counting.hooked_tools import PTFLOPS_PYTORCH, THOP, TORCHINFO
from costmodel.counting.rule import FlatMean, Rule, Tool
from costmodel.counting.traced_tools import FLOP_COUNTER_MODE, FVCORE, PTFLOPS_ATEN

__all__ = ["TOOLS", "FlatMean", "Rule", "Tool"]

TOOLS: dict[str, Tool] = {
    "fvcore": FVCORE,
    "FlopCounterMode": FLOP_COUNTER_MODE,
    "ptflops (aten)": PTFLOPS_ATEN,
    "ptflops (pytorch)": PTFLOPS_PYTORCH,
    "THOP": THOP,
    "torchinfo": TORCHINFO,
}
"""The tools by name, in the order of the reports."""
