"""The front door's calls: each takes a catalogue name, a Spec or a Graph wherever a network is meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archs.catalogue.registry import spec
from archs.errors import ArchError
from archs.guidance import as_destination, guided
from archs.interop.onnx import exporter
from archs.interop.pytorch import codegen, execute
from archs.ir.graph import Graph
from archs.tables import lift, lower
from archs.tables.table import Spec

if TYPE_CHECKING:
    from torch import nn

Network = str | Spec | Graph
"""What a public function takes for a network."""

KNOBS = {
    "width": "call archs.spec(name, width=…) and pass its result",
    "groups": "call archs.spec(name, groups=…) and pass its result",
    "resolution": "call archs.spec(name, resolution=…) and pass its result",
    "num_classes": "call archs.spec(name).set_classes(…) and pass its result",
}
"""What to do instead of passing a knob beside the network."""
MODULE = "for a module call costmodel.profile(module, input_shape).summary()"


@guided(**KNOBS)
def build(network: Network) -> Graph:
    """The graph of a catalogue name or a spec; a graph is returned unchanged.

    Raises ArchError, with row, path, value found and values allowed, for a network that does not build, and TypeError
    for what is no network.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`.

    >>> build("mobilenet_v2")
    <Graph mobilenet_v2: 3×224×224 → 1000, 153 nodes>
    """
    if isinstance(network, Graph):
        return network
    if isinstance(network, Spec):
        return lower.build(network)
    if isinstance(network, str):
        return lower.build(spec(network))
    raise TypeError(f"found {described(network)}; a network is a name (archs.names()), an archs.Spec or an archs.Graph")


def described(value: object) -> str:
    """What an argument is that should have been a network, with the call that makes one of it.

    >>> described(3), described({})
    ('an int', 'a dict (put a state_dict into its module with load_state_dict first)')
    """
    if isinstance(value, type):
        return f"the class {value.__name__} (make an instance of it first: {value.__name__}())"
    name = type(value).__name__
    what = f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
    if hasattr(value, "state_dict"):
        return f"{what} (call archs.from_module(module, (channels, height, width)) first)"
    if isinstance(value, dict):
        return f"{what} (put a state_dict into its module with load_state_dict first)"
    if hasattr(value, "__fspath__"):
        return f"{what} (read a file with archs.from_onnx(path) or archs.Spec.from_json(text))"
    return what


@guided()
def spec_of(network: Network, name: str | None = None) -> Spec:
    """The table of a graph whose blocks are all ours; `archs.build` of it is the same graph up to names.

    A Spec, or a catalogue name, has its table already. Raises ArchError with the path where the first operators stand
    that no kind of row describes.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`.
        name: of the table, by default the network's.

    >>> spec_of(build("mobilenet_v1"))
    <Spec mobilenet_v1: 3×224×224, 8 rows, 16 blocks>
    """
    if isinstance(network, Graph):
        return lift.spec_of(network, name)
    found = build(network).spec
    assert isinstance(found, Spec)
    return found.edit(name=name) if name else found


@guided(path="write the returned text: Path(name).write_text(…)")
def to_source(network: Network, notes: Sequence[str] = ()) -> str:
    """The network as a Python file that needs only torch: a class per block structure, the network's class last.

    The same network gives the same text. Its module takes N×C×H×W; its class takes `num_classes`, by default the
    network's, where the last layer is linear. Raises ArchError for a network that does not build.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`.
        notes: lines of text to add to the file's header, such as a latency with its conditions.

    >>> [line for line in to_source("mobilenet_v1").splitlines() if line.startswith("class")][-1]
    'class MobileNetV1(nn.Module):'
    """
    if isinstance(notes, str):
        raise TypeError(
            "notes is a str; allowed: a list of lines. To write a file: Path(name).write_text(archs.to_source(network))"
        )
    return codegen.to_source(build(network), notes)


@guided(pretrained="no weights are shipped; archs.load_weights and from_state_dict read a file", **KNOBS)
def to_module(network: Network) -> nn.Module:
    """The module that `to_source` defines, with the graph's trained weights where it has some; else torch's initial.

    A warning says how many tensors keep initial values. Raises ArchError for over 2³¹ parameters.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`.

    >>> sum(parameter.numel() for parameter in to_module("mobilenet_v1").parameters())
    4231976
    """
    return execute.to_module(build(network))


@guided(input_shape=KNOBS["resolution"], opset_version="the opset is fixed")
def to_onnx(network: Network, path: str | Path | None = None) -> bytes:
    """The network as an ONNX file: input `image` N×C×H×W, output `output`, any number N of images.

    Returns the file's bytes. Raises ArchError for a network that no ONNX file holds, and before the export where the
    file's folder is not there or its suffix is not `.onnx`.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`.
        path: also write the file there.

    `archs.to_onnx("mobilenet_v2", "net.onnx")` takes seconds of torch's exporter.
    """
    file = None if path is None else as_destination(path, "an ONNX file", ".onnx", "archs.to_onnx(network, path)")
    content = exporter.to_onnx(build(network))
    if file is not None:
        file.write_bytes(content)
    return content


class Text(str):
    """A text whose repr is itself, so that an interactive session shows its lines."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@guided(input_size=MODULE, input_shape=MODULE)
def summary(network: Network, depth: int = 2) -> Text:
    """A table of the network's parts: output shape, parameters, multiply-adds of one image.

    Milliseconds are in `costmodel.profile(network).summary()`. Raises ArchError for a network that does not build
    and for another depth.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`.
        depth: number of path parts of a row: 1 for stages, 2 for blocks, 3 or more for operators.

    >>> print(summary("shufflenet_v2", depth=1).splitlines()[1])
    stem                              24×56×56              696          8,128,512
    """
    graph = build(network)
    if type(depth) is not int or depth < 1:
        raise ArchError(f"depth is {depth!r}; allowed: a whole number ≥ 1")
    parts: dict[str, list[object]] = {}
    for node in graph.nodes:
        part = "/".join(node.path.split("/")[:depth])
        _, params, mult_adds = parts.get(part, [None, 0, 0])
        adds = node.op.mult_adds(*graph.input_shapes(node))
        parts[part] = [node.output, params + graph.params(node), mult_adds + adds]  # type: ignore[operator]
    lines = [f"{'part':<28} {'output':>13} {'params':>16} {'mult-adds':>18}"]
    lines += [f"{part:<28} {output!s:>13} {params:>16,} {adds:>18,}" for part, (output, params, adds) in parts.items()]
    total = [sum(column) for column in zip(*[(params, adds) for _, params, adds in parts.values()])]  # type: ignore[arg-type]
    lines.append(f"{graph.name[:28]:<28} {graph.output!s:>13} {total[0]:>16,} {total[1]:>18,}")
    return Text("\n".join(lines))
