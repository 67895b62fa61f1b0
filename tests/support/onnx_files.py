"""ONNX files for the tests: what torch's two exporters write, and nodes put together by hand."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper


def exported(
    module: torch.nn.Module, shape: Sequence[int], dynamo: bool = False, batch: int = 1, **options: Any
) -> bytes:
    """The file that torch writes. The exporters warn of their own age and of torch's, which is not for us to mend."""
    file, images = io.BytesIO(), (torch.zeros(batch, *shape),)
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if dynamo:
                program = torch.onnx.export(module, images, dynamo=True, verbose=False, **options)
                return program.model_proto.SerializeToString()
            torch.onnx.export(module, images, file, dynamo=False, **options)
    finally:
        logging.disable(level)
    return file.getvalue()


def model(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int | str] = (1, 4, 8, 8),
    constants: dict[str, torch.Tensor] | None = None,
    opset: int = 20,
    declared: dict[str, Sequence[int]] | None = None,
) -> onnx.ModelProto:
    """A model that reads `x` and gives `y`."""
    held = [
        helper.make_tensor(
            name,
            TensorProto.FLOAT if t.is_floating_point() else TensorProto.INT64,
            list(t.shape),
            t.numpy().tobytes(),
            raw=True,
        )
        for name, t in (constants or {}).items()
    ]
    known = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (declared or {}).items()]
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        held,
        value_info=known,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def chained(count: int, op: str = "Relu", constants: dict[str, torch.Tensor] | None = None, **attributes: Any) -> bytes:
    """A file of so many operators, one behind the other, each with the constants as further inputs."""
    names = ["x", *[f"t{i}" for i in range(count - 1)], "y"]
    more = list(constants or {})
    nodes = [node(op, a, *more, outputs=[b], **attributes) for a, b in pairwise(names)]
    return model(nodes, constants=constants).SerializeToString()


def side_by_side(count: int) -> bytes:
    """A file of so many operators that read the image, and one concatenation of what they give."""
    names = [f"t{i}" for i in range(count)]
    nodes = [node("Relu", "x", outputs=[name]) for name in names]
    return model([*nodes, node("Concat", *names, axis=1)]).SerializeToString()


def node(op: str, *inputs: str, outputs: Sequence[str] = ("y",), name: str = "", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), list(outputs), name=name, **attributes)
