"""What devices have in common: the prior on the weights of a device that few networks were timed on.

`data/prior.json` holds it for each kind of device, made by `python -m costmodel.devices.ship` from all published
tables; `without` leaves a device out, for honest errors on a new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

import archs
from archs.caching import cached
from costmodel.devices import terms
from costmodel.devices.fitting import Array, Prior, Timed, prior_of, weights_of
from costmodel.devices.networks import DATA

PATH = DATA / "prior.json"
MIN_ROWS = 8  # a device of fewer networks says little about its weights
LEAST = {"group_starts": 10.0, "grouped_mult_adds": 1e7}
"""Terms that few networks have, in the mean network by which weights become shares."""


@cached(2, "constants of the catalogue, per processor")
def reference(processor: str) -> Array:
    """The terms of a mean network of the catalogue; 1 for those that the processor has no use for."""
    graphs = [archs.fold_batchnorm(archs.build(archs.spec(name))) for name in archs.names()]
    mean = np.mean([terms.of_network(graph, True, 1, processor) for graph in graphs], axis=0)
    return np.maximum(mean, [LEAST.get(name, 1.0) for name in terms.TERMS])


def flat(processor: str) -> Prior:
    """Nothing known: every term that the processor has takes an equal share, give or take all of it."""
    unused = {"cpu": {"calls"}, "gpu": {"convolution_columns"}}[processor]
    used = np.array([name not in unused for name in terms.TERMS])
    return Prior(reference(processor), used / used.sum(), np.ones(len(used)))


def learned(devices: Mapping[str, tuple[str, Timed]]) -> dict[str, Prior]:
    """Kind → prior, from devices as key → (kind, timed networks)."""
    found = {}
    for kind in ("cpu", "gpu"):
        rows = [timed for of, timed in devices.values() if terms.PROCESSORS[of] == kind and len(timed) >= MIN_ROWS]
        known = flat(kind)
        first = prior_of([weights_of(timed, known) for timed in rows], known.reference)
        loose = Prior(known.reference, 0.5 * (first.mean + known.mean), np.maximum(first.spread, 0.1))
        found[kind] = prior_of([weights_of(timed, loose) for timed in rows], known.reference)
    return found


def to_json(priors: Mapping[str, Prior]) -> str:
    """The text of `data/prior.json`."""
    data = {
        kind: {
            name: [round(float(mean), 5), round(float(spread), 5)]
            for name, mean, spread in zip(terms.TERMS, prior.mean, prior.spread)
        }
        for kind, prior in priors.items()
    }
    return json.dumps(data, indent=1) + "\n"


@cached(None, "a file of the package, per kind of device")
def shipped(kind: str) -> Prior:
    """The prior of a kind of device."""
    data = json.loads(PATH.read_text(encoding="utf-8"))[terms.PROCESSORS[kind]]
    mean, spread = np.array([data[name] for name in terms.TERMS]).T
    return Prior(reference(terms.PROCESSORS[kind]), mean, spread)
