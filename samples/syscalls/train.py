"""Trains a small Transformer to tell windows of abnormal work from everyday ones, and exports it. Usage: python3 train.py TRACES MODEL.onnx [--epochs N] [--fold 0|1|2|none]

A window is the last 32 calls of a process (the binding in binding.json). Every third kind of work, in alphabetical order and counted from the fold, is held out: no window of it
is trained on. What is trained on besides: everyday windows in which several calls are exchanged for others, as abnormal ones, so that what nobody has seen does not count as everyday."""

import argparse
import glob
import os
import random
import re

import torch
from torch import nn

LENGTH, CALLS = 32, 512
OTHER, NONE = CALLS, CALLS + 1
STEP, REACH = 4, 8
SEED = 3
NUMBERS = {m[1]: int(m[2]) for m in re.finditer(r"#define __NR_(\w+) (\d+)", open("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read())}
LINE = re.compile(r"^(\d+) +\S+ ([a-z_][a-z0-9_]*)\((.*)")
CLONE = re.compile(r"\) += (\d+)")


def kind_of(path: str) -> tuple[str, str]:
    label, kind, _ = os.path.basename(path).rsplit(".", 1)[0].split("-")
    return label, kind


def held_out(kinds, fold):
    """Every third kind; a rule that knows nothing of the kinds."""
    return set() if fold is None else {kind for i, kind in enumerate(sorted(kinds)) if i % 3 == fold}


def windows(path: str):
    """Windows of a trace with their label. Those of the work itself end 8 or more calls of their process behind the place where it begins, and before it ends; what a process executes
    in abnormal work is left out (a shell is a shell), and what the interpreter does before the work is everyday work."""
    abnormal = kind_of(path)[0] == "abnormal"
    process, calls, within, threads, over = {}, {}, {}, set(), set()
    begun = False
    for line in open(path, errors="replace"):
        tid = int(line.split(" ", 1)[0])
        call = LINE.match(line)
        if "clone" in line:
            made = CLONE.search(line)
            if call and call[2].startswith("clone") and "CLONE_THREAD" in line:
                threads.add(tid)
            elif call and call[2].startswith("clone"):
                threads.discard(tid)
            if made and tid in threads:
                process[int(made[1])] = process.get(tid, tid)
        if not call:
            continue
        pid = process.get(tid, tid)
        if call[2] == "getpgid" and call[3].startswith(("424242", "424243")):
            begun = begun or call[3].startswith("424242")
            if call[3].startswith("424243"):
                over.add(pid)
            continue
        row = calls.setdefault(pid, [])
        row.append(NUMBERS.get(call[2], OTHER))
        within[pid] = within.get(pid, 0) + (1 if begun else 0)
        if call[2] == "execve" and begun and abnormal:
            over.add(pid)
        if pid in over or len(row) % STEP != 0:
            continue
        if within[pid] == 0 or within[pid] >= REACH:
            last = row[-LENGTH:]
            yield [NONE] * (LENGTH - len(last)) + last, 1 if abnormal and within[pid] else 0


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


def exchanged(rows, share, numbers):
    """Copies of everyday windows in which 8 to 24 calls, in one run, are a repeated sequence of a few calls drawn from all that there are."""
    made = []
    for row in numbers.sample(rows, int(len(rows) * share)):
        few = [numbers.choice(list(NUMBERS.values())) for _ in range(numbers.randint(2, 8))]
        length = numbers.randint(8, 24)
        at = numbers.randint(0, LENGTH - length)
        made.append(row[:at] + [few[i % len(few)] for i in range(length)] + row[at + length :])
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("traces")
    parser.add_argument("model")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--fold", default="0", choices=["0", "1", "2", "none"])
    parser.add_argument("--exchanged", type=float, default=0.2)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    numbers = random.Random(SEED)
    paths = sorted(glob.glob(os.path.join(options.traces, "*.strace")))
    kinds = {kind_of(path) for path in paths}
    fold = None if options.fold == "none" else int(options.fold)
    held = set().union(*(held_out({kind for own, kind in kinds if own == label}, fold) for label in ("everyday", "abnormal")))
    print("held out:", ", ".join(sorted(held)))
    # What every Python program does at its start is the same window many times.
    seen = {(tuple(row), label): None for path in paths if kind_of(path)[1] not in held for row, label in windows(path)}
    abnormal = [list(row) for row, label in seen if label == 1]
    everyday = [list(row) for row, label in seen if label == 0]
    made = exchanged(everyday, options.exchanged, numbers)
    print(f"{len(everyday)} windows of everyday work, {len(abnormal)} of abnormal work, {len(made)} made")
    rows = everyday + abnormal + made
    tokens = torch.tensor(rows)
    labels = torch.tensor([0] * len(everyday) + [1] * (len(abnormal) + len(made)))
    model = CallEncoder()
    weights = torch.tensor([1.0, float((labels == 0).sum() / labels.sum())]).sqrt()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    loss_of = nn.CrossEntropyLoss(weight=weights, label_smoothing=0.02)
    for epoch in range(options.epochs):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - epoch / options.epochs)
        total = 0.0
        for part in torch.randperm(len(rows)).split(256):
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
