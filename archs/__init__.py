"""What a network is: operators, graphs, the papers' tables, and PyTorch text. Costs are in `costmodel`.

A network: `names()` lists the catalogue, `spec(name, **knobs)` gives a table, `Spec(...)` of `rows` is one's own,
`from_module`, `from_onnx` import one. `build(network)` is its graph; name, Spec and Graph are taken alike.

Edit a Spec: `edit`, `edit_row`, `edit_stage`, `insert_row`, `replace_row`, `delete_row`, `set_classes`, `set_input`.
Edit a Graph: `widen`, `rekernel`, `regroup`, `remove`, `fold_batchnorm`; `spec_of` gives the table of a graph.

Out: `to_source` (read by `from_source`), `to_module`, `to_onnx`, `summary`, `Spec.to_json`.
Weights: `save_weights`, `load_weights`, `adopt` (of an equal network), `from_state_dict` (of a file in order).
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from archs.catalogue.registry import names, spec
from archs.errors import ArchError, Problem
from archs.guessed_words import OF_ARCHS as _OF_ARCHS
from archs.guidance import module_attribute as _module_attribute
from archs.interop.onnx.importer import from_onnx
from archs.interop.pytorch.execute import from_source
from archs.interop.pytorch.importer import from_module
from archs.ir.graph import Graph, Node
from archs.ir.ops import Shape
from archs.ir.weights import Weights
from archs.networks import build, spec_of, summary, to_module, to_onnx, to_source
from archs.tables import rows
from archs.tables.table import Spec
from archs.transforms.fold import fold_batchnorm
from archs.transforms.match_weights import adopt, from_state_dict
from archs.transforms.surgery import regroup, rekernel, remove, widen
from archs.transforms.weights import load_weights, save_weights

__all__ = [
    "ArchError",
    "Graph",
    "Node",
    "Problem",
    "Shape",
    "Spec",
    "Weights",
    "adopt",
    "build",
    "fold_batchnorm",
    "from_module",
    "from_onnx",
    "from_source",
    "from_state_dict",
    "load_weights",
    "names",
    "regroup",
    "rekernel",
    "remove",
    "rows",
    "save_weights",
    "spec",
    "spec_of",
    "summary",
    "to_module",
    "to_onnx",
    "to_source",
    "widen",
]

if not _TYPE_CHECKING:  # a type checker knows the names
    __getattr__ = _module_attribute("archs", __all__, _OF_ARCHS)
