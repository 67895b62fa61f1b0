"""What a network is: operators, graphs, the papers' tables, and PyTorch text. Costs are in `costmodel`."""

from archs.build import build
from archs.catalogue import names, spec
from archs.errors import ArchError, Problem
from archs.fold import fold_batchnorm
from archs.graph import Graph, Node
from archs.ops import Shape
from archs.pytorch import from_source, to_module, to_source
from archs.spec import Spec

__all__ = [
    "ArchError",
    "Graph",
    "Node",
    "Problem",
    "Shape",
    "Spec",
    "build",
    "fold_batchnorm",
    "from_source",
    "names",
    "spec",
    "to_module",
    "to_source",
]
