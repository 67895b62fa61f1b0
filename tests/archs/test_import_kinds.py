"""Kinds of modules that an importer reads wrongly without noticing: each equal to the original in all that is compared."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from support.modules import Lambda
from torch import nn
from torch.nn.utils import parametrizations, prune

import archs
import costmodel
from archs.ir.ops import Opaque


def conv(i, o, k=3, **more):
    return nn.Conv2d(i, o, k, padding=k // 2, **more)


def module(forward, **children):
    made = Lambda(forward)
    for name, child in children.items():
        setattr(made, name, child)
    return made


def tied(a, b, *names):
    for name in names or ("weight",):
        setattr(b, name, getattr(a, name))
    return a, b


def _written(write):
    def forward(m, x):
        y = m.c(x)
        return write(y)

    return module(forward, c=conv(4, 4))


def _clone(y):
    return y + y.clone().relu_()


def _times_one(y):
    z = y * 1
    z.relu_()
    return y + z


def _slice(y):
    y[:, :2] = 0
    return y


def _select(y):
    y[:, 0] = y[:, 1]
    return y


def _view_first(y):
    v = y.flatten(1)
    y.relu_()
    return v


def _box(y):
    y[:, 1:3, 2:5] += 1
    return y


def _parts(y):
    """Every other channel and row, a view of a view, and the parts of a new tensor."""
    y[:, 1::2].mul_(2)
    y[:, :, ::2] = 0
    v = y.view(len(y), 2, 2, 8, 9)
    v[:, 0] *= 3
    v[:, :, 1].relu_()
    y.flatten(1)[:, 3:70] = 0
    out = y.new_zeros(y.shape)
    out[:, :2] = y[:, 2:]
    out[:, 2:] += y[:, :2]
    return out


def dropout_in_place():
    """A dropout in eval mode gives its input, not a copy."""

    def forward(m, x):
        y = m.c(x)
        z = m.d(y)
        z.neg_()
        return y * 2 + z

    return module(forward, c=conv(4, 4), d=nn.Dropout(0.5))


class WrittenBuffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = conv(4, 4)
        self.w = nn.Parameter(torch.randn(4, 4, 3, 3))
        self.register_buffer("b", torch.rand(4, 1, 1) + 1)

    def forward(self, x):
        gain, kernel = self.b + 1, self.w.clone()
        y = self.c(x) * gain + F.conv2d(x, kernel, padding=1)
        gain.zero_()
        kernel[:, :, 1, 1] = 0
        return y + gain + F.conv2d(x, kernel, padding=1)


class Assembled(nn.Module):
    """A weight of two parameters, put together by writes."""

    def __init__(self):
        super().__init__()
        self.a, self.b = (nn.Parameter(torch.randn(2, 4, 3, 3)) for _ in "ab")

    def forward(self, x):
        weight = torch.zeros(4, 4, 3, 3)
        weight[:2] = self.a
        weight[2:] = self.b
        return F.conv2d(x, weight, padding=1)


def dilations():
    a, b, c = (nn.Conv2d(4, 4, 3, padding=d, dilation=d, bias=False) for d in (1, 2, 3))
    b.weight = c.weight = a.weight
    return module(lambda m, x: m.a(x) + m.b(x) + m.c(x), a=a, b=b, c=c)


def biases():
    a, b = tied(conv(4, 4), conv(4, 4))
    return module(lambda m, x: m.b(F.relu(m.a(x))), a=a, b=b)


def epsilons():
    a, b = tied(nn.BatchNorm2d(4), nn.BatchNorm2d(4, eps=0.1), "weight", "bias")
    return module(lambda m, x: m.b(F.relu(m.a(x))), a=a, b=b)


def central_difference():
    return module(lambda m, x: m.a(x) - F.conv2d(x, m.a.weight.sum((2, 3), keepdim=True)), a=conv(4, 4, bias=False))


def weight_norm_twice():
    a = nn.utils.parametrizations.weight_norm(conv(4, 4))
    return module(lambda m, x: m.a(F.relu(m.a(x))), a=a)


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.g = nn.Parameter(torch.randn(4, 1, 1))
        self.c = conv(4, 4)

    def forward(self, x):
        return torch.sigmoid(self.g) * self.c(x) + (1 - torch.sigmoid(self.g)) * x


class Gain(nn.Module):
    def __init__(self):
        super().__init__()
        self.g = nn.Parameter(torch.randn(1, 4, 1, 1))
        self.p = nn.Parameter(torch.rand(1, 4, 1, 1) + 1)

    def forward(self, x):
        return (1 + self.g) * x / self.p - self.p


def _out(m, x):
    """Results into another tensor, into a part of one, and into the operand itself."""
    y, sums = m.c(x), torch.empty(len(x), 8, 8, 9)
    torch.cat([torch.mul(y, x, out=torch.empty_like(y)), y], 1, out=sums)
    torch.neg(sums[:, 4:], out=sums[:, :4])
    torch.clamp(y, min=0.1, out=y)
    return sums + torch.cat([y, x], 1)


def _places(m, x):
    y = m.c(x)
    y[y < 0.1] = 0.5
    y[:, [0, 2]] = x[:, 1:3]
    y[:, :, torch.tensor([1, 1, 5])] = 7
    return y.index_add_(1, torch.tensor([0, 2]), x[:, :2])


def _grid(m, x):
    grid = torch.linspace(-1, 1, 70).view(1, 5, 7, 2).expand(len(x), -1, -1, -1)
    return F.grid_sample(m.c(x), grid, align_corners=False)


class FromFactors(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.randn(6, 2)), nn.Parameter(torch.randn(2, 4, 3, 3))

    def forward(self, x):
        return F.conv2d(x, torch.einsum("or,rikl->oikl", self.a, self.b), padding=1)


class Interpolation(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", torch.rand(4, 1, 4, 4))

    def forward(self, x):
        return F.conv_transpose2d(x, self.kernel, stride=2, padding=1, groups=4)


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("weight", "bias", "mean", "var"):
            self.register_buffer(name, torch.rand(4) + 0.5)

    def forward(self, x):
        return F.batch_norm(x, self.mean, self.var, self.weight, self.bias, False)


KINDS = {
    "clone": lambda: _written(_clone),
    "times one": lambda: _written(_times_one),
    "slice": lambda: _written(_slice),
    "select": lambda: _written(_select),
    "view before the write": lambda: _written(_view_first),
    "box": lambda: _written(_box),
    "parts": lambda: _written(_parts),
    "dropout, then in place": dropout_in_place,
    "constants written after they are read": WrittenBuffer,
    "assembled weight": Assembled,
    "one weight, three dilations": dilations,
    "one weight, two biases": biases,
    "one scale, two epsilons": epsilons,
    "central difference": central_difference,
    "weight norm, called twice": weight_norm_twice,
    "gate": Gate,
    "gain": Gain,
    "pruned": lambda: nn.Sequential(prune.l1_unstructured(conv(4, 4), "weight", 0.5)),
    "scale factor": lambda: module(lambda m, x: F.interpolate(m.c(x), scale_factor=1.3, mode="bilinear"), c=conv(4, 4)),
    "even kernel, same": lambda: module(lambda m, x: m.c(x.flatten(2)), c=nn.Conv1d(4, 4, 4, padding="same")),
    "scripted child": lambda: nn.Sequential(conv(4, 8), torch.jit.script(nn.Sequential(nn.Conv2d(8, 4, 1)))),
    "frozen batch norm": lambda: nn.Sequential(conv(4, 4), Frozen()),
    "results by out=": lambda: module(_out, c=conv(4, 4)),
    "places by a mask or by numbers": lambda: module(_places, c=conv(4, 4)),
    "weight by einsum": FromFactors,
    "transposed convolution, normalised": lambda: nn.Sequential(
        parametrizations.weight_norm(nn.ConvTranspose2d(4, 8, 3, (2, 1), 1, (1, 0), 2, dilation=2))
    ),
    "transposed convolution, stored": lambda: nn.Sequential(conv(4, 4), Interpolation()),
    "grid that is stored": lambda: module(_grid, c=conv(4, 4)),
    "circular padding": lambda: nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1, padding_mode="circular")),
    "log softmax": lambda: nn.Sequential(nn.Flatten(), nn.Linear(4 * 8 * 9, 10), nn.LogSoftmax(1)),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_read_right(kind):
    torch.manual_seed(0)
    original = KINDS[kind]().eval()
    before = copy.deepcopy(original.state_dict())
    x = torch.randn(2, 4, 8, 9)
    graph = archs.from_module(original, (4, 8, 9))
    with torch.no_grad():
        want = original(x.clone())
        made = archs.to_module(graph).eval()
        torch.testing.assert_close(made(x.clone()), want, atol=1e-4, rtol=1e-3)
    params = sum(p.numel() for p in original.parameters())
    assert costmodel.count(graph).total.params == params == sum(p.numel() for p in made.parameters())
    assert costmodel.count(graph).total.unknown == 0
    assert all(torch.equal(before[name], tensor) for name, tensor in original.state_dict().items())


@pytest.mark.parametrize("view", [lambda y: y.diagonal(dim1=2, dim2=3), lambda y: y.diagonal(2, 1, 3)])
def test_a_write_along_two_axes_at_once_is_refused(view):
    def forward(m, x):
        y = m.c(x)
        view(y).mul_(2)
        return y

    with pytest.raises(archs.ArchError, match="mul_ writes into a view"):
        archs.from_module(module(forward, c=conv(4, 4)), (4, 8, 8))


def test_adaptive_pooling_along_a_line_is_one_pooling():
    graph = archs.from_module(nn.Sequential(nn.Flatten(2), nn.AdaptiveAvgPool1d(7)), (4, 8, 9))
    assert [type(node.op).__name__ for node in graph.nodes] == ["View", "AdaptiveAvgPool", "View"]


def test_random_numbers_are_no_constant():
    graph = archs.from_module(module(lambda m, x: m.c(x) + torch.randn(1, 4, 8, 9), c=conv(4, 4)), (4, 8, 9))
    assert "aten.randn.default" in [n.op.target for n in graph.nodes if isinstance(n.op, Opaque)]


def test_what_a_forward_writes_to_itself_stays_out_of_the_original():
    def forward(m, x):
        m.last = x
        return m.c(x)

    original = module(forward, c=conv(4, 4))
    kept = {}
    original.c.register_forward_hook(lambda m, i, o: kept.update(out=o))
    before = set(vars(original))
    archs.from_module(original, (4, 8, 9))
    assert set(vars(original)) == before
    assert not kept
