#!/usr/bin/env python3
"""Export deep Transformers for measurements of the model graph: two architectures with about 1,000, 2,000 and 3,000 nodes each.

usage: deep.py OUT [--nodes N]...

Writes OUT/encoder-N.onnx (nn.TransformerEncoder, post-norm, GELU) and OUT/decoder-N.onnx (attention written out, pre-norm, causal mask, a
gated feed-forward) with random weights of a small width: what is measured is the graph, not the numbers. Needs PyTorch 1.12 or newer.
"""

import argparse
import io
import math
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ops import fields

WIDTH, HEADS, LENGTH, VOCABULARY, CLASSES = 32, 4, 16, 256, 4


class Encoder(nn.Module):
    """Token classifier around torch's own encoder layers."""

    def __init__(self, layers):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.position = nn.Parameter(torch.randn(1, LENGTH, WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, dropout=0.0, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, tokens):
        return self.head(self.encoder(self.embed(tokens) + self.position).mean(dim=1))


class Block(nn.Module):
    """Causal attention and a gated feed-forward, each behind a norm."""

    def __init__(self):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.gate, self.up = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        self.down = nn.Linear(2 * WIDTH, WIDTH)

    def split(self, x):
        return x.view(1, LENGTH, HEADS, WIDTH // HEADS).transpose(1, 2)

    def forward(self, x, mask):
        y = self.norm_1(x)
        q, k, v = self.split(self.query(y)), self.split(self.key(y)), self.split(self.value(y))
        scores = q @ k.transpose(-2, -1) / math.sqrt(WIDTH // HEADS) + mask
        y = (F.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(1, LENGTH, WIDTH)
        x = x + self.out(y)
        y = self.norm_2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Decoder(nn.Module):
    """Language model whose blocks all read one mask, made from the tokens: an edge across the whole graph."""

    def __init__(self, layers):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.register_buffer("causal", torch.triu(torch.full((LENGTH, LENGTH), -1e4), diagonal=1))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, tokens):
        mask = self.causal + (tokens == 0).to(torch.float32)[:, None, None, :] * -1e4
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, mask)
        return F.linear(self.norm(x), self.embed.weight)


def exported(architecture, layers):
    """The ONNX file of a model with so many layers."""
    torch.manual_seed(layers)
    model = architecture(layers).eval()
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, torch.ones(1, LENGTH, dtype=torch.int64), buffer, opset_version=17, input_names=["tokens"])
    return buffer.getvalue()


def count(data):
    """Nodes of an ONNX file. ModelProto: graph 7; GraphProto: node 1."""
    graph = next(value for number, value in fields(memoryview(data)) if number == 7)
    return sum(number == 1 for number, _ in fields(graph))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--nodes", type=int, action="append")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for architecture in (Encoder, Decoder):
        # Every layer adds the same nodes: two small exports say how many make the size.
        two, three = (count(exported(architecture, layers)) for layers in (2, 3))
        for nodes in arguments.nodes or (1000, 2000, 3000):
            layers = max(1, round((nodes - two) / (three - two)) + 2)
            data = exported(architecture, layers)
            path = arguments.out / f"{architecture.__name__.lower()}-{nodes}.onnx"
            path.write_bytes(data)
            print(f"{path}: {layers} layers, {count(data)} nodes, {len(data):,} bytes", flush=True)


if __name__ == "__main__":
    main()
