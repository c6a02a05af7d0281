#!/usr/bin/env python3
"""Train small recurrent classifiers and export them with torch.onnx.export, at the opsets 11 to 16 and in the forms that people write.

usage: recurrent.py [OUT] [--only NAME]...

Writes OUT/NAME/{model.onnx,inputs.npy,calibration.npy,labels.npy}. Needs PyTorch and NumPy (Debian: python3-torch).
The task: a walk with a drift that turns at a random step; the class is the pair of signs before and after.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Classifier(nn.Module):
    def __init__(self, kind, size, hidden, layers=1, both=False, pool="last", batch_first=True, vocabulary=0, **extra):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, size) if vocabulary else None
        self.cells = getattr(nn, kind)(size, hidden, num_layers=layers, bidirectional=both, batch_first=batch_first, **extra)
        self.head = nn.Linear(hidden * (2 if both else 1), 4)
        self.pool, self.batch_first = pool, batch_first

    def forward(self, x):
        if self.embedding is not None:
            x = self.embedding(x)
        y, state = self.cells(x if self.batch_first else x.transpose(0, 1))
        if not self.batch_first:
            y = y.transpose(0, 1)
        state = state[0] if isinstance(state, tuple) else state
        if self.pool == "state":
            return self.head(torch.cat([state[-2], state[-1]], -1) if self.cells.bidirectional else state[-1])
        return self.head(y[:, -1] if self.pool == "last" else y.mean(1))


def batch(count, steps, size, tokens, seed):
    r = np.random.RandomState(seed)
    labels = r.randint(0, 4, count)
    turn = r.randint(steps // 3, 2 * steps // 3, (count, 1, 1))
    before, after = (labels // 2 * 2 - 1)[:, None, None], (labels % 2 * 2 - 1)[:, None, None]
    drift = np.where(np.arange(steps)[None, :, None] < turn, before, after)
    x = 0.35 * drift + r.randn(count, steps, size) * 0.7
    if tokens:
        return np.clip((x[:, :, 0] * 12 + 32).round(), 0, 63).astype(np.int64), labels
    return x.astype(np.float32), labels


VARIANTS = {
    "gru": (dict(kind="GRU", size=8, hidden=16), 64, 13),
    "gru-two-layers-both": (dict(kind="GRU", size=6, hidden=12, layers=2, both=True, pool="state"), 32, 11),
    "gru-sequence-first": (dict(kind="GRU", size=8, hidden=16, both=True, pool="mean", batch_first=False), 32, 15),
    "lstm": (dict(kind="LSTM", size=8, hidden=16), 64, 14),
    "lstm-both": (dict(kind="LSTM", size=8, hidden=16, both=True, pool="mean"), 64, 16),
    "lstm-two-layers": (dict(kind="LSTM", size=5, hidden=11, layers=2, pool="state"), 32, 12),
    "lstm-tokens": (dict(kind="LSTM", size=12, hidden=16, both=True, pool="state", vocabulary=64), 48, 13),
    "rnn": (dict(kind="RNN", size=8, hidden=16), 32, 13),
    "rnn-relu": (dict(kind="RNN", size=8, hidden=12, pool="mean", nonlinearity="relu"), 24, 14),
}


def make(out, name):
    options, steps, opset = VARIANTS[name]
    torch.manual_seed(0)
    model = Classifier(**options)
    tokens = "vocabulary" in options
    data = lambda count, seed: batch(count, steps, options["size"], tokens, seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(250):
        x, y = data(64, 1_000 + step)
        optimiser.zero_grad()
        F.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    model.eval()
    x, y = data(1000, 2)
    with torch.no_grad():
        accuracy = float((model(torch.from_numpy(x)).argmax(-1).numpy() == y).mean())
    folder = Path(out) / name
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(model, (torch.from_numpy(x[:1]),), str(folder / "model.onnx"), opset_version=opset, input_names=["x"], output_names=["scores"])
    np.save(folder / "inputs.npy", x)
    np.save(folder / "labels.npy", y)
    calibration = data(200, 3)[0]
    np.save(folder / "calibration.npy", calibration)
    # The same for bench/architectures.ts.
    np.savez(folder / "inputs.npz", x=x)
    np.savez(folder / "calibration.npz", x=calibration)
    params = sum(p.numel() for p in model.parameters())
    meta = {"name": name, "family": "recurrent", "opset": opset, "dynamic": "none", "dims": {}, "params": params, "accuracy": accuracy}
    (folder / "meta.json").write_text(json.dumps(meta))
    print(f"{name}: {accuracy:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", nargs="?", default=".cache/recurrent")
    parser.add_argument("--only", action="append")
    args = parser.parse_args()
    for variant in VARIANTS:
        if not args.only or variant in args.only:
            make(args.out, variant)
