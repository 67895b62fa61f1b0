"""The published network that an edited one comes from, by its name and its knobs."""

from __future__ import annotations

from contextlib import suppress

from archs import ArchError, Spec
from archs.caching import cached
from archs.catalogue.registry import FAMILIES


@cached(512, "every panel asks which published network a spec is")
def paper(spec: Spec) -> Spec | None:
    """The published network that a spec is, or was edited from: its name's, at its knobs; None without one.

    At a knob that the family does not take (a width between ShuffleNetV2's scales), that knob's published default.
    """
    family = FAMILIES.get(spec.name)
    if family is None:
        return None
    knobs = {knob: value for knob in family.knobs if (value := getattr(spec, knob, None)) is not None}
    for knob in [None, *knobs]:
        known = {k: v for k, v in knobs.items() if k != knob}
        try:
            found = [family.spec(**known)]
            hidden = [k for k in family.knobs if k not in type(spec).model_fields]  # MobileNetV3's last_stage
            found += [family.spec(**known, **{k: value}) for k in hidden for value in family.knobs[k]]
        except ArchError:
            continue
        return max(found, key=lambda candidate: _alike(candidate, spec))
    return family.spec()


def knobs(spec: Spec) -> dict[str, object]:
    """The knobs of the published network that a spec is, or was edited from, with their values."""
    family, original = FAMILIES[spec.name], paper(spec)
    found = {knob: getattr(spec, knob, None) or family.default(knob) for knob in family.knobs}
    for knob in family.knobs.keys() - type(spec).model_fields:  # MobileNetV3's last_stage stands in no field
        for value in family.knobs[knob]:
            with suppress(ArchError):
                if family.spec(**{**found, knob: value}) == original:
                    found[knob] = value
    return found


def _alike(one: Spec, other: Spec) -> tuple[bool, int]:
    return one == other, sum(row in other.rows for row in one.rows)
