"""Every operator's facts as formulas, in one table; what does not fit is an error with both numbers."""

from dataclasses import is_dataclass

import pytest
from support.operator_facts import FACTS

from archs.errors import ArchError
from archs.ir import ops
from archs.ir.ops import Shape

# fmt: off
MISFITS = [
    (lambda: ops.Conv2d(32, groups=3),              [(16, 7, 7)],               "groups=3 must divide the 16 input and the 32 output channels; allowed: 1, 2, 4, 8, 16"),
    (lambda: ops.Conv2d(8, 5, padding=0),           [(16, 4, 4)],               "convolution 5×5 .* leaves no pixels of a 4×4 map"),
    (lambda: ops.Conv2d(8),                         [(16,)],                    "takes channels×height×width, found 16"),
    (lambda: ops.Conv2d(0),                         [],                         "channels is 0; allowed: a whole number ≥ 1"),
    (lambda: ops.Conv2d(8, 3, stride=0),            [],                         "stride is 0; allowed: a whole number ≥ 1"),
    (lambda: ops.Conv2d(8, "import os"),            [],                         "kernel is 'import os'"),
    (lambda: ops.Linear(10),                        [(8, 1, 1)],                "takes a flat tensor, found 8×1×1"),
    (lambda: ops.MaxPool(3, 2, 2),                  [],                         "padding 2×2 is over half of the 3×3 window"),
    (lambda: ops.AvgPool(7, 1),                     [(8, 4, 4)],                "pooling 7×7 .* leaves no pixels of a 4×4 map"),
    (lambda: ops.Add(),                             [(8, 7, 7), (8, 4, 4)],     "found 8×7×7 and 8×4×4"),
    (lambda: ops.Add(),                             [(8, 7, 7)],                "takes 2 inputs, found 1"),
    (lambda: ops.Multiply(),                        [(8, 7, 7), (4, 1, 1)],     "found 8×7×7 and 4×1×1"),
    (lambda: ops.Concat(),                          [(8, 7, 7), (8, 4, 4)],     "found 8×7×7 and 8×4×4"),
    (lambda: ops.ChannelSplit((58, 58), 0),         [(100, 7, 7)],              "58 \\+ 58 channels does not make up 100"),
    (lambda: ops.ChannelSplit((1, 1), 2),           [],                         "split part is 2; allowed: 0 to 1"),
    (lambda: ops.ChannelShuffle(3),                 [(100, 7, 7)],              "groups=3 must divide 100 channels; allowed: 1, 2, 4, 5, 10, 20, 25, 50, 100"),
    (lambda: ops.Dropout(1.0),                      [],                         "dropout is 1.0; allowed: 0 ≤ p < 1"),
    (lambda: ops.ZeroPad(-1, 0, 0, 0),              [],                         "padding left is -1"),
    (lambda: ops.Conv1d(8, 3),                      [(3, 7, 7)],                "takes channels×length, found 3×7×7"),
    (lambda: ops.Conv1d(8, 3, groups=3),            [(4, 7)],                   "groups=3 must divide the 4 input and the 8 output"),
    (lambda: ops.Conv1d(8, 9, padding=0),           [(4, 7)],                   "convolution of 9 with padding 0 leaves nothing of 7"),
    (lambda: ops.ConvTranspose2d(8, groups=3),      [(4, 7, 7)],                "groups=3 must divide the 4 input and the 8 output"),
    (lambda: ops.ConvTranspose2d(8, 1, 1, 4),       [(4, 7, 7)],                "padding 4×4 leaves no pixels"),
    (lambda: ops.BatchNorm(),                       [(2, 3, 4, 5)],             "batch norm takes channels, with or without a map, found 2×3×4×5"),
    (lambda: ops.LayerNorm(4),                      [(2, 3, 4)],                "layer norm over 4 axes of 2×3×4; allowed: 1 to 3"),
    (lambda: ops.GroupNorm(5),                      [(24, 7, 7)],               "groups=5 must divide 24 channels"),
    (lambda: ops.PReLU(5),                          [(24, 7, 7)],               "prelu with 5 slopes on 24×7×7; allowed: 1, 24"),
    (lambda: ops.Scale((23, 1, 1)),                 [(24, 7, 7)],               "scale of 23×1×1 does not stretch over 24×7×7"),
    (lambda: ops.Scale((0,)),                       [],                         "size is 0"),
    (lambda: ops.Clamp("import os"),                [],                         "low is 'import os'; allowed: a finite number"),
    (lambda: ops.AddConstant(float("nan")),         [],                         "value is nan"),
    (lambda: ops.Mean(()),                          [],                         "over no axes"),
    (lambda: ops.Mean((3,)),                        [(24, 7, 7)],               "mean along axis 3 of 24×7×7; allowed: 0 to 2"),
    (lambda: ops.MatMul(),                          [(4, 3, 2), (4, 3, 2)],     "matrix product takes …×M×K and …×K×N, found 4×3×2 and 4×3×2"),
    (lambda: ops.MatMul(),                          [(4, 3, 2)],                "takes 2 inputs, found 1"),
    (lambda: ops.Attention(),                       [(4, 3, 2)] * 2,            "attention takes 3 inputs, found 2"),
    (lambda: ops.Attention(),                       [(4, 3, 2), (4, 3, 2), (4, 2, 2)], "queries, keys and values that fit"),
    (lambda: ops.View((4, 5)),                      [(24,)],                    "4×5 has not the 24 elements of 24"),
    (lambda: ops.Permute((0, 0, 1)),                [(2, 3, 4)],                "each axis from 0 to 2 once"),
    (lambda: ops.Expand((4, 4)),                    [(2, 4)],                   "2×4 does not stretch to 4×4"),
    (lambda: ops.Slice(0, 0, 25),                   [(24, 7, 7)],               "slice to 25 of 24 places; allowed: up to 24"),
    (lambda: ops.Slice(0, 3, 3),                    [],                         "slice from 3 to 3"),
    (lambda: ops.Stack(0),                          [(2,), (3,)],               "stack takes tensors of one shape, found 2 and 3"),
    (lambda: ops.Stack(2),                          [(2,), (2,)],               "stack along axis 2 of 2; allowed: 0 to 1"),
    (lambda: ops.Pad("import os", 1, 1, 1, 1),      [],                         "padding mode is 'import os'; allowed: reflect, replicate"),
    (lambda: ops.Pad("reflect", -1, 1, 1, 1),       [(3, 7, 7)],                "padding of less than 0"),
    (lambda: ops.ChannelPad(-1, 0),                 [(3, 7, 7)],                "padding of less than 0"),
    (lambda: ops.Upsample(0, 1),                    [],                         "height is 0"),
    (lambda: ops.Upsample(2, 2, "import os"),       [],                         "upsampling mode is 'import os'; allowed: nearest, bilinear, bicubic"),
    (lambda: ops.PixelShuffle(2),                   [(6, 7, 7)],                "must divide 6 channels by 4"),
    (lambda: ops.PixelUnshuffle(2),                 [(6, 7, 7)],                "must divide the 7×7 map"),
    (lambda: ops.Softmax(1),                        [(10,)],                    "softmax along axis 1 of 10; allowed: 0 to 0"),
]
# fmt: on


@pytest.mark.parametrize(("op", "inputs", "output", "params", "mult_adds"), FACTS, ids=lambda v: str(v)[:40])
def test_facts(op, inputs, output, params, mult_adds):
    shapes = [Shape(*dims) for dims in inputs]
    assert op.output(*shapes) == Shape(*output)
    assert op.params(*shapes) == params
    assert op.mult_adds(*shapes) == mult_adds
    assert op.describe(*shapes)


def test_every_operator_stands_in_the_table():
    known = {c for c in vars(ops).values() if is_dataclass(c) and issubclass(c, ops.Op)}
    assert known == {type(row[0]) for row in FACTS} | {
        ops.Opaque,
        ops.ComputedTensor,
        ops.Conv2dWith,
        ops.ConvTranspose2dWith,
        ops.LinearWith,
        ops.TensorFunction,
        ops.ExampleInput,
        ops.Outputs,
        ops.BatchMoved,
    }, "an opaque operator has no spelling to agree with"


def test_opaque_is_shaped_and_a_stub():
    op = ops.Opaque("aten.grid_sampler.default", (4, 7, 7), weights=12)
    assert op.output(Shape(3, 9)) == Shape(4, 7, 7)
    assert (op.params(Shape(3, 9)), op.mult_adds(Shape(3, 9))) == (12, 0)
    assert op.describe() == "unknown: aten.grid_sampler.default"
    assert op.spelling(Shape(3, 9)).args == ("aten.grid_sampler.default",)
    assert ops.Opaque('x"\n); import os', (1,)).spelling(Shape(1)).args == ("x_____import_os",)


@pytest.mark.parametrize(("make", "inputs", "message"), MISFITS)
def test_misfits_name_what_was_found_and_what_is_allowed(make, inputs, message):
    with pytest.raises(ArchError, match=message):
        make().output(*[Shape(*dims) for dims in inputs])


def test_an_incomplete_operator_cannot_be_made():
    class Half(ops.Op):
        def output(self, *inputs):
            return inputs[0]

    with pytest.raises(TypeError, match="abstract"):
        Half()


@pytest.mark.parametrize("row", FACTS, ids=lambda row: str(row[0])[:40])
def test_torch_agrees_on_shape_and_parameters(row):
    """The operator's own spelling, executed on its inputs."""
    import torch

    from archs.interop.pytorch.helper_functions import HELPERS

    op, inputs, output, params, _ = row
    shapes = [Shape(*dims) for dims in inputs]
    tensors = [torch.zeros(2, *shape) for shape in shapes]
    spelling = op.spelling(*shapes)
    namespace = {"nn": torch.nn, "torch": torch}
    for text in HELPERS.values():
        exec(text, namespace)
    if isinstance(spelling, ops.Module):
        module = eval(spelling.target, namespace)(*spelling.args, **dict(spelling.kwargs)).eval()
        result = module(*tensors)
        assert sum(p.numel() for p in module.parameters()) == params
    else:
        names = [f"x{i}" for i in range(len(tensors))]
        namespace |= dict(zip(names, tensors))
        text = spelling.template.format(*names, all=", ".join(names), **dict(spelling.kwargs))
        result = eval(text, namespace)
    assert tuple(result.shape) == (2, *output)
