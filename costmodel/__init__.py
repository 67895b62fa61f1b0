"""What a network costs: counts, what other counters say, fragmentation, milliseconds. Networks are in `archs`."""

from costmodel.counts import CONVENTION, Convention, Counts, NetworkCounts, count
from costmodel.errors import CostError
from costmodel.fragmentation import BlockFragmentation, Fragmentation, fragmentation
from costmodel.reconcile import FvcoreRun, Report, Term, reconcile, run_fvcore, table

__all__ = [
    "CONVENTION",
    "BlockFragmentation",
    "Convention",
    "CostError",
    "Counts",
    "Fragmentation",
    "FvcoreRun",
    "NetworkCounts",
    "Report",
    "Term",
    "count",
    "fragmentation",
    "reconcile",
    "run_fvcore",
    "table",
]
