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

HELPERS["ComputedTensor"] = '''\
class ComputedTensor(nn.Module):
    """A tensor that is computed from parameters and constants, by ATen operators.

    Each step is an operator and its arguments; "$3" is the fourth value, counted from
    the first parameter on.
    """

    def __init__(self, parameters, constants, *steps):
        super().__init__()
        self.steps = steps
        for number, sizes in enumerate(parameters):
            weight = nn.Parameter(torch.randn(sizes) * 0.1)
            self.register_parameter(f"parameter{number}", weight)
        for number, sizes in enumerate(constants):
            if sizes and isinstance(sizes[0], str):
                stored = torch.zeros(sizes[1:], dtype=getattr(torch, sizes[0]))
            else:
                stored = torch.ones(sizes)
            self.register_buffer(f"constant{number}", stored)

    def forward(self) -> torch.Tensor:
        values = [*self._parameters.values(), *self._buffers.values()]

        def given(argument):
            if isinstance(argument, tuple):
                return [given(item) for item in argument]
            if isinstance(argument, str) and argument.startswith("$"):
                return values[int(argument[1:])]
            return argument

        for name, *arguments in self.steps:
            if name == "getitem":
                values.append(given(arguments[0])[arguments[1]])
                continue
            packet, _, overload = name.partition(".")
            operator = getattr(getattr(torch.ops.aten, packet), overload)
            values.append(operator(*map(given, arguments)))
        return values[-1]
'''

HELPERS["Recurrent"] = '''\
class Recurrent(nn.Module):
    """A recurrent layer on N x T x F: its outputs, its last states, or all in one row; on N x R x T x F its outputs."""

    def __init__(self, cell: str, *sizes: int, gives: str = "outputs", **options):
        super().__init__()
        self.layer = getattr(nn, cell)(*sizes, batch_first=True, **options)
        self.gives = gives

    def forward(self, x: torch.Tensor, *first: torch.Tensor) -> torch.Tensor:
        given = tuple(state.transpose(0, 1).contiguous() for state in first)
        given = given if len(given) > 1 else given[0] if given else None
        outputs, states = self.layer(x.flatten(0, -3), given)
        states = states if isinstance(states, tuple) else (states,)
        found = [outputs.reshape(*x.shape[:-1], -1), *[state.transpose(0, 1) for state in states]]
        if self.gives == "all":
            return torch.cat([part.flatten(1) for part in found], 1)
        return found[("outputs", "hidden", "cell").index(self.gives)].contiguous()
'''

HELPERS["convolution_per_image"] = '''\
def convolution_per_image(x, weight, stride, padding, dilation, groups):
    """A convolution with a weight per image: one grouped convolution of the batch."""
    n, c, h, w = x.shape
    x = x.reshape(1, n * c, h, w)
    weight = weight.reshape(-1, *weight.shape[2:])
    y = nn.functional.conv2d(x, weight, None, stride, padding, dilation, n * groups)
    return y.reshape(n, -1, *y.shape[2:])
'''

HELPERS["UnknownOperator"] = '''\
class UnknownOperator(nn.Module):
    """Stands for an operator of the imported network that has no text here."""

    def __init__(self, name: str):
        super().__init__()
        self.name = name

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError(f"{self.name}: put the operator in the place of this stub")
'''

HELPERS["ExampleInput"] = '''\
class ExampleInput(nn.Module):
    """Another input of the network, with example values, once for each image."""

    def __init__(self, *sizes: int):
        super().__init__()
        self.register_buffer("constant", torch.zeros(1, *sizes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.constant.expand(len(x), *self.constant.shape[1:])
'''
