"""The network argument of a command: a catalogue name, a spec, an ONNX file, an exported file, or a function.

A spec or an ONNX file is data: nothing in it is executed. An exported `.py` file and `package.module:function` are code
of the user's, run on the user's machine; the page accepts neither.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import archs
from archs.catalogue.registry import FAMILIES
from archs.interop.pytorch.quiet import quiet
from archs.ir.graph import Graph
from archs.tables.table import MAX_JSON
from explorer.editing.images import resolution_of

if TYPE_CHECKING:
    from torch import nn

KNOBS = ("width", "groups", "resolution", "code", "last_stage")
FORMS = (
    "a catalogue name, a spec (.json, or - for standard input), an .onnx or exported .py file, package.module:function"
)
STATES = (".pth", ".pt", ".ckpt", ".safetensors", ".pth.tar", ".bin", ".pkl")
"""Files of weights, which are no networks."""
SHAPE = (3, 224, 224)
"""The image of a network whose file or function states none."""


def add_argument(parser: argparse.ArgumentParser, name: str = "network", forms: str = FORMS) -> None:
    """Add a positional argument that names a network."""
    parser.add_argument(name, help=f"{forms}; names: {', '.join(FAMILIES)}")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the knobs of catalogue networks, the image shape of imported ones, and `--fold`."""
    parser.add_argument("--width", type=float, help="width multiplier or scale")
    parser.add_argument("--groups", type=int, help="groups of ShuffleNetV1")
    parser.add_argument("--resolution", type=_resolution, help="side of the image, 224, or height×width, 224x320")
    parser.add_argument("--code", help="which of several published forms")
    parser.add_argument("--last-stage", help="MobileNetV3-Large: efficient or original")
    parser.add_argument("--shape", help="channels, height and width of one image for an .onnx, .py or function")
    parser.add_argument("--fold", action="store_true", help="fold batch norms into the convolutions")
    add_no_verify(parser)


def add_no_verify(parser: argparse.ArgumentParser) -> None:
    """Add the switch that imports without a comparison."""
    parser.add_argument("--no-verify", action="store_true", help="do not run an import beside the original")


def graph(options: argparse.Namespace, source: str | None = None) -> Graph:
    """The graph of `options.network`, or of `source` with the same options; folded with `--fold`.

    Raises ArchError for a network that cannot be read, and for options that it does not take.
    """
    source = options.network if source is None else source
    if not is_imported(source):
        built = archs.build(spec(options, source))
    else:
        _refuse_knobs(options, f"{source} has no knobs; allowed with it: --shape", KNOBS)
        built = imported(source, options.shape, not options.no_verify)
    return archs.fold_batchnorm(built) if options.fold else built


def spec(options: argparse.Namespace, source: str | None = None) -> archs.Spec:
    """The spec of a catalogue name or a spec file, or the table of an imported network whose blocks are all rows.

    Raises ArchError for an imported network without a table.
    """
    source = options.network if source is None else source
    if is_imported(source):
        _refuse_knobs(options, f"{source} has no knobs; allowed with it: --shape", KNOBS)
        return archs.spec_of(imported(source, options.shape, not options.no_verify))
    if options.shape:
        raise archs.ArchError(f"--shape is for an .onnx, .py or function; allowed with {source}: --resolution")
    if source != "-" and not _has_suffix(source, ".json"):
        return archs.spec(source, **_given(options, KNOBS))
    _refuse_knobs(options, "a spec has its knobs built in; allowed with one: --resolution", set(KNOBS) - {"resolution"})
    found = archs.Spec.from_json(_read(source))
    return found.edit(resolution=options.resolution) if options.resolution is not None else found


def is_imported(source: str) -> bool:
    """Whether the argument names a file or function that the importers read, not a spec.

    >>> is_imported("NET.ONNX"), is_imported("package.module:Net"), is_imported("mobilenet_v2"), is_imported("-")
    (True, True, False, False)
    """
    return _has_suffix(source, ".onnx", ".py", ".pt2", *STATES) or (":" in source and not _has_suffix(source, ".json"))


def _has_suffix(source: str, *suffixes: str) -> bool:
    """Whether a name ends in one of these, in small letters or in capitals."""
    return source.lower().endswith(suffixes)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without collections of cyclic garbage while torch's modules load and a network is traced.

    Each looks at all of their objects, which stay. The garbage of an import is some 10 MB.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def imported(source: str, shape: str | None = None, verify: bool = True) -> Graph:
    """The graph of an `.onnx` file, an exported `.py` file or `package.module:function`, which are executed.

    `shape` is "channels,height,width"; without it the ONNX file's own, or 3,224,224. With `verify` the import is run
    beside the original. Raises ArchError.
    """
    sides = image_shape(shape) if shape else None
    if _has_suffix(source, ".onnx"):
        return archs.from_onnx(source, sides, verify=verify)
    if _has_suffix(source, *STATES):
        _check_exists(source)
        raise archs.ArchError(
            f"{source} is a file of weights or a pickle, which holds no graph; allowed: package.module:function that "
            "makes the network, an .onnx file, or a .pt2 file of torch.export.save"
        )
    if _has_suffix(source, ".pt2"):
        return archs.from_module(_program(source), sides, verify=verify)
    if _has_suffix(source, ".py"):
        module = archs.from_source(_text(source))
        return archs.from_module(module, sides or SHAPE, verify=verify)
    return archs.from_module(module_of(source), sides or SHAPE, verify=verify)


def _text(source: str) -> str:
    try:
        return _read(source).decode("utf-8")
    except UnicodeDecodeError:
        raise archs.ArchError(f"{source} is no text; allowed: a .py file of `python -m explorer export`") from None


def _program(source: str) -> Any:
    """The exported program in a file of the user's own."""
    import torch

    _check_exists(source)
    try:
        with quiet():
            return torch.export.load(source)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0].split(". Please")[0]
        raise archs.ArchError(
            f"{source} is no exported program or a damaged one: {line[:160]}; allowed: a file of torch.export.save"
        ) from None


def _check_exists(source: str) -> None:
    if not Path(source).is_file():
        raise archs.ArchError(f"{source} cannot be read: no such file")


def module_of(target: str) -> nn.Module:
    """The module that `package.module:function` returns, or is. Raises ArchError where a part is missing."""
    from torch import nn

    name, colon, attribute = target.partition(":")
    if not (name and colon and attribute):
        forms = "package.module:function, an .onnx, exported .py or .pt2 file"
        raise archs.ArchError(f"found {target!r}; allowed: {forms}")
    sys.path.insert(0, "")  # as `python -m` does, for a file in the working directory
    try:
        found: Any = importlib.import_module(name)
    except ImportError as error:
        hint = f"; a file of yours is {Path(name).stem}:{attribute}, beside it" if name.endswith(".py") else ""
        raise archs.ArchError(f"{name} cannot be imported: {error}{hint}") from None
    except Exception as error:
        raise archs.ArchError(f"{name} cannot be imported: {_raised(error)}") from None
    finally:
        sys.path.remove("")
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise archs.ArchError(f"{name} has no {attribute}")
        found = getattr(found, part)
    if not callable(found):
        raise archs.ArchError(f"{target} is a {type(found).__name__}; allowed: a function or a class")
    needed = [] if isinstance(found, nn.Module) else _needed(found)
    if needed:
        raise archs.ArchError(
            f"{target} needs {', '.join(needed)}; allowed: a function or class without arguments, "
            f"for instance def network(): return {attribute}(…)"
        )
    try:
        made = found if isinstance(found, nn.Module) else found()
    except Exception as error:
        raise archs.ArchError(f"{target} cannot be called: {_raised(error)}") from None
    if not isinstance(made, nn.Module):
        raise archs.ArchError(f"{target} returned a {type(made).__name__}; allowed: an nn.Module")
    return made


def _raised(error: Exception) -> str:
    """What the user's own code raised, and in which line.

    >>> try:
    ...     int("many")
    ... except ValueError as error:
    ...     _raised(error).split(" (")[0]
    "ValueError: invalid literal for int() with base 10: 'many'"
    """
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = (str(error).strip().splitlines() or [""])[0][:200]
    return f"{type(error).__name__}: {text} ({Path(last.filename).name}, line {last.lineno})"


def _resolution(text: str) -> int | tuple[int, int]:
    try:
        return resolution_of(text)
    except archs.ArchError as error:
        raise argparse.ArgumentTypeError(error.problems[0].message) from None


def _needed(function: Any) -> list[str]:
    """The arguments that a function or class cannot be called without."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variadic]


def image_shape(text: str) -> tuple[int, int, int]:
    """Channels, height and width of "3,224,224", or with a batch of 1 before them. Raises ArchError.

    >>> image_shape("1,96,96"), image_shape("1,3,96,96")
    ((1, 96, 96), (3, 96, 96))
    """
    try:
        sides = tuple(int(side) for side in text.split(","))
    except ValueError:
        raise archs.ArchError(f"shape: found {text!r}; allowed: three whole numbers, 3,224,224") from None
    sides = sides[1:] if len(sides) == 4 and sides[0] == 1 else sides
    if len(sides) != 3:
        raise archs.ArchError(f"shape: found {text!r}; allowed: channels, height, width of one image, 3,224,224")
    return sides


def _given(options: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _refuse_knobs(options: argparse.Namespace, message: str, names: set[str] | tuple[str, ...]) -> None:
    if found := _given(options, tuple(name for name in KNOBS if name in names)):
        raise archs.ArchError(f"{message}, found {found}")


def _read(source: str) -> bytes:
    """The bytes of a file or of standard input; no more than a spec may have."""
    if source == "-":
        return sys.stdin.buffer.read(MAX_JSON + 1)
    with Path(source).open("rb") as file:
        return file.read(MAX_JSON + 1)
