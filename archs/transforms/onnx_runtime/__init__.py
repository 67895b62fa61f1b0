"""What ONNX Runtime makes of a graph: its fused nodes and their layouts, predicted without running it."""

from archs.transforms.onnx_runtime.fuse import block_size, fuse_for_onnx_runtime
from archs.transforms.onnx_runtime.fused_graph import IMAGE, NOWHERE, FusedGraph, FusedNode, Segment, StoredTensor

__all__ = [
    "IMAGE",
    "NOWHERE",
    "FusedGraph",
    "FusedNode",
    "Segment",
    "StoredTensor",
    "block_size",
    "fuse_for_onnx_runtime",
]
