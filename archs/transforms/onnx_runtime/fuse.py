"""Graph → what ONNX Runtime executes for it at its default level on one CPU, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archs.ir.operator import Pair
from archs.networks import Network, build
from archs.transforms.onnx_runtime.blocked_layout import use_blocks
from archs.transforms.onnx_runtime.exported import exported
from archs.transforms.onnx_runtime.fused_graph import IMAGE, FusedGraph, FusedNode, StoredTensor
from archs.transforms.onnx_runtime.onnx_graph import OnnxGraph, OnnxNode
from archs.transforms.onnx_runtime.rewrites import fuse_sums, rewrite

AVX2, AVX512 = 8, 16
"""Channels of one block by the processor's vectors."""
Window = tuple[Pair, Pair, tuple[int, ...], Pair]
"""Kernel, stride, padding and dilation."""
NO_WINDOW: Window = (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)


def fuse_for_onnx_runtime(network: Network, block: int | None = None) -> FusedGraph:
    """The nodes that ONNX Runtime 1.32 makes of the network's ONNX file on its CPU provider, at its default level.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`.
        block: channels of one block: 8 with AVX2, 16 with AVX-512, 1 for no blocks; by default this processor's.
    """
    graph = build(network)
    block = block_size() if block is None else block
    onnx = exported(graph)
    rewrite(onnx)
    blocked = use_blocks(onnx, block) if block > 1 else frozenset()
    fuse_sums(onnx)
    return FusedGraph(graph.name, block, _nodes(onnx, blocked), tuple(onnx.removed))


def block_size() -> int:
    """Channels of one block on this processor; 8 where the system does not tell."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return AVX2
    return AVX512 if "avx512f" in flags else AVX2


def _nodes(onnx: OnnxGraph, blocked: frozenset[str]) -> tuple[FusedNode, ...]:
    ordered = onnx.ordered()
    position = {value: number for number, node in enumerate(ordered) for value in node.outputs}

    def stored(value: str) -> StoredTensor:
        return StoredTensor(onnx.shapes[value], value in blocked)

    def fused(node: OnnxNode) -> FusedNode:
        read = [value for value in node.inputs if value not in onnx.constants]
        attributes = node.attributes
        weights = attributes.get("weights")
        if weights is None:
            weights = sum([onnx.constants[value].elements for value in node.inputs if value in onnx.constants])
        return FusedNode(
            node.op,
            node.paths,
            node.place,
            tuple([position.get(value, IMAGE) for value in read]),
            tuple([stored(value) for value in read]),
            tuple([stored(value) for value in node.outputs]),
            weights,
            *(_window(attributes) if "kernel" in attributes else NO_WINDOW),
            attributes.get("groups", 1),
            attributes.get("activation", ""),
            bool(attributes.get("adds")),
        )

    return tuple([fused(node) for node in ordered])


def _window(attributes: dict[str, Any]) -> Window:
    pads = attributes["pads"]
    return (
        _pair(attributes["kernel"], 1),
        _pair(attributes["stride"], 1),
        (*_pair(pads[: len(pads) // 2], 0), *_pair(pads[len(pads) // 2 :], 0)),
        _pair(attributes.get("dilation", ()), 1),
    )


def _pair(sides: tuple[int, ...], other: int) -> Pair:
    """Vertical and horizontal; of a row of positions the horizontal alone is given."""
    vertical, horizontal = (other, other, *sides)[-2:]
    return vertical, horizontal
