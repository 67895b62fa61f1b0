"""The catalogue: every published network by its name."""

from __future__ import annotations

from archs import mnasnet, mobilenet_v1, mobilenet_v2, mobilenet_v3, resnet, shufflenet_v1, shufflenet_v2
from archs.errors import ArchError, shorten
from archs.family import Family
from archs.spec import Spec

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        mobilenet_v1.FAMILY,
        shufflenet_v1.FAMILY,
        mobilenet_v2.FAMILY,
        shufflenet_v2.FAMILY,
        *mobilenet_v3.FAMILIES,
        mnasnet.FAMILY,
        resnet.FAMILY,
    )
}


def names() -> tuple[str, ...]:
    """The names in the catalogue, in the order in which the article tells the story.

    >>> names()[:4]
    ('mobilenet_v1', 'shufflenet_v1', 'mobilenet_v2', 'shufflenet_v2')
    """
    return tuple(FAMILIES)


def family(name: str) -> Family:
    """Raises ArchError, with the known names, for one that is not in the catalogue."""
    if name not in FAMILIES:
        raise ArchError(f"found {shorten(name)}; allowed: {', '.join(FAMILIES)}", column="name")
    return FAMILIES[name]


def spec(name: str, **knobs: object) -> Spec:
    """The table of a published network.

    Raises ArchError for an unknown name, a knob that the family lacks, or a value that it does not take.

    >>> spec("shufflenet_v1", width=1.0, groups=3, resolution=224).rows[2].channels
    240
    """
    return family(name).spec(**knobs)
