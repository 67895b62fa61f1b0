"""Graph → what ONNX Runtime executes for it at its default level on one CPU, without running it."""

from __future__ import annotations

from pathlib import Path

from archs.networks import Network, build
from archs.transforms.onnx_runtime.fused_graph import FusedGraph
from archs.transforms.onnx_runtime.join import join
from archs.transforms.onnx_runtime.segments import segments_of

AVX2, AVX512 = 8, 16
"""Channels of one block by the processor's vectors."""


def fuse_for_onnx_runtime(network: Network, block: int | None = None) -> FusedGraph:
    """The nodes that ONNX Runtime 1.32 makes of the network's ONNX file on its CPU provider, at its default level.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`.
        block: channels of one block: 8 with AVX2, 16 with AVX-512, 1 for no blocks; by default this processor's.
    """
    graph = build(network)
    block = block_size() if block is None else block
    return join(graph, block, segments_of(graph, block))


def block_size() -> int:
    """Channels of one block on this processor; 8 where the system does not tell."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return AVX2
    return AVX512 if "avx512f" in flags else AVX2
