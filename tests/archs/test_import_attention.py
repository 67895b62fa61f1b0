"""Attention in its spellings, einsum, indices and masks: whole, equal to the original, products as torch counts them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from support.modules import Lambda, lively
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archs
import costmodel
from archs.ir import ops

SHAPE = (8, 6, 8)


def _tokens(x):
    return x.flatten(2).transpose(1, 2)


def _image(y, x):
    return y.transpose(1, 2).reshape(x.shape)


def multihead(batch_first=True, mask=None, need_weights=False):
    def forward(m, x):
        y = _tokens(x) if batch_first else _tokens(x).transpose(0, 1)
        y = m.a(y, y, y, need_weights=need_weights, attn_mask=mask)[0]
        return _image(y if batch_first else y.transpose(0, 1), x)

    return Lambda(forward, a=nn.MultiheadAttention(8, 2, batch_first=batch_first))


def _heads(m, x):
    n, c, h, w = x.shape
    return m.qkv(_tokens(x)).reshape(n, h * w, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)


def fused(**options):
    def forward(m, x):
        q, k, v = _heads(m, x)
        y = F.scaled_dot_product_attention(q, k, v, **options)
        return _image(y.transpose(1, 2).flatten(2), x)

    return Lambda(forward, qkv=nn.Linear(8, 24))


class Windowed(nn.Module):
    """Shifted windows with a table of relative biases and a mask, as in Liu et al. 2021."""

    def __init__(self, side=2, shift=1):
        super().__init__()
        self.side, self.shift = side, shift
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)
        self.table = nn.Parameter(torch.randn((2 * side - 1) ** 2, 2))
        places = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")).flatten(1)
        between = (places[:, :, None] - places[:, None]).permute(1, 2, 0) + side - 1
        self.register_buffer("index", between[..., 0] * (2 * side - 1) + between[..., 1])

    def forward(self, x):
        n, c, h, w = x.shape
        s = self.side
        y = torch.roll(x.permute(0, 2, 3, 1), (-self.shift, -self.shift), (1, 2))
        y = y.view(n, h // s, s, w // s, s, c).transpose(2, 3).reshape(-1, s * s, c)
        q, k, v = self.qkv(y).reshape(-1, s * s, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
        a = (q * 0.5) @ k.transpose(-2, -1)
        a = a + self.table[self.index.view(-1)].view(s * s, s * s, -1).permute(2, 0, 1).unsqueeze(0)
        regions = torch.zeros(1, h, w, 1)
        regions[:, -self.shift :] = 1
        regions[:, :, -self.shift :] += 2
        regions = regions.view(1, h // s, s, w // s, s, 1).transpose(2, 3).reshape(-1, s * s)
        mask = (regions[:, None] - regions[:, :, None]).ne(0) * -100.0
        windows = len(mask)
        a = a.view(-1, windows, 2, s * s, s * s) + mask.unsqueeze(1).unsqueeze(0)
        a = a.view(-1, 2, s * s, s * s).softmax(-1)
        y = self.proj((a @ v).transpose(1, 2).reshape(-1, s * s, c))
        y = y.view(n, h // s, w // s, s, s, c).transpose(2, 3).reshape(n, h, w, c)
        return torch.roll(y, (self.shift, self.shift), (1, 2)).permute(0, 3, 1, 2)


def _unfolded(m, x):  # MobileViT: pixels of one place in all patches attend to each other
    n, c, h, w = x.shape
    y = x.reshape(n * c * h // 2, 2, w // 2, 2).transpose(1, 2).reshape(n, c, h * w // 4, 4).transpose(1, 3)
    y = y.reshape(n * 4, -1, c)
    q, k, v = m.qkv(m.norm(y)).reshape(n * 4, -1, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
    y = y + F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n * 4, -1, c)
    y = y.view(n, 4, h * w // 4, c).transpose(1, 3)
    return y.reshape(n * c * h // 2, w // 2, 2, 2).transpose(1, 2).reshape(n, c, h, w)


def _across_channels(m, x):  # EdgeNeXt: cross-covariance attention
    q, k, v = (t.transpose(-2, -1) for t in _heads(m, x))
    a = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * m.temperature
    return _image((a.softmax(-1) @ v).permute(0, 3, 1, 2).flatten(2), x)


def _relative(m, x):  # BotNet: logits by row from a learned table, padded and reshaped
    n, c, h, w = x.shape
    q = x.reshape(n, c, h * w).transpose(1, 2).reshape(n, h, w, c)
    y = (q @ m.table.transpose(0, 1)).reshape(-1, w, 2 * w - 1)
    y = F.pad(F.pad(y, [0, 1]).flatten(1), [0, w - 1]).reshape(-1, w + 1, 2 * w - 1)[:, :w, w - 1 :]
    y = y.reshape(n, h, 1, w, w).expand(-1, -1, h, -1, -1).permute(0, 1, 3, 2, 4).reshape(n, h * w, h * w)
    return ((q.flatten(1, 2) @ q.flatten(1, 2).transpose(1, 2) + y).softmax(-1) @ q.flatten(1, 2)).transpose(1, 2)


def _bias_by_place(m, x):  # LeViT, EfficientFormer: biases chosen by a table of places
    q, k, v = _heads(m, x)
    return ((q @ k.transpose(-2, -1) + m.biases[:, m.places]).softmax(-1) @ v).transpose(1, 2).flatten(2)


def _talking_heads(m, x):  # CaiT: heads are mixed by a linear layer
    q, k, v = _heads(m, x)
    a = m.mix((q @ k.transpose(-2, -1)).permute(0, 2, 3, 1)).permute(0, 3, 1, 2).softmax(-1)
    return (a @ v).transpose(1, 2).flatten(2)


def _where(m, x):
    y = m.c(x)
    return torch.where(y > 0.1, y, x[:, :5] * 2).masked_fill(y < -1, 3.0) + (y == y.amax(1, keepdim=True)).float()


def _unpooled(m, x):
    y, places = F.max_pool2d(m.c(x), 2, return_indices=True)
    return F.max_unpool2d(y * 2, places, 2)


ORDER = torch.tensor([3, 1, 0, 2, 7, 5])
CASES = {
    "multi-head": multihead,
    "multi-head, tokens first": lambda: multihead(batch_first=False),
    "multi-head, with weights": lambda: multihead(need_weights=True),
    "multi-head, masked": lambda: multihead(mask=torch.triu(torch.ones(48, 48, dtype=torch.bool), 1)),
    "encoder layer": lambda: Lambda(
        lambda m, x: m.a(_tokens(x)), a=nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    ),
    "fused": fused,
    "fused, causal": lambda: fused(is_causal=True),
    "fused, mask of numbers": lambda: fused(attn_mask=torch.randn(48, 48)),
    "fused, mask of bools": lambda: fused(attn_mask=torch.ones(1, 1, 48, 48, dtype=torch.bool).tril()),
    "windowed": Windowed,
    "unfolded": lambda: Lambda(_unfolded, norm=nn.LayerNorm(8), qkv=nn.Linear(8, 24)),
    "across channels": lambda: Lambda(
        _across_channels, qkv=nn.Linear(8, 24), temperature=nn.Parameter(torch.rand(2, 1, 1))
    ),
    "relative logits": lambda: Lambda(_relative, table=nn.Parameter(torch.randn(15, 8))),
    "biases by place": lambda: Lambda(
        _bias_by_place,
        qkv=nn.Linear(8, 24),
        biases=nn.Parameter(torch.randn(2, 48)),
        places=torch.arange(48)[:, None].sub(torch.arange(48)).abs(),
    ),
    "class token": lambda: Lambda(
        lambda m, x: m.l(torch.cat((m.token.expand(len(x), -1, -1), _tokens(x)), 1)),
        token=nn.Parameter(torch.randn(1, 1, 8)),
        l=nn.Linear(8, 8),
    ),
    "embedding computed for each image": lambda: Lambda(
        lambda m, x: x + m.c(torch.ones(x.shape[0], 2, 6, 8).cumsum(2)), c=nn.Conv2d(2, 8, 1)
    ),
    "embedding reshaped for each image": lambda: Lambda(
        lambda m, x: (
            x + m.l(torch.linspace(0, 1, 96).expand(x.shape[0], 96).reshape(x.shape[0], -1, 2)).mT.reshape(x.shape)
        ),
        l=nn.Linear(2, 8),
    ),
    "talking heads": lambda: Lambda(_talking_heads, qkv=nn.Linear(8, 24), mix=nn.Linear(2, 2)),
    "einsum of maps and a matrix": lambda: Lambda(
        lambda m, x: torch.einsum("bchw,oc->bohw", x, m.w), w=nn.Parameter(torch.randn(5, 8))
    ),
    "einsum of two tensors": lambda: Lambda(
        lambda m, x: torch.einsum("bchw,bdhw->bcd", x, m.c(x)), c=nn.Conv2d(8, 3, 1)
    ),
    "where and comparisons": lambda: Lambda(_where, c=nn.Conv2d(8, 5, 1)),
    "argmax": lambda: Lambda(lambda m, x: m.c(x).argmax(1), c=nn.Conv2d(8, 5, 1)),
    "channels by index": lambda: Lambda(lambda m, x: m.c(x[:, ORDER]) + x[:, ORDER[:5]], c=nn.Conv2d(6, 5, 1)),
    "unpooling": lambda: Lambda(_unpooled, c=nn.Conv2d(8, 5, 1)),
    "roll, flip, repeat": lambda: Lambda(
        lambda m, x: m.c(x.roll(2, 3).flip(2).repeat(1, 2, 1, 1)), c=nn.Conv2d(16, 5, 1)
    ),
    "unfolded neighbourhoods": lambda: Lambda(
        lambda m, x: m.c(F.unfold(x, 3, padding=1).unflatten(2, (6, 8))), c=nn.Conv2d(72, 5, 1)
    ),
    "functions of elements": lambda: Lambda(
        lambda m, x: x.abs().log1p() + x.sin() * x.sign() - torch.minimum(x, x * 2)
    ),
}


def products(module, x):
    """Multiply-adds as torch counts them, attention by its products."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    torch.backends.mha.set_fastpath_enabled(False)  # one operator that the counter does not see
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            module(x)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (n % 4 > 0)) for n, name in enumerate(CASES)]
)
def test_is_whole_and_equal(name):
    module = lively(CASES[name]())
    graph = archs.from_module(module, SHAPE)
    total = costmodel.count(graph).total
    assert total.unknown == 0
    assert total.params == sum(p.numel() for p in module.parameters())
    x = torch.randn(2, *SHAPE)
    with torch.no_grad():
        want, got = module(x), archs.to_module(graph).eval()(x)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
    if not any(isinstance(node.op, ops.ComputedTensor) and node.op.products for node in graph.nodes):
        assert total.mult_adds == products(module, x[:1])
