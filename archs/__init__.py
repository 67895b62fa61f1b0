"""What a network is: operators, graphs, the papers' tables, and PyTorch text. Costs are in `costmodel`."""

from archs.catalogue.registry import names, spec
from archs.errors import ArchError, Problem
from archs.interop.onnx.importer import from_onnx
from archs.interop.pytorch.codegen import to_source
from archs.interop.pytorch.execute import from_source, to_module
from archs.interop.pytorch.importer import from_module
from archs.ir.graph import Graph, Node
from archs.ir.ops import Shape
from archs.ir.weights import Weights
from archs.tables.lower import build
from archs.tables.table import Spec
from archs.transforms.fold import fold_batchnorm
from archs.transforms.match_weights import adopt, from_state_dict
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
    "save_weights",
    "spec",
    "to_module",
    "to_source",
]
