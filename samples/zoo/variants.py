"""The family: which architecture, which sizes, which task, and how it is exported."""

from dataclasses import dataclass

import numpy as np

import models_hand as hand
import models_torch as own


@dataclass(frozen=True)
class Variant:
    name: str
    style: str
    build: object
    options: dict
    task: str
    opset: int
    S: int
    D: int
    H: int
    F: int
    L: int
    # Which axes are symbolic in the file: none (batch 1), the batch, or the batch and the sequence.
    dynamic: str = "none"
    C: int = 2
    V: int = 32
    # Width of a float input; 0 for token inputs.
    features: int = 0
    padded: bool = False
    # One score through a sigmoid instead of C scores.
    logit: bool = False
    # The model itself ends in Softmax (or a sigmoid), so its outputs are probabilities.
    probabilities: bool = False
    token_type: type = np.int64
    fold: bool = True
    # Training: steps at most, inputs a step, peak learning rate.
    steps: int = 1200
    batch: int = 64
    rate: float = 3e-3

    def module(self):
        return self.build(self, **self.options)


def _v(name, style, build, task, opset, sizes, options=None, **rest):
    S, D, H, F, L = sizes
    return Variant(name, style, build, options or {}, task, opset, S, D, H, F, L, **rest)


VARIANTS = [
    _v("encoder-post-relu-cls", "nn.TransformerEncoder, post-norm ReLU, CLS + tanh pooler", own.TokenEncoder,
       "before", 13, (16, 32, 4, 64, 2)),
    _v("encoder-pre-gelu-mean", "nn.TransformerEncoder, pre-norm GELU (erf), mean pooling", own.TokenEncoder,
       "first_marked", 14, (32, 32, 4, 128, 2), dict(norm_first=True, activation="gelu", pool="mean"),
       C=4, dynamic="batch"),
    _v("encoder-post-gelu-max", "nn.TransformerEncoder, post-norm GELU, max pooling", own.TokenEncoder,
       "pattern", 11, (24, 32, 2, 64, 2), dict(activation="gelu", pool="max"), dynamic="batch"),
    _v("encoder-masked-cls", "nn.TransformerEncoder, src_key_padding_mask = tokens == 0, CLS + tanh pooler",
       own.TokenEncoder, "before", 16, (32, 32, 4, 64, 2), dict(norm_first=True, mask=True),
       padded=True, dynamic="batch"),
    _v("encoder-masked-mean-11", "nn.TransformerEncoder, padding mask, post-norm ReLU, mean pooling, opset 11",
       own.TokenEncoder, "first_marked", 11, (24, 48, 6, 96, 1), dict(mask=True, pool="mean"), C=3, padded=True),
    _v("encoder-seqfirst-max", "sequence-first nn.TransformerEncoder, sinusoidal buffer sliced by size(0), max pooling",
       own.SequenceFirstEncoder, "before", 12, (32, 32, 2, 64, 2), dynamic="batch+sequence"),
    _v("encoder-seqfirst-softmax", "sequence-first nn.TransformerEncoder, GELU, mean pooling, Softmax at the end",
       own.SequenceFirstEncoder, "majority", 17, (40, 48, 4, 96, 2),
       dict(activation="gelu", pool="mean", probabilities=True), C=4, dynamic="batch", probabilities=True),
    _v("encoder-window-cls", "float window, Linear embedding, CLS vector, pre-norm GELU", own.WindowEncoder,
       "before", 13, (16, 32, 4, 64, 2), features=6, dynamic="batch"),
    _v("encoder-window-post-11", "float window, Linear embedding, post-norm ReLU, mean pooling, Softmax", own.WindowEncoder,
       "first_marked", 11, (48, 24, 3, 48, 2),
       dict(norm_first=False, activation="relu", cls=False, probabilities=True), C=3, features=9, probabilities=True),
    _v("encoder-big", "nn.TransformerEncoder, pre-norm GELU, 4 layers, 8 heads, S 64, D 64, F 256", own.TokenEncoder,
       "first_marked", 17, (64, 64, 8, 256, 4), dict(norm_first=True, activation="gelu", pool="cls"), C=4, V=64,
       steps=600, batch=24, rate=1e-3),
    _v("encoder-s32-d32", "the speed comparison's small encoder (bench/compiler-speed.ts): pre-norm GELU, 0.33M multiply-accumulates",
       own.TokenEncoder, "before", 17, (32, 32, 2, 64, 1), dict(norm_first=True, activation="gelu", pool="mean"), V=64),
    _v("encoder-s64-d64", "the speed comparison's larger encoder: pre-norm GELU, 2.6M multiply-accumulates",
       own.TokenEncoder, "first_marked", 17, (64, 64, 4, 128, 1), dict(norm_first=True, activation="gelu", pool="mean"), C=4,
       V=64, steps=800, batch=32, rate=1e-3),
    _v("mha-pre-sigmoid", "own blocks around nn.MultiheadAttention, pre-norm GELU, one sigmoid score", own.PreNormBlocks,
       "before", 17, (32, 32, 4, 64, 2), logit=True, probabilities=True, dynamic="batch"),
    _v("mha-pre-dynamic", "the same blocks, positions sliced by size(1), batch and sequence symbolic", own.PreNormBlocks,
       "first_marked", 14, (24, 32, 4, 96, 2), C=3, dynamic="batch+sequence"),
    _v("mha-seqfirst-arange", "nn.MultiheadAttention on [S, B, D], post-norm ReLU, arange positions, adaptive pooling",
       own.SeqFirstBlocks, "repeated", 13, (16, 32, 2, 32, 2), dynamic="batch"),
    _v("mha-seqfirst-fixed", "nn.MultiheadAttention on [S, B, D], opset 11, batch 1", own.SeqFirstBlocks,
       "majority", 11, (32, 16, 1, 32, 2), C=3),
    _v("mha-masked-mean", "nn.MultiheadAttention with key_padding_mask, mean over real tokens, GELU", own.MaskedBlocks,
       "first_marked", 12, (32, 32, 8, 64, 2), C=4, padded=True, dynamic="batch"),
    _v("bert-11", "BERT-like: separate q, k, v, additive mask, erf GELU, tanh pooler", hand.BertLike,
       "before", 11, (24, 32, 2, 128, 2), padded=True),
    _v("bert-dynamic", "BERT-like, batch and sequence symbolic", hand.BertLike,
       "first_marked", 14, (32, 48, 4, 96, 2), C=3, padded=True, dynamic="batch+sequence"),
    _v("bert-17-deep", "BERT-like, 3 layers, opset 17", hand.BertLike,
       "before", 17, (48, 32, 2, 64, 3), padded=True, dynamic="batch", V=64),
    _v("gpt-tanh", "nanoGPT-like: fused c_attn with split, tanh GELU written out, mean pooling", hand.GptLike,
       "pattern", 13, (32, 32, 4, 128, 2)),
    _v("gpt-causal", "nanoGPT-like with causal masked_fill(-inf), last place, batch symbolic", hand.GptLike,
       "first_marked", 16, (24, 32, 2, 128, 2), dict(causal=True), C=4, dynamic="batch"),
    _v("vit-window", "ViT-like: qkv reshaped to five dimensions, unbind, CLS vector, float input", hand.VitLike,
       "before", 17, (32, 32, 4, 128, 2), features=8, dynamic="batch"),
    _v("vit-tokens", "ViT-like over tokens, no qkv bias, opset 12, batch 1", hand.VitLike,
       "majority", 12, (24, 24, 3, 96, 2), dict(qkv_bias=False), C=4),
    _v("annotated-std", "hand-written norm by the standard deviation, masked_fill(-1e9), max pooling, Softmax", hand.Annotated,
       "before", 13, (24, 32, 4, 64, 2), padded=True, probabilities=True, dynamic="batch"),
    _v("einsum-post", "einsum attention, post-norm GELU, mean pooling", hand.EinsumModel,
       "repeated", 12, (16, 32, 4, 64, 2)),
    _v("single-head", "one head without reshapes, all places flattened into the classifier", hand.SingleHead,
       "before", 14, (16, 16, 1, 32, 1), dynamic="batch"),
    _v("single-window-11", "one head on a float window, opset 11, batch 1", hand.SingleHead,
       "first_marked", 11, (16, 16, 1, 64, 1), C=3, features=4),
    _v("shared-layer", "one layer applied three times, chunk, torch.where, F.gelu tanh, attention pooling, int32 tokens",
       hand.SharedLayer, "first_marked", 14, (24, 32, 4, 64, 3), C=4, padded=True, dynamic="batch",
       token_type=np.int32),
    _v("relative-bias", "learned distance bias, bmm, mean and max pooling joined, constant folding off", hand.RelativeBias,
       "pattern", 13, (32, 32, 4, 64, 2), dynamic="batch", fold=False),
    _v("relative-window", "learned distance bias on a float window, batch 1", hand.RelativeBias,
       "majority", 16, (40, 32, 2, 64, 2), C=3, features=6),
    _v("bert-small", "BERT-like, small enough for a test fixture: padding mask, LayerNormalization, symbolic sequence",
       hand.BertLike, "before", 17, (16, 16, 2, 32, 1), padded=True, dynamic="batch+sequence"),
    _v("gpt-small", "nanoGPT-like, small enough for a test fixture: split, causal mask, tanh GELU", hand.GptLike,
       "first_marked", 14, (16, 16, 2, 64, 2), dict(causal=True), C=3, dynamic="batch"),
    _v("vit-window-small", "ViT-like float window, small enough for a test fixture: five dimensions, erf GELU, opset 11",
       hand.VitLike, "before", 11, (16, 24, 3, 48, 2), features=4),
]
