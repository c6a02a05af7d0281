"""Captures of flows that overlap, everyday ones and attacks, and a label for each packet. Usage: python3 traffic.py CAPTURE.pcap LABELS.json [--flows N] [--seed S]"""

import argparse
import json
import random
import struct

ATTACKS = ("scan", "flood", "slow", "beacon", "exfil", "guess")
NORMAL = ("web", "dns", "shell", "video", "mail", "api")
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def frame(src, dst, proto, sport, dport, flags, size, ttl):
    payload = b"x" * size
    if proto == 6:
        body = struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 5 << 4, flags, 64240, 0, 0) + payload
    else:
        body = struct.pack(">HHHH", sport, dport, 8 + size, 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0x4000, ttl, proto, 0, src, dst)
    return b"\x02" * 12 + b"\x08\x00" + ip + body


def flow(rng, kind):
    """Packets of one flow: (seconds since its begin, 1 back, flags, payload bytes), its protocol and port."""
    t, packets = 0.0, []

    def send(back, size, flags=PSH | ACK, gap=None):
        nonlocal t
        t += gap if gap is not None else rng.expovariate(1 / 0.01)
        packets.append((t, back, flags, size))

    def hello():
        send(0, 0, SYN, 0.0)
        send(1, 0, SYN | ACK, rng.uniform(0.005, 0.1))
        send(0, 0, ACK, 0.0005)

    proto, port = 6, 443
    if kind == "dns":
        proto, port = 17, 53
        for _ in range(rng.randint(1, 4)):
            send(0, rng.randint(25, 60), 0)
            send(1, rng.randint(60, 400), 0, rng.uniform(0.002, 0.06))
        return packets, proto, port
    if kind == "scan":
        send(0, 0, SYN, 0.0)
        if rng.random() < 0.8:
            send(1, 0, RST | ACK, rng.uniform(0.0002, 0.05))
        return packets, proto, rng.randint(1, 10000)
    if kind == "flood":
        for _ in range(rng.randint(5, 40)):
            send(0, 0, SYN, rng.expovariate(1 / 0.0004))
        return packets, proto, 80
    hello()
    if kind == "web":
        port = rng.choice([80, 443, 8080])
        for _ in range(rng.randint(1, 6)):
            send(0, rng.randint(80, 900), gap=rng.expovariate(1 / 0.4))
            for _ in range(rng.randint(2, 14)):
                send(1, rng.choice([1448, 1448, rng.randint(100, 1448)]), gap=rng.expovariate(1 / 0.003))
            send(0, 0, ACK)
    elif kind == "shell":
        port = 22
        for _ in range(rng.randint(10, 60)):
            send(0, rng.randint(36, 60), gap=rng.lognormvariate(-1.6, 0.9))
            send(1, rng.randint(36, 200), gap=rng.uniform(0.01, 0.08))
    elif kind == "video":
        for _ in range(rng.randint(8, 30)):
            send(0, rng.randint(100, 400), gap=rng.uniform(0.5, 4))
            for _ in range(rng.randint(5, 12)):
                send(1, 1448, gap=rng.expovariate(1 / 0.001))
    elif kind == "mail":
        port = 25
        for _ in range(rng.randint(4, 8)):
            send(1, rng.randint(20, 80), gap=rng.uniform(0.01, 0.2))
            send(0, rng.randint(10, 60))
        for _ in range(rng.randint(1, 20)):
            send(0, 1448, gap=rng.expovariate(1 / 0.004))
        send(1, 30, gap=0.1)
    elif kind == "api":
        for _ in range(rng.randint(5, 25)):
            send(0, rng.randint(200, 700), gap=rng.expovariate(1 / 1.5))
            send(1, rng.randint(150, 3000) % 1448, gap=rng.uniform(0.01, 0.3))
    elif kind == "slow":
        port = 80
        for _ in range(rng.randint(8, 30)):
            send(0, rng.randint(1, 12), gap=rng.uniform(5, 12))
            send(1, 0, ACK, 0.03)
    elif kind == "beacon":
        period, size = rng.uniform(3, 12), rng.randint(40, 200)
        for _ in range(rng.randint(6, 25)):
            send(0, size, gap=period * rng.uniform(0.98, 1.02))
            send(1, rng.randint(20, 40), gap=rng.uniform(0.02, 0.06))
    elif kind == "exfil":
        for _ in range(rng.randint(60, 200)):
            send(0, 1448, gap=rng.expovariate(1 / 0.002))
            if rng.random() < 0.3:
                send(1, 0, ACK, 0.0004)
    elif kind == "guess":
        port = 22
        for _ in range(rng.randint(3, 6)):
            send(0, rng.randint(90, 150), gap=rng.uniform(0.02, 0.06))
            send(1, rng.randint(60, 90), gap=rng.uniform(0.02, 0.06))
        send(1, 0, RST | ACK, 0.01)
        return packets, proto, port
    send(0, 0, FIN | ACK)
    send(1, 0, FIN | ACK)
    return packets, proto, port


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("capture")
    parser.add_argument("labels")
    parser.add_argument("--flows", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    events = []
    for _ in range(options.flows):
        attack = rng.random() < 0.4
        packets, proto, port = flow(rng, rng.choice(ATTACKS if attack else NORMAL))
        ends = [(bytes([10, 0, rng.randint(0, 3), rng.randint(1, 250)]), rng.randint(32768, 60999)), (bytes([192, 0, 2, rng.randint(1, 250)]), port)]
        begin, ttl = rng.uniform(0, options.flows / 10), rng.choice([64, 64, 128])
        for at, back, flags, size in packets:
            src, dst = (ends[1], ends[0]) if back else ends
            events.append((begin + at, frame(src[0], dst[0], proto, src[1], dst[1], flags, size, ttl), int(attack)))
    events.sort(key=lambda event: event[0])
    with open(options.capture, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for at, data, _ in events:
            out.write(struct.pack("<IIII", 1_700_000_000 + int(at), int(at % 1 * 1e9), len(data), len(data)) + data)
    with open(options.labels, "w") as out:
        json.dump([label for _, _, label in events], out)
