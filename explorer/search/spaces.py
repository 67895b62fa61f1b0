"""The search spaces: MnasNet's, the MobileNets', the ShuffleNets', NAS-Bench-Macro's, and any columns of any table.

Each is a `Space` value: a table of the catalogue with choices. Widths are multiples of 8. To add one, write a function
that returns a `Space` and list it in SPACES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import archs
from archs import ArchError, Spec
from archs.catalogue.mobilenet_v2 import BOTTLENECKS
from archs.errors import shorten
from archs.tables.blocks import round8
from archs.tables.rows import AnyRow, Conv, GlobalPool, InvertedResidual, Linear
from explorer.search.space import Choice, Option, Space

SCALES = (0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25)
WIDTHS = frozenset(("channels", "expanded", "inner"))
SEARCHED = ("channels", "expanded", "expansion", "inner", "kernel", "repeat", "groups", "se", "activation", "split")
"""The columns that the open table offers."""


def mnasnet() -> Space:
    """MnasNet's block-wise space over MobileNetV2's seven stages (Tan et al. 2018, arXiv:1807.11626v3, section 4.1).

    Of its skip operations, pooling is left out: no row of ours has it. A plain convolution has neither SE nor skip.
    """
    rows: list[AnyRow] = [Conv(stage="stem", channels=32, stride=2)]
    choices: list[Choice] = []
    for number, (_, channels, repeat, stride) in enumerate(BOTTLENECKS, 1):
        stage = f"stage{number}"
        row = InvertedResidual(
            stage=stage,
            channels=channels,
            expansion=6.0,
            repeat=repeat,
            stride=stride,
            activation="relu",
            se_of="input",
            gate="sigmoid",
        )
        rows.append(row)
        plain = Conv(stage=stage, channels=channels, repeat=repeat, stride=stride)
        kinds = [Option(f"mbconv{t}", ((number, "expansion", float(t)),)) for t in (3, 6)]
        kinds = [Option("conv", ((number, "row", plain),)), Option("sepconv", ((number, "expansion", 1.0),)), *kinds]
        choices += [
            Choice(f"{stage}.op", tuple(kinds)),
            _choice(stage, number, "kernel", (3, 5)),
            _choice(stage, number, "se", (0.0, 0.25)),
            _choice(stage, number, "shortcut", (True, False)),
            _choice(stage, number, "channels", [round8(channels * scale) for scale in (0.75, 1.0, 1.25)]),
            _choice(stage, number, "repeat", [repeat + more for more in (-1, 0, 1)]),
        ]
    rows += [Conv(stage="head", channels=1280, kernel=1), GlobalPool(stage="head"), Linear(stage="head", dropout=0.2)]
    base = Spec(name="mnasnet_space", rows=tuple(rows))
    return Space("mnasnet", "MnasNet's block-wise space", "Tan et al. 2018, arXiv:1807.11626v3", base, tuple(choices))


def mobilenet_v2() -> Space:
    """Kernel, expansion, width, depth and SE of each stage of MobileNetV2."""
    base = archs.spec("mobilenet_v2")
    columns: list[tuple[int, str, Sequence[object]]] = []
    for index, row in enumerate(base.rows):
        if isinstance(row, InvertedResidual):
            columns += [
                (index, "kernel", (3, 5, 7)),
                (index, "expansion", (3.0, 4.0, 6.0) if index > 1 else (1.0,)),
                (index, "channels", _widths(row.channels)),
                (index, "repeat", tuple(range(max(1, row.repeat - 1), row.repeat + 2))),
                (index, "se", (0.0, 0.25)),
            ]
    return _table("mobilenet_v2", "MobileNetV2: kernel, expansion, width, depth, SE", base, columns)


def mobilenet_v3() -> Space:
    """Kernel, expanded width, SE and activation of each block of MobileNetV3-Large."""
    base = archs.spec("mobilenet_v3_large")
    columns: list[tuple[int, str, Sequence[object]]] = []
    for index, row in enumerate(base.rows):
        if isinstance(row, InvertedResidual) and row.expanded:
            columns += [
                (index, "kernel", (3, 5, 7)),
                (index, "expanded", _widths(row.expanded)),
                (index, "se", (0.0, 0.25)),
                (index, "activation", ("relu", "hard_swish")),
            ]
    return _table("mobilenet_v3", "MobileNetV3-Large: kernel, expanded width, SE, activation", base, columns)


def shufflenet_v1() -> Space:
    """Groups, width, depth and kernel of each stage of ShuffleNetV1; all groups divide the widths."""
    return _shuffle("shufflenet_v1", (192, 288, 384), "groups", (1, 2, 3, 4, 8))


def shufflenet_v2() -> Space:
    """Split, width, depth and kernel of each stage of ShuffleNetV2."""
    return _shuffle("shufflenet_v2", (80, 96, 112, 128, 144, 176), "split", (0.25, 0.5, 0.75))


def _shuffle(name: str, first: Sequence[int], column: str, values: Sequence[object]) -> Space:
    """A space over the units of a ShuffleNet, whose stages have two rows each: stride 2, then the repeats."""
    base = archs.spec(name)
    choices: list[Choice] = []
    stages: dict[str, list[int]] = {}
    for index, row in enumerate(base.rows):
        if row.kind in ("shuffle_v1", "shuffle_v2"):
            stages.setdefault(row.stage, []).append(index)
    for number, (stage, rows) in enumerate(stages.items()):
        last = rows[-1]
        repeat = base.rows[last].repeat
        for chosen, offered in (
            ("channels", [width << number for width in first]),
            ("kernel", (3, 5)),
            (column, values),
        ):
            options = [Option(str(value), tuple([(row, chosen, value) for row in rows])) for value in offered]
            choices.append(Choice(f"{stage}.{chosen}", tuple(options)))
        choices.append(_choice(stage, last, "repeat", range(max(1, repeat - 2), repeat + 3)))
    title = f"{archs.catalogue.registry.FAMILIES[name].title}: {column}, width, depth, kernel"
    return Space(name, title, "this project", base, tuple(choices))


LAYERS = ((64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (256, 2), (256, 1), (256, 1))
"""NAS-Bench-Macro's searched layers: (channels, stride)."""


def nas_bench_macro() -> Space:
    """NAS-Bench-Macro's 6,561 networks (Su et al. 2021, arXiv:2103.11922) for CIFAR-10; gene = the string's digit."""
    rows: list[AnyRow] = [Conv(stage="stem", channels=32)]
    choices = []
    inputs = 32
    for number, (channels, stride) in enumerate(LAYERS, 1):
        stage = f"layer{number}"
        row = InvertedResidual(stage=stage, channels=channels, stride=stride, expansion=3.0, activation="relu")
        skip = None
        if stride > 1 or channels != inputs:
            skip = Conv(stage=stage, channels=channels, kernel=1, stride=stride, activation="none")
        wide = row.model_copy(update={"kernel": 5, "expansion": 6.0})
        options = (("identity", skip), ("3×3 ×3", row), ("5×5 ×6", wide))
        choices.append(Choice(stage, tuple([Option(label, ((number, "row", value),)) for label, value in options])))
        rows.append(row)
        inputs = channels
    rows += [Conv(stage="head", channels=1280, kernel=1), GlobalPool(stage="head"), Linear(stage="head", channels=10)]
    base = Spec(name="nas_bench_macro", rows=tuple(rows), resolution=32)
    return Space("nas_bench_macro", "NAS-Bench-Macro", "Su et al. 2021, arXiv:2103.11922", base, tuple(choices))


def open_table(base: Spec, cells: Iterable[tuple[int, str]], resolutions: Sequence[int] = ()) -> Space:
    """The space over chosen columns of chosen rows (from 0) of any table, with values around those of the table.

    Raises ArchError for a cell that cannot be searched, with those that can, and for images that are not square.
    """
    if not isinstance(base.resolution, int):
        height, width = base.resolution
        raise ArchError(
            f"found images of {height}×{width}; allowed: square ones; call base.set_input(resolution=…) first"
        )
    columns = []
    for index, column in cells:
        found = offered(base, index)
        if column not in found:
            allowed = ", ".join(found) or "none of this row"
            raise ArchError(f"row {index + 1} has no column {shorten(column)} to search; allowed: {allowed}")
        columns.append((index, column, found[column]))
    return _table(f"{base.name}_table", f"{base.name}: chosen cells", base, columns, tuple(resolutions))


def offered(base: Spec, index: int) -> dict[str, tuple[object, ...]]:
    """The columns of a row that can be searched, with the values that the open table offers."""
    if not 0 <= index < len(base.rows):
        raise ArchError(f"found row {index + 1}; allowed: 1 to {len(base.rows)}")
    row = base.rows[index]
    last = index == len(base.rows) - 1
    values = {}
    for column in SEARCHED:
        current = getattr(row, column, None)
        if current is None or (last and column == "channels"):  # the classifier's classes are not searched
            continue
        values[column] = tuple(dict.fromkeys((*_around(column, current), current)))
    return values


def _around(column: str, current: object) -> Sequence[object]:
    if column in WIDTHS:
        assert isinstance(current, int)
        return _widths(current)
    if column == "repeat":
        assert isinstance(current, int)
        return range(max(1, current - 1), current + 2)
    values: dict[str, Sequence[object]] = {
        "expansion": (2.0, 3.0, 4.0, 6.0),
        "kernel": (3, 5, 7) if current != 1 else (1,),
        "groups": (1, 2, 3, 4, 8),
        "se": (0.0, 0.25),
        "activation": ("relu", "hard_swish") if current != "none" else ("none",),
        "split": (0.25, 0.5, 0.75),
    }
    return values[column]


def _widths(channels: int) -> tuple[int, ...]:
    return tuple(sorted({round8(channels * scale) for scale in SCALES}))


def _choice(stage: str, index: int, column: str, values: Iterable[object]) -> Choice:
    kept = [value for value in dict.fromkeys(values) if column != "repeat" or value]
    return Choice(f"{stage}.{column}", tuple([Option(str(value), ((index, column, value),)) for value in kept]))


def _table(
    name: str, title: str, base: Spec, columns: Iterable[tuple[int, str, Sequence[object]]], sides: tuple[int, ...] = ()
) -> Space:
    choices = [_choice(f"row{index + 1}", index, column, values) for index, column, values in columns]
    source = archs.catalogue.registry.citation(base)[0]
    return Space(name, title, source, base, tuple(choices), sides)


SPACES: dict[str, Callable[[], Space]] = {
    "mnasnet": mnasnet,
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3": mobilenet_v3,
    "shufflenet_v1": shufflenet_v1,
    "shufflenet_v2": shufflenet_v2,
    "nas_bench_macro": nas_bench_macro,
}
"""Name → the function that makes the space."""

BASE_TITLES = {"mnasnet": "MnasNet's base table", "nas_bench_macro": "NAS-Bench-Macro's base table"}
"""Titles of the bases that are no table of the catalogue, by space."""


def space(name: str) -> Space:
    """A space by its name. Raises ArchError for an unknown one, with those known."""
    if name not in SPACES:
        raise ArchError(f"no space {shorten(name)}; allowed: {', '.join(SPACES)}")
    return SPACES[name]()
