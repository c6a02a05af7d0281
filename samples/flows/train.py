"""Trains a small network on the features that `bpformer features` wrote. Usage: python3 train.py X.npy EVENTS.npy LABELS.json MODEL.onnx [--epochs N]"""

import argparse
import json

import numpy as np
import torch
from torch import nn

SEED = 5

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("features", "events", "labels", "model"):
        parser.add_argument(name)
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    x = torch.from_numpy(np.load(options.features))
    y = torch.from_numpy(np.array(json.load(open(options.labels)))[np.load(options.events)]).long()
    model = nn.Sequential(nn.Linear(x.shape[1], 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 2))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.01)
    for epoch in range(options.epochs):
        total = 0.0
        for part in torch.randperm(len(x)).split(256):
            loss = loss_of(model(x[part]), y[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(part)
        print(f"epoch {epoch} loss {total / len(x):.4f}", flush=True)
    model.eval()
    torch.onnx.export(model, x[:1], options.model, opset_version=16, input_names=["features"], output_names=["logits"])
