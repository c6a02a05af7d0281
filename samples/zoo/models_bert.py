"""BERT's family, in the op patterns of the exports of HuggingFace's library: ids, attention mask and token types as inputs."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Embeddings(nn.Module):
    def __init__(self, v, width, types=True):
        super().__init__()
        self.words = nn.Embedding(v.V, width, padding_idx=0)
        self.places = nn.Embedding(v.S, width)
        self.types = nn.Embedding(2, width) if types else None
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.register_buffer("position_ids", torch.arange(v.S).expand((1, -1)))

    def forward(self, ids, types=None):
        x = self.words(ids)
        if self.types is not None:
            x = x + self.types(types)
        return self.norm(x + self.places(self.position_ids[:, : ids.size(1)]))


class SelfAttention(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.heads, self.size = v.H, v.D // v.H
        self.query, self.key, self.value, self.dense = (nn.Linear(v.D, v.D) for _ in range(4))

    def split(self, x):
        return x.view(x.size()[:-1] + (self.heads, self.size)).permute(0, 2, 1, 3)

    def forward(self, x, mask):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(self.size) + mask
        context = torch.matmul(nn.functional.softmax(scores, dim=-1), v).permute(0, 2, 1, 3).contiguous()
        return self.dense(context.view(context.size()[:-2] + (self.heads * self.size,)))


class BertLayer(nn.Module):
    def __init__(self, v, gelu):
        super().__init__()
        self.attention, self.gelu = SelfAttention(v), gelu
        self.norm1, self.norm2 = nn.LayerNorm(v.D, eps=1e-12), nn.LayerNorm(v.D, eps=1e-12)
        self.up, self.down = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)

    def forward(self, x, mask):
        x = self.norm1(self.attention(x, mask) + x)
        return self.norm2(self.down(self.gelu(self.up(x))) + x)


def extended(mask):
    """[B, S] of ones and zeros to an additive mask [B, 1, 1, S] that is the smallest float where nothing is to be seen."""
    wide = mask[:, None, None, :].to(torch.float32)
    return (1.0 - wide) * torch.finfo(torch.float32).min


class Bert(nn.Module):
    """input_ids, attention_mask, token_type_ids → class scores and the pooled vector."""

    def __init__(self, v):
        super().__init__()
        self.embeddings = Embeddings(v, v.D)
        self.layers = nn.ModuleList(BertLayer(v, F.gelu) for _ in range(v.L))
        self.pooler, self.classifier = nn.Linear(v.D, v.D), nn.Linear(v.D, v.C)

    def forward(self, input_ids, attention_mask, token_type_ids):
        x = self.embeddings(input_ids, token_type_ids)
        for layer in self.layers:
            x = layer(x, extended(attention_mask))
        pooled = torch.tanh(self.pooler(x[:, 0]))
        return self.classifier(pooled), pooled


class Albert(nn.Module):
    """Factorised embedding and one layer for all depths; GELU in its tanh form written out; tags every token."""

    def __init__(self, v):
        super().__init__()
        self.depth = v.L
        self.embeddings = Embeddings(v, v.D // 2)
        self.widen = nn.Linear(v.D // 2, v.D)
        self.layer = BertLayer(v, new_gelu)
        self.classifier = nn.Linear(v.D, v.C)

    def forward(self, input_ids, attention_mask, token_type_ids):
        x = self.widen(self.embeddings(input_ids, token_type_ids))
        for _ in range(self.depth):
            x = self.layer(x, extended(attention_mask))
        return self.classifier(x)


def new_gelu(x):
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class DistilLayer(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.heads, self.size = v.H, v.D // v.H
        self.q_lin, self.k_lin, self.v_lin, self.out_lin = (nn.Linear(v.D, v.D) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(v.D, eps=1e-12), nn.LayerNorm(v.D, eps=1e-12)
        self.lin1, self.lin2 = nn.Linear(v.D, v.F), nn.Linear(v.F, v.D)

    def attend(self, x, mask):
        n, length, width = x.size()
        shape = lambda t: t.view(n, -1, self.heads, self.size).transpose(1, 2)
        q, k, v = shape(self.q_lin(x)) / math.sqrt(self.size), shape(self.k_lin(x)), shape(self.v_lin(x))
        scores = torch.matmul(q, k.transpose(2, 3))
        blocked = (mask == 0).view(n, 1, 1, k.size(2)).expand_as(scores)
        weights = torch.softmax(scores.masked_fill(blocked, torch.tensor(torch.finfo(scores.dtype).min)), dim=-1)
        y = torch.matmul(weights, v).transpose(1, 2).contiguous().view(n, -1, self.heads * self.size)
        return self.out_lin(y)

    def forward(self, x, mask):
        x = self.norm1(self.attend(x, mask) + x)
        return self.norm2(self.lin2(F.gelu(self.lin1(x))) + x)


class DistilBert(nn.Module):
    """input_ids and attention_mask; masked_fill of an expanded comparison; ReLU pre-classifier."""

    def __init__(self, v):
        super().__init__()
        self.embeddings = Embeddings(v, v.D, types=False)
        self.layers = nn.ModuleList(DistilLayer(v) for _ in range(v.L))
        self.pre, self.classifier = nn.Linear(v.D, v.D), nn.Linear(v.D, v.C)

    def forward(self, input_ids, attention_mask):
        x = self.embeddings(input_ids)
        for layer in self.layers:
            x = layer(x, attention_mask)
        return self.classifier(nn.ReLU()(self.pre(x[:, 0])))


class Roberta(nn.Module):
    """Positions counted over the tokens that are no padding (a cumulative sum), as RoBERTa's embeddings are."""

    def __init__(self, v):
        super().__init__()
        self.words, self.places = nn.Embedding(v.V, v.D, padding_idx=0), nn.Embedding(v.S + 1, v.D, padding_idx=0)
        self.norm = nn.LayerNorm(v.D, eps=1e-5)
        self.layers = nn.ModuleList(BertLayer(v, F.gelu) for _ in range(v.L))
        self.dense, self.out = nn.Linear(v.D, v.D), nn.Linear(v.D, v.C)

    def forward(self, input_ids, attention_mask):
        real = input_ids.ne(0).int()
        places = (torch.cumsum(real, dim=1).type_as(real) * real).long()
        x = self.norm(self.words(input_ids) + self.places(places))
        for layer in self.layers:
            x = layer(x, extended(attention_mask))
        return self.out(torch.tanh(self.dense(x[:, 0, :])))


class SentenceEncoder(nn.Module):
    """Mean over the tokens that the mask lets through and a vector of unit length, as sentence encoders end."""

    def __init__(self, v):
        super().__init__()
        self.embeddings = Embeddings(v, v.D, types=False)
        self.layers = nn.ModuleList(BertLayer(v, F.gelu) for _ in range(v.L))
        self.head = nn.Linear(v.D, v.C, bias=False)

    def forward(self, input_ids, attention_mask):
        x = self.embeddings(input_ids)
        for layer in self.layers:
            x = layer(x, extended(attention_mask))
        wide = attention_mask.unsqueeze(-1).expand(x.size()).float()
        mean = torch.sum(x * wide, 1) / torch.clamp(wide.sum(1), min=1e-9)
        return 10.0 * self.head(F.normalize(mean, p=2.0, dim=1))
