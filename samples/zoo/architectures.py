#!/usr/bin/env python3
"""Export one small model of every architecture that the compiler is measured on (bench/architectures.ts).

usage: architectures.py [OUT] [--only NAME]... [--random] [--list] [--inputs N]

Writes OUT/NAME/{model.onnx,meta.json,inputs.npz,calibration.npz}; an npz holds one array for each input of the model, N inputs along
its first axis. --random leaves the weights as they were initialised. Needs PyTorch 1.12 or newer, onnx and NumPy.
"""

import argparse
import io
import json
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper
from torch.nn import functional as F

import models_bert as bert
import models_conv as conv
import models_decoder as decoder
import models_fused as fused
import models_seq2seq as seq2seq
import models_torch as own
import models_vision as vision
import quantise
from tasks import CLS, FIRST, PAD, TASKS

TRAIN_SEED, CALIBRATION_SEED, COMPARE_SEED = 1_000_000, 11, 22


@dataclass(frozen=True)
class Architecture:
    name: str
    family: str
    build: object
    inputs: object
    options: dict = field(default_factory=dict)
    opset: int = 13
    # Symbolic axes: none, batch, or batch and sequence.
    dynamic: str = "none"
    S: int = 16
    D: int = 32
    H: int = 4
    F: int = 64
    L: int = 2
    C: int = 3
    V: int = 24
    features: int = 6
    task: str = "first_marked"
    steps: int = 700
    rate: float = 4e-3
    # Quantised after training: with a scale for each channel, with one for a tensor, or by each input (channels, tensors, dynamic).
    quantised: str = ""

    # What the tasks ask of a variant.
    padded = False


def padded_tokens(v, count, rng):
    tokens, labels = np.zeros((count, v.S), np.int64), np.zeros(count, np.int64)
    lengths = rng.integers(v.S // 2, v.S + 1, count)
    for used in np.unique(lengths):
        rows = np.flatnonzero(lengths == used)
        part, labels[rows] = TASKS[v.task](rng, len(rows), int(used), v.V, v.C)
        tokens[rows, :used] = part
    tokens[:, 0] = CLS
    return tokens, labels


def plain(v, count, rng, name="tokens", dtype=np.int64):
    tokens, labels = TASKS[v.task](rng, count, v.S, v.V, v.C)
    tokens[:, 0] = CLS
    return {name: tokens.astype(dtype)}, labels


def ids(v, count, rng):
    return plain(v, count, rng, "input_ids")


def int32_tokens(v, count, rng):
    return plain(v, count, rng, "tokens", np.int32)


def padded(v, count, rng):
    tokens, labels = padded_tokens(v, count, rng)
    return {"tokens": tokens}, labels


def ids_mask(v, count, rng):
    tokens, labels = padded_tokens(v, count, rng)
    return {"input_ids": tokens, "attention_mask": (tokens != PAD).astype(np.int64)}, labels


def tokens_boolean(v, count, rng):
    tokens, labels = padded_tokens(v, count, rng)
    return {"tokens": tokens, "padding": tokens == PAD}, labels


def ids_mask_types(v, count, rng):
    """The token types say which half of the input counts: the class is asked of the tokens of type 1."""
    first, _ = TASKS[v.task](rng, count, v.S // 2, v.V, v.C)
    second, labels = TASKS[v.task](rng, count, v.S // 2 - 2, v.V, v.C)
    tokens = np.concatenate([first, second, np.zeros((count, 2), np.int64)], 1)
    types = np.concatenate([np.zeros_like(first), np.ones_like(second), np.zeros((count, 2), np.int64)], 1)
    tokens[:, 0] = CLS
    return {"input_ids": tokens, "attention_mask": (tokens != PAD).astype(np.int64), "token_type_ids": types}, labels


def tagging(v, count, rng):
    """Every token's class depends on the token before it."""
    tokens, _ = padded_tokens(v, count, rng)
    before = np.concatenate([tokens[:, -1:], tokens[:, :-1]], 1)
    inputs = {"input_ids": tokens, "attention_mask": (tokens != PAD).astype(np.int64), "token_type_ids": (tokens % 2).astype(np.int64)}
    return inputs, before % v.C


def language(v, count, rng):
    """Every place is asked for the token two places before."""
    tokens = rng.integers(FIRST, v.V, (count, v.S))
    return {"input_ids": tokens}, np.concatenate([tokens[:, :2], tokens[:, :-2]], 1)


def language_mask(v, count, rng):
    inputs, labels = language(v, count, rng)
    lengths = rng.integers(v.S // 2, v.S + 1, count)
    mask = (np.arange(v.S)[None] < lengths[:, None]).astype(np.int64)
    return {"input_ids": inputs["input_ids"] * mask, "attention_mask": mask}, labels * mask


def lookup(v, count, rng):
    """Every place of the decoder is asked for its token if the source holds it, and for 0 otherwise."""
    source = rng.integers(FIRST, v.V, (count, v.S))
    lengths = rng.integers(v.S // 2, v.S + 1, count)
    source *= np.arange(v.S)[None] < lengths[:, None]
    target = rng.integers(FIRST, v.V, (count, v.S - 2))
    held = (target[:, :, None] == source[:, None, :]).any(-1)
    inputs = {"input_ids": source, "attention_mask": (source != PAD).astype(np.int64), "decoder_input_ids": target}
    return inputs, target * held


def source_target(v, count, rng):
    inputs, labels = lookup(v, count, rng)
    return {"source": inputs["input_ids"], "target": inputs["decoder_input_ids"]}, labels


CODES = np.random.default_rng(7).normal(size=(256, 64))


def window(v, count, rng):
    tokens, labels = TASKS[v.task](rng, count, v.S, v.V, v.C)
    codes = CODES[: v.V, : v.features]
    return {"window": (codes[tokens] + rng.normal(scale=0.15, size=(count, v.S, v.features))).astype(np.float32)}, labels


def clusters(v, count, rng):
    """Feature vectors around one of six centres, two for each class."""
    which = rng.integers(0, 2 * v.C, count)
    centres = np.random.default_rng(3).normal(size=(2 * v.C, v.S, v.features))
    return {"window": (centres[which] + rng.normal(scale=0.8, size=(count, v.S, v.features))).astype(np.float32)}, which % v.C


def image(v, count, rng):
    """A bright bar; the class is its direction: across, down, or along a diagonal."""
    labels = rng.integers(0, v.C, count)
    pixels = rng.normal(scale=0.3, size=(count, 3, vision.SIDE, vision.SIDE))
    for i, label in enumerate(labels):
        at, start = rng.integers(2, vision.SIDE - 2), rng.integers(0, 4)
        run = np.arange(start, start + 11)
        rows, columns = ((np.full(11, at), run), (run, np.full(11, at)), (run, (run + at) % vision.SIDE))[label]
        pixels[i, :, rows, columns] += rng.uniform(0.8, 1.6)
    return {"image": pixels.astype(np.float32)}, labels


A = Architecture
ARCHITECTURES = [
    # torch's own encoder
    A("encoder-post-relu", "nn.TransformerEncoder", own.TokenEncoder, plain, opset=11),
    A("encoder-pre-gelu-mean", "nn.TransformerEncoder", own.TokenEncoder, plain, dict(norm_first=True, activation="gelu", pool="mean"),
      14, "batch"),
    A("encoder-padding-computed", "nn.TransformerEncoder", own.TokenEncoder, padded, dict(norm_first=True, mask=True), 16, "batch"),
    A("encoder-padding-input", "nn.TransformerEncoder", own.MaskedByInput, tokens_boolean, {}, 15, "batch"),
    A("encoder-window", "nn.TransformerEncoder", own.WindowEncoder, window, {}, 12),
    A("encoder-int32-max", "nn.TransformerEncoder", own.TokenEncoder, int32_tokens, dict(activation="gelu", pool="max"), 17, "batch"),
    # BERT's family
    A("bert", "BERT", bert.Bert, ids_mask_types, {}, 11, "batch+sequence", S=24),
    A("bert-17", "BERT", bert.Bert, ids_mask_types, {}, 17, S=24),
    A("distilbert", "BERT", bert.DistilBert, ids_mask, {}, 12, "batch+sequence"),
    A("albert-tags", "BERT", bert.Albert, tagging, {}, 13, "batch+sequence", L=3),
    A("roberta", "BERT", bert.Roberta, ids_mask, {}, 14, "batch+sequence"),
    A("sentence-encoder", "BERT", bert.SentenceEncoder, ids_mask, {}, 14, "batch+sequence"),
    # decoders
    A("gpt2-last", "GPT-2", decoder.Gpt2, ids, {}, 13, "batch+sequence"),
    A("gpt2-tokens", "GPT-2", decoder.Gpt2, language, dict(tokens=True), 11, F=128),
    A("llama-half", "LLaMA", decoder.Llama, language, dict(tokens=True), 14, F=96),
    A("llama-half-mask", "LLaMA", decoder.Llama, language_mask, dict(tokens=True, mask=True), 15, "batch+sequence"),
    A("llama-pairs", "LLaMA", decoder.Llama, ids, dict(rotary=decoder.PairRotary, kv=1), 13, "batch"),
    A("llama-strided", "LLaMA", decoder.Llama, language, dict(rotary=decoder.StridedRotary, kv=4, tokens=True), 16),
    A("bloom-alibi", "ALiBi", decoder.Bloom, ids_mask, {}, 14, "batch"),
    A("neox-parallel", "GPT-NeoX", decoder.Neox, language, dict(tokens=True), 14, "batch+sequence"),
    # encoder–decoders and T5
    A("t5-encoder", "T5", seq2seq.T5Encoder, ids_mask, {}, 12, "batch+sequence"),
    A("t5-encoder-gated", "T5", seq2seq.T5Encoder, ids_mask, dict(gated=True), 13),
    A("t5", "T5", seq2seq.T5, lookup, {}, 14, "batch"),
    A("seq2seq-post", "nn.Transformer", seq2seq.Seq2Seq, source_target, {}, 14),
    A("seq2seq-pre", "nn.Transformer", seq2seq.Seq2Seq, source_target, dict(norm_first=True), 16, "batch"),
    A("latents", "cross-attention", seq2seq.Latents, window, {}, 13, "batch"),
    # images, windows
    A("vit-reshape", "ViT", vision.Vit, image, {}, 13, "batch"),
    A("vit-unfold", "ViT", vision.Vit, image, dict(patches="unfold"), 14),
    A("vit-conv", "ViT", vision.Vit, image, dict(patches="conv"), 13),
    A("swin", "Swin", vision.Swin, image, {}, 14, D=24, H=3, F=48),
    A("mixer", "MLP-Mixer", vision.Mixer, window, {}, 13, "batch"),
    A("gated-mlp", "gMLP", vision.GatedMlp, window, {}, 13, F=48),
    A("linear-attention", "linear attention", vision.LinearAttention, plain, {}, 13),
    A("mlp", "MLP", vision.Mlp, clusters, {}, 11, "batch"),
    A("cnn", "CNN", vision.Cnn, image, {}, 13),
    A("conv1d", "CNN", vision.Convolutions, window, {}, 13, "batch", task="pattern", C=2),
    A("gru", "GRU", vision.Recurrent, plain, {}, 14),
    A("lstm", "LSTM", vision.Recurrent, plain, dict(kind="lstm"), 14),
    # convolutions
    A("byte-conv", "CNN", conv.ByteConv, plain, {}, 13),
    A("tcn", "CNN", conv.Tcn, plain, {}, 14),
    A("lenet", "CNN", conv.LeNet, image, {}, 11, "batch"),
    A("resnet", "ResNet", conv.ResNet, image, {}, 13),
    A("mobilenet", "MobileNet", conv.MobileNet, image, {}, 14, "batch"),
    A("grouped-cnn", "CNN", conv.GroupedCnn, image, {}, 13),
    # quantised
    A("mlp-int8", "quantised", vision.Mlp, clusters, {}, 13, quantised="tensors"),
    A("lenet-int8", "quantised", conv.LeNet, image, {}, 13, quantised="channels"),
    A("mobilenet-int8", "quantised", conv.MobileNet, image, {}, 14, quantised="channels"),
    A("encoder-int8", "quantised", own.TokenEncoder, plain, dict(norm_first=True, activation="gelu", pool="mean"), 14, quantised="channels"),
    A("encoder-dynamic", "quantised", own.TokenEncoder, plain, dict(norm_first=True), 13, quantised="dynamic"),
    # newer operator sets
    A("opset20-gelu", "newer opsets", fused.FusedGeluEncoder, plain, {}, 20, "batch"),
    A("opset21", "newer opsets", own.TokenEncoder, padded, dict(norm_first=True, activation="gelu", mask=True), 21),
    A("opset23-fused", "newer opsets", fused.FusedDecoder, ids, {}, 23),
]  # fmt: skip


def batch(v, count, seed):
    return v.inputs(v, count, np.random.default_rng(seed))


def first(output):
    return output[0] if isinstance(output, tuple) else output


def run(v, model, inputs):
    return model(*(torch.from_numpy(x) for x in inputs.values()))


def train(v, model):
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=v.rate, total_steps=v.steps, pct_start=0.15)
    settled = 0
    for step in range(v.steps):
        inputs, labels = batch(v, 32, TRAIN_SEED + step)
        scores = first(run(v, model, inputs))
        loss = F.cross_entropy(scores.flatten(0, -2), torch.from_numpy(labels).flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        settled = settled + 1 if loss.item() < 0.02 else 0
        if settled >= 10:
            break
    model.eval()
    return step + 1


def export(v, model):
    """The ONNX file's bytes; what is newer than this PyTorch is raised from 16 or 17 by {@link upgrade}."""
    model.eval()
    count = 1 if v.dynamic == "none" else 2
    inputs, _ = batch(v, count, 5)
    names = list(inputs)
    axes = None
    if v.dynamic != "none":
        axes = {name: {0: "batch"} for name in (*names, "logits")}
        if v.dynamic == "batch+sequence":
            for name in names:
                axes[name][1] = "sequence"
    out = io.BytesIO()
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, tuple(torch.from_numpy(x) for x in inputs.values()), out, opset_version=min(v.opset, 17), input_names=names,
            output_names=["logits"], dynamic_axes=axes,
        )  # fmt: skip
    data = upgrade(out.getvalue(), v.opset) if v.opset > 17 else out.getvalue()
    return quantise.dynamic(data) if v.quantised == "dynamic" else data


def upgrade(data, opset):
    """Forms that changed after opset 17: axes of reductions are inputs, Split says how many parts."""
    model = onnx.load_from_string(data)
    for node in model.graph.node:
        axes = [a for a in node.attribute if a.name == "axes"]
        if node.op_type in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2") and axes:
            name = f"{node.output[0]}_axes"
            model.graph.initializer.append(helper.make_tensor(name, onnx.TensorProto.INT64, [len(axes[0].ints)], axes[0].ints))
            node.input.append(name)
            node.attribute.remove(axes[0])
        if node.op_type == "Split":
            sizes = [node.input[1]] if len(node.input) > 1 else []
            if sizes:
                del node.input[1]
            node.attribute.append(helper.make_attribute("num_outputs", len(node.output)))
        if node.domain == "later":
            node.domain = ""
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", opset))
    return model.SerializeToString()


def arrays(v, count, seed):
    return batch(v, count, seed)[0]


def write(v, folder, random, count):
    torch.manual_seed(0)
    model = v.build(v, **v.options)
    steps = 0 if random else train(v, model)
    if v.quantised in ("channels", "tensors"):
        inputs, _ = batch(v, 256, CALIBRATION_SEED)
        quantise.rounded(model, tuple(torch.from_numpy(x) for x in inputs.values()), v.quantised == "channels")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(export(v, model))
    np.savez(folder / "inputs.npz", **arrays(v, count, COMPARE_SEED))
    np.savez(folder / "calibration.npz", **arrays(v, 128, CALIBRATION_SEED))
    inputs, labels = batch(v, 512, COMPARE_SEED + 1)
    with torch.enable_grad():  # off the fast path, which is not what is exported
        right = first(run(v, model.eval(), inputs)).argmax(-1).numpy() == labels
    meta = {
        "name": v.name, "family": v.family, "opset": v.opset, "dynamic": v.dynamic,
        "dims": {} if v.dynamic == "none" else {"batch": 1} if v.dynamic == "batch" else {"batch": 1, "sequence": v.S},
        "params": sum(p.numel() for p in model.parameters()), "steps": steps, "accuracy": None if random else round(float(right.mean()), 4),
    }  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta) + "\n")
    return meta


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", default=".cache/architectures", type=Path)
    parser.add_argument("--only", action="append", metavar="NAME", help="only this one (may be repeated)")
    parser.add_argument("--random", action="store_true", help="random weights")
    parser.add_argument("--list", action="store_true", help="print the architectures and stop")
    parser.add_argument("--inputs", type=int, default=1024, help="inputs to compare on (default 1024)")
    arguments = parser.parse_args()
    chosen = [v for v in ARCHITECTURES if not arguments.only or v.name in arguments.only]
    if arguments.list:
        for v in chosen:
            print(f"{v.name:26} {v.family:22} opset {v.opset}  {v.dynamic}")
        return
    torch.set_num_threads(1)
    for v in chosen:
        start = time.monotonic()
        meta = write(v, arguments.out / v.name, arguments.random, arguments.inputs)
        print(f"{v.name}: accuracy {meta['accuracy']}, {meta['steps']} steps, {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
