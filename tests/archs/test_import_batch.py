"""The size of the batch in a forward's arithmetic: equal at every batch, or refused; never the size of the traced batch."""

import pytest
import torch
from support.modules import Lambda
from torch import nn

import archs

SHAPE = (4, 8, 8)


def of(forward):
    made = Lambda(forward)
    made.c = nn.Conv2d(4, 4, 3, padding=1)
    made.token = nn.Parameter(torch.ones(1, 4, 1))
    return made.eval()


EQUAL = {
    "view": lambda m, x: m.c(x).view(x.size(0), -1),
    "zeros": lambda m, x: m.c(x).flatten(1) + torch.zeros(len(x), 1),
    "ones of a device": lambda m, x: m.c(x).flatten(1) * torch.ones(len(x), 1, device=x.device),
    "expand": lambda m, x: torch.cat([m.token.expand(len(x), -1, -1), m.c(x).flatten(2)], 2),
}
REFUSED = {
    "quotient": lambda m, x: m.c(x) / len(x),
    "product": lambda m, x: x.shape[0] * m.c(x),
    "filled": lambda m, x: m.c(x) + torch.full((1,), float(len(x))),
    "elements": lambda m, x: m.c(x) * (x.numel() / x[0].numel()),
    "exponent": lambda m, x: m.c(x) ** (1 / len(x)),
    "branch": lambda m, x: m.c(x) if len(x) > 1 else m.c(x) * 2,
    "mean over images": lambda m, x: m.c(x).sum(0, keepdim=True) / len(x),
}


@pytest.mark.parametrize("name", EQUAL)
def test_is_equal_at_two_batches(name):
    found = archs.from_module(of(EQUAL[name]), SHAPE).verification
    assert found.startswith("outputs, parameters and multiply-adds are equal on 1×4×8×8, 3×4×8×8")


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name):
    with pytest.raises(archs.ArchError, match=r"gives another output than the original|it mixes images"):
        archs.from_module(of(REFUSED[name]), SHAPE)
