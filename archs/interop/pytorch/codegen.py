"""Graph → PyTorch source text.

The text stands alone: it needs torch and nothing else. Lines are wrapped as `ruff format` wraps them. Executing it is
in `archs.interop.pytorch.execute`, one class in `class_writer`, the lines of a forward in `statements`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from archs.catalogue.registry import FAMILIES, citation
from archs.interop.pytorch.attribute_names import identifier, tied_parameters
from archs.interop.pytorch.class_writer import NUM_CLASSES, ClassWriter
from archs.interop.pytorch.classes import ClassDef, classes, slots, spelled_value
from archs.interop.pytorch.helper_functions import HELPERS
from archs.interop.pytorch.module_tree import Chain, Composite, Leaf, Member, parts
from archs.interop.pytorch.statements import WIDTH
from archs.interop.unique_names import UniqueNames
from archs.ir.graph import INPUT, Graph
from archs.ir.ops import Linear, Module
from archs.tables.blocks import DOCS
from archs.tables.table import Spec

HARMLESS = str.maketrans({"\\": "/", '"': "'"})
"""Characters of a note that would end the header's string, or start an escape in it, and what stands for them."""


def to_source(graph: Graph, notes: Sequence[str] = ()) -> str:
    """The network as a Python file: one class per distinct block structure, then the network, the last class in it.

    The same graph and notes give the same text; the notes are lines of the header. Takes N×C×H×W, gives what the
    graph's last node gives. The network's class takes `num_classes` where its last layer is linear.
    """
    writers = _writers(graph)
    network = writers.pop()
    sections = [_header(graph, notes), "import torch\nfrom torch import nn\n", *helpers(graph)]
    documented = graph.spec is not None  # a class of that name in an imported network may do something else
    for writer in writers:
        sections.append(writer.block_class(DOCS.get(writer.block.kind, "") if documented else ""))
    sections.append(network.network_class(tied_parameters(graph), _classes_of(graph, network.block.parts)))
    return sections[0] + "\n" + sections[1] + "\n\n" + "\n\n".join(sections[2:])


def _writers(graph: Graph) -> list[ClassWriter]:
    """One writer per class, the network's the last."""
    body = parts(graph)
    taken = UniqueNames({"None", "True", "False", "Nn", "Torch", *HELPERS})
    network = taken.take(_class_name(graph))
    found = classes(body, taken)
    whole = Composite(graph.name, graph.name, body, INPUT, graph.input)
    texts = {slot.key: spelled_value(slot) for member in body for slot in slots(member, found)}
    if _classes_of(graph, body) is not None:
        texts[graph.nodes[-1].path, "argument1"] = NUM_CLASSES
    literal = ClassDef(network, [whole], [], texts)
    return [*[ClassWriter(found, definition) for definition in found.values()], ClassWriter(found, literal, sizes=True)]


def _classes_of(graph: Graph, body: tuple[Member, ...]) -> int | None:
    """The features of a linear layer that gives the output, where it stands in the network's class; else None."""
    last = graph.nodes[-1]
    if type(last.op) is not Linear or any(last.path in (tie.path, tie.owner) for tie in graph.ties):
        return None
    members = [inner for part in body for inner in (part.parts if isinstance(part, Chain) else (part,))]
    unshared = any(isinstance(member, Leaf) and member.output == last.path and not member.shares for member in members)
    return last.op.features if unshared and last.path not in {*graph.owners, *graph.owners.values()} else None


def helpers(graph: Graph) -> list[str]:
    """The texts that the graph's operators need, each once."""
    used: dict[str, str] = {}
    for node in graph.nodes:
        spelling = node.op.spelling(*graph.input_shapes(node))
        name = spelling.target if isinstance(spelling, Module) else spelling.template.partition("(")[0]
        if name in HELPERS:
            used[name] = HELPERS[name]
    return list(used.values())


def _class_name(graph: Graph) -> str:
    """`MobileNetV2` of the catalogue's title, or the name in capitals."""
    known = FAMILIES.get(graph.name)
    words = re.split("[-_ ]", known.title if known else graph.name)
    return identifier("".join(word[:1].upper() + word[1:] for word in words))


def _header(graph: Graph, notes: Sequence[str]) -> str:
    mult_adds = params = 0
    for node in graph.nodes:
        shapes = graph.input_shapes(node)
        mult_adds += node.op.mult_adds(*shapes)
        params += graph.params(node)
    title, *source = citation(graph.spec) if isinstance(graph.spec, Spec) else (graph.name,)
    lines = [
        f"{title}.",
        "",
        *source,
        f"Input {' x '.join(map(str, graph.input))}, output {' x '.join(map(str, graph.output))} (without the batch).",
        f"{mult_adds:,} multiply-adds, {params:,} parameters.",
        *([""] if notes else []),
        *[note.translate(HARMLESS) for note in notes],
    ]
    return '"""' + "\n".join(textwrap.fill(line, WIDTH) for line in lines) + '\n"""\n'
