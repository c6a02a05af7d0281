"""Draws labelled events, and writes the captures of the sample: a calibration capture, a held-out capture and its labels.

Everything follows from the seeds below. No payload occurs in two of the three sets (training, calibration, held-out), and neither do
the first WINDOW bytes of one, which are all that the model sees."""

import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import ambiguous
import attacks
import benign
import hard
import wire

WINDOW = 48
PAD = 256
THRESHOLD = 0.5
HELDOUT_SEED, CALIBRATION_SEED, TRAINING_SEED = 20_251, 20_252, 20_253
HELDOUT_EVENTS, CALIBRATION_EVENTS = 2000, 256
MAX_PAYLOAD = 640

# Shares of the mixture: of all events; of the benign rest; of the malicious rest.
AMBIGUOUS_SHARE, HARD_SHARE, EVASIVE_SHARE, LATE_SHARE = 0.14, 0.40, 0.25, 0.02
ATTACK_WEIGHTS = {"sqli": 30, "xss": 22, "cmdi": 16, "traversal": 15, "template": 9, "jndi": 8}

OUT = Path(__file__).resolve().parents[2] / "public/samples/payload"


@dataclass
class Event:
    """One packet's worth of traffic before headers are put around it; `port` is the server's, `reply` means from server to client."""

    payload: bytes
    label: int
    kind: str
    at: str
    udp: bool = False
    port: int = 80
    reply: bool = False
    evasive: bool = False

    @property
    def seen(self) -> bytes:
        return self.payload[:WINDOW]


def _weighted(rng, table):
    names = list(table)
    return rng.choices(names, [table[n][1] if isinstance(table[n], tuple) else table[n] for n in names])[0]


def draw(rng) -> Event:
    """One event of the mixture; both classes are equally likely."""
    if rng.random() < AMBIGUOUS_SHARE:
        family = rng.choice(list(ambiguous.FAMILIES))
        bad = rng.random() < ambiguous.FAMILIES[family]
        payload = family(rng, WINDOW, bad)
        return Event(payload, int(bad), "ambiguous-" + family.__name__.replace("_", "-"), "query" if payload[:4] == b"GET " else "form")
    if rng.random() < 0.5:
        kind = rng.choices(list(ATTACK_WEIGHTS), list(ATTACK_WEIGHTS.values()))[0]
        if rng.random() < LATE_SHARE:
            return Event(attacks.late_attack(rng, kind, WINDOW), 1, kind + "-late", "header")
        evasive = rng.random() < EVASIVE_SHARE
        payload, at, udp, port = attacks.attack(rng, kind, evasive)
        return Event(payload, 1, kind, at, udp, port, evasive=evasive)
    if rng.random() < HARD_SHARE:
        kind = _weighted(rng, hard.KINDS)
        payload, at, udp, port = hard.KINDS[kind][0](rng)
        return Event(payload, 0, kind, at, udp, port)
    if rng.random() < LATE_SHARE / 2:
        return Event(attacks.request_head(rng, WINDOW) + b"User-Agent: Mozilla/5.0\r\n\r\n", 0, "http-get", "header")
    kind = _weighted(rng, benign.KINDS)
    payload, udp, port, reply = benign.KINDS[kind][0](rng)
    return Event(payload, 0, kind, kind.split("-")[0], udp, port, reply)


def draw_set(seed: int, count: int, taken: set, balanced: bool = False) -> list:
    """`count` events whose payloads and first bytes are neither in `taken` nor, as payloads, drawn twice; `balanced` fixes half of each class."""
    rng = random.Random(seed)
    events, own, room = [], set(), [count // 2, count - count // 2]
    while len(events) < count:
        event = draw(rng)
        event.payload = event.payload[:MAX_PAYLOAD]
        if event.payload in own or event.seen in taken or (balanced and not room[event.label]):
            continue
        room[event.label] -= 1
        own.add(event.payload)
        events.append(event)
    return events


def heldout() -> list:
    return draw_set(HELDOUT_SEED, HELDOUT_EVENTS, set(), balanced=True)


def calibration() -> list:
    return draw_set(CALIBRATION_SEED, CALIBRATION_EVENTS, {e.seen for e in heldout()}, balanced=True)


def training(count: int, seed: int = TRAINING_SEED) -> list:
    return draw_set(seed, count, {e.seen for e in heldout()} | {e.seen for e in calibration()})


def tokens(payload: bytes) -> list:
    """The binding's tokens: the first WINDOW bytes, then PAD."""
    seen = payload[:WINDOW]
    return list(seen) + [PAD] * (WINDOW - len(seen))


def capture(events, seed: int, start_seconds: int) -> bytes:
    """A pcap file of `events`."""
    rng = random.Random(seed)
    return wire.pcap([wire.frame(rng, e) for e in events], rng, start_seconds)


def labels(events) -> dict:
    packets = []
    for e in events:
        packet = {"label": e.label, "kind": e.kind, "at": e.at}
        if e.evasive:
            packet["evasive"] = 1
        packets.append(packet)
    return {"threshold": THRESHOLD, "window": WINDOW, "packets": packets}


def main() -> int:
    """Write the files, or with --check compare them with those that stand there; 1 when they differ."""
    held, cal = heldout(), calibration()
    assert not {e.seen for e in held} & {e.seen for e in cal}
    files = {
        "heldout.pcap": capture(held, HELDOUT_SEED + 100, 1_763_712_000),
        "calibration.pcap": capture(cal, CALIBRATION_SEED + 100, 1_763_625_600),
        "heldout-labels.json": (json.dumps(labels(held), separators=(",", ":")) + "\n").encode(),
    }
    if sys.argv[1:] == ["--check"]:
        different = [name for name, data in files.items() if (OUT / name).read_bytes() != data]
        print(f"differ: {', '.join(different)}" if different else "the committed files follow from the seeds")
        return int(bool(different))
    OUT.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (OUT / name).write_bytes(data)
    assert wire.read_l4_payloads(OUT / "heldout.pcap") == [e.payload for e in held]
    assert wire.read_l4_payloads(OUT / "calibration.pcap") == [e.payload for e in cal]
    print(f"{len(held)} held-out and {len(cal)} calibration packets")
    return 0


if __name__ == "__main__":
    sys.exit(main())
