"""Decoders: GPT-2, GPT-NeoX, BLOOM (ALiBi) and LLaMA at small sizes, in the op patterns of their libraries' exports."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from models_bert import new_gelu


class Head(nn.Module):
    """Scores over the vocabulary for every place, with the embedding's own matrix; or of the last place for the classes."""

    def __init__(self, v, embedding, tokens):
        super().__init__()
        self.tokens = tokens
        self.out = nn.Linear(v.D, v.V if tokens else v.C, bias=False)
        if tokens:
            self.out.weight = embedding.weight

    def forward(self, x):
        return self.out(x if self.tokens else x[:, -1])


class Conv1D(nn.Module):
    """A linear layer by addmm on flattened rows, as GPT-2 writes it."""

    def __init__(self, n_out, n_in):
        super().__init__()
        self.n_out = n_out
        self.weight = nn.Parameter(torch.randn(n_in, n_out) * 0.08)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        size_out = x.size()[:-1] + (self.n_out,)
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(size_out)


class Gpt2Block(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.heads, self.size, self.width = v.H, v.D // v.H, v.D
        self.ln_1, self.ln_2 = nn.LayerNorm(v.D), nn.LayerNorm(v.D)
        self.c_attn, self.c_proj = Conv1D(3 * v.D, v.D), Conv1D(v.D, v.D)
        self.c_fc, self.c_out = Conv1D(v.F, v.D), Conv1D(v.D, v.F)
        seen = torch.tril(torch.ones((v.S, v.S), dtype=torch.bool)).view(1, 1, v.S, v.S)
        self.register_buffer("bias", seen)

    def split_heads(self, x):
        return x.view(x.size()[:-1] + (self.heads, self.size)).permute(0, 2, 1, 3)

    def attend(self, x):
        query, key, value = self.c_attn(x).split(self.width, dim=2)
        query, key, value = self.split_heads(query), self.split_heads(key), self.split_heads(value)
        weights = torch.matmul(query, key.transpose(-1, -2))
        weights = weights / torch.full([], value.size(-1) ** 0.5, dtype=weights.dtype)
        q_len, k_len = query.size(-2), key.size(-2)
        seen = self.bias[:, :, k_len - q_len : k_len, :k_len]
        lowest = torch.full([], torch.finfo(weights.dtype).min, dtype=weights.dtype)
        weights = torch.where(seen, weights, lowest)
        y = torch.matmul(nn.functional.softmax(weights, dim=-1), value).permute(0, 2, 1, 3).contiguous()
        return self.c_proj(y.view(y.size()[:-2] + (self.heads * self.size,)))

    def forward(self, x):
        x = x + self.attend(self.ln_1(x))
        return x + self.c_out(new_gelu(self.c_fc(self.ln_2(x))))


class Gpt2(nn.Module):
    def __init__(self, v, tokens=False):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(v.V, v.D), nn.Embedding(v.S, v.D)
        self.h = nn.ModuleList(Gpt2Block(v) for _ in range(v.L))
        self.ln_f = nn.LayerNorm(v.D)
        self.head = Head(v, self.wte, tokens)
        nn.init.normal_(self.wte.weight, std=0.3)

    def forward(self, input_ids):
        shape = input_ids.size()
        places = torch.arange(0, shape[-1], dtype=torch.long).unsqueeze(0).view(-1, shape[-1])
        x = self.wte(input_ids.view(-1, shape[-1])) + self.wpe(places)
        for block in self.h:
            x = block(x)
        return self.head(self.ln_f(x))


class RMSNorm(nn.Module):
    def __init__(self, width, eps=1e-6):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        dtype = x.dtype
        x = x.to(torch.float32)
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * x.to(dtype)


def rotate_half(x):
    return torch.cat((-x[..., x.shape[-1] // 2 :], x[..., : x.shape[-1] // 2]), dim=-1)


def angles(size, length, base=10000.0):
    """[length, size/2]"""
    rate = 1.0 / (base ** (torch.arange(0, size, 2).float() / size))
    return torch.einsum("i,j->ij", torch.arange(length).float(), rate)


class HalfRotary(nn.Module):
    """The two halves of a head turn against each other; tables of cosines and sines looked up by position."""

    def __init__(self, size, length):
        super().__init__()
        twice = torch.cat((angles(size, length),) * 2, dim=-1)
        self.register_buffer("cos_cached", twice.cos()[None, None, :, :])
        self.register_buffer("sin_cached", twice.sin()[None, None, :, :])

    def forward(self, q, k):
        length = q.shape[-2]
        positions = torch.arange(0, length, dtype=torch.long).unsqueeze(0).view(-1, length)
        cos = self.cos_cached[:, :, :length, ...].squeeze(1).squeeze(0)[positions].unsqueeze(1)
        sin = self.sin_cached[:, :, :length, ...].squeeze(1).squeeze(0)[positions].unsqueeze(1)
        return q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin


class PairRotary(nn.Module):
    """Neighbouring elements turn as complex numbers do (the reference implementation, written with reals)."""

    def __init__(self, size, length):
        super().__init__()
        turn = angles(size, length)
        self.register_buffer("cos", turn.cos())
        self.register_buffer("sin", turn.sin())

    def turn(self, x):
        real, imaginary = x.float().reshape(x.shape[:-1] + (-1, 2)).unbind(-1)
        cos, sin = self.cos[: x.shape[-2]], self.sin[: x.shape[-2]]
        return torch.stack((real * cos - imaginary * sin, real * sin + imaginary * cos), dim=-1).flatten(3)

    def forward(self, q, k):
        return self.turn(q), self.turn(k)


class StridedRotary(PairRotary):
    """The same with slices of step two (GPT-J: rotate_every_two)."""

    def __init__(self, size, length):
        super().__init__(size, length)
        self.cos, self.sin = self.cos.repeat_interleave(2, dim=-1), self.sin.repeat_interleave(2, dim=-1)

    def turn(self, x):
        cos, sin = self.cos[: x.shape[-2]], self.sin[: x.shape[-2]]
        every = torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(3)
        return x * cos + every * sin


def repeat_kv(x, n):
    batch, heads, length, size = x.shape
    if n == 1:
        return x
    return x[:, :, None, :, :].expand(batch, heads, n, length, size).reshape(batch, heads * n, length, size)


def causal(length, dtype=torch.float32):
    """Additive mask [1, 1, length, length] made as the library makes it: full, compare, masked_fill."""
    mask = torch.full((length, length), torch.finfo(dtype).min)
    places = torch.arange(length)
    mask.masked_fill_(places < (places + 1).view(length, 1), 0)
    return mask[None, None, :, :].to(dtype)


class LlamaLayer(nn.Module):
    def __init__(self, v, rotary, kv):
        super().__init__()
        self.heads, self.kv, self.size = v.H, kv, v.D // v.H
        self.q_proj = nn.Linear(v.D, v.D, bias=False)
        self.k_proj, self.v_proj = (nn.Linear(v.D, kv * self.size, bias=False) for _ in range(2))
        self.o_proj = nn.Linear(v.D, v.D, bias=False)
        self.rotary = rotary(self.size, v.S)
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(v.D), RMSNorm(v.D)
        self.gate_proj, self.up_proj = (nn.Linear(v.D, v.F, bias=False) for _ in range(2))
        self.down_proj = nn.Linear(v.F, v.D, bias=False)

    def attend(self, x, mask):
        n, length, width = x.size()
        q = self.q_proj(x).view(n, length, self.heads, self.size).transpose(1, 2)
        k = self.k_proj(x).view(n, length, self.kv, self.size).transpose(1, 2)
        v = self.v_proj(x).view(n, length, self.kv, self.size).transpose(1, 2)
        q, k = self.rotary(q, k)
        k, v = repeat_kv(k, self.heads // self.kv), repeat_kv(v, self.heads // self.kv)
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.size) + mask
        weights = nn.functional.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
        y = torch.matmul(weights, v).transpose(1, 2).contiguous().reshape(n, length, width)
        return self.o_proj(y)

    def forward(self, x, mask):
        x = x + self.attend(self.input_layernorm(x), mask)
        y = self.post_attention_layernorm(x)
        return x + self.down_proj(F.silu(self.gate_proj(y)) * self.up_proj(y))


class Llama(nn.Module):
    """RMSNorm, rotary positions, grouped keys and values, SwiGLU; optionally a padding mask joined with the causal one."""

    def __init__(self, v, rotary=HalfRotary, kv=2, tokens=False, mask=False):
        super().__init__()
        self.embed_tokens = nn.Embedding(v.V, v.D)
        self.layers = nn.ModuleList(LlamaLayer(v, rotary, kv) for _ in range(v.L))
        self.norm = RMSNorm(v.D)
        self.head = Head(v, self.embed_tokens, tokens)
        nn.init.normal_(self.embed_tokens.weight, std=0.3)

    def forward(self, input_ids, attention_mask=None):
        x = self.embed_tokens(input_ids)
        mask = causal(input_ids.shape[1])
        if attention_mask is not None:
            wide = attention_mask[:, None, None, :].expand(-1, 1, input_ids.shape[1], -1).to(torch.float32)
            inverted = 1.0 - wide
            mask = inverted.masked_fill(inverted.to(torch.bool), torch.finfo(torch.float32).min) + mask
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(self.norm(x))


def alibi_slopes(heads):
    start = 2.0 ** (-8.0 / heads)
    return torch.tensor([start ** (i + 1) for i in range(heads)])


class BloomLayer(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.heads, self.size = v.H, v.D // v.H
        self.query_key_value, self.dense = nn.Linear(v.D, 3 * v.D), nn.Linear(v.D, v.D)
        self.norm1, self.norm2 = nn.LayerNorm(v.D), nn.LayerNorm(v.D)
        self.up, self.down = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)

    def attend(self, x, alibi, blocked):
        n, length, width = x.shape
        fused = self.query_key_value(x).view(n, length, self.heads, 3, self.size)
        q, k, v = fused[..., 0, :], fused[..., 1, :], fused[..., 2, :]
        q = q.transpose(1, 2).reshape(n * self.heads, length, self.size)
        k = k.permute(0, 2, 3, 1).reshape(n * self.heads, self.size, length)
        v = v.transpose(1, 2).reshape(n * self.heads, length, self.size)
        scores = alibi.baddbmm(batch1=q, batch2=k, beta=1.0, alpha=1.0 / math.sqrt(self.size))
        scores = scores.view(n, self.heads, length, -1)
        scores = torch.masked_fill(scores, blocked, torch.finfo(scores.dtype).min)
        weights = F.softmax(scores, dim=-1, dtype=torch.float32).view(n * self.heads, length, length)
        y = torch.bmm(weights, v).view(n, self.heads, length, self.size).permute(0, 2, 1, 3)
        return self.dense(y.reshape(n, length, self.heads * self.size))

    def forward(self, x, alibi, blocked):
        x = x + self.attend(self.norm1(x), alibi, blocked)
        return x + self.down(new_gelu(self.up(self.norm2(x))))


class Bloom(nn.Module):
    """ALiBi: a bias by distance from the cumulative sum of the mask, and no positions; causal mask as a boolean."""

    def __init__(self, v, tokens=False):
        super().__init__()
        self.words, self.norm0 = nn.Embedding(v.V, v.D), nn.LayerNorm(v.D)
        self.layers = nn.ModuleList(BloomLayer(v) for _ in range(v.L))
        self.norm = nn.LayerNorm(v.D)
        self.head = Head(v, self.words, tokens)
        self.register_buffer("slopes", alibi_slopes(v.H))
        nn.init.normal_(self.words.weight, std=0.3)

    def forward(self, input_ids, attention_mask):
        n, length = input_ids.shape
        x = self.norm0(self.words(input_ids))
        places = ((attention_mask.cumsum(dim=-1) - 1) * attention_mask)[:, None, :]
        alibi = self.slopes[..., None] * places
        alibi = alibi.reshape(n * self.slopes.shape[0], 1, length)
        later = torch.arange(length)[:, None] < torch.arange(length)[None, :]
        blocked = later[None, None, :, :] | ~(attention_mask[:, None, None, :].to(torch.bool))
        for layer in self.layers:
            x = layer(x, alibi, blocked)
        return self.head(self.norm(x))


class NeoxLayer(nn.Module):
    """Attention and feed-forward side by side; rotary positions on a quarter of each head."""

    def __init__(self, v):
        super().__init__()
        self.heads, self.size = v.H, v.D // v.H
        self.turned = self.size // 4
        self.qkv, self.dense = nn.Linear(v.D, 3 * v.D), nn.Linear(v.D, v.D)
        self.norm1, self.norm2 = nn.LayerNorm(v.D), nn.LayerNorm(v.D)
        self.up, self.down = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)
        self.rotary = HalfRotary(self.turned, v.S)
        self.register_buffer("bias", torch.tril(torch.ones((v.S, v.S), dtype=torch.bool)).view(1, 1, v.S, v.S))

    def attend(self, x):
        n, length, width = x.shape
        qkv = self.qkv(x).view(n, length, self.heads, 3 * self.size)
        q = qkv[..., : self.size].permute(0, 2, 1, 3)
        k = qkv[..., self.size : 2 * self.size].permute(0, 2, 1, 3)
        v = qkv[..., 2 * self.size :].permute(0, 2, 1, 3)
        turned, kept = q[..., : self.turned], q[..., self.turned :]
        turned_k, kept_k = k[..., : self.turned], k[..., self.turned :]
        turned, turned_k = self.rotary(turned, turned_k)
        q, k = torch.cat((turned, kept), dim=-1), torch.cat((turned_k, kept_k), dim=-1)
        scores = torch.matmul(q, k.transpose(-1, -2)) * (self.size**-0.5)
        seen = self.bias[:, :, :length, :length]
        scores = torch.where(seen, scores, torch.tensor(torch.finfo(scores.dtype).min))
        y = torch.matmul(F.softmax(scores, dim=-1), v).permute(0, 2, 1, 3).contiguous()
        return self.dense(y.view(n, length, self.heads * self.size))

    def forward(self, x):
        return self.down(F.gelu(self.up(self.norm2(x)))) + self.attend(self.norm1(x)) + x


class Neox(nn.Module):
    def __init__(self, v, tokens=False):
        super().__init__()
        self.embed = nn.Embedding(v.V, v.D)
        self.layers = nn.ModuleList(NeoxLayer(v) for _ in range(v.L))
        self.norm = nn.LayerNorm(v.D)
        self.head = Head(v, self.embed, tokens)
        nn.init.normal_(self.embed.weight, std=0.3)

    def forward(self, input_ids):
        x = self.embed(input_ids)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))
