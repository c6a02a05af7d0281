"""Layers that newer operator sets have an operator of their own for: exported as such by symbolic functions.

They stand in a domain `later` until the file's operator set is raised (architectures.py), for PyTorch checks what it writes.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from models_decoder import Head, angles, rotate_half


class FusedGelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return F.gelu(x)

    @staticmethod
    def symbolic(g, x):
        return g.op("later::Gelu", x).setType(x.type())


class FusedRms(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        return weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)

    @staticmethod
    def symbolic(g, x, weight):
        return g.op("later::RMSNormalization", x, weight, epsilon_f=1e-6).setType(x.type())


class FusedRotary(torch.autograd.Function):
    """[B, H, S, d] with caches [S, d/2] and positions [B, S]."""

    @staticmethod
    def forward(ctx, x, cos, sin, places):
        c, s = (torch.cat((t[places],) * 2, -1).unsqueeze(1) for t in (cos, sin))
        return x * c + rotate_half(x) * s

    @staticmethod
    def symbolic(g, x, cos, sin, places):
        return g.op("later::RotaryEmbedding", x, cos, sin, places).setType(x.type())


class FusedAttention(torch.autograd.Function):
    """Causal, scaled, with fewer heads of keys and values."""

    @staticmethod
    def forward(ctx, q, k, v):
        n = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(n, 1), v.repeat_interleave(n, 1)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        return scores.masked_fill(later, float("-inf")).softmax(-1) @ v

    @staticmethod
    def symbolic(g, q, k, v):
        return g.op("later::Attention", q, k, v, is_causal_i=1).setType(q.type())


def fused(function, plain, *inputs):
    """The operator in an export; its definition, which has a gradient, otherwise."""
    return function.apply(*inputs) if torch.onnx.is_in_onnx_export() else plain(None, *inputs)


class FusedLayer(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.heads, self.kv, self.size = v.H, v.H // 2, v.D // v.H
        self.q = nn.Linear(v.D, v.D, bias=False)
        self.k, self.v = (nn.Linear(v.D, self.kv * self.size, bias=False) for _ in range(2))
        self.o = nn.Linear(v.D, v.D, bias=False)
        self.norm1, self.norm2 = nn.Parameter(torch.ones(v.D)), nn.Parameter(torch.ones(v.D))
        self.up, self.down = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)
        turn = angles(self.size, v.S)
        self.register_buffer("cos", turn.cos())
        self.register_buffer("sin", turn.sin())
        self.register_buffer("places", torch.arange(v.S)[None])

    def forward(self, x):
        n, length, width = x.shape
        y = fused(FusedRms, FusedRms.forward, x, self.norm1)
        q = self.q(y).view(n, length, self.heads, self.size).transpose(1, 2)
        k = self.k(y).view(n, length, self.kv, self.size).transpose(1, 2)
        v = self.v(y).view(n, length, self.kv, self.size).transpose(1, 2)
        places = self.places.expand(n, length)
        q, k = (fused(FusedRotary, FusedRotary.forward, t, self.cos, self.sin, places) for t in (q, k))
        y = fused(FusedAttention, FusedAttention.forward, q, k, v)
        x = x + self.o(y.transpose(1, 2).reshape(n, length, width))
        y = fused(FusedRms, FusedRms.forward, x, self.norm2)
        return x + self.down(fused(FusedGelu, FusedGelu.forward, self.up(y)))


class FusedDecoder(nn.Module):
    """RMSNormalization, RotaryEmbedding, Attention and Gelu as single operators (opset 23)."""

    def __init__(self, v):
        super().__init__()
        self.embed = nn.Embedding(v.V, v.D)
        self.layers = nn.Sequential(*[FusedLayer(v) for _ in range(v.L)])
        self.norm = nn.Parameter(torch.ones(v.D))
        self.head = Head(v, self.embed, False)
        nn.init.normal_(self.embed.weight, std=0.3)

    def forward(self, tokens):
        x = self.layers(self.embed(tokens))
        return self.head(fused(FusedRms, FusedRms.forward, x, self.norm))


class FusedGeluEncoder(nn.Module):
    """LayerNormalization and Gelu as single operators (opset 20), reductions and splits in their newer forms."""

    def __init__(self, v):
        super().__init__()
        self.heads = v.H
        self.embed, self.place = nn.Embedding(v.V, v.D), nn.Parameter(torch.randn(1, v.S, v.D) * 0.1)
        self.qkv = nn.ModuleList(nn.Linear(v.D, 3 * v.D) for _ in range(v.L))
        self.out = nn.ModuleList(nn.Linear(v.D, v.D) for _ in range(v.L))
        self.up = nn.ModuleList(nn.Linear(v.D, v.F) for _ in range(v.L))
        self.down = nn.ModuleList(nn.Linear(v.F, v.D) for _ in range(v.L))
        self.norms = nn.ModuleList(nn.LayerNorm(v.D) for _ in range(2 * v.L))
        self.head = nn.Linear(v.D, v.C)

    def forward(self, tokens):
        x = self.embed(tokens) + self.place
        n, length, width = x.shape
        for i, qkv in enumerate(self.qkv):
            parts = qkv(self.norms[2 * i](x)).chunk(3, dim=-1)
            q, k, v = (t.view(n, length, self.heads, -1).transpose(1, 2) for t in parts)
            y = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v
            x = x + self.out[i](y.transpose(1, 2).reshape(n, length, width))
            y = fused(FusedGelu, FusedGelu.forward, self.up[i](self.norms[2 * i + 1](x)))
            x = x + self.down[i](y)
        return self.head(x.amax(1))
