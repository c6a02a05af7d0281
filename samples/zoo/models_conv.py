"""Convolutional classifiers: bytes and windows in one dimension, small images in two."""

import torch
from torch import nn
from torch.nn import functional as F


class ByteConv(nn.Module):
    """Tokens embedded, convolved, pooled to the largest of each channel."""

    def __init__(self, v):
        super().__init__()
        self.embed = nn.Embedding(v.V, v.D)
        self.convolutions = nn.ModuleList([nn.Conv1d(v.D, v.D, size, padding=size // 2) for size in (3, 5)])
        self.head = nn.Linear(2 * v.D, v.C)

    def forward(self, tokens):
        x = self.embed(tokens).transpose(1, 2)
        return self.head(torch.cat([F.relu(c(x)).max(-1).values for c in self.convolutions], -1))


class Causal(nn.Module):
    """Padded on the left only, as in a temporal convolutional network."""

    def __init__(self, channels, dilation):
        super().__init__()
        self.pad = 2 * dilation
        self.first = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.second = nn.Conv1d(channels, channels, 3, padding=2 * dilation, dilation=dilation)

    def forward(self, x):
        y = F.relu(self.first(F.pad(x, (self.pad, 0))))
        return F.relu(x + self.second(y)[..., : -self.pad])


class Tcn(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.embed = nn.Embedding(v.V, v.D)
        self.blocks = nn.Sequential(*[Causal(v.D, 2**i) for i in range(3)])
        self.head = nn.Linear(v.D, v.C)

    def forward(self, tokens):
        return self.head(self.blocks(self.embed(tokens).transpose(1, 2))[..., -1])


class LeNet(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.Tanh(), nn.Linear(40, v.C))

    def forward(self, image):
        return self.head(self.features(image))


def normed(inputs, outputs, size, **options):
    return [nn.Conv2d(inputs, outputs, size, bias=False, **options), nn.BatchNorm2d(outputs)]


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            *normed(inputs, outputs, 3, stride=stride, padding=1), nn.ReLU(), *normed(outputs, outputs, 3, padding=1)
        )
        self.short = nn.Identity() if stride == 1 else nn.Sequential(*normed(inputs, outputs, 1, stride=stride))

    def forward(self, x):
        return F.relu(self.body(x) + self.short(x))


class ResNet(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.features = nn.Sequential(
            *normed(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
            Residual(12, 12, 1), Residual(12, 24, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(24, v.C)

    def forward(self, image):
        return self.head(self.features(image))


class Inverted(nn.Module):
    """Wide and one channel at a time in the middle (MobileNetV2)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        wide = 3 * inputs
        self.body = nn.Sequential(
            *normed(inputs, wide, 1), nn.ReLU6(),
            *normed(wide, wide, 3, stride=stride, padding=1, groups=wide), nn.ReLU6(), *normed(wide, outputs, 1),
        )  # fmt: skip
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


class MobileNet(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.features = nn.Sequential(
            *normed(3, 8, 3, stride=2, padding=1), nn.ReLU6(), Inverted(8, 8, 1), Inverted(8, 16, 2), Inverted(16, 16, 1),
            *normed(16, 32, 1), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(32, v.C)

    def forward(self, image):
        return self.head(self.features(image))


class GroupedCnn(nn.Module):
    """Channels in groups, GroupNorm, a squeeze of each channel, parametric rectifiers."""

    def __init__(self, v):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.GroupNorm(4, 16), nn.PReLU(16))
        self.mix = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, groups=4), nn.InstanceNorm2d(16, affine=True), nn.SiLU())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 4, 1), nn.ReLU(), nn.Conv2d(4, 16, 1), nn.Sigmoid())
        self.head = nn.Linear(16 * 16, v.C)

    def forward(self, image):
        x = self.stem(image)
        x = x + self.mix(x) * self.gate(x)
        return self.head(F.avg_pool2d(x, 2).flatten(1))
