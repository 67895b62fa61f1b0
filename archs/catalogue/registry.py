"""The catalogue: every published network by its name."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import product

from archs.catalogue import mnasnet, mobilenet_v1, mobilenet_v2, mobilenet_v3, resnet, shufflenet_v1, shufflenet_v2
from archs.catalogue.family import Family
from archs.errors import ArchError, shorten
from archs.guidance import guided
from archs.tables.table import Spec

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


@guided()
def names() -> tuple[str, ...]:
    """The names in the catalogue, mobile networks in order of publication, then ResNet-50.

    >>> names()[:4]
    ('mobilenet_v1', 'shufflenet_v1', 'mobilenet_v2', 'shufflenet_v2')
    """
    return tuple(FAMILIES)


def family(name: str) -> Family:
    """The family of that name. Raises ArchError, with the known names, for another."""
    if not isinstance(name, str) or name not in FAMILIES:
        raise ArchError(f"found {shorten(name)}; allowed: {', '.join(FAMILIES)}{_meant(name)}", column="name")
    return FAMILIES[name]


READERS = {
    ".onnx": "archs.from_onnx(path)",
    ".json": "archs.Spec.from_json(Path(name).read_text())",
    ".py": "archs.from_source(Path(name).read_text()), a module",
}


def _meant(name: object) -> str:
    """What a name may have meant that is not in the catalogue: the call that reads a file, or a similar name."""
    if not isinstance(name, str):
        return ""
    for suffix, call in READERS.items():
        if name.endswith(suffix):
            return f"; of a file: {call}"
    if ":" in name or "." in name:
        return "; of a module: archs.from_module(module, (channels, height, width))"
    letters = {known.replace("_", ""): known for known in FAMILIES}
    close = get_close_matches(name[:60].lower().replace("_", "").replace("-", ""), letters, 1, 0.85)
    return f"; similar: {letters[close[0]]!r}" if close else ""


@guided()
def spec(name: str, **knobs: object) -> Spec:
    """The table of a published network.

    Args:
        name: one of `names()`.
        **knobs: `width`, a multiplier (ShuffleNetV2: 0.5, 1.0, 1.5 or 2.0 as published); `resolution`, pixels of a
            square image's side or (height, width); `groups` of ShuffleNetV1; `code`, which of several published forms;
            `last_stage` of MobileNetV3-Large. Each family has some of them, with the paper's network as default.

    Raises ArchError for an unknown name, a knob that the family lacks, or a value that it does not take; the message
    has what is allowed.

    >>> spec("shufflenet_v1", width=1.0, groups=3, resolution=224).rows[2].channels
    240
    """
    return family(name).spec(**knobs)


CODES = {"paper": "as in the paper", "torchvision": "as in torchvision", "megvii": "as in Megvii's code"}
"""Value of the knob `code` → its words in a title."""


def citation(spec: Spec) -> tuple[str, ...]:
    """Lines for a header: the title of a spec with its knobs, and the table that it is or was edited from."""
    if spec.name not in FAMILIES:
        return (f"{spec.name}, a network of one's own",)
    known = FAMILIES[spec.name]
    named = {"width": spec.width, "groups": spec.groups, "code": spec.code}
    knobs = {knob: value for knob, value in named.items() if knob in known.knobs and value is not None}
    title = ", ".join([known.title, *[CODES.get(str(value), f"{knob} {value}") for knob, value in knobs.items()]])
    return title, known.source if published(spec) else f"Edited from {known.source}"


def published(spec: Spec) -> bool:
    """Whether the spec is a row of the catalogue at its knobs, not edited since."""
    known = FAMILIES.get(spec.name)
    if known is None:
        return False
    values = {"width": spec.width, "groups": spec.groups, "code": spec.code, "resolution": spec.resolution}
    fixed = {knob: values[knob] for knob in known.knobs if knob in values}
    others = [[(knob, v) for v in known.knobs[knob]] for knob in known.knobs if knob not in values]
    try:
        return any(known.spec(**fixed, **dict(choice)) == spec for choice in product(*others))
    except ArchError:  # a knob value that the family does not take
        return False
