"""Trains the sample's language model on generated stories and writes public/samples/stories: stories.onnx, tokenizer.json, prompts.json.

Usage: python3 train.py [--steps N] [--threads N] [--out FOLDER]. The default takes about a quarter of an hour on one quiet core."""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from bpe import END, Tokenizer, train as train_bpe
from model import Config, Decoder
from stories import stories

SEED = 20
BATCH = 16
LENGTH = 192
RATE = 6e-3
TRAINING, HELD_OUT = 16_000, 200


def batches(tokens, generator):
    while True:
        starts = torch.randint(len(tokens) - LENGTH - 1, (BATCH,), generator=generator)
        yield torch.stack([tokens[s : s + LENGTH + 1] for s in starts])


def loss_of(model, rows):
    return F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


def export(model, path):
    model.eval()
    tokens = torch.randint(1, 512, (1, 16))
    torch.onnx.export(
        model, (tokens,), str(path), opset_version=17, input_names=["input_ids"], output_names=["logits"],
        dynamic_axes={"input_ids": {1: "sequence"}, "logits": {1: "sequence"}},
    )


@torch.no_grad()
def sample(model, tokenizer, prompt, count):
    ids = [END, *tokenizer.encode(prompt)]
    while len(ids) < count:
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
        if ids[-1] == END:
            break
    return tokenizer.decode(ids)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--steps", type=int, default=1000)
    args.add_argument("--threads", type=int, default=1)
    args.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "public/samples/stories")
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)
    texts, held = stories(TRAINING, 1), stories(HELD_OUT, 2)
    tokenizer = Tokenizer(train_bpe(texts[:4000], Config().vocabulary))
    flat = lambda lines: torch.tensor([t for line in lines for t in (END, *tokenizer.encode(line))])
    tokens, test = flat(texts), flat(held)
    print(f"{len(tokens)} tokens, {sum(map(len, texts)) / len(tokens):.2f} bytes a token", file=sys.stderr)
    model = Decoder(Config())
    print(f"{sum(p.numel() for p in model.parameters())} parameters", file=sys.stderr)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "tokenizer.json").write_text(tokenizer.json())
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=args.steps, pct_start=0.06)
    rows = batches(tokens, torch.Generator().manual_seed(SEED))
    start, total = time.time(), 0.0
    for step in range(1, args.steps + 1):
        loss = loss_of(model, next(rows))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        total += loss.item()
        if step % 50 == 0:
            print(f"step {step} loss {total / 50:.3f} {time.time() - start:.0f} s", file=sys.stderr, flush=True)
            total = 0.0
        if step % 250 == 0:
            export(model, args.out / "stories.onnx")
            model.train()
            print(sample(model, tokenizer, "Once upon a time", 120), file=sys.stderr, flush=True)
    model.eval()
    with torch.no_grad():
        blocks = test[: len(test) // (LENGTH + 1) * (LENGTH + 1)].view(-1, LENGTH + 1)
        print(f"held-out loss {loss_of(model, blocks):.3f} nats a token", file=sys.stderr)
    export(model, args.out / "stories.onnx")
    (args.out / "prompts.json").write_text(json.dumps(held[:16], indent=1) + "\n")


if __name__ == "__main__":
    main()
