"""Classifiers whose attention is written out by hand, each in the manner of a well-known code base."""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F


class BertAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def split(self, x):
        x = x.view(x.size()[:-1] + (self.heads, self.size))
        return x.permute(0, 2, 1, 3)

    def forward(self, x, mask):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(self.size)
        probabilities = nn.Softmax(dim=-1)(scores + mask)
        context = torch.matmul(probabilities, v).permute(0, 2, 1, 3).contiguous()
        context = context.view(context.size()[:-2] + (self.heads * self.size,))
        return self.norm(self.dense(context) + x)


class BertLayer(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attention = BertAttention(width, heads)
        self.intermediate = nn.Linear(width, hidden)
        self.output = nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x, mask):
        x = self.attention(x, mask)
        return self.norm(self.output(F.gelu(self.intermediate(x))) + x)


class BertLike(nn.Module):
    """Word, place and type embeddings, additive mask from the tokens, CLS pooler with tanh."""

    def __init__(self, v):
        super().__init__()
        self.words = nn.Embedding(v.V, v.D, padding_idx=0)
        self.places = nn.Embedding(v.S, v.D)
        self.types = nn.Embedding(2, v.D)
        self.norm = nn.LayerNorm(v.D, eps=1e-12)
        self.layers = nn.ModuleList(BertLayer(v.D, v.H, v.F) for _ in range(v.L))
        self.pooler = nn.Linear(v.D, v.D)
        self.classifier = nn.Linear(v.D, v.C)
        self.register_buffer("position_ids", torch.arange(v.S).expand((1, -1)))
        for part in self.modules():
            if isinstance(part, (nn.Linear, nn.Embedding)):
                part.weight.data.normal_(0.0, 0.05)

    def forward(self, input_ids):
        types = torch.zeros_like(input_ids)
        mask = (input_ids != 0).to(torch.float32)[:, None, None, :]
        mask = (1.0 - mask) * -10000.0
        places = self.position_ids[:, : input_ids.size(1)]
        x = self.norm(self.words(input_ids) + self.types(types) + self.places(places))
        for layer in self.layers:
            x = layer(x, mask)
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


def new_gelu(x):
    """GELU in its tanh approximation, written out."""
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class GptBlock(nn.Module):
    def __init__(self, v, causal):
        super().__init__()
        self.heads, self.causal = v.H, causal
        self.ln_1 = nn.LayerNorm(v.D)
        self.c_attn = nn.Linear(v.D, 3 * v.D)
        self.c_proj = nn.Linear(v.D, v.D)
        self.ln_2 = nn.LayerNorm(v.D)
        self.c_fc = nn.Linear(v.D, v.F)
        self.c_out = nn.Linear(v.F, v.D)
        self.register_buffer("bias", torch.tril(torch.ones(v.S, v.S)).view(1, 1, v.S, v.S))

    def attend(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(C, dim=2)
        k = k.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        q = q.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        v = v.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        if self.causal:
            att = att.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf"))
        y = F.softmax(att, dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))

    def forward(self, x):
        x = x + self.attend(self.ln_1(x))
        return x + self.c_out(new_gelu(self.c_fc(self.ln_2(x))))


class GptLike(nn.Module):
    """Pre-norm blocks with a fused projection and split; mean pooling, or the last place when causal."""

    def __init__(self, v, causal=False):
        super().__init__()
        self.causal = causal
        self.wte = nn.Embedding(v.V, v.D)
        self.wpe = nn.Embedding(v.S, v.D)
        self.h = nn.ModuleList(GptBlock(v, causal) for _ in range(v.L))
        self.ln_f = nn.LayerNorm(v.D)
        self.head = nn.Linear(v.D, v.C, bias=False)

    def forward(self, idx):
        pos = torch.arange(0, idx.size(1), dtype=torch.long, device=idx.device).unsqueeze(0)
        x = self.wte(idx) + self.wpe(pos)
        for block in self.h:
            x = block(x)
        x = self.ln_f(x)
        return self.head(x[:, -1, :] if self.causal else x.mean(dim=1))


class VitBlock(nn.Module):
    def __init__(self, v, qkv_bias):
        super().__init__()
        self.heads = v.H
        self.scale = (v.D // v.H) ** -0.5
        self.norm1 = nn.LayerNorm(v.D, eps=1e-6)
        self.qkv = nn.Linear(v.D, v.D * 3, bias=qkv_bias)
        self.proj = nn.Linear(v.D, v.D)
        self.norm2 = nn.LayerNorm(v.D, eps=1e-6)
        self.fc1, self.fc2 = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)
        self.act = nn.GELU()

    def forward(self, x):
        B, N, C = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(B, N, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        attn = ((q * self.scale) @ k.transpose(-2, -1)).softmax(dim=-1)
        x = x + self.proj((attn @ v).transpose(1, 2).reshape(B, N, C))
        return x + self.fc2(self.act(self.fc1(self.norm2(x))))


class VitLike(nn.Module):
    """One projection reshaped to five dimensions and unbound; CLS vector; float patches or tokens."""

    def __init__(self, v, qkv_bias=True):
        super().__init__()
        self.embed = nn.Linear(v.features, v.D) if v.features else nn.Embedding(v.V, v.D)
        self.cls_token = nn.Parameter(torch.randn(1, 1, v.D) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, v.S + 1, v.D) * 0.02)
        self.blocks = nn.Sequential(*[VitBlock(v, qkv_bias) for _ in range(v.L)])
        self.norm = nn.LayerNorm(v.D, eps=1e-6)
        self.head = nn.Linear(v.D, v.C)

    def forward(self, x):
        x = self.embed(x)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


class StdNorm(nn.Module):
    """Layer normalisation by the unbiased standard deviation, epsilon outside the root."""

    def __init__(self, width, eps=1e-6):
        super().__init__()
        self.a_2, self.b_2, self.eps = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width)), eps

    def forward(self, x):
        return self.a_2 * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + self.eps) + self.b_2


class AnnotatedLayer(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.h, self.d_k = v.H, v.D // v.H
        self.linears = nn.ModuleList(copy.deepcopy(nn.Linear(v.D, v.D)) for _ in range(4))
        self.w_1, self.w_2 = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)
        self.norms = nn.ModuleList((StdNorm(v.D), StdNorm(v.D)))

    def attend(self, x, mask):
        batches = x.size(0)
        query, key, value = [
            linear(part).view(batches, -1, self.h, self.d_k).transpose(1, 2)
            for linear, part in zip(self.linears, (x, x, x))
        ]
        scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(query.size(-1))
        weights = scores.masked_fill(mask == 0, -1e9).softmax(dim=-1)
        x = torch.matmul(weights, value).transpose(1, 2).contiguous().view(batches, -1, self.h * self.d_k)
        return self.linears[-1](x)

    def forward(self, x, mask):
        x = x + self.attend(self.norms[0](x), mask)
        return x + self.w_2(self.w_1(self.norms[1](x)).relu())


class Annotated(nn.Module):
    """Pre-norm ReLU with a hand-written norm, masked_fill(-1e9), sinusoids, max pooling."""

    def __init__(self, v, masked=True):
        super().__init__()
        self.masked, self.width = masked, v.D
        self.lut = nn.Embedding(v.V, v.D)
        place = torch.arange(0, v.S).unsqueeze(1)
        rate = torch.exp(torch.arange(0, v.D, 2) * -(math.log(10000.0) / v.D))
        pe = torch.zeros(v.S, v.D)
        pe[:, 0::2], pe[:, 1::2] = torch.sin(place * rate), torch.cos(place * rate)
        self.register_buffer("pe", pe.unsqueeze(0))
        self.layers = nn.ModuleList(AnnotatedLayer(v) for _ in range(v.L))
        self.norm = StdNorm(v.D)
        self.proj = nn.Linear(v.D, v.C)

    def forward(self, src):
        mask = (src != 0).unsqueeze(-2).unsqueeze(1)
        x = self.lut(src) * math.sqrt(self.width)
        x = x + self.pe[:, : x.size(1)].requires_grad_(False)
        for layer in self.layers:
            x = layer(x, mask)
        return F.softmax(self.proj(torch.amax(self.norm(x), dim=1)), dim=-1)


class EinsumLayer(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.wq = nn.Parameter(torch.randn(v.D, v.H, v.D // v.H) / math.sqrt(v.D))
        self.wk = nn.Parameter(torch.randn(v.D, v.H, v.D // v.H) / math.sqrt(v.D))
        self.wv = nn.Parameter(torch.randn(v.D, v.H, v.D // v.H) / math.sqrt(v.D))
        self.wo = nn.Parameter(torch.randn(v.H, v.D // v.H, v.D) / math.sqrt(v.D))
        self.scale = math.sqrt(v.D // v.H)
        self.norm1, self.norm2 = nn.LayerNorm(v.D), nn.LayerNorm(v.D)
        self.mlp = nn.Sequential(nn.Linear(v.D, v.F), nn.GELU(), nn.Linear(v.F, v.D))

    def forward(self, x):
        q = torch.einsum("bsd,dhk->bhsk", x, self.wq)
        k = torch.einsum("bsd,dhk->bhsk", x, self.wk)
        v = torch.einsum("bsd,dhk->bhsk", x, self.wv)
        weights = torch.softmax(torch.einsum("bhqk,bhsk->bhqs", q, k) / self.scale, dim=-1)
        x = self.norm1(x + torch.einsum("bhqs,bhsk,hkd->bqd", weights, v, self.wo))
        return self.norm2(x + self.mlp(x))


class EinsumModel(nn.Module):
    """Attention in einsum notation, post-norm GELU, mean pooling."""

    def __init__(self, v):
        super().__init__()
        self.embed = nn.Embedding(v.V, v.D)
        self.position = nn.Parameter(torch.randn(v.S, v.D) * 0.1)
        self.layers = nn.ModuleList(EinsumLayer(v) for _ in range(v.L))
        self.head = nn.Linear(v.D, v.C)

    def forward(self, tokens):
        x = self.embed(tokens) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


class SingleHead(nn.Module):
    """One head, no reshapes, all places flattened into the classifier; tokens or float windows."""

    def __init__(self, v):
        super().__init__()
        self.embed = nn.Linear(v.features, v.D) if v.features else nn.Embedding(v.V, v.D)
        self.position = nn.Parameter(torch.randn(v.S, v.D) * 0.1)
        self.q, self.k, self.v = (nn.Linear(v.D, v.D, bias=False) for _ in range(3))
        self.norm1, self.norm2 = nn.LayerNorm(v.D), nn.LayerNorm(v.D)
        self.ff = nn.Sequential(nn.Linear(v.D, v.F), nn.ReLU(), nn.Linear(v.F, v.D))
        self.head = nn.Linear(v.S * v.D, v.C)

    def forward(self, x):
        x = self.embed(x) + self.position
        scores = self.q(x) @ self.k(x).transpose(-2, -1) / x.shape[-1] ** 0.5
        x = self.norm1(x + torch.softmax(scores, -1) @ self.v(x))
        x = self.norm2(x + self.ff(x))
        return self.head(torch.flatten(x, 1))


class SharedLayer(nn.Module):
    """One layer applied L times, chunked projection, torch.where mask, attention pooling."""

    def __init__(self, v, approximate="tanh"):
        super().__init__()
        self.heads, self.repeats, self.approximate = v.H, v.L, approximate
        self.embed = nn.Embedding(v.V, v.D)
        self.position = nn.Embedding(v.S, v.D)
        self.norm1 = nn.LayerNorm(v.D)
        self.in_proj = nn.Linear(v.D, 3 * v.D)
        self.out_proj = nn.Linear(v.D, v.D)
        self.norm2 = nn.LayerNorm(v.D)
        self.up, self.down = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)
        self.pool = nn.Linear(v.D, 1)
        self.head = nn.Linear(v.D, v.C)

    def heads_first(self, x):
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, tokens):
        keep = tokens.ne(0)
        x = self.embed(tokens) + self.position(torch.arange(tokens.shape[1]))
        blocked = torch.tensor(-1e4)
        for _ in range(self.repeats):
            q, k, v = (self.heads_first(part) for part in self.in_proj(self.norm1(x)).chunk(3, dim=-1))
            scores = q @ k.transpose(2, 3) * q.shape[-1] ** -0.5
            scores = torch.where(keep[:, None, None, :], scores, blocked)
            y = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
            x = x + self.out_proj(y)
            x = x + self.down(F.gelu(self.up(self.norm2(x)), approximate=self.approximate))
        weight = self.pool(x).squeeze(-1).masked_fill(~keep, float("-inf")).softmax(dim=1)
        return self.head((weight.unsqueeze(1) @ x).squeeze(1))


class BiasLayer(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.H, self.d = v.H, v.D // v.H
        self.to_q, self.to_kv = nn.Linear(v.D, v.D, bias=False), nn.Linear(v.D, 2 * v.D, bias=False)
        self.to_out = nn.Linear(v.D, v.D)
        self.table = nn.Parameter(torch.zeros(2 * v.S - 1, v.H))
        place = torch.arange(v.S)
        self.register_buffer("relative", place[:, None] - place[None, :] + v.S - 1)
        self.norm1, self.norm2 = nn.LayerNorm(v.D), nn.LayerNorm(v.D)
        self.mlp = nn.Sequential(nn.Linear(v.D, v.F), nn.ReLU(inplace=True), nn.Linear(v.F, v.D))

    def forward(self, x):
        n, s, _ = x.shape
        y = self.norm1(x)
        k, v = torch.split(self.to_kv(y), self.H * self.d, dim=-1)
        # [n·H, s, d] and bmm, as older code writes it.
        q, k, v = (
            t.contiguous().view(n, s, self.H, self.d).permute(0, 2, 1, 3).reshape(n * self.H, s, self.d)
            for t in (self.to_q(y), k, v)
        )
        scores = torch.bmm(q, k.permute(0, 2, 1)).div(self.d**0.5).view(n, self.H, s, s)
        bias = self.table[self.relative.view(-1)].view(s, s, self.H).permute(2, 0, 1)
        weights = F.softmax(scores + bias.unsqueeze(0), dim=3).view(n * self.H, s, s)
        y = torch.bmm(weights, v).view(n, self.H, s, self.d).permute(0, 2, 1, 3).reshape(n, s, -1)
        x = x + self.to_out(y)
        return x + self.mlp(self.norm2(x))


class RelativeBias(nn.Module):
    """A learned bias for each distance and head instead of positions; bmm; mean and max pooling joined."""

    def __init__(self, v):
        super().__init__()
        self.embed = nn.Linear(v.features, v.D) if v.features else nn.Embedding(v.V, v.D)
        self.layers = nn.Sequential(*[BiasLayer(v) for _ in range(v.L)])
        self.norm = nn.LayerNorm(v.D)
        self.head = nn.Linear(2 * v.D, v.C)

    def forward(self, x):
        x = self.norm(self.layers(self.embed(x)))
        return self.head(torch.cat([x.mean(dim=1), x.max(dim=1)[0]], dim=-1))
