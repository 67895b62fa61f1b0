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
KINDS = {"cpu": "cpu", "gpu": "gpu", "npu": "gpu"}
"""Which devices a prior is learned from: an accelerator behind a driver is nearer to a GPU than to a CPU."""
MIN_ROWS = 8  # a device of fewer networks says little about its weights
LEAST = {"group_starts": 10.0, "grouped_mult_adds": 1e7}
"""Terms that few networks have, in the mean network by which weights become shares."""


@cached(1, "constants of the catalogue")
def reference() -> Array:
    """The terms of a mean network of the catalogue."""
    graphs = [archs.fold_batchnorm(archs.build(archs.spec(name))) for name in archs.names()]
    mean = np.mean([terms.of_network(graph, True, 1) for graph in graphs], axis=0)
    return np.maximum(mean, [LEAST.get(name, 1.0) for name in terms.TERMS])


def flat() -> Prior:
    """Nothing known: every term an equal share, give or take all of it."""
    count = len(terms.TERMS)
    return Prior(reference(), np.full(count, 1 / count), np.ones(count))


def learned(devices: Mapping[str, tuple[str, Timed]]) -> dict[str, Prior]:
    """Kind → prior, from devices as key → (kind, timed networks)."""
    found = {}
    for kind in ("cpu", "gpu"):
        rows = [timed for of, timed in devices.values() if KINDS[of] == kind and len(timed) >= MIN_ROWS]
        first = prior_of([weights_of(timed, flat()) for timed in rows], reference())
        count = len(terms.TERMS)
        loose = Prior(reference(), 0.5 * first.mean + 0.5 / count, np.maximum(first.spread, 0.1))
        found[kind] = prior_of([weights_of(timed, loose) for timed in rows], reference())
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
    data = json.loads(PATH.read_text(encoding="utf-8"))[KINDS[kind]]
    mean, spread = np.array([data[name] for name in terms.TERMS]).T
    return Prior(reference(), mean, spread)
