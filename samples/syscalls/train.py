"""Trains a small Transformer to tell windows of abnormal work from everyday ones, and exports it. Usage: python3 train.py TRACES MODEL.onnx [--epochs N]

A window is the last 32 calls of a process (the binding in binding.json). It is abnormal where it ends in a trace of abnormal work, 8 or more calls of its process behind the
place where the work begins; windows that reach into it less are left out, and so are those of a program that the process executes: a shell is a shell."""

import argparse
import glob
import os
import re

import torch
from torch import nn

LENGTH, CALLS = 32, 512
OTHER, NONE = CALLS, CALLS + 1
STEP, REACH = 4, 8
SEED = 3
NUMBERS = {m[1]: int(m[2]) for m in re.finditer(r"#define __NR_(\w+) (\d+)", open("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read())}
LINE = re.compile(r"^(\d+) +\S+ ([a-z_][a-z0-9_]*)\((.*)")


def windows(path: str):
    abnormal = os.path.basename(path).startswith("abnormal")
    process, last, begun, executed = {}, {}, {}, set()
    marked = False
    for line in open(path, errors="replace"):
        made = re.search(r"clone3?\(|<\.\.\. clone3? resumed", line) and re.search(r"\) += (\d+)", line)
        call = LINE.match(line)
        tid = int(line.split(" ", 1)[0])
        if made and ("CLONE_THREAD" in line or tid in begun.get("threads", set())):
            process[int(made[1])] = process.get(tid, tid)
        if call and call[2].startswith("clone") and "CLONE_THREAD" in line:
            begun.setdefault("threads", set()).add(tid)
        if not call:
            continue
        if call[2] == "getpgid" and call[3].startswith("424242"):
            marked = True
        pid = process.get(tid, tid)
        calls = last.setdefault(pid, [])
        calls.append(NUMBERS.get(call[2], OTHER))
        if call[2] == "execve" and marked:
            executed.add(pid)
        begun[pid] = begun.get(pid, 0) + (1 if marked else 0)
        if abnormal and pid in executed:
            continue
        if len(calls) % STEP == 0:
            within = begun[pid] if abnormal else 0
            if within == 0 or within >= REACH:
                row = calls[-LENGTH:]
                yield [NONE] * (LENGTH - len(row)) + row, 1 if within else 0


class CallEncoder(nn.Module):
    def __init__(self, width=32, heads=2, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(CALLS + 2, width)
        self.position = nn.Parameter(torch.randn(1, LENGTH, width) * 0.1)
        layer = nn.TransformerEncoderLayer(width, heads, hidden, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 2)
        nn.init.normal_(self.embed.weight, std=0.3)

    def forward(self, tokens):
        return self.head(self.encoder(self.embed(tokens) + self.position).mean(dim=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("traces")
    parser.add_argument("model")
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    # What every Python program does at its start is the same window many times.
    rows = {(tuple(row), label): None for path in sorted(glob.glob(os.path.join(options.traces, "*.strace"))) for row, label in windows(path)}
    tokens = torch.tensor([list(row) for row, _ in rows])
    labels = torch.tensor([label for _, label in rows])
    print(f"{len(rows)} windows, {int(labels.sum())} abnormal")
    model = CallEncoder()
    weights = torch.tensor([1.0, float((labels == 0).sum() / labels.sum())]).sqrt()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    loss_of = nn.CrossEntropyLoss(weight=weights, label_smoothing=0.02)
    for epoch in range(options.epochs):
        total = 0.0
        for part in torch.randperm(len(rows)).split(128):
            loss = loss_of(model(tokens[part]), labels[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(part)
        print(f"epoch {epoch} loss {total / len(rows):.4f}", flush=True)
    # A layer in training mode keeps the operators that ONNX has; without dropout it computes the same.
    model.train()
    torch.onnx.export(
        model, tokens[:1], options.model, opset_version=16, input_names=["calls"], output_names=["logits"], dynamic_axes={"calls": {0: "batch"}, "logits": {0: "batch"}}, training=torch.onnx.TrainingMode.PRESERVE
    )
