"""Trains the sample's model and exports it with PyTorch's ONNX exporter. One thread, fixed seeds: the same file every time.

Usage: python3 train.py [--steps N] [--events N]"""

import argparse
import sys
import time

import numpy as np
import torch
from torch import nn

import traffic
import wire
from model import PayloadEncoder, multiply_accumulates, probabilities

SEED = 7
WIDTH, HEADS, HIDDEN, LAYERS = 32, 4, 64, 1
BATCH = 128


def dataset(events):
    rows = np.array([traffic.tokens(e.payload) for e in events], dtype=np.int64)
    return torch.from_numpy(rows), torch.tensor([e.label for e in events])


def train(model, tokens, labels, steps: int, validation):
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps, pct_start=0.1)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.01)
    order = torch.randperm(len(tokens))
    at, total, start = 0, 0.0, time.time()
    model.train()
    for step in range(1, steps + 1):
        if at + BATCH > len(order):
            order, at = torch.randperm(len(tokens)), 0
        rows = order[at : at + BATCH]
        at += BATCH
        loss = loss_of(model(tokens[rows]), labels[rows])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        total += loss.item()
        if step % 1000 == 0:
            scores = probabilities(model, validation[0])
            model.train()
            right = ((scores > traffic.THRESHOLD).long() == validation[1]).float().mean().item()
            near = ((scores - traffic.THRESHOLD).abs() < 0.1).float().mean().item()
            print(
                f"step {step} loss {total / 1000:.4f} validation accuracy {right:.4f} near {near:.3f} {time.time() - start:.0f} s",
                file=sys.stderr,
            )
            total = 0.0


def export(model, path) -> None:
    model.eval()
    # In evaluation mode torch replaces an encoder layer by one fused operator that ONNX lacks. A layer in training mode keeps the
    # plain operators; without dropout its result is the same.
    for layer in model.encoder.layers:
        layer.training = layer.self_attn.training = True
    torch.onnx.export(
        model,
        torch.zeros(1, traffic.WINDOW, dtype=torch.int64),
        str(path),
        opset_version=17,
        training=torch.onnx.TrainingMode.PRESERVE,
        input_names=["tokens"],
        output_names=["logits"],
        dynamic_axes={"tokens": {0: "batch"}, "logits": {0: "batch"}},
    )


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--steps", type=int, default=30_000)
    options.add_argument("--events", type=int, default=600_000)
    options = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    model = PayloadEncoder(traffic.WINDOW, WIDTH, HEADS, HIDDEN, LAYERS)
    parameters = sum(p.numel() for p in model.parameters())
    macs = multiply_accumulates(traffic.WINDOW, WIDTH, HIDDEN, LAYERS)
    print(f"{parameters} parameters, {macs} multiply-accumulates", file=sys.stderr)
    events = traffic.training(options.events)
    captured = {p[: traffic.WINDOW] for name in ("heldout.pcap", "calibration.pcap") for p in wire.read_l4_payloads(traffic.OUT / name)}
    assert not captured & {e.seen for e in events}, "run traffic.py first: training events occur in a capture"
    validation = dataset(events[:4000])
    tokens, labels = dataset(events[4000:])
    del events
    train(model, tokens, labels, options.steps, validation)
    model.eval()
    export(model, traffic.OUT / "payload-ids.onnx")


if __name__ == "__main__":
    main()
