"""Random modules with branches, in-place operators, views, tied parameters and functional calls, and their imports.

A module is a list of named steps on a list of tensors of C×8×8, so that a seed can be printed. Start at `outcome`.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import archs
import costmodel
from archs.ir.ops import Opaque

C, SIDE = 4, 8
TOLERANCE = 1e-3

Forward = Callable[[nn.Module, Tensor], Tensor]


class Program(nn.Module):
    """Runs its steps on the last tensor, or on an earlier one; the output joins what no step read."""

    def __init__(self, rng: Random):
        super().__init__()
        self.steps: list[tuple[str, str, int]] = []
        self.first = nn.Conv2d(C, C, 3, padding=1)
        self.last_as = rng.choice(("plain", "plain", "view", "pooled", "written"))
        names: list[str] = []
        for number in range(rng.randint(2, 6)):
            kind = rng.choice(list(KINDS))
            name = f"{kind}{number}"
            again = [n for n in names if n.startswith(kind)]
            if again and rng.random() < 0.4:
                name = rng.choice(again)  # the same module once more
            else:
                KINDS[kind][0](self, name, rng)
                names.append(name)
            self.steps.append((kind, name, rng.randrange(3)))

    def forward(self, x: Tensor) -> Tensor:
        values = [self.first(x)]
        for kind, name, back in self.steps:
            source = values[-1 - min(back, len(values) - 1)]
            made = KINDS[kind][1](self, name, source, values)
            values.append(made)
        y = values[-1]
        for other in values[-3:-1]:  # what an in-place operator did to an earlier tensor shows
            y = y + other
        if self.last_as == "view":
            return y.flatten(1)
        if self.last_as == "pooled":
            return y.mean((2, 3))
        if self.last_as == "written":
            y[:, 1:3] = 0
        return y

    def __repr__(self) -> str:
        return f"{self.last_as}: " + ", ".join(f"{name}(-{back})" for _, name, back in self.steps)


def _nothing(m: Any, name: str, rng: Random) -> None:
    """A step without parameters."""


def _conv(m: Any, name: str, rng: Random) -> None:
    d, groups = rng.choice((1, 1, 2)), rng.choice((1, 1, 2, C))
    setattr(m, name, nn.Conv2d(C, C, 3, padding=d, dilation=d, groups=groups, bias=rng.random() < 0.5))


def _tied(m: Any, name: str, rng: Random) -> None:
    """Another layer with the weight of the first one and numbers or a bias of its own."""
    d = rng.choice((1, 2))
    layer = nn.Conv2d(C, C, 3, padding=d, dilation=d, bias=rng.random() < 0.5)
    layer.weight = m.first.weight
    setattr(m, name, layer)


def _norm(m: Any, name: str, rng: Random) -> None:
    layer = nn.BatchNorm2d(C, eps=rng.choice((1e-5, 1e-1)))
    layer.running_mean.normal_(0, 0.5)
    layer.running_var.uniform_(0.5, 2)
    layer.weight = nn.Parameter(torch.rand(C) + 0.5)
    layer.bias = nn.Parameter(torch.randn(C) * 0.3)
    others = [one for one in m.modules() if isinstance(one, nn.BatchNorm2d)]
    if others and rng.random() < 0.4:
        layer.weight = others[0].weight
    setattr(m, name, layer)


def _affine(m: Any, name: str, rng: Random) -> None:
    """A batch norm by a function, its numbers buffers or parameters."""
    for role in ("w", "b", "mean", "var"):
        value = torch.rand(C) + 0.5
        if role in "wb" and rng.random() < 0.5:
            setattr(m, f"{name}_{role}", nn.Parameter(value))
        else:
            m.register_buffer(f"{name}_{role}", value)


def _weight(m: Any, name: str, rng: Random) -> None:
    setattr(m, f"{name}_w", nn.Parameter(torch.randn(C, C, 3, 3) * 0.2))


def _gate(m: Any, name: str, rng: Random) -> None:
    setattr(m, f"{name}_g", nn.Parameter(torch.randn(C, 1, 1)))


def _call(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    return getattr(m, name)(x)


def _by_function(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    numbers = [getattr(m, f"{name}_{role}") for role in ("mean", "var", "w", "b")]
    return F.batch_norm(x, *numbers, False)


def _both(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    """One weight, plain and multiplied."""
    w = getattr(m, f"{name}_w")
    return F.conv2d(x, w, padding=1) + F.conv2d(x, w * 2, padding=2, dilation=2)


def _standardised(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    w = getattr(m, f"{name}_w")
    return F.conv2d(x, w / w.norm(), padding=1)


def _difference(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    """Central differences: the kernel and its sum."""
    w = getattr(m, f"{name}_w")
    return F.conv2d(x, w, padding=1) - 0.7 * F.conv2d(x, w.sum((2, 3), keepdim=True))


def _gated(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    g = torch.sigmoid(getattr(m, f"{name}_g"))
    return x * g + (1 - g)


def _stateless(function: Callable[[Tensor], Tensor]) -> Callable[[Any, str, Tensor, list[Tensor]], Tensor]:
    return lambda m, name, x, values: function(x)


def _copied(x: Tensor) -> Tensor:
    return x + x.clone().relu_()


def _added_nothing(x: Tensor) -> Tensor:
    y = x + 0
    y.mul_(0.5)
    return y - x


def _times_one(x: Tensor) -> Tensor:
    y = x * 1
    y.clamp_(-0.5, 0.5)
    return x + y


def _padded(x: Tensor) -> Tensor:
    y = F.pad(x, (0, 0))
    y.relu_()
    return x + y


def _one_joined(x: Tensor) -> Tensor:
    y = torch.cat([x])
    y.neg_()
    return x * 2 + y


def _rows(x: Tensor) -> Tensor:
    x[:, :2] = 0
    return x


def _channel(x: Tensor) -> Tensor:
    x[:, 0] = x[:, 1]
    return x


def _halves(x: Tensor) -> Tensor:
    a, b = x.chunk(2, 1)
    a.add_(1)
    return torch.cat((b, a), 1)


def _viewed(x: Tensor) -> Tensor:
    v = x.flatten(1)
    x.relu_()
    return v.view_as(x)


def _transposed(x: Tensor) -> Tensor:
    v = x.transpose(2, 3)
    v.mul_(2)
    return x


def _box(x: Tensor) -> Tensor:
    x[:, 1:3, 2:5] += 1
    return x


def _by_data(x: Tensor) -> Tensor:
    x.data.clamp_(-1, 1)
    return x


def _detached(x: Tensor) -> Tensor:
    y = x.detach()
    y.relu_()
    return x + 1


def _contiguous(x: Tensor) -> Tensor:
    y = x.contiguous()
    y.add_(0.5)
    return x * y


def _in_place(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    return x.add_(values[0])


def _added(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    return x + values[0]


def _joined(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    return torch.cat((x[:, ::2], values[0][:, 1::2]), 1)


def _multiplied(m: Any, name: str, x: Tensor, values: list[Tensor]) -> Tensor:
    return x * values[0].mean((2, 3), keepdim=True)


KINDS: dict[str, tuple[Callable[..., None], Callable[..., Tensor]]] = {
    "conv": (_conv, _call),
    "tied": (_tied, _call),
    "norm": (_norm, _call),
    "affine": (_affine, _by_function),
    "both": (_weight, _both),
    "standardised": (_weight, _standardised),
    "difference": (_weight, _difference),
    "gated": (_gate, _gated),
    "added": (_nothing, _added),
    "joined": (_nothing, _joined),
    "multiplied": (_nothing, _multiplied),
    "accumulated": (_nothing, _in_place),
    **{
        function.__name__.strip("_"): (_nothing, _stateless(function))
        for function in (
            _copied, _added_nothing, _times_one, _padded, _one_joined, _rows, _channel, _halves, _viewed, _transposed,
            _box, _by_data, _detached, _contiguous, F.relu, torch.relu_, F.hardswish,
        )
    },
}  # fmt: skip
"""Kind of step → what it adds to the module, and what it does."""


def outcome(seed: int, verify: bool = True) -> str:
    """`equal`, `refused: …`, `opaque: …`, `invalid` (a module that torch does not run) or `differs …`.

    Without `verify` the importer's rules are on their own.
    """
    torch.manual_seed(seed)
    module = Program(Random(seed)).eval()
    x = torch.randn(2, C, SIDE, SIDE)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            want = copy.deepcopy(module)(x.clone())
        except Exception:
            return "invalid"
        with FlopCounterMode(display=False) as counter:
            copy.deepcopy(module)(x[:1].clone())
        try:
            graph = archs.from_module(module, (C, SIDE, SIDE), verify=verify)
        except archs.ArchError as error:
            return f"refused: {error}"
        total = costmodel.count(graph).total
        params = sum(p.numel() for p in module.parameters())
        unused = sum(graph.weights.unused.values()) if graph.weights else 0
        unknown = [n.op.target for n in graph.nodes if isinstance(n.op, Opaque)]
        if unknown and total.params <= params:  # what an unknown operator reads may be left out, never be twice
            return f"opaque: {unknown[0]}"
        if total.params + unused != params:
            return f"differs, {total.params + unused} parameters for {params}: {module!r}"
        try:
            got = archs.to_module(graph).eval()(x.clone())
        except Exception as error:
            return f"differs, as it does not run ({error}): {module!r}"
    gap = float((got - want).abs().max()) if got.shape == want.shape else float("inf")
    if not gap <= TOLERANCE * max(1.0, float(want.abs().max())):
        return f"differs by {gap:.2g}: {module!r}"
    if total.mult_adds != counter.get_total_flops() // 2:
        return f"differs, {total.mult_adds} mult-adds for {counter.get_total_flops() // 2}: {module!r}"
    return "equal"
