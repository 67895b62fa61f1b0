"""What a network costs: counts, what other counters say, fragmentation, milliseconds. Networks are in `archs`."""

from costmodel.calibrate import calibrate
from costmodel.counts import CONVENTION, Convention, Counts, NetworkCounts, count
from costmodel.errors import CostError
from costmodel.fragmentation import BlockFragmentation, Fragmentation, fragmentation
from costmodel.latency import Prediction, predict
from costmodel.measure import measure
from costmodel.profile import DeviceProfile, load_profile
from costmodel.reconcile import FvcoreRun, Report, Term, reconcile, run_fvcore, table

__all__ = [
    "CONVENTION",
    "BlockFragmentation",
    "Convention",
    "CostError",
    "Counts",
    "DeviceProfile",
    "Fragmentation",
    "FvcoreRun",
    "NetworkCounts",
    "Prediction",
    "Report",
    "Term",
    "calibrate",
    "count",
    "fragmentation",
    "load_profile",
    "measure",
    "predict",
    "reconcile",
    "run_fvcore",
    "table",
]
