"""Classifiers around torch's own nn.TransformerEncoder and nn.MultiheadAttention."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class TokenEncoder(nn.Module):
    """nn.TransformerEncoder, batch first, one learned position vector for each place."""

    def __init__(self, v, norm_first=False, activation="relu", pool="cls", mask=False):
        super().__init__()
        self.pool, self.mask = pool, mask
        self.embed = nn.Embedding(v.V, v.D, padding_idx=0 if mask else None)
        self.position = nn.Parameter(torch.randn(1, v.S, v.D) * 0.02)
        layer = nn.TransformerEncoderLayer(
            v.D, v.H, v.F, dropout=0.0, activation=activation, batch_first=True, norm_first=norm_first
        )
        self.encoder = nn.TransformerEncoder(
            layer, v.L, norm=nn.LayerNorm(v.D) if norm_first else None, enable_nested_tensor=False
        )
        self.pooler = nn.Linear(v.D, v.D)
        self.head = nn.Linear(v.D, v.C)

    def forward(self, tokens):
        padding = tokens == 0 if self.mask else None
        x = self.encoder(self.embed(tokens) + self.position, src_key_padding_mask=padding)
        if self.pool == "cls":
            x = torch.tanh(self.pooler(x[:, 0]))
        elif self.pool == "mean":
            x = x.mean(dim=1)
        else:
            x = x.max(dim=1).values
        return self.head(x)


class MaskedByInput(TokenEncoder):
    """src_key_padding_mask is an input of the model, as booleans."""

    def forward(self, tokens, padding):
        x = self.encoder(self.embed(tokens) + self.position, src_key_padding_mask=padding)
        return self.head(x.masked_fill(padding.unsqueeze(-1), float("-inf")).max(dim=1).values)


class PositionalEncoding(nn.Module):
    """Sines and cosines in a buffer, sliced to the length of the input, sequence first."""

    def __init__(self, width, max_len):
        super().__init__()
        place = torch.arange(max_len).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        pe = torch.zeros(max_len, 1, width)
        pe[:, 0, 0::2] = torch.sin(place * rate)
        pe[:, 0, 1::2] = torch.cos(place * rate)
        self.register_buffer("pe", pe)
        self.dropout = nn.Dropout(0.0)

    def forward(self, x):
        return self.dropout(x + self.pe[: x.size(0)])


class SequenceFirstEncoder(nn.Module):
    """Sequence-first nn.TransformerEncoder with the sinusoidal module of the tutorials."""

    def __init__(self, v, norm_first=False, activation="relu", pool="max", probabilities=False):
        super().__init__()
        self.width, self.pool, self.probabilities = v.D, pool, probabilities
        self.embed = nn.Embedding(v.V, v.D)
        self.positional = PositionalEncoding(v.D, 128)
        layer = nn.TransformerEncoderLayer(v.D, v.H, v.F, 0.0, activation, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, v.L)
        self.decoder = nn.Linear(v.D, v.C)

    def forward(self, tokens):
        x = self.embed(tokens.t()) * math.sqrt(self.width)
        x = self.encoder(self.positional(x))
        x = torch.max(x, dim=0)[0] if self.pool == "max" else torch.mean(x, 0)
        x = self.decoder(x)
        return F.softmax(x, dim=-1) if self.probabilities else x


class WindowEncoder(nn.Module):
    """Float windows [B, S, features] through a Linear embedding, a CLS vector in front if asked for."""

    def __init__(self, v, norm_first=True, activation="gelu", cls=True, probabilities=False):
        super().__init__()
        self.probabilities = probabilities
        self.embed = nn.Linear(v.features, v.D)
        self.cls = nn.Parameter(torch.randn(1, 1, v.D) * 0.02) if cls else None
        self.position = nn.Parameter(torch.randn(1, v.S + int(cls), v.D) * 0.02)
        layer = nn.TransformerEncoderLayer(
            v.D, v.H, v.F, 0.0, activation, batch_first=True, norm_first=norm_first
        )
        self.encoder = nn.TransformerEncoder(layer, v.L)
        self.norm = nn.LayerNorm(v.D)
        self.head = nn.Linear(v.D, v.C)

    def forward(self, window):
        x = self.embed(window)
        if self.cls is not None:
            x = torch.cat((self.cls.expand(x.shape[0], -1, -1), x), dim=1)
        x = self.norm(self.encoder(x + self.position))
        x = x[:, 0] if self.cls is not None else x.mean(1)
        x = self.head(x)
        return x.softmax(-1) if self.probabilities else x


class PreNormBlock(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class PreNormBlocks(nn.Module):
    """Own pre-norm blocks around nn.MultiheadAttention; one logit through a sigmoid."""

    def __init__(self, v):
        super().__init__()
        self.single = v.logit
        self.embed = nn.Embedding(v.V, v.D)
        self.position = nn.Parameter(torch.zeros(1, 256, v.D))
        self.blocks = nn.Sequential(*[PreNormBlock(v.D, v.H, v.F) for _ in range(v.L)])
        self.norm = nn.LayerNorm(v.D)
        self.head = nn.Linear(v.D, 1 if self.single else v.C)
        nn.init.normal_(self.position, std=0.02)

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.position[:, : x.size(1)]
        x = self.norm(self.blocks(x))
        x = self.head(x.mean(1))
        return torch.sigmoid(x.squeeze(-1)) if self.single else x


class SeqFirstBlock(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, dropout=0.0)
        self.ffn = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(0.0), nn.Linear(hidden, width))
        self.layernorm1 = nn.LayerNorm(width, eps=1e-6)
        self.layernorm2 = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x):
        attended, _ = self.attention(x, x, x)
        x = self.layernorm1(x + attended)
        return self.layernorm2(x + self.ffn(x))


class SeqFirstBlocks(nn.Module):
    """Post-norm blocks on [S, B, D]; positions looked up with arange over the input's length."""

    def __init__(self, v):
        super().__init__()
        self.token_embedding = nn.Embedding(v.V, v.D)
        self.position_embedding = nn.Embedding(v.S, v.D)
        self.blocks = nn.ModuleList(SeqFirstBlock(v.D, v.H, v.F) for _ in range(v.L))
        self.classifier = nn.Sequential(nn.Linear(v.D, 20), nn.ReLU(), nn.Linear(20, v.C))

    def forward(self, tokens):
        places = torch.arange(tokens.size(1), device=tokens.device).unsqueeze(0).expand_as(tokens)
        x = self.token_embedding(tokens) + self.position_embedding(places)
        x = x.permute(1, 0, 2)
        for block in self.blocks:
            x = block(x)
        x = F.adaptive_avg_pool1d(x.permute(1, 2, 0), 1).squeeze(-1)
        return self.classifier(x)


class MaskedBlocks(nn.Module):
    """nn.MultiheadAttention with a key padding mask from the tokens; mean over the real tokens only."""

    def __init__(self, v):
        super().__init__()
        self.embed = nn.Embedding(v.V, v.D, padding_idx=0)
        self.register_buffer("position_ids", torch.arange(v.S).unsqueeze(0))
        self.position = nn.Embedding(v.S, v.D)
        self.norm = nn.LayerNorm(v.D)
        self.attention = nn.ModuleList(nn.MultiheadAttention(v.D, v.H, batch_first=True) for _ in range(v.L))
        self.norm1 = nn.ModuleList(nn.LayerNorm(v.D) for _ in range(v.L))
        self.linear1 = nn.ModuleList(nn.Linear(v.D, v.F) for _ in range(v.L))
        self.linear2 = nn.ModuleList(nn.Linear(v.F, v.D) for _ in range(v.L))
        self.norm2 = nn.ModuleList(nn.LayerNorm(v.D) for _ in range(v.L))
        self.out = nn.Linear(v.D, v.C)

    def forward(self, tokens):
        padding = tokens.eq(0)
        x = self.norm(self.embed(tokens) + self.position(self.position_ids[:, : tokens.size(1)]))
        for attention, n1, l1, l2, n2 in zip(self.attention, self.norm1, self.linear1, self.linear2, self.norm2):
            x = n1(x + attention(x, x, x, key_padding_mask=padding)[0])
            x = n2(x + l2(F.gelu(l1(x))))
        keep = (~padding).unsqueeze(-1).float()
        x = (x * keep).sum(1) / keep.sum(1).clamp(min=1.0)
        return self.out(x)
