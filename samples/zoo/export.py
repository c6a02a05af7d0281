#!/usr/bin/env python3
"""Train a family of small encoder Transformers and export them with torch.onnx.export.

usage: export.py [OUT] [--only NAME]... [--untrained] [--list] [--inputs N] [--calibration N]

Writes OUT/NAME/{model.onnx,inputs.npy,calibration.npy,labels.npy} and OUT/manifest.json.
--untrained writes OUT/NAME.onnx only, with random weights. Needs PyTorch 1.12 or newer and NumPy.
"""

import argparse
import io
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from tasks import batch
from variants import VARIANTS

# Seeds far apart, so that training, calibration and comparison inputs never coincide.
TRAIN_SEED, CALIBRATION_SEED, COMPARE_SEED, VALIDATION_SEED = 1_000_000, 11, 22, 33


def scores(variant, output):
    """Class scores [N, C] of any head: a single sigmoid score p becomes (1 - p, p)."""
    return torch.stack((1 - output, output), -1) if variant.logit else output


def loss_of(variant, output, labels):
    s = scores(variant, output)
    return F.nll_loss(torch.log(s.clamp(min=1e-7)), labels) if variant.probabilities else F.cross_entropy(s, labels)


def predict(variant, model, inputs):
    with torch.enable_grad():  # keeps nn.TransformerEncoder off the fast path, which is not what is exported
        parts = [scores(variant, model(torch.from_numpy(p)).detach()) for p in np.array_split(inputs, 8)]
    return torch.cat(parts).argmax(-1).numpy()


def accuracy(variant, model, count, seed):
    inputs, labels = batch(variant, count, seed)
    return float((predict(variant, model, inputs) == labels).mean())


def train(variant, model):
    """One-cycle AdamW; stops early at 99.5 % on a validation set."""
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=variant.rate, total_steps=variant.steps, pct_start=0.15
    )
    for step in range(variant.steps):
        inputs, labels = batch(variant, variant.batch, TRAIN_SEED + 2 * step)
        loss = loss_of(variant, model(torch.from_numpy(inputs)), torch.from_numpy(labels))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 99 and accuracy(variant, model, 512, VALIDATION_SEED) >= 0.995:
            break
    model.eval()
    return step + 1


def export(variant, model):
    """The ONNX file's bytes.

    Parameters keep requires_grad and tracing runs with gradients on: under no_grad, torch 1.12 and later replace an
    encoder layer in eval mode by one fused operator that has no ONNX form.
    """
    model.eval()
    count = 1 if variant.dynamic == "none" else 2
    inputs, _ = batch(variant, count, 5)
    name = "features" if variant.features else "tokens"
    output = "probability" if variant.probabilities else "logits"
    axes = None
    if variant.dynamic != "none":
        axes = {name: {0: "batch"}, output: {0: "batch"}}
        if variant.dynamic == "batch+sequence":
            axes[name][1] = "sequence"
    out = io.BytesIO()
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.from_numpy(inputs),), out, opset_version=variant.opset, input_names=[name],
            output_names=[output], dynamic_axes=axes, do_constant_folding=variant.fold,
        )  # fmt: skip
    return out.getvalue()


def describe(variant, model, trained_steps, measured):
    return {
        "name": variant.name, "style": variant.style, "opset": variant.opset, "dynamic": variant.dynamic,
        "S": variant.S, "D": variant.D, "H": variant.H, "F": variant.F, "L": variant.L, "classes": variant.C,
        "vocabulary": 0 if variant.features else variant.V, "features": variant.features,
        "output": ("sigmoid" if variant.logit else "softmax") if variant.probabilities else "logits",
        "task": variant.task, "padded": variant.padded,
        "params": sum(p.numel() for p in model.parameters()), "steps": trained_steps, "accuracy": measured,
    }  # fmt: skip


def write_trained(variant, folder, input_count, calibration_count):
    torch.manual_seed(0)
    model = variant.module()
    steps = train(variant, model)
    folder.mkdir(parents=True, exist_ok=True)
    inputs, labels = batch(variant, input_count, COMPARE_SEED)
    calibration, _ = batch(variant, calibration_count, CALIBRATION_SEED)
    (folder / "model.onnx").write_bytes(export(variant, model))
    np.save(folder / "inputs.npy", inputs)
    np.save(folder / "calibration.npy", calibration)
    np.save(folder / "labels.npy", labels)
    measured = float((predict(variant, model, inputs) == labels).mean())
    return describe(variant, model, steps, round(measured, 4))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", default=".cache/zoo", type=Path)
    parser.add_argument("--only", action="append", metavar="NAME", help="only this variant (may be repeated)")
    parser.add_argument("--untrained", action="store_true", help="random weights, OUT/NAME.onnx only")
    parser.add_argument("--list", action="store_true", help="print the variants and stop")
    parser.add_argument("--inputs", type=int, default=512, help="inputs for comparison (default 512)")
    parser.add_argument("--calibration", type=int, default=128, help="inputs for calibration (default 128)")
    arguments = parser.parse_args()

    known = {v.name: v for v in VARIANTS}
    unknown = [n for n in arguments.only or [] if n not in known]
    if unknown:
        parser.error(f"no variant named {unknown[0]}; --list prints the names")
    chosen = [known[n] for n in arguments.only] if arguments.only else VARIANTS
    if arguments.list:
        for v in chosen:
            print(f"{v.name:26} opset {v.opset}  S{v.S} D{v.D} H{v.H} F{v.F} L{v.L}  {v.dynamic:14}  {v.style}")
        return

    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    manifest_path = arguments.out / "manifest.json"
    for variant in chosen:
        start = time.monotonic()
        if arguments.untrained:
            torch.manual_seed(0)
            data = export(variant, variant.module())
            (arguments.out / f"{variant.name}.onnx").write_bytes(data)
            print(f"{variant.name}: {len(data)} bytes", flush=True)
            continue
        entry = write_trained(variant, arguments.out / variant.name, arguments.inputs, arguments.calibration)
        entries = json.loads(manifest_path.read_text()) if manifest_path.exists() else []
        entries = [e for e in entries if e["name"] != variant.name] + [entry]
        order = list(known)
        entries.sort(key=lambda e: order.index(e["name"]) if e["name"] in order else len(order))
        manifest_path.write_text(json.dumps(entries, indent=1) + "\n")
        seconds = time.monotonic() - start
        print(f"{variant.name}: accuracy {entry['accuracy']:.3f}, {entry['steps']} steps, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
