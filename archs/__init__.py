"""What a network is: operators, graphs, the papers' tables, and PyTorch text. Costs are in `costmodel`."""

from archs.build import build
from archs.catalogue import names, spec
from archs.errors import ArchError, Problem
from archs.fold import fold_batchnorm
from archs.graph import Graph, Node
from archs.importer import from_module
from archs.onnx_in import from_onnx
from archs.ops import Shape
from archs.pytorch import from_source, to_module, to_source
from archs.spec import Spec
from archs.transfer import adopt, from_state_dict
from archs.weights import Weights, load_weights, save_weights

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
