"""Modules and graphs that several tests import: small networks, lively weights, equality of structure."""

from __future__ import annotations

import networkx
import torch
import torch.nn.functional as F
from support import zoo_styles as zoo
from torch import nn

from archs.ir import ops
from archs.ir.graph import Graph

WHOLE = {
    "MobileNetV2": (zoo.MobileNetV2, "mobilenet_v2", {}),
    "MobileNetV2, functions": (zoo.FunctionalMobileNetV2, "mobilenet_v2", {}),
    "MobileNetV3-Large": (lambda: zoo.MobileNetV3(zoo.MobileNetV3.LARGE, 1280), "mobilenet_v3_large", {}),
    "MobileNetV3-Small": (lambda: zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1024), "mobilenet_v3_small", {}),
    "MobileNetV3-Small, by hand": (
        lambda: zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1024, zoo.HandHardSwish, zoo.HandSqueezeExcite),
        "mobilenet_v3_small",
        {},
    ),
    "ShuffleNetV2": (zoo.ShuffleNetV2, "shufflenet_v2", {"code": "torchvision"}),
    "ShuffleNetV2, slices and permute": (
        lambda: zoo.ShuffleNetV2(zoo.shuffle_by_permute, zoo.by_slices),
        "shufflenet_v2",
        {"code": "torchvision"},
    ),
    "ShuffleNetV2, split": (lambda: zoo.ShuffleNetV2(split=zoo.by_split), "shufflenet_v2", {"code": "torchvision"}),
}


def _two_branches(m, x):  # RepVGG: 3×3, 1×1 and identity, each with its norm
    return F.relu(m.norm3(m.conv3(x)) + m.norm1(m.conv1(x)) + m.norm(x))


def _same_padding(m, x):  # TensorFlow's: the odd pixel behind
    rows, columns = (max((-(-side // 2) - 1) * 2 + 3 - side, 0) for side in x.shape[-2:])
    x = F.pad(x, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
    return m.pool(F.pad(m.conv(x), (0, 1, 0, 1), value=-float("inf")))


def _option_a(m, x):  # He et al. 2015: subsample, then channels of zeros
    return m.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 3))


def _standardized(m, x):
    w = m.conv.weight
    w = F.batch_norm(w.reshape(1, len(w), -1), None, None, (m.gain * 0.3).view(-1), None, True, 0.0, 1e-6)
    return F.conv2d(x, w.reshape_as(m.conv.weight), m.conv.bias, padding=1) * 1.7


def _eca(m, x):
    gate = m.conv(x.mean((2, 3)).view(len(x), 1, -1))
    return x * torch.sigmoid(gate).view(len(x), -1, 1, 1).expand_as(x)


def _selective(m, x):  # SKNet
    parts = torch.stack([m.a(x), m.b(x)], dim=1)
    gate = parts.sum(1).mean((2, 3), keepdim=True)
    gate = torch.softmax(m.fc(gate).view(len(x), 2, 4, 1, 1), dim=1)
    return (parts * gate).sum(dim=1)


def _response_norm(m, x):  # ConvNeXtV2
    x = m.linear(x.permute(0, 2, 3, 1))
    size = x.norm(p=2, dim=(1, 2), keepdim=True)
    return (x + torch.addcmul(m.bias, m.weight, x * (size / (size.mean(-1, keepdim=True) + 1e-6)))).permute(0, 3, 1, 2)


def _attention(m, x):
    n, c, h, w = x.shape
    q, k, v = m.qkv(m.norm(x.flatten(2).transpose(1, 2))).view(n, h * w, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
    y = (q * 0.3) @ k.transpose(-2, -1)
    y = y.softmax(-1) @ v
    z = F.scaled_dot_product_attention(q, k, v)
    return (y + z).transpose(1, 2).reshape(n, h * w, c).transpose(1, 2).reshape(n, c, h, w)


def _decoder(m, x):
    y = F.interpolate(m.up(x), scale_factor=2, mode="nearest")
    y = F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=True)
    return F.pixel_unshuffle(F.pixel_shuffle(y, 2), 2)


def _arithmetic(m, x):
    y = (2 - x) / 3 + 1 / (x.abs() if False else x * x + 1.5) - x.exp().clamp(max=2)
    return torch.maximum(y, x) * -1 + (x + 5).sqrt() + x.var((2, 3), keepdim=True, unbiased=False)


def _in_place(m, x):
    y = m.conv(x)
    y.relu_()
    y += x
    left, right = y.chunk(2, 1)
    right = right.mul_(2)
    return torch.cat((right, left), 1).add_(1)


def _activations(m, x):
    for act in m.acts:
        x = act(x)
    return x * torch.sigmoid(x) + x * torch.tanh(F.softplus(x)) + x * F.hardsigmoid(x)


def _global_pools(m, x):
    return torch.cat(
        [x.mean(3).mean(2), x.view(*x.shape[:2], -1).mean(-1), F.adaptive_max_pool2d(x, 1).flatten(1), x.amax((2, 3))],
        1,
    )


def _megvii(m, x):  # the authors' own shuffle, which moves the batch
    def shuffled(x):
        n, c, h, w = x.shape
        x = x.reshape(n * c // 2, 2, h * w).permute(1, 0, 2).reshape(2, -1, c // 2, h, w)
        return x[0], x[1]

    left, right = shuffled(m.conv(x))
    return torch.cat((left, m.branch(right)), 1)


def _other_precision(m, x):
    with torch.autocast("cpu", enabled=False):
        y = m.conv(x) * 2
    return y + x


def _not_for_export(m, x):
    assert not torch.compiler.is_exporting()
    return torch.relu(m.conv(x))


def _twice(m, x):
    return m.block(F.relu(m.block(x)))


class Cell(nn.Module):
    def __init__(self, conv):
        super().__init__()
        self.conv, self.norm = conv, nn.BatchNorm2d(4)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


def _tied(m, x):
    return m.second(m.first(x))


_ONE = nn.Conv2d(4, 4, 3, padding=1)
SMALL = {
    "re-parameterised branches": lambda: Lambda(
        _two_branches,
        conv3=nn.Conv2d(4, 4, 3, padding=1, bias=False),
        conv1=nn.Conv2d(4, 4, 1, bias=False),
        **{name: nn.BatchNorm2d(4) for name in ("norm3", "norm1", "norm")},
    ),
    "TensorFlow's padding": lambda: Lambda(_same_padding, conv=nn.Conv2d(4, 6, 3, 2), pool=nn.MaxPool2d(2, 2)),
    "padding as a word": lambda: nn.Sequential(nn.Conv2d(4, 4, 3, padding="same"), nn.Conv2d(4, 6, 4, padding="same")),
    "padding by mirror": lambda: nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), nn.ReplicationPad2d(1), nn.ZeroPad2d((-1, 1, 0, 2))
    ),
    "shortcut without weights": lambda: Lambda(_option_a, conv=nn.Conv2d(4, 9, 3, 2, 1)),
    "standardized filters": lambda: Lambda(
        _standardized, conv=nn.Conv2d(4, 5, 3), gain=nn.Parameter(torch.ones(5, 1, 1, 1))
    ),
    "efficient channel attention": lambda: Lambda(_eca, conv=nn.Conv1d(1, 1, 3, padding=1, bias=False)),
    "selective kernels": lambda: Lambda(
        _selective, a=nn.Conv2d(4, 4, 3, padding=1), b=nn.Conv2d(4, 4, 3, padding=2, dilation=2), fc=nn.Conv2d(4, 8, 1)
    ),
    "response norm": lambda: Lambda(
        _response_norm,
        linear=nn.Linear(4, 6),
        bias=nn.Parameter(torch.zeros(1, 1, 1, 6)),
        weight=nn.Parameter(torch.zeros(1, 1, 1, 6)),
    ),
    "attention": lambda: Lambda(_attention, norm=nn.LayerNorm(4, eps=1e-6), qkv=nn.Linear(4, 12, bias=False)),
    "decoder": lambda: Lambda(_decoder, up=nn.ConvTranspose2d(4, 8, 3, 2, 1, 1, groups=2)),
    "arithmetic": lambda: Lambda(_arithmetic),
    "in place": lambda: Lambda(_in_place, conv=nn.Conv2d(4, 4, 1)),
    "activations": lambda: Lambda(
        _activations,
        acts=nn.ModuleList(
            [nn.GELU(), nn.GELU("tanh"), nn.Mish(), nn.ELU(), nn.LeakyReLU(0.2), nn.PReLU(4), nn.Tanh(), nn.Softplus()]
        ),
    ),
    "global pools": lambda: Lambda(_global_pools),
    "norms": lambda: nn.Sequential(
        nn.GroupNorm(2, 4),
        nn.InstanceNorm2d(4, affine=True),
        nn.LayerNorm((4, 12, 10)),
        nn.BatchNorm2d(4, affine=False),
    ),
    "pools": lambda: nn.Sequential(
        nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AdaptiveAvgPool2d((2, 3))
    ),
    "a head on flat features": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(480, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.0), nn.Dropout(0.3), nn.Linear(8, 3)
    ),
    "the shuffle of megvii": lambda: Lambda(_megvii, conv=nn.Conv2d(4, 6, 1), branch=nn.Conv2d(3, 3, 1)),
    "calls under another autocast": lambda: Lambda(_other_precision, conv=nn.Conv2d(4, 4, 1)),
    "what only a symbolic trace takes": lambda: Lambda(_not_for_export, conv=nn.Conv2d(4, 4, 1)),
    "a module called twice": lambda: Lambda(_twice, block=nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())),
    "a block called twice": lambda: Lambda(_twice, block=Cell(nn.Conv2d(4, 4, 3, padding=1))),
    "one convolution in two blocks": lambda: Lambda(_tied, first=Cell(_ONE), second=Cell(_ONE)),
}


def lively(module):
    """Weights and statistics under which every layer changes the output."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in module.named_buffers():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif tensor.is_floating_point():
                tensor.normal_(0.1, 0.5)
        for parameter in module.parameters():
            if parameter.dim() <= 1 or parameter.detach().abs().max() == 0:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return module.eval()


def isomorphic(a, b):
    def same(one, other):
        if one["node"] is None or other["node"] is None:
            return one["node"] is other["node"]
        return (one["node"].op, one["node"].output) == (other["node"].op, other["node"].output)

    return networkx.is_isomorphic(a.to_networkx(), b.to_networkx(), node_match=same)


class Lambda(nn.Module):
    """A network of a few layers and a function."""

    def __init__(self, function, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


class BasicBlock(nn.Module):
    """ResNet's block of two convolutions, as torchvision writes it; `groups` as ResNeXt's."""

    def __init__(self, inputs, outputs, stride, groups=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class ResNet(nn.Module):
    def __init__(self, groups=1):
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        for number, outputs in enumerate((64, 128, 256, 512), 1):
            blocks = [
                BasicBlock(channels, outputs, 1 if number == 1 else 2, groups),
                BasicBlock(outputs, outputs, 1, groups),
            ]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            channels = outputs
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(512, 10)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def without_dropout(graph):
    """As an exporter leaves it: what does nothing when the network is evaluated is not in the file."""
    gone, nodes = {}, []
    for n in graph.nodes:
        inputs = tuple(gone.get(path, path) for path in n.inputs)
        if isinstance(n.op, ops.Dropout):
            gone[n.path] = inputs[0]
        else:
            nodes.append(n._replace(inputs=inputs))
    return Graph(graph.name, graph.input, tuple(nodes))
