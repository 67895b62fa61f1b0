"""`python -m costmodel.devices.ship`: fit every published device, write the good profiles, list the others.

A device's prior is learned from all other devices, so that its errors are those of a device that nobody knew.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable

from archs.caching import cached
from costmodel.devices import priors
from costmodel.devices.build import profile_of
from costmodel.devices.few_shots import few_shots, save
from costmodel.devices.fitting import Prior, Timed
from costmodel.devices.load import SHIPPED
from costmodel.devices.networks import DATA
from costmodel.devices.tables import Device, devices, timed, timings
from costmodel.devices.terms import PROCESSORS
from costmodel.errors import CostError

WORST_PCT = 15.0
"""The largest leave-one-out error of a profile that is shipped."""
REFUSED = DATA / "refused.csv"


@cached(1, "each device is fitted against all others")
def all_timed() -> dict[str, tuple[str, Timed]]:
    """Every published device: key → (kind, timed networks)."""
    return {key: (of.kind, timed(timings(key), of.fused, of.kind)) for key, of in devices().items()}


@cached(None, "the runs of one device share the prior of all others")
def prior_without(device: str, kind: str) -> Prior:
    """The prior that all other devices give; every run and thread count of this one is left out."""
    known = devices()
    others = {key: value for key, value in all_timed().items() if known[key].device != device}
    return priors.learned(others)[PROCESSORS[kind]]


def ship(say: Callable[[str], object] = print) -> None:
    """Write `data/prior.json`, `profiles/*.json`, `data/refused.csv` and `data/few_shots.csv`."""
    priors.PATH.write_text(priors.to_json(priors.learned(all_timed())), encoding="utf-8")
    for path in SHIPPED.glob("*.json"):
        path.unlink()
    refused: list[tuple[Device, str]] = []
    for key, device in devices().items():
        try:
            profile = profile_of(device, timings(key), prior_without(device.device, device.kind))
        except CostError as error:
            refused.append((device, str(error)))
            continue
        error_pct = profile.errors.leave_one_out_pct
        if error_pct > WORST_PCT:
            refused.append((device, f"leave-one-out error {error_pct:.1f} %"))
            continue
        profile.save(SHIPPED / f"{key}.json")
        say(f"{key}: {profile.errors}")
    with REFUSED.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("key", "name", "networks", "reason"))
        writer.writerows((of.key, of.name, len(timings(of.key)), reason) for of, reason in refused)
    save(few_shots(all_timed(), prior_without))


if __name__ == "__main__":
    ship(lambda line: print(line, file=sys.stderr))
