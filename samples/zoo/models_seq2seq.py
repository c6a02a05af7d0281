"""T5-like encoders and encoder–decoders; nn.Transformer; latents that read a window by cross-attention."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from models_decoder import causal


class T5Norm(nn.Module):
    """Root mean square, a factor and no shift."""

    def __init__(self, width, eps=1e-6):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        variance = x.to(torch.float32).pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(variance + self.eps))


class T5Attention(nn.Module):
    """No scale and no biases; the first layer of a stack owns the bias by distance bucket."""

    def __init__(self, v, biased=False, bidirectional=True):
        super().__init__()
        self.heads, self.size, self.bidirectional = v.H, v.D // v.H, bidirectional
        self.q, self.k, self.v, self.o = (nn.Linear(v.D, v.D, bias=False) for _ in range(4))
        self.table = nn.Embedding(16, v.H) if biased else None
        for part in (self.q, self.k):
            part.weight.data.mul_(0.5)

    def bucket(self, distance, buckets=16, most=32):
        found = 0
        if self.bidirectional:
            buckets //= 2
            found = found + (distance > 0).to(torch.long) * buckets
            distance = torch.abs(distance)
        else:
            distance = -torch.min(distance, torch.zeros_like(distance))
        exact = buckets // 2
        small = distance < exact
        large = exact + (torch.log(distance.float() / exact) / math.log(most / exact) * (buckets - exact)).to(torch.long)
        large = torch.min(large, torch.full_like(large, buckets - 1))
        return found + torch.where(small, distance, large)

    def bias(self, queries, keys):
        distance = torch.arange(keys, dtype=torch.long)[None, :] - torch.arange(queries, dtype=torch.long)[:, None]
        return self.table(self.bucket(distance)).permute([2, 0, 1]).unsqueeze(0)

    def forward(self, x, source, bias):
        n, length = x.shape[:2]
        shape = lambda t: t.view(n, -1, self.heads, self.size).transpose(1, 2)
        q, k, v = shape(self.q(x)), shape(self.k(source)), shape(self.v(source))
        scores = torch.matmul(q, k.transpose(3, 2))
        scores += bias
        weights = F.softmax(scores.float(), dim=-1).type_as(scores)
        y = torch.matmul(weights, v).transpose(1, 2).contiguous().view(n, -1, self.heads * self.size)
        return self.o(y)


class T5Layer(nn.Module):
    def __init__(self, v, biased, decoder, gated):
        super().__init__()
        self.attention, self.norm1 = T5Attention(v, biased, not decoder), T5Norm(v.D)
        self.cross, self.norm2 = (T5Attention(v), T5Norm(v.D)) if decoder else (None, None)
        self.norm3, self.wi, self.wo = T5Norm(v.D), nn.Linear(v.D, v.F, bias=False), nn.Linear(v.F, v.D, bias=False)
        self.gate = nn.Linear(v.D, v.F, bias=False) if gated else None

    def forward(self, x, bias, source=None, source_bias=None):
        y = self.norm1(x)
        x = x + self.attention(y, y, bias)
        if self.cross is not None:
            x = x + self.cross(self.norm2(x), source, source_bias)
        y = self.norm3(x)
        if self.gate is None:
            return x + self.wo(F.relu(self.wi(y)))
        gelu = 0.5 * (h := self.gate(y)) * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (h + 0.044715 * torch.pow(h, 3.0))))
        return x + self.wo(gelu * self.wi(y))


class T5Stack(nn.Module):
    def __init__(self, v, decoder=False, gated=False):
        super().__init__()
        self.layers = nn.ModuleList(T5Layer(v, i == 0, decoder, gated) for i in range(v.L))
        self.norm, self.decoder = T5Norm(v.D), decoder

    def forward(self, x, mask, source=None):
        length = x.shape[1]
        bias = self.layers[0].attention.bias(length, length)
        bias = bias + causal(length) if self.decoder else bias + mask
        for layer in self.layers:
            x = layer(x, bias, source, mask)
        return self.norm(x)


class T5Encoder(nn.Module):
    """input_ids and attention_mask; scores from the mean of all places."""

    def __init__(self, v, gated=False):
        super().__init__()
        self.shared, self.stack = nn.Embedding(v.V, v.D), T5Stack(v, gated=gated)
        self.head = nn.Linear(v.D, v.C)

    def forward(self, input_ids, attention_mask):
        mask = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * torch.finfo(torch.float32).min
        return self.head(self.stack(self.shared(input_ids), mask)[:, 0])


class T5(nn.Module):
    """Encoder and decoder with cross-attention: input_ids, attention_mask and decoder_input_ids → scores for every place."""

    def __init__(self, v):
        super().__init__()
        self.width = v.D
        self.shared = nn.Embedding(v.V, v.D)
        self.encoder, self.decoder = T5Stack(v), T5Stack(v, decoder=True)
        self.lm_head = nn.Linear(v.D, v.V, bias=False)
        self.lm_head.weight = self.shared.weight

    def forward(self, input_ids, attention_mask, decoder_input_ids):
        mask = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * torch.finfo(torch.float32).min
        source = self.encoder(self.shared(input_ids), mask)
        x = self.decoder(self.shared(decoder_input_ids), mask, source)
        return self.lm_head(x * (self.width**-0.5))


class Seq2Seq(nn.Module):
    """torch's own nn.Transformer with its causal mask; positions added to both sides."""

    def __init__(self, v, norm_first=False):
        super().__init__()
        self.embed = nn.Embedding(v.V, v.D)
        self.place = nn.Parameter(torch.randn(1, v.S, v.D) * 0.1)
        self.transformer = nn.Transformer(
            v.D, v.H, v.L, v.L, v.F, dropout=0.0, batch_first=True, norm_first=norm_first, activation="gelu"
        )
        self.head = nn.Linear(v.D, v.V)

    def forward(self, source, target):
        place = self.place
        mask = nn.Transformer.generate_square_subsequent_mask(target.size(1))
        x = self.embed(source) + place[:, : source.size(1)]
        y = self.embed(target) + place[:, : target.size(1)]
        return self.head(self.transformer(x, y, tgt_mask=mask, src_key_padding_mask=source == 0, memory_key_padding_mask=source == 0))


class Latents(nn.Module):
    """A few learned vectors read a float window by cross-attention and then each other (Perceiver)."""

    def __init__(self, v):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(1, 8, v.D) * 0.3)
        self.lift, self.place = nn.Linear(v.features, v.D), nn.Parameter(torch.randn(1, v.S, v.D) * 0.3)
        self.cross = nn.MultiheadAttention(v.D, v.H, batch_first=True)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(v.D) for _ in range(3))
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(v.D, v.H, v.F, 0.0, "gelu", batch_first=True, norm_first=True), v.L
        )
        self.head = nn.Linear(v.D, v.C)

    def forward(self, window):
        x = self.norm1(self.lift(window) + self.place)
        y = self.latents.expand(window.shape[0], -1, -1)
        y = y + self.cross(self.norm2(y), x, x)[0]
        return self.head(self.norm3(self.encoder(y)).mean(1))
