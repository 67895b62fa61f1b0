"""Networks written as other people write them, to be imported: none of this is a dependency, all of it by ourselves."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def round8(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class ConvNormAct(nn.Sequential):
    """As torchvision has it: a subclass of nn.Sequential, the activation in place."""

    def __init__(self, inputs, outputs, kernel=3, stride=1, groups=1, act=nn.ReLU6, eps=1e-5):
        layers = [
            nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=eps),
        ]
        super().__init__(*layers, *([act(inplace=True)] if act else []))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, ratio):
        super().__init__()
        hidden = inputs * ratio
        layers = [ConvNormAct(inputs, hidden, 1)] if ratio != 1 else []
        layers.append(ConvNormAct(hidden, hidden, stride=stride, groups=hidden))
        layers += [nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)
        self.use_shortcut = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.use_shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    """nn.Sequential style, `features` and `classifier`, functional pooling between."""

    TABLE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

    def __init__(self):
        super().__init__()
        layers, channels = [ConvNormAct(3, 32, stride=2)], 32
        for ratio, outputs, repeat, stride in self.TABLE:
            for i in range(repeat):
                layers.append(InvertedResidual(channels, outputs, stride if i == 0 else 1, ratio))
                channels = outputs
        layers.append(ConvNormAct(channels, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class FunctionalMobileNetV2(nn.Module):
    """The same network with no Sequential in its blocks, functions for activations and `x.mean([2, 3])`-free pooling."""

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride, ratio):
            super().__init__()
            hidden = inputs * ratio
            if ratio != 1:
                self.expand, self.norm1 = nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden)
            self.spatial = nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False)
            self.norm2 = nn.BatchNorm2d(hidden)
            self.project, self.norm3 = nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)

        def forward(self, x):
            y = F.relu6(self.norm1(self.expand(x))) if hasattr(self, "expand") else x
            y = torch.clamp(self.norm2(self.spatial(y)), 0, 6)
            y = self.norm3(self.project(y))
            if y.shape == x.shape:
                y += x
            return y

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32)
        self.blocks, channels = nn.ModuleList(), 32
        for ratio, outputs, repeat, stride in MobileNetV2.TABLE:
            stage = nn.ModuleList()
            for i in range(repeat):
                stage.append(self.Block(channels, outputs, stride if i == 0 else 1, ratio))
                channels = outputs
            self.blocks.append(stage)
        self.head, self.norm2 = nn.Conv2d(channels, 1280, 1, bias=False), nn.BatchNorm2d(1280)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x):
        x = F.hardtanh(self.norm(self.stem(x)), 0.0, 6.0)
        for stage in self.blocks:
            for block in stage:
                x = block(x)
        x = F.relu6(self.norm2(self.head(x)), inplace=True)
        x = F.adaptive_avg_pool2d(x, 1).reshape(x.shape[0], -1)
        return self.classifier(F.dropout(x, 0.2, self.training))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        gate = self.fc2(F.relu(self.fc1(self.avgpool(x))))
        return self.gate(gate) * x

    def gate(self, x):
        return F.hardsigmoid(x)


class HandSqueezeExcite(SqueezeExcite):
    """Written by hand as before torch had a hard sigmoid."""

    def forward(self, x):
        gate = x.mean((2, 3), keepdim=True)
        gate = self.fc2(self.fc1(gate).clamp(min=0))
        return x * self.gate(gate).expand_as(x)

    def gate(self, x):
        return F.relu6(x + 3.0) / 6.0


class HandHardSwish(nn.Module):
    def __init__(self, inplace=False):
        super().__init__()

    def forward(self, x):
        return x * F.relu6(x + 3) / 6


class V3Block(nn.Module):
    def __init__(self, inputs, kernel, hidden, outputs, squeeze, act, stride, se):
        super().__init__()
        layers = [ConvNormAct(inputs, hidden, 1, act=act, eps=1e-3)] if hidden != inputs else []
        layers.append(ConvNormAct(hidden, hidden, kernel, stride, hidden, act, 1e-3))
        layers += [se(hidden, round8(hidden // 4))] if squeeze else []
        layers.append(ConvNormAct(hidden, outputs, 1, act=None, eps=1e-3))
        self.block = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.block(x)
        if self.shortcut:
            y += x
        return y


class MobileNetV3(nn.Module):
    # kernel, expanded, channels, squeeze, hard-swish, stride: the paper's Tables 1 and 2
    LARGE = (
        *((3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1)),
        *((5, 72, 40, 1, 0, 2), (5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1)),
        *((3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1)),
        *((3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1)),
        *((5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1)),
    )
    SMALL = (
        *((3, 16, 16, 1, 0, 2), (3, 72, 24, 0, 0, 2), (3, 88, 24, 0, 0, 1)),
        *((5, 96, 40, 1, 1, 2), (5, 240, 40, 1, 1, 1), (5, 240, 40, 1, 1, 1)),
        *((5, 120, 48, 1, 1, 1), (5, 144, 48, 1, 1, 1)),
        *((5, 288, 96, 1, 1, 2), (5, 576, 96, 1, 1, 1), (5, 576, 96, 1, 1, 1)),
    )

    def __init__(self, table, last, swish=nn.Hardswish, se=SqueezeExcite):
        super().__init__()
        layers, channels = [ConvNormAct(3, 16, stride=2, act=swish, eps=1e-3)], 16
        for kernel, hidden, outputs, squeeze, hard, stride in table:
            act = swish if hard else nn.ReLU
            layers.append(V3Block(channels, kernel, hidden, outputs, squeeze, act, stride, se))
            channels = outputs
        layers.append(ConvNormAct(channels, 6 * channels, 1, act=swish, eps=1e-3))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * channels, last), swish(inplace=True), nn.Dropout(0.2), nn.Linear(last, 1000)
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def shuffle_by_view(x, groups):
    n, c, h, w = x.size()
    x = x.view(n, groups, c // groups, h, w)
    return torch.transpose(x, 1, 2).contiguous().view(n, c, h, w)


def shuffle_by_permute(x, groups):
    n, _, h, w = x.shape
    return x.reshape(n, groups, -1, h, w).permute(0, 2, 1, 3, 4).flatten(1, 2)


class ShuffleUnit(nn.Module):
    def __init__(self, inputs, outputs, stride, shuffle, split):
        super().__init__()
        branch, self.stride, self.shuffle, self.split = outputs // 2, stride, shuffle, split
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(
                *(nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs)),
                *(nn.Conv2d(inputs, branch, 1, bias=False), nn.BatchNorm2d(branch), nn.ReLU(inplace=True)),
            )
        first = inputs if stride > 1 else branch
        self.branch2 = nn.Sequential(
            *(nn.Conv2d(first, branch, 1, bias=False), nn.BatchNorm2d(branch), nn.ReLU(inplace=True)),
            *(nn.Conv2d(branch, branch, 3, stride, 1, groups=branch, bias=False), nn.BatchNorm2d(branch)),
            *(nn.Conv2d(branch, branch, 1, bias=False), nn.BatchNorm2d(branch), nn.ReLU(inplace=True)),
        )

    def forward(self, x):
        if self.stride == 1:
            left, right = self.split(x)
            y = torch.cat((left, self.branch2(right)), dim=1)
        else:
            y = torch.cat((self.branch1(x), self.branch2(x)), dim=1)
        return self.shuffle(y, 2)


def by_chunk(x):
    return x.chunk(2, dim=1)


def by_slices(x):
    half = x.shape[1] // 2
    return x[:, :half], x[:, half:, :, :]


def by_split(x):
    return torch.split(x, x.shape[1] // 2, 1)


class ShuffleNetV2(nn.Module):
    def __init__(self, shuffle=shuffle_by_view, split=by_chunk):
        super().__init__()
        self.conv1 = ConvNormAct(3, 24, stride=2, act=nn.ReLU)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 24
        for name, outputs, repeat in (("stage2", 116, 4), ("stage3", 232, 8), ("stage4", 464, 4)):
            units = []
            for i in range(repeat):
                units.append(ShuffleUnit(channels, outputs, 2 if i == 0 else 1, shuffle, split))
                channels = outputs
            setattr(self, name, nn.Sequential(*units))
        self.conv5 = ConvNormAct(channels, 1024, 1, act=nn.ReLU)
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x):
        x = self.stage4(self.stage3(self.stage2(self.maxpool(self.conv1(x)))))
        return self.fc(self.conv5(x).mean([2, 3]))


class Bottleneck(nn.Module):
    """ResNet's, the stride in its 3×3 convolution, as torchvision has it."""

    def __init__(self, inputs, inner, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, 4 * inner, 1, bias=False), nn.BatchNorm2d(4 * inner)
        self.relu, self.downsample = nn.ReLU(inplace=True), None
        if stride > 1 or inputs != 4 * inner:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * inner, 1, stride, bias=False), nn.BatchNorm2d(4 * inner)
            )

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True)
        self.maxpool, channels = nn.MaxPool2d(3, 2, 1), 64
        for number, (inner, repeat) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
            blocks = []
            for i in range(repeat):
                blocks.append(Bottleneck(channels, inner, 2 if i == 0 and number > 1 else 1))
                channels = 4 * inner
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(channels, 1000)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))
