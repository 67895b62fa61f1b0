"""The networks that a list of timings can name: the catalogue's, the guidelines' and published ones beside them.

The latter are tables in `data/networks.json`, each with the family that leave-one-family-out errors leave out together.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import archs
from archs import ArchError, Spec
from archs.caching import cached
from archs.catalogue.guidelines import cells
from archs.catalogue.registry import FAMILIES
from costmodel.errors import CostError

DATA = Path(__file__).with_name("data")
KNOBS = ("width", "resolution", "groups", "code")


@cached(1, "a file of the package")
def _published() -> dict[str, tuple[str, Spec]]:
    found: dict[str, tuple[str, Spec]] = {}
    for name, entry in json.loads((DATA / "networks.json").read_text(encoding="utf-8")).items():
        found[name] = entry["family"], Spec.from_json(json.dumps(entry["spec"]))
    for guideline in (1, 2, 3, 4):
        for cell in cells(guideline):
            found[f"{cell.spec.name}_c{cell.spec.input_channels}"] = f"guideline {guideline}", cell.spec
    return found


def names() -> tuple[str, ...]:
    """Every name that `spec` takes, the catalogue's first."""
    return tuple(dict.fromkeys((*FAMILIES, *_published())))


@cached(1, "of the names")
def _bare_names() -> dict[str, str]:
    return {_bare(name): name for name in names()}


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def spelled(text: str) -> str:
    """The name that a text writes with other capitals, spaces, hyphens or underscores; any other text as it is.

    >>> spelled("MobileNet V2")
    'mobilenet_v2'
    """
    return text if text in names() else _bare_names().get(_bare(text), text)


def family(name: str) -> str:
    """The family that a network belongs to, for leaving families out."""
    return name if name in FAMILIES else _published()[name][0]


def stated(name: str, **knobs: Any) -> dict[str, Any]:
    """The knobs that change the network: without those at their default, so that one network has one title.

    Raises CostError like `spec`.

    >>> stated("mobilenet_v1", width=1.0, resolution=160)
    {'resolution': 160}
    """
    wanted = spec(name, **knobs)
    return {
        knob: value
        for knob, value in knobs.items()
        if spec(name, **{other: kept for other, kept in knobs.items() if other != knob}) != wanted
    }


@cached(1024, "a table of timings names the same networks for many devices")
def spec(name: str, **knobs: Any) -> Spec:
    """The network of a name at its knobs. Raises CostError for an unknown name, knob or value.

    >>> spec("mnasnet_b1_100", resolution=96).resolution
    96
    """
    try:
        if name in FAMILIES:
            return archs.spec(name, **knobs)
        if name in _published():
            known = _published()[name][1]
            if extra := [knob for knob in knobs if knob != "resolution"]:
                raise CostError(f"{extra[0]}: {name} has no such knob; allowed: resolution")
            return known.edit(**knobs)
    except ArchError as error:
        raise CostError(f"{name}: {error}") from None
    near = get_close_matches(name.lower(), names(), 3) or list(FAMILIES)
    raise CostError(f"network: found {name[:60]!r}, which no network is called; near: {', '.join(near)}")
