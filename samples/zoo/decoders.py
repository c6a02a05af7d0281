"""Small language models as exporters write them, trained for a minute on a made-up language, each with ONNX Runtime's inputs.

Usage: /usr/bin/python3 decoders.py FOLDER [--only NAME]… [--random] [--list]

FOLDER/NAME gets model.onnx, meta.json (sizes of open dimensions, how inputs other than the tokens are fed) and texts.npy [rows, length] that no
training saw. The language: each token follows from the one before it and, by a quarter, from the one before that, so that a model must look back.
"""

import argparse
import io
import json
import math
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

V, D, H, L, S = 40, 32, 4, 2, 32
RULE = np.random.default_rng(5).integers(0, V, (V, 4))


def texts(rng, count, length=S):
    out = np.zeros((count, length), np.int64)
    out[:, 0], out[:, 1] = rng.integers(0, V, count), rng.integers(0, V, count)
    for t in range(2, length):
        out[:, t] = RULE[out[:, t - 1], out[:, t - 2] % 4]
        strays = rng.random(count) < 0.1
        out[strays, t] = rng.integers(0, V, strays.sum())
    return out


def tril(q, k, dtype=torch.bool):
    return torch.ones(q, k, dtype=dtype).tril(k - q)


# Norms ---------------------------------------------------------------------------------------------------------------


class Rms(nn.Module):
    def __init__(self, width, plus_one=False):
        super().__init__()
        self.weight, self.plus = nn.Parameter(torch.zeros(width) if plus_one else torch.ones(width)), plus_one

    def forward(self, x):
        y = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
        return y * (1.0 + self.weight) if self.plus else self.weight * y


# Positions -----------------------------------------------------------------------------------------------------------


def rates(size, base=10000.0):
    return 1.0 / base ** (torch.arange(0, size, 2).float() / size)


def halves(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return x * torch.cat((cos, cos), -1) + torch.cat((-b, a), -1) * torch.cat((sin, sin), -1)


def pairs(x, cos, sin):
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


def sinusoids(length, width):
    turn = torch.arange(length).float()[:, None] * rates(width)[None]
    table = torch.zeros(length, width)
    table[:, 0::2], table[:, 1::2] = turn.sin(), turn.cos()
    return table


def slopes(heads):
    return torch.tensor([2.0 ** (-8.0 * (i + 1) / heads) for i in range(heads)])


# One family of decoders by options -----------------------------------------------------------------------------------


class Layer(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.o, self.kv, self.size = o, o.get("kv", H), o.get("size", D // H)
        norm = {"rms": Rms, "rms1": lambda w: Rms(w, True), "layer": nn.LayerNorm}[o.get("norm", "layer")]
        self.n1, self.n2 = norm(D), norm(D)
        bias = o.get("bias", True)
        if o.get("fused", False):
            self.qkv = nn.Linear(D, (H + 2 * self.kv) * self.size, bias=bias)
        else:
            self.q, self.k, self.v = (nn.Linear(D, n * self.size, bias=bias) for n in (H, self.kv, self.kv))
        self.out = nn.Linear(H * self.size, D, bias=bias)
        if o.get("qk_norm"):
            self.qn, self.kn = Rms(self.size), Rms(self.size)
        hidden = 64
        self.act = o.get("act", "gelu")
        if self.act in ("swiglu", "geglu"):
            self.gate, self.up, self.down = nn.Linear(D, hidden, bias=False), nn.Linear(D, hidden, bias=False), nn.Linear(hidden, D, bias=False)
        else:
            self.up, self.down = nn.Linear(D, hidden), nn.Linear(hidden, D)

    def mlp(self, x):
        if self.act == "swiglu":
            return self.down(F.silu(self.gate(x)) * self.up(x))
        if self.act == "geglu":
            g = self.gate(x)
            return self.down(0.5 * g * (1 + torch.tanh(math.sqrt(2 / math.pi) * (g + 0.044715 * g**3))) * self.up(x))
        y = self.up(x)
        if self.act == "relu2":
            return self.down(F.relu(y).square())
        if self.act == "quick":
            return self.down(y * torch.sigmoid(1.702 * y))
        return self.down(F.relu(y) if self.act == "relu" else F.gelu(y))

    def attend(self, x, turn, bias, past):
        n, length, _ = x.shape
        if self.o.get("fused", False):
            q, k, v = self.qkv(x).split([H * self.size, self.kv * self.size, self.kv * self.size], dim=-1)
        else:
            q, k, v = self.q(x), self.k(x), self.v(x)
        q, k, v = (t.view(n, length, -1, self.size) for t in (q, k, v))
        if self.o.get("qk_norm"):
            q, k = self.qn(q), self.kn(k)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        if turn is not None:
            q, k = turn(q), turn(k)
        if past is not None:
            k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
        kept = (k, v)
        style = self.o.get("share", "repeat")
        if self.kv != H:
            g = H // self.kv
            if style == "repeat":
                k, v = (t[:, :, None].expand(n, self.kv, g, t.shape[2], self.size).reshape(n, H, t.shape[2], self.size) for t in (k, v))
            elif style == "interleave":
                k, v = (t.repeat_interleave(g, 1) for t in (k, v))
            else:  # queries as groups, keys broadcast
                q = q.reshape(n, self.kv, g, length, self.size)
                k, v = k.unsqueeze(2), v.unsqueeze(2)
        scale = self.o.get("scale", "scores")
        if scale == "q":
            q = q / math.sqrt(self.size)
        elif scale == "both":
            q, k = q * self.size**-0.25, k * self.size**-0.25
        if self.o.get("einsum"):
            w = torch.einsum("bhid,bhjd->bhij", q, k)
        else:
            w = q @ k.transpose(-1, -2)
        if scale == "scores":
            w = w * self.size**-0.5
        if self.o.get("cap"):
            w = torch.tanh(w / 20.0) * 20.0
        w = bias(w)
        p = w.softmax(-1)
        y = torch.einsum("bhij,bhjd->bhid", p, v) if self.o.get("einsum") else p @ v
        if y.dim() == 5:
            y = y.reshape(n, H, length, self.size)
        return self.out(y.transpose(1, 2).reshape(n, length, H * self.size)), kept

    def forward(self, x, turn, bias, past):
        if self.o.get("parallel"):
            y = self.n1(x)
            a, kept = self.attend(y, turn, bias, past)
            return x + a + self.mlp(y), kept
        if self.o.get("post"):
            a, kept = self.attend(x, turn, bias, past)
            x = self.n1(x + a)
            return self.n2(x + self.mlp(x)), kept
        a, kept = self.attend(self.n1(x), turn, bias, past)
        x = x + a
        return x + self.mlp(self.n2(x)), kept


class Decoder(nn.Module):
    """Inputs in the order of `o["inputs"]`: ids, mask, positions, past."""

    def __init__(self, o):
        super().__init__()
        self.o = o
        self.embed = nn.Embedding(V, D)
        nn.init.normal_(self.embed.weight, std=0.3)
        self.layers = nn.ModuleList(Layer(o) for _ in range(L))
        norm = {"rms": Rms, "rms1": lambda w: Rms(w, True), "layer": nn.LayerNorm}[o.get("norm", "layer")]
        self.norm = nn.Identity() if o.get("post") else norm(D)
        self.head = nn.Linear(D, V, bias=o.get("head_bias", False))
        if o.get("tied", True):
            self.head.weight = self.embed.weight
        self.place = nn.Embedding(S, D) if o.get("positions") == "learned" else None
        self.register_buffer("sines", sinusoids(S, D))
        size = o.get("turned", o.get("size", D // H))
        self.register_buffer("rate", rates(size))
        turn = torch.arange(S).float()[:, None] * rates(size)[None]
        self.register_buffer("cos", turn.cos())
        self.register_buffer("sin", turn.sin())
        self.register_buffer("seen", tril(S, S)[None, None])
        self.register_buffer("slopes", slopes(H))

    def turner(self, positions):
        kind, size = self.o["positions"], self.o.get("turned")
        if kind == "computed":  # angles from the positions, in the graph
            angle = (self.rate[None, :, None] @ positions[:, None, :].float()).transpose(1, 2)
            cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        else:
            cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        rotate = pairs if self.o.get("interleaved") else halves
        if size is None:
            return lambda x: rotate(x, cos, sin)
        return lambda x: torch.cat((rotate(x[..., :size], cos, sin), x[..., size:]), -1)

    def biaser(self, mask, q_len, k_len):
        o = self.o
        kind = o.get("causal", "where")
        alibi = None
        if o.get("positions") == "alibi":
            if mask is not None:  # from the cumulative sum of the mask
                places = ((mask.cumsum(-1) - 1) * mask)[:, None, :]
                alibi = (self.slopes[:, None, None] * places.float())[None] if mask.shape[0] == 1 else self.slopes[None, :, None, None] * places[:, None].float()
            else:
                far = torch.arange(k_len)[None, :] - torch.arange(k_len - q_len, k_len)[:, None]
                alibi = self.slopes[:, None, None] * far.float()
        lowest = torch.finfo(torch.float32).min

        def bias(w):
            if alibi is not None:
                w = w + alibi
            if kind == "where":
                w = torch.where(self.seen[:, :, k_len - q_len : k_len, :k_len], w, torch.tensor(lowest))
            elif kind == "full":
                full = torch.full((q_len, k_len), float("-inf")).triu(1 + k_len - q_len)
                w = w + full
            elif kind == "compare":
                rows = torch.arange(k_len - q_len, k_len)[:, None]
                w = w.masked_fill(~(torch.arange(k_len)[None, :] <= rows), -1e9)
            elif kind == "window":
                far = torch.arange(k_len - q_len, k_len)[:, None] - torch.arange(k_len)[None, :]
                w = w + torch.where((far < 0) | (far >= 8), torch.tensor(lowest), torch.tensor(0.0))
            if mask is not None:
                w = w + (1.0 - mask[:, None, None, :].to(torch.float32)) * lowest if o.get("soft_mask", True) else w.masked_fill(mask[:, None, None, :] == 0, lowest)
            return w

        return bias

    def forward(self, *inputs):
        given = dict(zip(self.o.get("inputs", ["ids"]), inputs))
        ids, mask, past = given["ids"], given.get("mask"), inputs[len(self.o.get("inputs", ["ids"])) :]
        before = past[0].shape[2] if past else 0
        length = ids.shape[1]
        positions = given.get("positions")
        if positions is None:
            positions = torch.arange(before, before + length)[None]
        x = self.embed(ids)
        if self.o.get("embed_scale"):
            x = x * math.sqrt(D)
        kind = self.o.get("positions")
        if kind == "learned":
            x = x + self.place(positions)
        if kind == "sinusoidal":
            x = x + self.sines[None, :length]
        turn = self.turner(positions) if kind in ("cached", "computed") else None
        bias = self.biaser(mask, length, before + length)
        kept = []
        for i, layer in enumerate(self.layers):
            x, kv = layer(x, turn, bias, past[2 * i : 2 * i + 2] if past else None)
            kept += kv
        x = self.norm(x)
        if self.o.get("last"):
            x = x[:, -1] if self.o["last"] == "squeezed" else x[:, -1:]
        scores = self.head(x)
        if self.o.get("final_cap"):
            scores = 30.0 * torch.tanh(scores / 30.0)
        if self.o.get("ending") == "log_softmax":
            scores = scores.log_softmax(-1)
        if self.o.get("ending") == "softmax":
            scores = scores.softmax(-1)
        return (scores, *kept) if past else scores


# PyTorch's own layers ------------------------------------------------------------------------------------------------


class TorchStack(nn.Module):
    """nn.TransformerEncoder with a causal mask, or nn.TransformerDecoder that also attends to a learned memory."""

    def __init__(self, o):
        super().__init__()
        self.embed, self.place, self.memory = nn.Embedding(V, D), nn.Parameter(torch.randn(1, S, D) * 0.1), None
        args = dict(dropout=0.0, batch_first=True, norm_first=o.get("pre", True), activation=o.get("act", "gelu"))
        if o["stack"] == "encoder":
            self.stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(D, H, 64, **args), L)
        else:
            self.stack = nn.TransformerDecoder(nn.TransformerDecoderLayer(D, H, 64, **args), L)
            self.memory = nn.Parameter(torch.randn(1, 6, D))
        self.head = nn.Linear(D, V)

    def forward(self, ids):
        x = self.embed(ids) + self.place[:, : ids.shape[1]]
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        y = self.stack(x, mask) if self.memory is None else self.stack(x, self.memory.expand(ids.shape[0], -1, -1), tgt_mask=mask)
        return self.head(y)


class T5Lm(nn.Module):
    """A T5 decoder stack alone: bias by distance bucket, no scale, RMS norms."""

    def __init__(self, o):
        super().__init__()
        self.embed, self.table = nn.Embedding(V, D), nn.Embedding(8, H)
        self.layers = nn.ModuleList(Layer(dict(norm="rms", bias=False, act="relu", scale="none")) for _ in range(L))
        self.norm, self.head = Rms(D), nn.Linear(D, V, bias=False)

    def bucket(self, far):
        near = far < 4
        large = 4 + (torch.log(far.clamp(min=1).float() / 4) / math.log(20 / 4) * 4).to(torch.long)
        return torch.where(near, far, large.clamp(max=7))

    def forward(self, ids):
        n = ids.shape[1]
        far = (torch.arange(n)[:, None] - torch.arange(n)[None, :]).clamp(min=0)
        bias = self.table(self.bucket(far)).permute(2, 0, 1)[None] + torch.full((n, n), -1e9).triu(1)
        x = self.embed(ids)
        for layer in self.layers:
            x, _ = layer(x, None, lambda w: w + bias, None)
        return self.head(self.norm(x) * D**-0.5)


class Seq2Seq(nn.Module):
    """T5-like with an encoder: source ids and decoder ids."""

    def __init__(self, o):
        super().__init__()
        self.embed, self.table = nn.Embedding(V, D), nn.Embedding(8, H)
        self.enc = nn.ModuleList(Layer(dict(norm="rms", bias=False, act="relu", scale="none")) for _ in range(1))
        self.dec = T5Lm(o)
        self.cross = nn.MultiheadAttention(D, H, bias=False, batch_first=True)

    def forward(self, source, ids):
        n = source.shape[1]
        y = self.embed(source)
        far = (torch.arange(n)[:, None] - torch.arange(n)[None, :]).abs()
        bias = self.table(self.dec.bucket(far)).permute(2, 0, 1)[None]
        for layer in self.enc:
            y, _ = layer(y, None, lambda w: w + bias, None)
        d = self.dec
        n = ids.shape[1]
        far = (torch.arange(n)[:, None] - torch.arange(n)[None, :]).clamp(min=0)
        bias = d.table(d.bucket(far)).permute(2, 0, 1)[None] + torch.full((n, n), -1e9).triu(1)
        x = d.embed(ids)
        for layer in d.layers:
            x, _ = layer(x, None, lambda w: w + bias, None)
            x = x + self.cross(x, y, y, need_weights=False)[0]
        return d.head(d.norm(x) * D**-0.5)


# What the list says: opset, options, open dimensions ------------------------------------------------------------------

IDS, MASKED, FULL = ["ids"], ["ids", "mask"], ["ids", "mask", "positions"]


def A(name, opset, o, model=Decoder, dynamic="both", past=False, int32=False):
    return dict(name=name, opset=opset, o=o, model=model, dynamic=dynamic, past=past, int32=int32)


MODELS = [
    A("gpt2", 11, dict(positions="learned", fused=True)),
    A("gpt2-static", 14, dict(positions="learned", fused=True, causal="full"), dynamic="none"),
    A("gpt2-past", 14, dict(positions="learned", fused=True, inputs=FULL), past=True),
    A("gpt2-past-ids", 13, dict(positions="learned", fused=True, inputs=IDS), past=True),
    A("gpt2-mask", 12, dict(positions="learned", inputs=MASKED)),
    A("llama-half", 13, dict(norm="rms", positions="cached", kv=2, act="swiglu", bias=False, causal="full", tied=False)),
    A("llama-pairs", 16, dict(norm="rms", positions="cached", interleaved=True, kv=1, act="swiglu", bias=False, causal="full")),
    A("llama-past", 17, dict(norm="rms", positions="computed", kv=2, act="swiglu", bias=False, inputs=FULL, causal="compare"), past=True),
    A("llama-groups", 18, dict(norm="rms", positions="computed", kv=2, share="groups", act="swiglu", bias=False, causal="full")),
    A("llama-interleave", 15, dict(norm="rms", positions="cached", kv=2, share="interleave", act="swiglu", bias=False, causal="compare")),
    A("gptj", 14, dict(positions="cached", interleaved=True, turned=4, parallel=True)),
    A("neox", 17, dict(positions="cached", turned=4, parallel=True, fused=True, tied=False)),
    A("bloom-past", 14, dict(positions="alibi", inputs=MASKED, causal="compare"), past=True),
    A("mpt", 17, dict(positions="alibi", causal="full", bias=False), dynamic="none"),
    A("mistral-window", 17, dict(norm="rms", positions="cached", kv=2, act="swiglu", bias=False, causal="window")),
    A("qwen-qknorm", 18, dict(norm="rms", positions="cached", kv=2, qk_norm=True, size=12, act="swiglu", bias=False, causal="full")),
    A("gemma", 17, dict(norm="rms1", positions="cached", kv=1, act="geglu", bias=False, embed_scale=True, causal="full")),
    A("gemma2-capped", 17, dict(norm="rms1", positions="cached", kv=2, act="geglu", bias=False, cap=True, final_cap=True, causal="full")),
    A("opt", 13, dict(positions="learned", act="relu", scale="q", causal="compare", head_bias=True)),
    A("xglm-sinusoid", 14, dict(positions="sinusoidal", embed_scale=True, einsum=True, causal="full")),
    A("post-norm", 17, dict(positions="learned", post=True, scale="both", causal="full")),
    A("phi-quick", 21, dict(positions="cached", turned=4, parallel=True, act="quick", head_bias=True, tied=False)),
    A("primer", 19, dict(positions="learned", act="relu2")),
    A("last-only", 17, dict(positions="learned", last="kept")),
    A("last-squeezed", 17, dict(positions="learned", last="squeezed")),
    A("int32-ids", 16, dict(positions="learned"), int32=True),
    A("log-softmax", 17, dict(positions="learned", ending="log_softmax")),
    A("softmax", 17, dict(positions="learned", ending="softmax")),
    A("torch-encoder", 14, dict(stack="encoder"), TorchStack, dynamic="batch"),
    A("torch-encoder-post", 17, dict(stack="encoder", pre=False, act="relu"), TorchStack, dynamic="none"),
    A("torch-decoder", 16, dict(stack="decoder"), TorchStack, dynamic="none"),
    A("t5-decoder", 17, dict(), T5Lm),
    A("t5", 17, dict(), Seq2Seq, dynamic="none"),
]  # fmt: skip


def scores_of(m, model, x):
    """Scores of whole texts, other inputs as for a text that is read from its beginning."""
    if m["model"] is Seq2Seq:
        return model(x.flip(1)[:, :12], x)
    n, length = x.shape
    feeds = dict(ids=x, mask=torch.ones(n, length, dtype=torch.long), positions=torch.arange(length)[None].expand(n, length))
    inputs = [feeds[name] for name in m["o"].get("inputs", IDS)]
    if m["past"]:
        inputs += [torch.zeros(n, m["o"].get("kv", H), 0, D // H)] * (2 * L)
    scores = model(*inputs)
    return scores[0] if m["past"] else scores


def train(m, model, steps):
    rng = np.random.default_rng(1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=8e-3, total_steps=steps, pct_start=0.2)
    last, m["o"]["last"] = m["o"].get("last"), None
    model.train()
    for _ in range(steps):
        x = torch.from_numpy(texts(rng, 24))
        scores = scores_of(m, model, x)
        if m["o"].get("ending") == "softmax":
            scores = (scores + 1e-9).log()
        loss = F.cross_entropy(scores[:, 1:-1].reshape(-1, V), x[:, 2:].reshape(-1))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    m["o"]["last"] = last
    model.eval()
    return loss.item()


def export(m, model):
    """The file's bytes; opsets after 17 are raised from it."""
    length = S if m["dynamic"] != "both" else 5
    names, args, axes = [], [], {}
    given = {
        "ids": ("input_ids", torch.randint(0, V, (1, length))),
        "mask": ("attention_mask", torch.ones(1, length + (3 if m["past"] else 0), dtype=torch.long)),
        "positions": ("position_ids", torch.arange(3, length + 3)[None] if m["past"] else torch.arange(length)[None]),
    }
    if m["model"] is Seq2Seq:
        names, args = ["input_ids", "decoder_input_ids"], [torch.randint(0, V, (1, 12)), torch.randint(0, V, (1, S))]
    else:
        for name in m["o"].get("inputs", IDS):
            onnx_name, value = given[name]
            names.append(onnx_name)
            args.append(value.to(torch.int32) if m["int32"] and name == "ids" else value)
            axes[onnx_name] = {0: "batch", 1: "total" if m["past"] and name == "mask" else "sequence"}
    outs = ["logits"]
    axes["logits"] = {0: "batch"} if m["o"].get("last") else {0: "batch", 1: "sequence"}
    if m["past"]:
        for i in range(L):
            for part in ("key", "value"):
                names.append(f"past_key_values.{i}.{part}")
                outs.append(f"present.{i}.{part}")
                args.append(torch.randn(1, m["o"].get("kv", H), 3, D // H))
                axes[names[-1]] = {0: "batch", 2: "past_sequence"}
                axes[outs[-1]] = {0: "batch", 2: "total"}
    if m["dynamic"] == "none":
        axes = None
    elif m["dynamic"] == "batch":
        axes = {name: {0: "batch"} for name in ("input_ids", "logits")}
    out = io.BytesIO()
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, tuple(args), out, opset_version=min(m["opset"], 17), input_names=names, output_names=outs, dynamic_axes=axes)
    return upgrade(out.getvalue(), m["opset"]) if m["opset"] > 17 else out.getvalue()


def upgrade(data, opset):
    """Forms that changed after opset 17: axes of reductions are inputs, Split says how many parts."""
    model = onnx.load_from_string(data)
    for node in model.graph.node:
        axes = [a for a in node.attribute if a.name == "axes"]
        if node.op_type == "ReduceMean" and axes:
            name = f"{node.output[0]}_axes"
            model.graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [len(axes[0].ints)], axes[0].ints))
            node.input.append(name)
            node.attribute.remove(axes[0])
        if node.op_type == "Split" and len(node.input) == 1:
            node.attribute.append(helper.make_attribute("num_outputs", len(node.output)))
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", opset))
    return model.SerializeToString()


def write(m, folder, random, steps):
    torch.manual_seed(0)
    model = m["model"](m["o"])
    loss = None if random else train(m, model, steps)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(export(m, model))
    rows = texts(np.random.default_rng(99), 64)
    np.save(folder / "texts.npy", rows)
    np.save(folder / "calibration.npy", texts(np.random.default_rng(7), 48))
    with torch.no_grad():
        scores = scores_of(m, model, torch.from_numpy(rows))
    right = None
    if not m["o"].get("last"):
        right = float((scores[:, 1:-1].argmax(-1).numpy() == rows[:, 2:]).mean())
    meta = {
        "name": m["name"], "opset": m["opset"], "length": S, "past": m["past"], "open": m["dynamic"] == "both", "kv": [m["o"].get("kv", H), m["o"].get("size", D // H)],
        "layers": L, "right": right, "loss": loss, "random": random,
    }  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta) + "\n")
    return meta


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", default=".cache/decoders", type=Path)
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--random", action="store_true", help="random weights")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for m in MODELS:
        if arguments.only and m["name"] not in arguments.only:
            continue
        if arguments.list:
            print(m["name"])
            continue
        start = time.monotonic()
        try:
            meta = write(m, arguments.out / m["name"], arguments.random, arguments.steps)
        except Exception as error:  # one that this PyTorch cannot write is no reason to stop
            print(f"{m['name']}: not written: {type(error).__name__} {str(error).splitlines()[0]}", flush=True)
            continue
        print(f"{m['name']}: right {meta['right']}, loss {meta['loss']}, {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
