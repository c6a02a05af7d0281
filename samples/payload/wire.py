"""Ethernet, IPv4/IPv6, TCP and UDP headers with valid checksums, and classic pcap files (microseconds)."""

import ipaddress
import struct

PCAP_MAGIC_MICROSECONDS = 0xA1B2C3D4
LINKTYPE_ETHERNET = 1
ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_VLAN = 0x0800, 0x86DD, 0x8100
PROTO_TCP, PROTO_UDP = 6, 17


def internet_checksum(data: bytes) -> int:
    """The ones' complement sum of RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _pseudo_header(src, dst, proto: int, length: int) -> bytes:
    if src.version == 4:
        return src.packed + dst.packed + struct.pack(">BBH", 0, proto, length)
    return src.packed + dst.packed + struct.pack(">IHBB", length, 0, 0, proto)


def _tcp(rng, src, dst, sport: int, dport: int, payload: bytes) -> bytes:
    """A PSH+ACK segment. Most senders use timestamps (RFC 7323), so the data offset is usually 8 words."""
    options = b""
    if rng.random() < 0.85:
        options = b"\x01\x01\x08\x0a" + struct.pack(">II", rng.getrandbits(32), rng.getrandbits(32))
    offset_words = 5 + len(options) // 4
    seq, ack, window = rng.getrandbits(32), rng.getrandbits(32), rng.randint(229, 65535)
    head = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, offset_words << 4, 0x18, window, 0, 0) + options
    segment = head + payload
    check = internet_checksum(_pseudo_header(src, dst, PROTO_TCP, len(segment)) + segment)
    return segment[:16] + struct.pack(">H", check) + segment[18:]


def _udp(src, dst, sport: int, dport: int, payload: bytes) -> bytes:
    datagram = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload
    check = internet_checksum(_pseudo_header(src, dst, PROTO_UDP, len(datagram)) + datagram) or 0xFFFF
    return datagram[:6] + struct.pack(">H", check) + datagram[8:]


def _ip(rng, src, dst, proto: int, body: bytes) -> bytes:
    ttl = rng.choice([52, 57, 63, 64, 64, 117, 128])
    if src.version == 6:
        flow = 0x60000000 | rng.getrandbits(20)
        return struct.pack(">IHBB", flow, len(body), proto, ttl) + src.packed + dst.packed + body
    dont_fragment = 0x4000
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), rng.getrandbits(16), dont_fragment, ttl, proto, 0)
    head += src.packed + dst.packed
    return head[:10] + struct.pack(">H", internet_checksum(head)) + head[12:] + body


def _addresses(rng):
    """A client of a documentation range (RFC 5737, RFC 3849) and a server of a private one, or both IPv6."""
    if rng.random() < 0.06:
        net = int(ipaddress.IPv6Address("2001:db8::"))
        client = ipaddress.IPv6Address(net | rng.getrandbits(16) << 64 | rng.getrandbits(62))
        server = ipaddress.IPv6Address(net | 0xFFFF << 64 | rng.randint(1, 40))
        return client, server
    nets = [int(ipaddress.IPv4Address(n)) for n in ("192.0.2.0", "198.51.100.0", "203.0.113.0")]
    client = ipaddress.IPv4Address(rng.choice(nets) + rng.randint(1, 254))
    server = ipaddress.IPv4Address(int(ipaddress.IPv4Address("10.20.0.0")) + rng.randint(1, 40))
    return client, server


def frame(rng, event) -> bytes:
    """One Ethernet frame that carries `event.payload` from client to server, or back when `event.reply` is set."""
    src, dst = _addresses(rng)
    sport, dport = rng.randint(32768, 60999), event.port
    macs = [bytes([0x02, 0x42, 0, 0, side, rng.randint(1, 40)]) for side in (1, 2)]
    if event.reply:
        src, dst, sport, dport = dst, src, dport, sport
        macs.reverse()
    if event.udp:
        packet = _ip(rng, src, dst, PROTO_UDP, _udp(src, dst, sport, dport, event.payload))
    else:
        packet = _ip(rng, src, dst, PROTO_TCP, _tcp(rng, src, dst, sport, dport, event.payload))
    ether = struct.pack(">H", ETHERTYPE_IPV4 if src.version == 4 else ETHERTYPE_IPV6)
    if rng.random() < 0.05:
        ether = struct.pack(">HH", ETHERTYPE_VLAN, rng.randint(2, 400)) + ether
    return macs[1] + macs[0] + ether + packet


def pcap(frames, rng, start_seconds: int) -> bytes:
    """A capture of `frames` with rising time stamps; gaps are exponential with a mean of 4 ms."""
    micros = start_seconds * 1_000_000
    out = [struct.pack("<IHHiIII", PCAP_MAGIC_MICROSECONDS, 2, 4, 0, 0, 65535, LINKTYPE_ETHERNET)]
    for data in frames:
        micros += 1 + int(rng.expovariate(1 / 4000))
        out.append(struct.pack("<IIII", micros // 1_000_000, micros % 1_000_000, len(data), len(data)) + data)
    return b"".join(out)


def read_l4_payloads(path) -> list:
    """The L4 payloads of a capture that `pcap` made, found from the headers alone."""
    data = open(path, "rb").read()
    payloads, at = [], 24
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        packet = data[at + 16 : at + 16 + length]
        at += 16 + length
        ethertype, l3 = struct.unpack_from(">H", packet, 12)[0], 14
        if ethertype == ETHERTYPE_VLAN:
            ethertype, l3 = struct.unpack_from(">H", packet, 16)[0], 18
        if ethertype == ETHERTYPE_IPV4:
            proto, l4 = packet[l3 + 9], l3 + (packet[l3] & 15) * 4
        else:
            proto, l4 = packet[l3 + 6], l3 + 40
        payloads.append(packet[l4 + 8 :] if proto == PROTO_UDP else packet[l4 + (packet[l4 + 12] >> 4) * 4 :])
    return payloads
