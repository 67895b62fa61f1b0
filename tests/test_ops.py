"""Every operator's facts as formulas, in one table; what does not fit is an error with both numbers."""

from dataclasses import is_dataclass

import pytest

from archs import ops
from archs.errors import ArchError
from archs.ops import Shape

# fmt: off
FACTS = [
    # operator                                      input(s)                    output                 params                mult-adds
    (ops.Conv2d(32, 3, stride=2),                   [(3, 224, 224)],            (32, 112, 112),        3*3*3*32,             3*3*3*32 * 112*112),
    (ops.Conv2d(96, 3, groups=96),                  [(96, 56, 56)],             (96, 56, 56),          3*3*96,               3*3*96 * 56*56),
    (ops.Conv2d(240, 1, groups=3, bias=True),       [(60, 28, 28)],             (240, 28, 28),         60*240//3 + 240,      60*240//3 * 28*28),
    (ops.Conv2d(8, (1, 7), padding=(0, 3)),         [(4, 9, 9)],                (8, 9, 9),             7*4*8,                7*4*8 * 81),
    (ops.Conv2d(8, 3, dilation=2),                  [(4, 9, 9)],                (8, 9, 9),             9*4*8,                9*4*8 * 81),
    (ops.Conv2d(8, 3, padding=0),                   [(4, 9, 9)],                (8, 7, 7),             9*4*8,                9*4*8 * 49),
    (ops.Linear(1000),                              [(1280,)],                  (1000,),               1280*1000 + 1000,     1280*1000),
    (ops.Linear(10, bias=False),                    [(8,)],                     (10,),                 80,                   80),
    (ops.BatchNorm(),                               [(24, 7, 7)],               (24, 7, 7),            48,                   0),
    (ops.ReLU(),                                    [(24, 7, 7)],               (24, 7, 7),            0,                    0),
    (ops.ReLU6(),                                   [(24, 7, 7)],               (24, 7, 7),            0,                    0),
    (ops.Sigmoid(),                                 [(24, 7, 7)],               (24, 7, 7),            0,                    0),
    (ops.HardSigmoid(),                             [(24, 1, 1)],               (24, 1, 1),            0,                    0),
    (ops.SiLU(),                                    [(24, 7, 7)],               (24, 7, 7),            0,                    0),
    (ops.HardSwish(),                               [(24, 7, 7)],               (24, 7, 7),            0,                    0),
    (ops.Softmax(),                                 [(10,)],                    (10,),                 0,                    0),
    (ops.Dropout(0.2),                              [(10,)],                    (10,),                 0,                    0),
    (ops.MaxPool(3, 2, 1),                          [(24, 112, 112)],           (24, 56, 56),          0,                    0),
    (ops.AvgPool(3, 2, 1),                          [(24, 56, 56)],             (24, 28, 28),          0,                    0),
    (ops.AvgPool(7, 1),                             [(24, 7, 7)],               (24, 1, 1),            0,                    0),
    (ops.GlobalAvgPool(),                           [(24, 7, 7)],               (24, 1, 1),            0,                    0),
    (ops.GlobalAvgPool(flat=True),                  [(24, 7, 7)],               (24,),                 0,                    0),
    (ops.Add(),                                     [(24, 7, 7), (24, 7, 7)],   (24, 7, 7),            0,                    0),
    (ops.Multiply(),                                [(24, 7, 7), (24, 1, 1)],   (24, 7, 7),            0,                    0),
    (ops.Concat(),                                  [(24, 7, 7), (8, 7, 7)],    (32, 7, 7),            0,                    0),
    (ops.ChannelSplit((58, 58), 1),                 [(116, 7, 7)],              (58, 7, 7),            0,                    0),
    (ops.ChannelShuffle(3),                         [(240, 28, 28)],            (240, 28, 28),         0,                    0),
    (ops.Flatten(),                                 [(24, 7, 7)],               (24 * 49,),            0,                    0),
    (ops.ZeroPad(0, 1, 0, 1),                       [(3, 224, 224)],            (3, 225, 225),         0,                    0),
]

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
    (lambda: ops.Multiply(),                        [(8, 7, 7), (4, 1, 1)],     "a gate of 8×7×7 or of 8×1×1, found 4×1×1"),
    (lambda: ops.Concat(),                          [(8, 7, 7), (8, 4, 4)],     "found 8×7×7 and 8×4×4"),
    (lambda: ops.ChannelSplit((58, 58), 0),         [(100, 7, 7)],              "58 \\+ 58 channels does not make up 100"),
    (lambda: ops.ChannelSplit((1, 1), 2),           [],                         "split part is 2; allowed: 0 to 1"),
    (lambda: ops.ChannelShuffle(3),                 [(100, 7, 7)],              "groups=3 must divide 100 channels; allowed: 1, 2, 4, 5, 10, 20, 25, 50, 100"),
    (lambda: ops.Dropout(1.0),                      [],                         "dropout is 1.0; allowed: 0 ≤ p < 1"),
    (lambda: ops.ZeroPad(-1, 0, 0, 0),              [],                         "padding left is -1"),
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
    assert known == {type(row[0]) for row in FACTS}


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

    from archs.pytorch import SHUFFLE

    op, inputs, output, params, _ = row
    shapes = [Shape(*dims) for dims in inputs]
    tensors = [torch.zeros(2, *shape) for shape in shapes]
    spelling = op.spelling(*shapes)
    if isinstance(spelling, ops.Module):
        module = eval(spelling.target, {"nn": torch.nn})(*spelling.args, **dict(spelling.kwargs))
        result = module(*tensors)
        assert sum(p.numel() for p in module.parameters()) == params
    else:
        names = [f"x{i}" for i in range(len(tensors))]
        namespace = dict(zip(names, tensors)) | {"torch": torch}
        exec(SHUFFLE, namespace)
        text = spelling.template.format(*names, all=", ".join(names), **dict(spelling.kwargs))
        result = eval(text, namespace)
    assert tuple(result.shape) == (2, *output)
