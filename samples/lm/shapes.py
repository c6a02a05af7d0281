"""Exports Transformers of well-known shapes with random weights, to measure the compiler on: not trained, not shipped.

Usage: python3 shapes.py FOLDER [gpt2-small] [encoder-1.6m]"""

import sys
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F


class GptBlock(nn.Module):
    def __init__(self, width, heads, fused=True):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        # One projection for queries, keys and values, as GPT-2 has it, or three.
        self.c_attn = nn.ModuleList([nn.Linear(width, 3 * width)] if fused else [nn.Linear(width, width) for _ in range(3)])
        self.c_proj = nn.Linear(width, width)
        self.c_fc, self.c_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask):
        B, T, C = x.shape
        y = self.ln_1(x)
        parts = [part for project in self.c_attn for part in project(y).split(C, dim=2)]
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in parts)
        scores = q @ k.transpose(-2, -1) * (C // self.heads) ** -0.5 + mask
        x = x + self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x))))


class Gpt(nn.Module):
    """GPT-2's shape: learned positions, pre-norm blocks, embedding and head in one table."""

    def __init__(self, vocabulary=50257, width=768, layers=12, heads=12, context=1024):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.h = nn.ModuleList(GptBlock(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.register_buffer("mask", torch.full((context, context), float("-inf")).triu(1))
        for part in self.modules():
            if isinstance(part, (nn.Linear, nn.Embedding)):
                nn.init.normal_(part.weight, std=0.02)

    def forward(self, tokens):
        T = tokens.shape[1]
        x = self.wte(tokens) + self.wpe(torch.arange(T))
        for block in self.h:
            x = block(x, self.mask[:T, :T])
        return F.linear(self.ln_f(x), self.wte.weight)


class Encoder(nn.Module):
    """64 tokens, width 128, four heads, hidden 512, eight layers: 1.6M parameters in the layers."""

    def __init__(self, length=64, width=128, heads=4, layers=8, classes=4):
        super().__init__()
        self.embed, self.places = nn.Embedding(256, width), nn.Parameter(torch.randn(length, width) * 0.1)
        self.layers = nn.ModuleList(GptBlock(width, heads, fused=False) for _ in range(layers))
        self.head = nn.Linear(width, classes)

    def forward(self, tokens):
        x = self.embed(tokens) + self.places
        for layer in self.layers:
            x = layer(x, 0.0)
        return self.head(x.mean(1))


def main():
    folder, wanted = Path(sys.argv[1]), sys.argv[2:] or ["gpt2-small", "encoder-1.6m"]
    folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    torch.manual_seed(1)
    for name in wanted:
        model, length = (Gpt(), 256) if name == "gpt2-small" else (Encoder(), 64)
        tokens = torch.randint(0, 256, (1, length))
        # Training mode keeps encoder layers off the fused operator that ONNX lacks; without folding the tied table stays one.
        torch.onnx.export(
            model.train(), (tokens,), str(folder / f"{name}.onnx"), opset_version=17, input_names=["input_ids"], output_names=["logits"],
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
        )
        print(name, sum(p.numel() for p in model.parameters()), "parameters")


if __name__ == "__main__":
    main()
