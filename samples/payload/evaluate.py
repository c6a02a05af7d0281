"""Measures model and baseline on the held-out capture, and writes every figure that README.md states to metrics.json."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

import baseline
import traffic
import train
import wire
from model import PayloadEncoder, multiply_accumulates, probabilities

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- figures: written by evaluate.py -->", "<!-- end of figures -->"


def exported_weights(model) -> dict:
    """The weights of the exported file. The exporter keeps the parameters' names, except that it transposes the weight of a linear
    layer over a sequence and gives it a number; the node that uses it still tells which it is."""
    graph = onnx.load(str(traffic.OUT / "payload-ids.onnx")).graph
    found = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in found:
            layer = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            found[layer + (".in_proj_weight" if layer.endswith("self_attn") else ".weight")] = found[node.input[1]].T
    return {name: found[name] for name in model.state_dict()}


def scores_of(payloads) -> list:
    model = PayloadEncoder(traffic.WINDOW, train.WIDTH, train.HEADS, train.HIDDEN, train.LAYERS)
    model.load_state_dict(exported_weights(model))
    return probabilities(model, torch.tensor([traffic.tokens(p) for p in payloads])).tolist()


def quality(labels, verdicts) -> dict:
    pairs = list(zip(labels, verdicts))
    hit, false_alarm, miss = pairs.count((1, 1)), pairs.count((0, 1)), pairs.count((1, 0))
    right = sum(a == b for a, b in pairs)
    return {
        "accuracy": round(right / len(pairs), 4),
        "f1": round(2 * hit / (2 * hit + false_alarm + miss), 4) if hit else 0.0,
        "accuracyBenign": share(pairs, 0),
        "accuracyMalicious": share(pairs, 1),
        "falseAlarms": false_alarm,
        "misses": miss,
    }


def share(pairs, label: int) -> float:
    chosen = [a == b for a, b in pairs if a == label]
    return round(sum(chosen) / len(chosen), 4) if chosen else 0.0


def calibration_error(labels, scores, bins: int = 10) -> float:
    """The mean distance between score and observed share of attacks over `bins` equal ranges of the score, weighted by size."""
    groups = defaultdict(list)
    for label, score in zip(labels, scores):
        groups[min(int(score * bins), bins - 1)].append((label, score))
    return round(sum(abs(sum(a for a, _ in g) - sum(b for _, b in g)) for g in groups.values()) / len(labels), 4)


def by(key, events, verdicts, rules) -> dict:
    groups = defaultdict(list)
    for event, verdict, rule in zip(events, verdicts, rules):
        groups[key(event)].append((event["label"] == verdict, event["label"] == rule))
    return {
        name: {"packets": len(g), "model": round(sum(a for a, _ in g) / len(g), 4), "baseline": round(sum(b for _, b in g) / len(g), 4)}
        for name, g in sorted(groups.items())
    }


def checksums_verified_by_tcpdump(path) -> dict:
    """How many packets tcpdump finds correct and incorrect; null where tcpdump is not installed."""
    try:
        out = subprocess.run(
            ["tcpdump", "-r", str(path), "-nn", "-vv"], capture_output=True, text=True, errors="replace", check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    correct = sum("(correct)" in line or "udp sum ok" in line for line in out.splitlines())
    return {
        "correct": correct,
        "incorrect": sum("incorrect" in line or "bad udp cksum" in line or "bad cksum" in line for line in out.splitlines()),
    }


def figures(metrics) -> str:
    """The tables of README.md."""
    held, size = metrics["heldout"], metrics["model"]
    percent = lambda x: f"{100 * x:.1f} %"
    lines = [
        f"{size['parameters']:,} parameters, {size['multiplyAccumulates']:,} multiply-accumulates an inference, {size['onnxBytes']:,} bytes of ONNX.",
        "",
        f"Held-out capture: {held['packets']:,} packets, {held['malicious']:,} of them attacks; {percent(held['hardNegativesAmongBenign'])} of the benign are hard negatives, "
        f"{percent(held['ambiguous'])} of all are ambiguous. **{percent(held['nearThreshold'])}** of the packets ({held['nearThresholdCount']}) score within 0.1 of the threshold, "
        f"{held['nearThresholdFromAmbiguous']} of them from the ambiguous families; no packet was chosen by its score. "
        f"The model's mean calibration error is {metrics['modelOnHeldout']['calibrationError']}.",
        "",
        "| on the held-out capture | accuracy | F1 | benign right | attacks found |",
        "|---|---|---|---|---|",
    ]
    rows = [
        ("model, first 48 bytes", metrics["modelOnHeldout"]),
        ("baseline, the same bytes", metrics["baselineOnSeenBytes"]),
        ("baseline, whole payload", metrics["baselineOnWholePayload"]),
    ]
    rest = metrics["withoutAmbiguousAndLate"]
    rows += [
        (f"{name}; {rest['packets']:,} packets, without ambiguous and late ones", rest[key])
        for name, key in (
            ("model", "model"),
            ("baseline, same bytes", "baselineOnSeenBytes"),
            ("baseline, whole payload", "baselineOnWholePayload"),
        )
    ]
    lines += [
        f"| {name} | {percent(q['accuracy'])} | {q['f1']:.3f} | {percent(q['accuracyBenign'])} | {percent(q['accuracyMalicious'])} |"
        for name, q in rows
    ]
    lines += ["", "| kind | packets | model right | baseline right (same bytes) |", "|---|---|---|---|"]
    lines += [f"| {kind} | {q['packets']} | {percent(q['model'])} | {percent(q['baseline'])} |" for kind, q in metrics["byKind"].items()]
    lines += [
        f"| *all {kind} attacks* | {q['packets']} | {percent(q['model'])} | {percent(q['baseline'])} |"
        for kind, q in metrics["evasiveAttacks"].items()
    ]
    return "\n".join(lines)


def main() -> None:
    torch.set_num_threads(1)
    payloads = wire.read_l4_payloads(traffic.OUT / "heldout.pcap")
    calibration = wire.read_l4_payloads(traffic.OUT / "calibration.pcap")
    events = json.loads((traffic.OUT / "heldout-labels.json").read_text())["packets"]
    labels = [e["label"] for e in events]
    assert len(events) == len(payloads)
    window = traffic.WINDOW
    assert not set(payloads) & set(calibration) and not {p[:window] for p in payloads} & {p[:window] for p in calibration}
    scores = scores_of(payloads)
    verdicts = [int(s > traffic.THRESHOLD) for s in scores]
    seen = [baseline.verdict(p[:window]) for p in payloads]
    whole = [baseline.verdict(p) for p in payloads]
    decidable = [i for i, e in enumerate(events) if not e["kind"].startswith("ambiguous") and not e["kind"].endswith("-late")]
    pick = lambda values: [values[i] for i in decidable]
    model = PayloadEncoder(window, train.WIDTH, train.HEADS, train.HIDDEN, train.LAYERS)
    metrics = {
        "model": {
            "parameters": sum(p.numel() for p in model.parameters()),
            "multiplyAccumulates": multiply_accumulates(window, train.WIDTH, train.HIDDEN, train.LAYERS),
            "window": window,
            "width": train.WIDTH,
            "heads": train.HEADS,
            "hidden": train.HIDDEN,
            "layers": train.LAYERS,
            "onnxBytes": (traffic.OUT / "payload-ids.onnx").stat().st_size,
        },
        "heldout": {
            "packets": len(events),
            "malicious": sum(labels),
            "hardNegativesAmongBenign": round(sum(e["kind"].startswith("hard-") for e in events) / labels.count(0), 4),
            "ambiguous": round(sum(e["kind"].startswith("ambiguous") for e in events) / len(events), 4),
            "nearThreshold": round(sum(abs(s - traffic.THRESHOLD) < 0.1 for s in scores) / len(events), 4),
            "nearThresholdFromAmbiguous": sum(
                abs(s - traffic.THRESHOLD) < 0.1 and e["kind"].startswith("ambiguous") for s, e in zip(scores, events)
            ),
            "nearThresholdCount": sum(abs(s - traffic.THRESHOLD) < 0.1 for s in scores),
            "checksums": checksums_verified_by_tcpdump(traffic.OUT / "heldout.pcap"),
        },
        "calibration": {
            "packets": len(calibration),
            "payloadsSharedWithHeldout": len(set(payloads) & set(calibration)),
            "checksums": checksums_verified_by_tcpdump(traffic.OUT / "calibration.pcap"),
        },
        "modelOnHeldout": {**quality(labels, verdicts), "calibrationError": calibration_error(labels, scores)},
        "baselineOnSeenBytes": quality(labels, seen),
        "baselineOnWholePayload": quality(labels, whole),
        "withoutAmbiguousAndLate": {
            "packets": len(decidable),
            "model": quality(pick(labels), pick(verdicts)),
            "baselineOnSeenBytes": quality(pick(labels), pick(seen)),
            "baselineOnWholePayload": quality(pick(labels), pick(whole)),
        },
        "byKind": by(lambda e: e["kind"], events, verdicts, seen),
        "byPlace": by(lambda e: e["at"], events, verdicts, seen),
        "evasiveAttacks": by(
            lambda e: "evasive" if e.get("evasive") else "plain",
            *zip(*[(e, v, s) for e, v, s in zip(events, verdicts, seen) if e["label"] and not e["kind"].startswith("ambiguous")]),
        ),
    }
    (HERE / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    readme.write_text(before + BEGIN + "\n" + figures(metrics) + "\n" + END + rest.partition(END)[2])
    ours = metrics["modelOnHeldout"]
    for name in ("baselineOnSeenBytes", "baselineOnWholePayload"):
        theirs = metrics[name]
        print(f"model {ours['accuracy']} / F1 {ours['f1']}, {name} {theirs['accuracy']} / F1 {theirs['f1']}", file=sys.stderr)
    print(f"near threshold {metrics['heldout']['nearThreshold']}", file=sys.stderr)


if __name__ == "__main__":
    main()
