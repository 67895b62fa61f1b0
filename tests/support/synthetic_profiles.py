"""A machine that is made up: what the physical base can hold exactly."""

import numpy as np

from costmodel.calibration.fit import fit
from costmodel.calibration.sample import networks
from costmodel.latency.features import features
from costmodel.latency.profile import DeviceProfile, Regime
from costmodel.networks.synthetic import made
from costmodel.timing.timing_records import Record

US_PER_START, US_PER_BYTE, US_PER_MULT_ADD = 5.0, 1e-4, 2e-5


def made_up(spec) -> Record:
    """Times are a straight line."""
    work = features(made(spec)).work
    weights = np.array([US_PER_START, US_PER_BYTE, US_PER_BYTE, US_PER_BYTE, US_PER_MULT_ADD])
    nodes = work @ weights
    return Record(spec, float(nodes.sum()), tuple(nodes.tolist()), 0.01, 9)


def fitted() -> DeviceProfile:
    sample = networks(3)
    records = [made_up(next(sample)[0]) for _ in range(60)]
    return fit(records[:45], records[45:], Regime(), "made up", {"device": "cpu"}, 1000.0, 1.0)
