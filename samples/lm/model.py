"""A small decoder in the manner of LLaMA: RMSNorm, rotary positions, grouped-query attention, SwiGLU, embedding and head in one table."""

import torch
from torch import nn
from torch.nn import functional as F


class Config:
    def __init__(self, vocabulary=512, width=64, layers=5, heads=8, kv_heads=4, hidden=172, context=256):
        self.vocabulary, self.width, self.layers = vocabulary, width, layers
        self.heads, self.kv_heads, self.hidden, self.context = heads, kv_heads, hidden, context


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads, self.size = c.heads, c.kv_heads, c.width // c.heads
        self.q = nn.Linear(c.width, c.heads * self.size, bias=False)
        self.k = nn.Linear(c.width, c.kv_heads * self.size, bias=False)
        self.v = nn.Linear(c.width, c.kv_heads * self.size, bias=False)
        self.o = nn.Linear(c.heads * self.size, c.width, bias=False)

    def forward(self, x, cos, sin, mask):
        B, S, _ = x.shape
        q = self.q(x).view(B, S, self.heads, self.size).transpose(1, 2)
        k = self.k(x).view(B, S, self.kv_heads, self.size).transpose(1, 2)
        v = self.v(x).view(B, S, self.kv_heads, self.size).transpose(1, 2)
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        groups = self.heads // self.kv_heads
        k = k[:, :, None].expand(B, self.kv_heads, groups, S, self.size).reshape(B, self.heads, S, self.size)
        v = v[:, :, None].expand(B, self.kv_heads, groups, S, self.size).reshape(B, self.heads, S, self.size)
        scores = q @ k.transpose(-2, -1) * self.size**-0.5 + mask
        y = scores.softmax(-1) @ v
        return self.o(y.transpose(1, 2).reshape(B, S, -1))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm1, self.attention, self.norm2 = RMSNorm(c.width), Attention(c), RMSNorm(c.width)
        self.gate = nn.Linear(c.width, c.hidden, bias=False)
        self.up = nn.Linear(c.width, c.hidden, bias=False)
        self.down = nn.Linear(c.hidden, c.width, bias=False)

    def forward(self, x, cos, sin, mask):
        x = x + self.attention(self.norm1(x), cos, sin, mask)
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Decoder(nn.Module):
    """Tokens [B, S] to the scores of the next token at every place [B, S, vocabulary]."""

    def __init__(self, c):
        super().__init__()
        self.embed = nn.Embedding(c.vocabulary, c.width)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = RMSNorm(c.width)
        size = c.width // c.heads
        angle = torch.outer(torch.arange(c.context).float(), 10000 ** (-torch.arange(0, size, 2).float() / size))
        angle = torch.cat((angle, angle), dim=-1)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        self.register_buffer("mask", torch.full((c.context, c.context), float("-inf")).triu(1), persistent=False)
        for part in self.modules():
            if isinstance(part, (nn.Linear, nn.Embedding)):
                nn.init.normal_(part.weight, std=0.05)

    def forward(self, tokens):
        S = tokens.shape[1]
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, self.cos[:S], self.sin[:S], self.mask[:S, :S])
        return F.linear(self.norm(x), self.embed.weight)
