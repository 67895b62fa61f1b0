"""The few lines that an exported file defines where torch has no name for an operator, by the name that they define.

Each text stands alone below `import torch` and `from torch import nn`, formatted as `ruff format` has it.
"""

from __future__ import annotations

HELPERS: dict[str, str] = {}

HELPERS["channel_shuffle"] = '''\
def channel_shuffle(x: torch.Tensor, groups: int) -> torch.Tensor:
    """Interleave the channels of the groups (ShuffleNetV1, section 3.1)."""
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)
'''

HELPERS["Scale"] = '''\
class Scale(nn.Module):
    """Times a learned tensor that stretches over the last dimensions."""

    def __init__(self, *sizes: int, trained: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(sizes)) if trained else None
        if not trained:
            self.register_buffer("constant", torch.ones(sizes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (self.constant if self.weight is None else self.weight)
'''

HELPERS["Shift"] = '''\
class Shift(nn.Module):
    """Plus a learned tensor that stretches over the last dimensions."""

    def __init__(self, *sizes: int, trained: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(sizes)) if trained else None
        if not trained:
            self.register_buffer("constant", torch.zeros(sizes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + (self.constant if self.weight is None else self.weight)
'''

HELPERS["FixedConv2d"] = '''\
class FixedConv2d(nn.Conv2d):
    """A convolution without bias whose weight is a constant, not trained."""

    def __init__(self, *sizes: int, **options: int):
        super().__init__(*sizes, bias=False, **options)
        weight = self.weight.detach()
        del self.weight
        self.register_buffer("weight", weight)
'''

HELPERS["StandardizedConv2d"] = '''\
class StandardizedConv2d(nn.Conv2d):
    """A convolution whose filters get mean 0 and variance 1, then a gain, before use."""

    def __init__(self, *sizes, eps: float, gain: bool = False, scale: float = 1.0, **options):
        super().__init__(*sizes, **options)
        self.eps, self.scale = eps, scale
        self.gain = nn.Parameter(torch.ones(self.out_channels, 1, 1, 1)) if gain else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(self.weight, (1, 2, 3), correction=0, keepdim=True)
        weight = (self.weight - mean) * (variance + self.eps).rsqrt()
        weight = weight * self.scale if self.gain is None else weight * (self.gain * self.scale)
        return self._conv_forward(x, weight, self.bias)
'''
