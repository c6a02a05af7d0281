"""Images and windows without recurrence: ViT with patches by reshape or by convolution, Swin, MLP-Mixer, MLP, CNN, linear attention."""

import torch
from torch import nn
from torch.nn import functional as F

from models_hand import VitBlock

SIDE, PATCH = 16, 4


class Patches(nn.Module):
    """[B, 3, 16, 16] to [B, 16, D]."""

    def __init__(self, v, how):
        super().__init__()
        self.how = how
        size = 3 * PATCH * PATCH
        self.proj = nn.Conv2d(3, v.D, PATCH, PATCH) if how == "conv" else nn.Linear(size, v.D)

    def forward(self, image):
        if self.how == "conv":
            return self.proj(image).flatten(2).transpose(1, 2)
        if self.how == "unfold":
            return self.proj(F.unfold(image, PATCH, stride=PATCH).transpose(1, 2))
        n, c, h, w = image.shape
        x = image.reshape(n, c, h // PATCH, PATCH, w // PATCH, PATCH)
        return self.proj(torch.einsum("nchpwq->nhwpqc", x).reshape(n, (h // PATCH) * (w // PATCH), PATCH * PATCH * c))


class Vit(nn.Module):
    def __init__(self, v, patches="reshape"):
        super().__init__()
        self.patches = Patches(v, patches)
        self.cls = nn.Parameter(torch.randn(1, 1, v.D) * 0.1)
        self.place = nn.Parameter(torch.randn(1, 17, v.D) * 0.1)
        self.blocks = nn.Sequential(*[VitBlock(v, True) for _ in range(v.L)])
        self.norm, self.head = nn.LayerNorm(v.D, eps=1e-6), nn.Linear(v.D, v.C)

    def forward(self, image):
        x = self.patches(image)
        x = torch.cat((self.cls.expand(x.shape[0], -1, -1), x), dim=1) + self.place
        return self.head(self.norm(self.blocks(x))[:, 0])


class SwinBlock(nn.Module):
    """Attention inside windows of 4 × 4, rolled by half a window when shifted, with a learned bias by offset."""

    def __init__(self, v, side, shift):
        super().__init__()
        self.heads, self.side, self.shift, self.window = v.H, side, shift, 4
        self.scale = (v.D // v.H) ** -0.5
        self.norm1, self.norm2 = nn.LayerNorm(v.D), nn.LayerNorm(v.D)
        self.qkv, self.proj = nn.Linear(v.D, 3 * v.D), nn.Linear(v.D, v.D)
        self.fc1, self.fc2 = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)
        w = self.window
        self.table = nn.Parameter(torch.randn((2 * w - 1) ** 2, v.H) * 0.2)
        at = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(w), indexing="ij")).flatten(1)
        offset = (at[:, :, None] - at[:, None, :]).permute(1, 2, 0) + w - 1
        self.register_buffer("index", offset[..., 0] * (2 * w - 1) + offset[..., 1])
        if shift:
            region = torch.zeros(1, side, side, 1)
            cuts = (slice(0, -w), slice(-w, -shift), slice(-shift, None))
            for i, rows in enumerate(cuts):
                for j, columns in enumerate(cuts):
                    region[:, rows, columns] = i * 3 + j
            flat = self.windows(region).view(-1, w * w)
            apart = flat.unsqueeze(1) - flat.unsqueeze(2)
            self.register_buffer("mask", apart.masked_fill(apart != 0, -100.0).masked_fill(apart == 0, 0.0))

    def windows(self, x):
        n, h, w, c = x.shape
        x = x.view(n, h // self.window, self.window, w // self.window, self.window, c)
        return x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, self.window, self.window, c)

    def forward(self, x):
        n, length, c = x.shape
        y = self.norm1(x).view(n, self.side, self.side, c)
        if self.shift:
            y = torch.roll(y, shifts=(-self.shift, -self.shift), dims=(1, 2))
        y = self.windows(y).view(-1, self.window**2, c)
        count, places, _ = y.shape
        qkv = self.qkv(y).reshape(count, places, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        scores = (q * self.scale) @ k.transpose(-2, -1)
        bias = self.table[self.index.view(-1)].view(places, places, -1).permute(2, 0, 1).contiguous()
        scores = scores + bias.unsqueeze(0)
        if self.shift:
            m = self.mask.shape[0]
            scores = scores.view(count // m, m, self.heads, places, places) + self.mask.unsqueeze(1).unsqueeze(0)
            scores = scores.view(-1, self.heads, places, places)
        y = self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(count, places, c))
        y = y.view(-1, self.window, self.window, c)
        y = y.view(n, self.side // self.window, self.side // self.window, self.window, self.window, c)
        y = y.permute(0, 1, 3, 2, 4, 5).contiguous().view(n, self.side, self.side, c)
        if self.shift:
            y = torch.roll(y, shifts=(self.shift, self.shift), dims=(1, 2))
        x = x + y.view(n, length, c)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Swin(nn.Module):
    """Shifted windows over 8 × 8 patches, then four patches merged into one."""

    def __init__(self, v):
        super().__init__()
        self.lift = nn.Linear(3 * 4, v.D)
        self.blocks = nn.Sequential(SwinBlock(v, 8, 0), SwinBlock(v, 8, 2))
        self.norm_merge, self.merge = nn.LayerNorm(4 * v.D), nn.Linear(4 * v.D, v.D, bias=False)
        self.norm, self.head = nn.LayerNorm(v.D), nn.Linear(v.D, v.C)

    def forward(self, image):
        n, c, h, w = image.shape
        x = image.view(n, c, 8, 2, 8, 2).permute(0, 2, 4, 3, 5, 1).reshape(n, 64, 4 * c)
        x = self.blocks(self.lift(x)).view(n, 8, 8, -1)
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        x = self.merge(self.norm_merge(x.view(n, 16, -1)))
        return self.head(nn.AdaptiveAvgPool1d(1)(self.norm(x).transpose(1, 2)).flatten(1))


class MixerBlock(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(v.D), nn.LayerNorm(v.D)
        self.tokens = nn.Sequential(nn.Linear(v.S, 2 * v.S), nn.GELU(), nn.Linear(2 * v.S, v.S))
        self.channels = nn.Sequential(nn.Linear(v.D, v.F), nn.GELU(), nn.Linear(v.F, v.D))

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.lift = nn.Linear(v.features, v.D)
        self.blocks = nn.Sequential(*[MixerBlock(v) for _ in range(v.L)])
        self.norm, self.head = nn.LayerNorm(v.D), nn.Linear(v.D, v.C)

    def forward(self, window):
        return self.head(self.norm(self.blocks(self.lift(window))).mean(dim=1))


class GatedMlpBlock(nn.Module):
    """gMLP: half of the channels, mixed over the places, gates the other half."""

    def __init__(self, v):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(v.D), nn.Linear(v.D, 2 * v.F), nn.Linear(v.F, v.D)
        self.norm_gate, self.spatial = nn.LayerNorm(v.F), nn.Conv1d(v.S, v.S, 1)
        nn.init.ones_(self.spatial.bias)

    def forward(self, x):
        u, gate = F.gelu(self.up(self.norm(x))).chunk(2, dim=-1)
        return x + self.down(u * self.spatial(self.norm_gate(gate)))


class GatedMlp(Mixer):
    def __init__(self, v):
        super().__init__(v)
        self.blocks = nn.Sequential(*[GatedMlpBlock(v) for _ in range(v.L)])


class LinearAttentionLayer(nn.Module):
    """Attention without softmax over scores: elu + 1 features, keys and values summed first."""

    def __init__(self, v):
        super().__init__()
        self.heads = v.H
        self.q, self.k, self.v, self.o = (nn.Linear(v.D, v.D) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(v.D), nn.LayerNorm(v.D)
        self.up, self.down = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)

    def forward(self, x):
        n, length, width = x.shape
        y = self.norm1(x)
        shape = lambda t: t.view(n, length, self.heads, -1)
        q, k, v = F.elu(shape(self.q(y))) + 1, F.elu(shape(self.k(y))) + 1, shape(self.v(y))
        kv = torch.einsum("nshd,nshm->nhmd", k, v)
        z = 1 / (torch.einsum("nlhd,nhd->nlh", q, k.sum(dim=1)) + 1e-6)
        y = torch.einsum("nlhd,nhmd,nlh->nlhm", q, kv, z)
        x = x + self.o(y.reshape(n, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class LinearAttention(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.embed, self.place = nn.Embedding(v.V, v.D), nn.Parameter(torch.randn(1, v.S, v.D) * 0.3)
        self.layers = nn.Sequential(*[LinearAttentionLayer(v) for _ in range(v.L)])
        self.norm, self.head = nn.LayerNorm(v.D), nn.Linear(v.D, v.C)

    def forward(self, tokens):
        return self.head(self.norm(self.layers(self.embed(tokens) + self.place)).mean(1))


class Mlp(nn.Module):
    """Features standardised, BatchNorm between the layers."""

    def __init__(self, v):
        super().__init__()
        self.register_buffer("mean", torch.linspace(-1, 1, v.S * v.features))
        self.register_buffer("deviation", torch.linspace(0.5, 2, v.S * v.features))
        self.layers = nn.Sequential(
            nn.Linear(v.S * v.features, v.F), nn.BatchNorm1d(v.F), nn.ReLU(),
            nn.Linear(v.F, v.D), nn.LeakyReLU(0.1), nn.Linear(v.D, v.C),
        )  # fmt: skip

    def forward(self, window):
        return F.log_softmax(self.layers((window.flatten(1) - self.mean) / self.deviation), dim=1)


class Cnn(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(16 * 16, 32), nn.ReLU(), nn.Linear(32, v.C))

    def forward(self, image):
        return self.head(self.features(image))


class Convolutions(nn.Module):
    """One-dimensional convolutions over a window, averaged over time."""

    def __init__(self, v):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(v.features, v.D, 5, padding=2), nn.BatchNorm1d(v.D), nn.GELU(),
            nn.Conv1d(v.D, v.D, 3, stride=2, padding=1), nn.ReLU(), nn.AdaptiveAvgPool1d(1),
        )  # fmt: skip
        self.head = nn.Linear(v.D, v.C)

    def forward(self, window):
        return self.head(self.features(window.transpose(1, 2)).squeeze(-1))


class Recurrent(nn.Module):
    def __init__(self, v, kind="gru"):
        super().__init__()
        self.embed = nn.Embedding(v.V, v.D)
        self.rnn = (nn.GRU if kind == "gru" else nn.LSTM)(v.D, v.D, batch_first=True)
        self.head = nn.Linear(v.D, v.C)

    def forward(self, tokens):
        return self.head(self.rnn(self.embed(tokens))[0][:, -1])
