"""Which networks to time on a new device: an order whose first k are a good choice for every k.

Greedy D-optimal design: each next network is the one about whose latency the timed ones say least, weighed by how much
it would tell of the device's terms. Nothing is timed here.
"""

from __future__ import annotations

import numpy as np

from archs.caching import cached
from costmodel.devices import priors
from costmodel.devices.fitting import NOISE
from costmodel.devices.tables import NetworkTiming, timed

CANDIDATES: tuple[tuple[str, tuple[tuple[str, object], ...]], ...] = tuple(
    (name, tuple(knobs.items()))
    for name, choices in {
        "mobilenet_v1": [{"width": w, "resolution": r} for w in (0.25, 0.5, 1.0) for r in (128, 224)],
        "mobilenet_v2": [{"width": w, "resolution": r} for w in (0.35, 0.75, 1.4) for r in (96, 160, 224)],
        "shufflenet_v1": [{"width": w, "groups": g} for w in (0.5, 1.0, 2.0) for g in (1, 3, 8)],
        "shufflenet_v2": [{"width": w, "resolution": r} for w in (0.5, 1.0, 2.0) for r in (160, 224)],
        "mobilenet_v3_large": [{"width": w, "resolution": r} for w in (0.5, 1.0) for r in (128, 224)],
        "mobilenet_v3_small": [{"width": w, "resolution": r} for w in (0.35, 1.0) for r in (96, 224)],
        "mnasnet_a1": [{"width": w, "resolution": r} for w in (0.5, 1.0) for r in (128, 224)],
        "resnet50": [{"width": w, "resolution": r} for w in (0.25, 0.5) for r in (128, 224)],
    }.items()
    for knobs in choices
)
"""Catalogue networks that take from a millisecond to a second on a phone."""


@cached(None, "an optimal design per kind of device, which takes seconds")
def order(kind: str = "cpu") -> tuple[NetworkTiming, ...]:
    """All candidates, the most telling first; their latencies are 0, as nobody has timed them."""
    rows = [NetworkTiming(name, knobs, 1, 1.0, "") for name, knobs in CANDIDATES]
    arrays = timed(rows, fused=True, kind=kind)
    prior = priors.shipped(kind)
    shares = arrays.terms / prior.reference
    shares = shares / (shares @ prior.mean)[:, None]  # relative to what the mean device takes: errors are relative
    covariance = np.diag(prior.spread**2)
    left, found = list(range(len(rows))), []
    while left:
        gains = np.einsum("ij,jk,ik->i", shares[left], covariance, shares[left])
        best = left[int(gains.argmax())]
        left.remove(best)
        found.append(rows[best])
        seen = covariance @ shares[best]
        covariance = covariance - np.outer(seen, seen) / (shares[best] @ seen + NOISE**2)
    return tuple(found)
