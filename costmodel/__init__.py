"""What a network costs: counts, what other counters say, fragmentation, milliseconds. Networks are in `archs`."""

from costmodel.counts import CONVENTION, Convention, Counts, NetworkCounts, count
from costmodel.errors import CostError

__all__ = ["CONVENTION", "Convention", "CostError", "Counts", "NetworkCounts", "count"]
