"""ONNX files that read shapes: a number of the image's sizes is written down, one of the number of images is refused."""

from __future__ import annotations

import pytest
import torch
from support.onnx_files import model, node

import archs

pytest.importorskip("onnxruntime")

from support.onnx_grammar import reference


def ints(*values):
    return torch.tensor(values, dtype=torch.int64)


PARTS = {"0": torch.tensor(0), "one": ints(1), "zero": ints(0), "rows": ints(-1), "width": torch.tensor(3)}
SHAPE = [node("Shape", "x", outputs=["shape"]), node("Gather", "shape", "0", outputs=["images"], axis=0)]
FLOAT = [*SHAPE, node("Cast", "images", outputs=["number"], to=1)]

REFUSED = {
    "a factor": [*FLOAT, node("Mul", "x", "number", name="scaled")],
    "a summand": [*FLOAT, node("Add", "x", "number", name="scaled")],
    "a bound": [*FLOAT, node("Clip", "x", "", "number", name="scaled")],
    "a mean by the size of all": [
        node("Size", "x", outputs=["size"]),
        node("Cast", "size", outputs=["number"], to=1),
        node("ReduceSum", "x", "rows", outputs=["sum"]),
        node("Div", "sum", "number", name="scaled"),
    ],
    "channels up to it": [
        *SHAPE,
        node("Unsqueeze", "images", "zero", outputs=["stop"]),
        node("Slice", "x", "zero", "stop", "one", name="scaled"),
    ],
    "each image's own number": [
        *SHAPE,
        node("Range", "0", "images", "step", outputs=["range"]),
        node("Cast", "range", outputs=["number"], to=1),
        node("Unsqueeze", "number", "last", outputs=["column"]),
        node("Add", "x", "column", name="scaled"),
    ],
}  # fmt: skip
MORE = {"step": torch.tensor(1), "last": ints(1, 2, 3)}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("images", ["N", 4, 1])
def test_a_number_of_images_that_is_computed_with_is_refused(case, images):
    data = model(REFUSED[case], (images, 5, 8, 8), PARTS | MORE).SerializeToString()
    with pytest.raises(archs.ArchError, match="scaled. .*computes with the number of images"):
        archs.from_onnx(data)


HELD = {
    "the width": [
        node("Shape", "x", outputs=["shape"]),
        node("Gather", "shape", "width", outputs=["side"], axis=0),
        node("Cast", "side", outputs=["number"], to=1),
        node("Div", "x", "number"),
    ],
    "what is left of the size by the number of images": [
        *SHAPE,
        node("Size", "x", outputs=["size"]),
        node("Div", "size", "images", outputs=["each"]),
        node("Cast", "each", outputs=["number"], to=1),
        node("Div", "x", "number"),
    ],
    "rows of images": [
        *SHAPE,
        node("Unsqueeze", "images", "zero", outputs=["first"]),
        node("Concat", "first", "rows", outputs=["target"], axis=0),
        node("Reshape", "x", "target"),
    ],
    "what nothing reads": [*FLOAT, node("Mul", "x", "number", outputs=["unread"]), node("Sigmoid", "x")],
}  # fmt: skip


@pytest.mark.parametrize("case", HELD)
def test_sizes_of_the_image_and_of_reshapes_are_held(case):
    data = model(HELD[case], ("N", 5, 8, 8), PARTS).SerializeToString()
    module = archs.to_module(archs.from_onnx(data)).eval()
    for images in (1, 2, 13):
        x = torch.randn(images, 5, 8, 8)
        with torch.no_grad():
            assert torch.allclose(module(x), torch.from_numpy(reference(data, x.numpy())), atol=1e-5)
