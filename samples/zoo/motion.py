#!/usr/bin/env python3
"""Make the motion sample: synthetic accelerometer and gyroscope windows, a small Transformer that classifies them.

usage: motion.py [OUT]    (default public/samples/motion)

A window is 2 s at 16 Hz: 32 rows of acceleration x, y, z in g and angular rate x, y, z in rad/s, as a sensor carried in
any orientation would give them. Nothing was recorded from people: walk and run are harmonics of a step rate, a fall is a
dip towards weightlessness, an impact and rest. The classes overlap on purpose (slow runs, brisk walks, knocks while
still, stumbles), so that accuracy is below 100 % and some windows lie near a decision.
"""

import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

CLASSES = ["still", "walk", "run", "stairs", "fall"]
ROWS, RATE_HZ, CHANNELS = 32, 16, 6
TRAIN_SEED, CALIBRATION_SEED, TRACE_SEED = 1_000_000, 11, 22
STEPS, BATCH = 2500, 64


def rotation(rng):
    """A random rotation: the sensor's orientation."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def gait(rng, t, steps_hz, bounce, sway, swing):
    """Periodic motion of a body upright along z: harmonics of the step rate, sway and swing at half of it."""
    phase = rng.uniform(0, 2 * np.pi)
    step = 2 * np.pi * steps_hz * t + phase
    z = bounce * (np.cos(step) + rng.uniform(0.2, 0.5) * np.cos(2 * step + rng.uniform(0, 1)))
    x = 0.6 * bounce * np.sin(step + rng.uniform(0.3, 0.9))
    y = sway * np.sin(step / 2)
    acceleration = np.stack((x, y, z), -1)
    rate = np.stack((swing * 0.4 * np.sin(step), swing * np.sin(step / 2 + 0.4), swing * 0.5 * np.cos(step / 2)), -1)
    return acceleration, rate


def impulse(t, at, width, height):
    return height * np.exp(-(((t - at) / width) ** 2))


def window(rng, kind):
    """One window [ROWS, CHANNELS] of the class CLASSES[kind]."""
    t = np.arange(ROWS) / RATE_HZ
    name = CLASSES[kind]
    acceleration, rate = np.zeros((ROWS, 3)), np.zeros((ROWS, 3))
    up = np.array([0.0, 0.0, 1.0])
    if name == "still":
        acceleration += rng.normal(scale=0.01, size=3)
        if rng.random() < 0.35:  # a knock or a change of grip
            at = rng.uniform(0.2, 1.8)
            acceleration += impulse(t, at, 0.06, rng.uniform(0.5, 2.0))[:, None] * rng.normal(size=3) * 0.6
            rate += impulse(t, at, 0.12, rng.uniform(0.5, 2.5))[:, None] * rng.normal(size=3)
    elif name == "walk":
        acceleration, rate = gait(
            rng, t, rng.uniform(1.4, 2.4), rng.uniform(0.12, 0.42), rng.uniform(0.05, 0.15), rng.uniform(0.4, 1.3)
        )
    elif name == "run":
        acceleration, rate = gait(
            rng, t, rng.uniform(2.2, 3.3), rng.uniform(0.38, 1.3), rng.uniform(0.1, 0.35), rng.uniform(1.0, 3.0)
        )
    elif name == "stairs":
        # Slower than walking; every second step is heavier, and the trunk leans back and forth with it.
        hz = rng.uniform(1.1, 1.9)
        acceleration, rate = gait(rng, t, hz, rng.uniform(0.15, 0.4), rng.uniform(0.05, 0.15), rng.uniform(0.4, 1.2))
        slow = np.pi * hz * t + rng.uniform(0, 2 * np.pi)
        acceleration[:, 2] += rng.uniform(0.08, 0.3) * np.cos(slow)
        rate[:, 0] += rng.uniform(0.3, 0.9) * np.sin(slow)
    else:
        at, length = rng.uniform(0.5, 1.5), rng.uniform(0.2, 0.45)
        before, before_rate = gait(rng, t, rng.uniform(1.4, 2.6), rng.uniform(0.05, 0.5), 0.1, rng.uniform(0.2, 1.3))
        falling = ((t > at - length) & (t < at)).astype(float)
        walking = (t <= at - length).astype(float)[:, None]
        acceleration, rate = before * walking, before_rate * walking
        # Weightlessness cancels the gravity that is added below, by how freely the body falls.
        acceleration[:, 2] -= falling * rng.uniform(0.35, 0.95)
        direction = rng.normal(size=3)
        acceleration += impulse(t, at, 0.07, rng.uniform(0.9, 3.5))[:, None] * direction / np.linalg.norm(direction)
        rate += impulse(t, at - length / 2, length, rng.uniform(1.0, 4.0))[:, None] * rng.normal(size=3) * 0.7
    turn = rotation(rng)
    if name == "fall":  # gravity points elsewhere after the impact
        after = rotation(rng) @ up
        blend = (1 / (1 + np.exp(-(t - at) * 20)))[:, None]
        gravity = (1 - blend) * up + blend * after
    else:
        gravity = np.tile(up, (ROWS, 1))
    rows = np.concatenate(((acceleration + gravity) @ turn.T, rate @ turn.T), -1)
    rows += rng.normal(scale=[rng.uniform(0.02, 0.12)] * 3 + [rng.uniform(0.05, 0.25)] * 3, size=rows.shape)
    return rows.astype(np.float32)


def windows(count, seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    return np.stack([window(rng, kind) for kind in labels]), labels.astype(np.int64)


class MotionTransformer(nn.Module):
    """Two pre-norm GELU layers of torch's encoder over a Linear embedding of each row; mean pooling."""

    def __init__(self, width=32, heads=4, hidden=64, layers=2):
        super().__init__()
        self.sizes = SimpleNamespace(S=ROWS, D=width, H=heads, F=hidden, L=layers)
        self.embed = nn.Linear(CHANNELS, width)
        self.position = nn.Parameter(torch.randn(1, ROWS, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, hidden, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width))
        self.head = nn.Linear(width, len(CLASSES))

    def forward(self, window):
        return self.head(self.encoder(self.embed(window) + self.position).mean(dim=1))


def train(model):
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        inputs, labels = windows(BATCH, TRAIN_SEED + step)
        loss = F.cross_entropy(model(torch.from_numpy(inputs)), torch.from_numpy(labels))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 250 == 249:
            print(f"step {step + 1}: loss {loss.item():.3f}", flush=True)
    model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).resolve().parents[2] / "public" / "samples" / "motion"
    parser.add_argument("out", nargs="?", default=default, type=Path)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = MotionTransformer()
    train(model)

    trace, labels = windows(512, TRACE_SEED)
    calibration, _ = windows(128, CALIBRATION_SEED)
    # Gradients stay on: under no_grad torch runs an encoder layer in eval mode as one operator that has no ONNX form.
    predicted = model(torch.from_numpy(trace)).detach().argmax(-1).numpy()
    torch.onnx.export(
        model, (torch.from_numpy(trace[:2]),), str(out / "model.onnx"), opset_version=17,
        input_names=["window"], output_names=["logits"], dynamic_axes={"window": {0: "batch"}, "logits": {0: "batch"}},
    )  # fmt: skip
    np.save(out / "trace.npy", trace)
    np.save(out / "labels.npy", labels)
    np.save(out / "calibration.npy", calibration)
    confusion = np.zeros((len(CLASSES),) * 2, int)
    np.add.at(confusion, (labels, predicted), 1)
    metrics = {
        "classes": CLASSES,
        "parameters": sum(p.numel() for p in model.parameters()),
        **vars(model.sizes),
        "windows": len(trace),
        "accuracy": round(float((predicted == labels).mean()), 4),
        "recall": {name: round(float(row[i] / row.sum()), 4) for i, (name, row) in enumerate(zip(CLASSES, confusion))},
        "confusion": confusion.tolist(),
    }
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    print(json.dumps(metrics))


if __name__ == "__main__":
    main()
