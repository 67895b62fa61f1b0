"""Blocks of networks that only imports have: ConvNeXt, RepVGG, U-Net and others.

Each maps a feature map to one of the same shape, so that any block can follow any other; sizes and variants are drawn.
Together they contain every operator of `archs.ir.ops` that the catalogue lacks. No clock here. Start at `BLOCKS`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from archs.ir import ops
from archs.ir.graph import Builder
from archs.ir.ops import Op, Shape

TOKENS = 400  # the largest map that attention reads as it is
FUNCTIONS: tuple[Op, ...] = (
    ops.GELU(), ops.TanhGELU(), ops.Mish(), ops.Tanh(), ops.Softplus(), ops.ELU(), ops.Exp(), ops.Power(0.75),
    ops.LeakyReLU(0.1), ops.Clamp(-1, 1), ops.Clamp(0), ops.Power(2), ops.MultiplyConstant(1.7), ops.AddConstant(0.1),
)  # fmt: skip


class Pen:
    """Places operators in a builder, named by what they are and their number in the block."""

    def __init__(self, builder: Builder, rng: Random):
        self.builder, self.rng, self.number = builder, rng, 0

    def __call__(self, op: Op, *inputs: str) -> str:
        self.number += 1
        return self.builder.add(f"{type(op).__name__.lower()}_{self.number}", op, *inputs)

    def shape(self, path: str) -> Shape:
        return self.builder.shape(path)

    def conv(self, x: str, channels: int, kernel: int = 1, act: Op | None = None, norm: bool = True, **options) -> str:
        """A convolution with its batch norm and activation."""
        x = self(ops.Conv2d(channels, kernel, bias=not norm, **options), x)
        x = self(ops.BatchNorm(), x) if norm else x
        return self(act, x) if act else x

    def depthwise(self, x: str, kernel: int = 3, act: Op | None = None, norm: bool = True, **options) -> str:
        channels = self.shape(x)[0]
        return self.conv(x, channels, kernel, act, norm, groups=channels, **options)


def convnext(p: Pen, x: str) -> str:
    """Liu et al. 2022: a depthwise 7×7, then a perceptron per position, on permuted axes or by 1×1 convolutions."""
    c = p.shape(x)[0]
    ratio, act = p.rng.choice((2, 3, 4)), p.rng.choice((ops.GELU(), ops.GELU(), ops.TanhGELU()))
    norm = p.rng.choice((ops.LayerNorm(), ops.LayerNorm(), ops.RMSNorm()))
    y = p(ops.Permute((1, 2, 0)), p.depthwise(x, p.rng.choice((5, 7)), norm=False))
    y = p(norm, y)
    if p.rng.random() < 0.7:
        y = p(ops.LinearLast(c), p(act, p(ops.LinearLast(ratio * c), y)))
        y = p(ops.Permute((2, 0, 1)), p(ops.Scale((c,)), y))
    else:
        y = p.conv(p(ops.Permute((2, 0, 1)), y), ratio * c, 1, act, norm=False)
        y = p(ops.Scale((c, 1, 1)), p.conv(y, c, norm=False))
    return p(ops.Add(), *((x, y) if p.rng.random() < 0.5 else (y, x)))


def prelu(p: Pen, x: str) -> str:
    """Learned slopes behind every norm, as in networks for faces (Chen et al. 2018)."""
    c = p.shape(x)[0]
    wide = c * p.rng.choice((1, 2))
    slopes = p.rng.random() < 0.7
    y = p.conv(x, wide, 1, ops.PReLU(wide if slopes else 1))
    y = p.depthwise(y, act=ops.PReLU(wide if slopes else 1))
    return p(ops.Add(), x, p.conv(y, c))


def dilated(p: Pen, x: str) -> str:
    """Parallel dilated convolutions and the whole image, side by side (Chen et al. 2017, ASPP)."""
    c, height, width = p.shape(x)
    part = max(8, c // p.rng.choice((2, 4)))
    rates = p.rng.sample((2, 3, 4, 6), 2)
    branches = [p.conv(x, part, 1, ops.ReLU())]
    for rate in rates:
        y = p.depthwise(x, dilation=rate) if p.rng.random() < 0.4 else x
        kernel, rate = (1, 1) if y != x else (3, rate)
        branches.append(p.conv(y, part, kernel, ops.ReLU(), dilation=rate))
    whole = p.conv(p(ops.GlobalAvgPool(), x), part, 1, ops.ReLU())
    branches.append(p(ops.Upsample(height, width, "bilinear"), whole))
    return p.conv(p(ops.Concat(), *branches), c, 1, ops.ReLU())


def unet(p: Pen, x: str) -> str:
    """Down, up and side by side with what came in (Ronneberger et al. 2015); up by weights or by pixels."""
    c, height, width = p.shape(x)
    y = p.conv(x, c, 3, ops.ReLU(), stride=2) if p.rng.random() < 0.5 else p(ops.MaxPool(3, 2, 1), x)
    y = p.conv(y, c, p.rng.choice((1, 3)), ops.ReLU())
    half = max(4, c // 2)
    even = height % 2 == width % 2 == 0
    up = p.rng.choice(("weights", "weights", "bilinear", "nearest", "bicubic"))
    if up != "weights":
        y = p.conv(p(ops.Upsample(height, width, up), y), half, 1, norm=False)
    elif even and p.rng.random() < 0.6:
        y = p(ops.ConvTranspose2d(half, 2, 2, bias=True), y)
    else:
        more = ((height + 1) % 2, (width + 1) % 2)
        groups = p.rng.choice((1, 1, 4))
        y = p(ops.ConvTranspose2d(half if groups == 1 else c, 3, 2, 1, more, groups=groups, bias=True), y)
    return p.conv(p(ops.Concat(), x, y), c, p.rng.choice((1, 3)), ops.ReLU())


def transposed(p: Pen, x: str) -> str:
    """A step down and back up by a transposed convolution, added (Newell et al. 2016)."""
    c, height, width = p.shape(x)
    y = p.conv(x, max(8, c // 2), 3, p.rng.choice((ops.ReLU(), ops.LeakyReLU(0.2))), stride=2)
    more = ((height + 1) % 2, (width + 1) % 2)
    return p(ops.Add(), x, p(ops.ConvTranspose2d(c, 3, 2, 1, more), y))


def attention(p: Pen, x: str) -> str:
    """Vaswani et al. 2017 over the pixels of a small map, in one call or step by step, then a perceptron."""
    c, height, width = p.shape(x)
    side = max(1, round((height * width / TOKENS) ** 0.5 + 0.49))
    y = p(ops.AvgPool(side, side), x) if side > 1 else x
    small = p.shape(y)
    tokens = small[1] * small[2]
    y = p(ops.Permute((1, 0)), p(ops.View((c, tokens)), y))
    norm = p.rng.choice((ops.LayerNorm(), ops.LayerNorm(), ops.RMSNorm()))
    heads = p.rng.choice((1, 2, 4, 8))
    mixed = p(ops.LinearLast(3 * c), p(norm, y))
    mixed = p(ops.Permute((1, 2, 0, 3)), p(ops.View((tokens, 3, heads, c // heads)), mixed))
    q, k, v = [p(ops.View((heads, tokens, c // heads)), p(ops.Slice(0, i, i + 1), mixed)) for i in range(3)]
    if p.rng.random() < 0.5:
        found = p(ops.Attention(), q, k, v)
    else:
        q = p(ops.MultiplyConstant((c // heads) ** -0.5), q)
        scores = p(ops.MatMul(), q, p(ops.Permute((0, 2, 1)), k))
        found = p(ops.MatMul(), p(ops.Softmax(2), scores), v)
    found = p(ops.Permute((1, 0, 2)), found)
    y = p(ops.Add(), y, p(ops.LinearLast(c), p(ops.Reshape((tokens, c)), found)))
    if p.rng.random() < 0.6:
        wide = p(ops.GELU(), p(ops.LinearLast(2 * c), p(ops.LayerNorm(), y)))
        y = p(ops.Add(), y, p(ops.LinearLast(c), wide))
    y = p(ops.View(tuple(small)), p(ops.Permute((1, 0)), y))
    if side > 1:
        y = p(ops.Add(), x, p(ops.Upsample(height, width, p.rng.choice(("nearest", "bilinear"))), y))
    return y


def reparametrised(p: Pen, x: str) -> str:
    """Parallel branches that add up (Ding et al. 2021), the identity with a norm, or a learned scale and shift."""
    c = p.shape(x)[0]
    groups = p.rng.choice((1, 1, c))
    branches = [p.conv(x, c, 3, groups=groups), p.conv(x, c, 1, groups=groups)]
    if p.rng.random() < 0.5:
        branches.append(p(ops.BatchNorm(), x))
    else:
        branches.append(p(ops.Shift((c, 1, 1)), p(ops.Scale((c, 1, 1), trained=p.rng.random() < 0.7), x)))
    return p(ops.ReLU(), p(ops.Add(), p(ops.Add(), *branches[:2]), branches[2]))


def by_hand(p: Pen, x: str) -> str:
    """Activations written out before torch had them, behind every convolution of an inverted residual."""
    c = p.shape(x)[0]

    def swish(y: str) -> str:
        gate = p(p.rng.choice((ops.ReLU6(), ops.Clamp(0, 6))), p(ops.AddConstant(3), y))
        if p.rng.random() < 0.5:
            return p(ops.MultiplyConstant(1 / 6), p(ops.Multiply(), y, gate))
        return p(ops.Multiply(), y, p(ops.MultiplyConstant(1 / 6), gate))

    y = swish(p.conv(x, 2 * c))
    return p(ops.Add(), x, p.conv(swish(p.depthwise(y, p.rng.choice((3, 5)))), c))


def padded(p: Pen, x: str) -> str:
    """Padding as an operator: TensorFlow's, mirrored, of channels; a blur with fixed weights (Zhang 2019)."""
    c, height, width = p.shape(x)
    pad = p.rng.choice((ops.ZeroPad(1, 1, 1, 1), ops.Pad("replicate", 1, 1, 1, 1), ops.ZeroPad(1, 1, 1, 1)))
    y = p.depthwise(p(pad, x), act=ops.ReLU(), padding=0)
    if min(height, width) > 2 and p.rng.random() < 0.7:
        y = p(ops.FixedConv2d(c, (3, 3), padding=(0, 0), groups=c), p(ops.Pad("reflect", 1, 1, 1, 1), y))
    if p.rng.random() < 0.5:
        y = p(ops.MaxPool(3, 1), p(ops.ConstantPad(-100.0, 1, 1, 1, 1), y))
    cut = c // 4
    return p(ops.Add(), x, p(ops.ChannelPad(cut // 2, cut - cut // 2), p.conv(y, c - cut)))


def standardised(p: Pen, x: str) -> str:
    """Norms over groups of channels and filters that are standardised before use (Qiao et al. 2019)."""
    c = p.shape(x)[0]
    inner = max(8, c // p.rng.choice((1, 2)) // 8 * 8)
    gain = p.rng.random() < 0.5
    y = p(ops.ReLU(), p(ops.GroupNorm(p.rng.choice((1, 4, 8))), x))
    y = p(ops.StandardizedConv2d(inner, (1, 1), bias=gain, gain=gain), y)
    y = p(p.rng.choice((ops.ReLU(), ops.GELU())), y if gain else p(ops.GroupNorm(4), y))
    groups = p.rng.choice((1, 4, inner))
    y = p(ops.StandardizedConv2d(inner, (3, 3), groups=groups, bias=gain, gain=gain), y)
    y = p(ops.StandardizedConv2d(c, (1, 1), gain=gain), p(ops.ReLU(), y))
    return p(ops.Add(), x, p(ops.MultiplyConstant(0.2), y) if gain else y)


def gated(p: Pen, x: str) -> str:
    """A gate per channel by a convolution along the channels (Wang et al. 2020), one per pixel (Woo et al. 2018)."""
    c = p.shape(x)[0]
    x = p.conv(x, c, 1, ops.ReLU())
    line = p(ops.View((1, c)), p(ops.GlobalAvgPool(), x))
    gate = p(ops.Sigmoid(), p(ops.Conv1d(1, p.rng.choice((3, 5))), line))
    x = p(ops.Multiply(), x, p(ops.View((c, 1, 1)), gate))
    both = p(ops.Concat(), p(ops.Mean((0,), True), x), p(ops.Amax((0,), True), x))
    return p(ops.Multiply(), x, p(ops.Sigmoid(), p.conv(both, 1, p.rng.choice((3, 7)), norm=False)))


def normalised(p: Pen, x: str) -> str:
    """The response of each channel over the mean of all (Woo et al. 2023), and centring by hand."""
    c = p.shape(x)[0]
    wide = p.conv(x, 2 * c, 1, ops.GELU(), norm=False)
    response = p(ops.Power(0.5), p(ops.Sum((1, 2), True), p(ops.Power(2), wide)))
    mean = p(ops.AddConstant(1e-6), p(ops.Mean((0,), True), response))
    y = p(ops.Multiply(), wide, p(ops.Divide(), response, mean))
    y = p(ops.Add(), p(ops.Shift((2 * c, 1, 1)), p(ops.Scale((2 * c, 1, 1)), y)), wide)
    y = p.conv(y, c, norm=False)
    if p.rng.random() < 0.6:
        y = p(ops.Subtract(), y, p(ops.Mean((1, 2), True) if p.rng.random() < 0.5 else ops.GlobalAvgPool(), y))
        y = p(ops.Divide(), y, p(ops.AddConstant(1.0), p(ops.Amax((0,), True), p(ops.Clamp(0), y))))
    return p(ops.Add(), x, y)


def selective(p: Pen, x: str) -> str:
    """Two kernels, and a softmax over them (Li et al. 2019, SK networks)."""
    c, height, width = p.shape(x)
    branches = [p.depthwise(x, kernel, ops.ReLU()) for kernel in (3, 5)]
    stacked = p(ops.Stack(0), *branches)
    pooled = p(ops.GlobalAvgPool(), p(ops.Sum((0,)), stacked))
    logits = p.conv(p.conv(pooled, max(8, c // 4), 1, ops.ReLU(), norm=False), 2 * c, norm=False)
    gates = p(ops.Softmax(0), p(ops.View((2, c, 1, 1)), logits))
    if p.rng.random() < 0.3:
        gates = p(ops.Expand((2, c, height, width)), gates)
    return p.conv(p(ops.Sum((0,)), p(ops.Multiply(), stacked, gates)), c, 1, ops.ReLU())


def pixels(p: Pen, x: str) -> str:
    """Pixels into channels and back (Shi et al. 2016)."""
    c, height, width = p.shape(x)
    if height % 2 or width % 2:
        up = p(ops.PixelShuffle(2), p.conv(x, 2 * c, 1, ops.LeakyReLU(0.2), norm=False))
        return p(ops.Add(), x, p.conv(p(ops.AvgPool(2, 2), up), c, norm=False))
    y = p.conv(p(ops.PixelUnshuffle(2), x), 2 * c, 1, ops.LeakyReLU(0.2), norm=False)
    return p(ops.Add(), x, p.conv(p(ops.PixelShuffle(2), y), c, norm=False))


def functions(p: Pen, x: str) -> str:
    """Other activations and powers behind depthwise convolutions."""
    for function in p.rng.sample(FUNCTIONS, 7):
        x = p.depthwise(x, norm=p.rng.random() < 0.7)
        if isinstance(function, (ops.Exp, ops.Power)):  # of numbers of which it is one
            x = p(ops.Clamp(0.01, 4), x)
        x = p(function, x)
    return p(p.rng.choice((ops.Tanh(), ops.Softplus(), ops.ELU())), x)


def pyramid(p: Pen, x: str) -> str:
    """The map pooled to a few sizes and stretched again (Zhao et al. 2017)."""
    c, height, width = p.shape(x)
    branches = [x]
    for side in p.rng.sample((2, 3, 4, 6), 2):
        pool = p.rng.choice((ops.AdaptiveAvgPool, ops.AdaptiveAvgPool, ops.AdaptiveMaxPool))
        y = p.conv(p(pool(side, side), x), max(8, c // 4), 1, ops.ReLU())
        branches.append(p(ops.Upsample(height, width, p.rng.choice(("bilinear", "nearest")), False), y))
    return p.conv(p(ops.Concat(), *branches), c, 1, ops.ReLU())


def rivals(p: Pen, x: str) -> str:
    """The larger of two convolutions, pixel by pixel (Wu et al. 2018), less what came in."""
    c = p.shape(x)[0]
    y = p(ops.Maximum(), p.conv(x, c, p.rng.choice((1, 3))), p.depthwise(x))
    return p(ops.ELU(), p(ops.Subtract(), y, x))


BLOCKS: dict[str, Callable[[Pen, str], str]] = {
    block.__name__: block
    for block in (
        convnext, prelu, dilated, unet, transposed, attention, reparametrised, by_hand, padded, standardised, gated,
        normalised, selective, pixels, functions, pyramid, rivals,
    )
}  # fmt: skip
"""Style → its block."""
