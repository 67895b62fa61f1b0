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
    with pytest.raises(archs.ArchError, match=r"gives another output than|it mixes images|the number of images"):
        archs.from_module(of(REFUSED[name]), SHAPE)


COMPUTED = {
    "quotient": REFUSED["quotient"],
    "product": REFUSED["product"],
    "exponent": REFUSED["exponent"],
    "root": lambda m, x: m.c(x) * len(x) ** 0.5,
    "all elements": lambda m, x: m.c(x) / x.numel(),
}


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("name", COMPUTED)
def test_arithmetic_with_the_number_of_images_is_said_to_be_so(name, verify):
    """Without the comparison 13 was written into the text."""
    with pytest.raises(archs.ArchError, match=r"^(mul|div|pow) computes with the number of images"):
        archs.from_module(of(COMPUTED[name]), SHAPE, verify=verify)


SIZED = {
    "mean": lambda m, x: m.c(x).sum((2, 3)) / (x.shape[2] * x.shape[3]),
    "root": lambda m, x: m.c(x) * x.shape[-1] ** -0.5,
    "branch": lambda m, x: m.c(x) if x.shape[2] > 6 else m.c(x) + 1,
}


@pytest.mark.parametrize("name", SIZED)
def test_arithmetic_with_the_size_of_the_image_is_compared_at_that_size(name):
    """It was refused as an operator that is read wrongly."""
    module = of(SIZED[name])
    graph = archs.from_module(module, SHAPE)
    assert "equal on 1×4×8×8, 3×4×8×8; no second image size was compared" in graph.verification
    x = torch.rand(2, *SHAPE)
    with torch.no_grad():
        assert torch.allclose(archs.to_module(graph).eval()(x), module(x), atol=1e-5)


@pytest.mark.parametrize("channels", [13, 26])
def test_numbers_of_the_network_that_look_like_those_of_images_are_kept(channels):
    graph = archs.from_module(of(lambda m, x: m.c(x) * channels + 13**0.5), SHAPE, verify=False)
    assert len(graph.nodes) == 3
