"""Predictions for the rows of an experiment: by a profile with the same settings, and for the paper's two devices."""

from __future__ import annotations

from typing import cast

import costmodel
from costmodel import DeviceProfile
from costmodel.devices.load import load
from costmodel.devices.profile import WholeNetworkProfile
from explorer.data import profiles as devices
from explorer.data.metrics import percent
from explorer.errors import LabError
from explorer.lab.experiment import Experiment, Settings
from explorer.lab.verdict import Predicted

PAPERS_DEVICES = {"GPU": "gtx_1080ti", "ARM": "snapdragon_810"}
"""Platform of Tables 1 to 4 → the shipped profile that is fitted to the paper's speeds, those tables among them."""


def profile_for(settings: Settings) -> DeviceProfile | None:
    """The first profile of this device, thread count, layout and batch, profiles of this machine before shipped ones.

    Batch norm folding does not matter: the networks of the lab have none.
    """
    known = map(devices.load, (*devices.here(), *devices.names()))
    return next((profile for profile in known if fits(profile, settings)), None)


def fits(profile: DeviceProfile, settings: Settings) -> bool:
    """Whether a profile is of the device, threads, layout and batch of the settings."""
    regime = profile.regime
    return (regime.device, regime.threads, regime.layout, regime.batch) == (
        settings.device,
        settings.threads,
        settings.layout,
        settings.batch,
    )


def predicted(experiment: Experiment, profile: DeviceProfile) -> dict[str, Predicted]:
    """Row → prediction. Raises LabError for a profile of other settings, CostError for an operator it does not know."""
    if not fits(profile, experiment.settings):
        raise LabError(f"profile {profile.name} is for {profile.regime.label}; these settings differ")
    found = {}
    for variant in experiment.variants:
        prediction = costmodel.predict(variant.graph, profile)
        shares: dict[str, float] = {}
        for bound, time_ms in zip(prediction.bounds, prediction.nodes_ms):
            shares[bound] = shares.get(bound, 0.0) + time_ms / prediction.latency_ms
        ordered = sorted(shares.items(), key=lambda item: -item[1])
        bounds = ", ".join(f"{bound} {percent(share)}" for bound, share in ordered)
        found[variant.row] = Predicted(prediction.latency_ms, bounds)
    return found


def predicted_here(experiment: Experiment) -> dict[str, Predicted] | None:
    """Predictions by the profile for its settings; None without a profile or with an unknown operator."""
    profile = profile_for(experiment.settings)
    try:
        return predicted(experiment, profile) if profile else None
    except costmodel.CostError:
        return None


def papers_device(platform: str) -> WholeNetworkProfile:
    """The paper's GPU or ARM core as a profile of whole networks, of calls with one image as in Tables 1 to 4."""
    profile = load(PAPERS_DEVICES[platform])
    return profile.model_copy(update={"regime": profile.regime.model_copy(update={"batch": 1})})


def on_papers_devices(experiment: Experiment) -> dict[str, dict[str, float]]:
    """Platform → row → predicted milliseconds of one image on the paper's device.

    The settings of the experiment have no effect: Tables 1 to 4 are of single images.
    """
    found = {}
    for platform in PAPERS_DEVICES:
        profile = cast(DeviceProfile, papers_device(platform))  # it has all that a prediction asks of one
        found[platform] = {v.row: costmodel.predict(v.graph, profile).latency_ms for v in experiment.variants}
    return found
