"""What a network costs: counts, what other counters report, fragmentation, milliseconds. Networks are in `archs`.

profile(network, input_shape) counts and predicts at once. Every network may be a name, a Spec, a Graph or a module.
Counts, by CONVENTION: count, count_many, fragmentation; of other tools: reconcile, table, run_fvcore.
Milliseconds: predict, predict_many; measure on this machine. Devices: profiles() lists the shipped ones, load_profile
reads one, calibrate times this machine, fit_device takes a list of timings.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from archs.guessed_words import OF_COSTMODEL as _OF_COSTMODEL
from archs.guidance import module_attribute as _module_attribute
from costmodel.calibration.pipeline import calibrate
from costmodel.counting.bulk import count_many
from costmodel.counting.convention import CONVENTION, Convention
from costmodel.counting.counts import Counts, NetworkCounts, count
from costmodel.counting.fragmentation import BlockFragmentation, Fragmentation, fragmentation
from costmodel.counting.reconcile import FvcoreRun, Report, Term, reconcile, run_fvcore, table
from costmodel.devices.load import register as _register_devices
from costmodel.devices.profile import WholeNetworkProfile
from costmodel.devices.user import fit_device
from costmodel.errors import CostError
from costmodel.front_door import NetworkProfile, profile, profiles
from costmodel.latency.bulk import predict_many
from costmodel.latency.prediction import Prediction
from costmodel.latency.predictor import predict
from costmodel.latency.profile import DeviceProfile, load_profile
from costmodel.onnx_runtime.profile import register as _register_onnx_runtime
from costmodel.timing.stopwatch import measure

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
    "NetworkProfile",
    "Prediction",
    "Report",
    "Term",
    "WholeNetworkProfile",
    "calibrate",
    "count",
    "count_many",
    "fit_device",
    "fragmentation",
    "load_profile",
    "measure",
    "predict",
    "predict_many",
    "profile",
    "profiles",
    "reconcile",
    "run_fvcore",
    "table",
]

_register_devices()
_register_onnx_runtime()

if not _TYPE_CHECKING:  # a type checker knows the names
    __getattr__ = _module_attribute("costmodel", __all__, _OF_COSTMODEL)
