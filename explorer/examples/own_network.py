"""Bring your own network: an nn.Module, counted and priced in one line, then by block and by operator."""

from torch import nn

import costmodel


def block(inputs: int, outputs: int) -> nn.Sequential:
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
    return nn.Sequential(depthwise, nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 1))


model = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1), block(16, 32), block(32, 64), nn.AdaptiveAvgPool2d(1))

found = costmodel.profile(model, (1, 3, 96, 96))
print(found)
print(f"{found.mult_adds:,} multiply-adds, {found.params:,} parameters, {found.latency_ms:.3f} ms")
print(found.table().sort_values("latency_ms", ascending=False)[["path", "operator", "latency_ms", "bound"]].head(3))
