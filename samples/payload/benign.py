"""Everyday traffic: HTTP in both directions, TLS, DNS, SSH and SMTP."""

import struct

from carriers import dns, dns_name, email, in_form, in_header, in_json, in_path, in_query, in_smtp, path, plain_value, request, token, words
from vocabulary import ACCENTED, AGENTS, HOSTS, KEYS, NAMES, TLDS, WORDS


def http_get(rng):
    pick = rng.random()
    if pick < 0.35:
        target = path(rng)
        return request(rng, rng.choice(["GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE"]), target), False, 80, False
    if pick < 0.75:
        return in_query(rng, plain_value(rng)), False, 80, False
    if pick < 0.9:
        return (
            in_path(rng, rng.choice([plain_value(rng).replace("/", "-"), "-".join(words(rng, 2, 6).split()), token(rng, 8, 32) + ".js"])),
            False,
            80,
            False,
        )
    value = rng.choice(
        [
            rng.choice(AGENTS),
            f"https://{rng.choice(HOSTS)}{path(rng)}",
            token(rng, 8, 30),
            "1.2",
            f"10.20.0.{rng.randint(1, 40)}",
            "application/json",
        ]
    )
    return in_header(rng, value), False, 80, False


def http_post(rng):
    pick = rng.random()
    if pick < 0.4:
        return in_form(rng, plain_value(rng)), False, 80, False
    if pick < 0.75:
        return in_json(rng, plain_value(rng)), False, 80, False
    body = in_json(rng, plain_value(rng)) if rng.random() < 0.5 else in_form(rng, plain_value(rng))
    kind = "application/json" if body[:1] in b"{[" else "application/x-www-form-urlencoded"
    return request(rng, rng.choice(["POST", "POST", "PUT", "PATCH"]), path(rng), body=body, body_type=kind), False, 80, False


def http_text(rng):
    """Free text of a person: comments, reviews, messages."""
    text = words(rng, 4, 14).capitalize() + rng.choice([".", "!", "?", "...", " :)", ""])
    if rng.random() < 0.3:
        text = rng.choice(["Hi! ", "Thanks, ", "Note: ", "Q: ", "(urgent) ", "5/5 - "]) + text
    carrier = rng.choice([in_form, in_json, in_query])
    return carrier(rng, text), False, 80, False


def http_reply(rng):
    status = rng.choice(
        [
            "200 OK",
            "200 OK",
            "200 OK",
            "304 Not Modified",
            "404 Not Found",
            "302 Found",
            "201 Created",
            "500 Internal Server Error",
            "204 No Content",
        ]
    )
    kind = rng.choice(["text/html; charset=utf-8", "application/json", "text/css", "image/png", "application/javascript"])
    body = {
        "text/html; charset=utf-8": f'<!DOCTYPE html>\n<html><head><title>{words(rng, 1, 4)}</title><script src="/app.js"></script></head>',
        "application/json": in_json(rng, plain_value(rng)).decode(),
        "text/css": f".{rng.choice(WORDS)} {{ color: #{token(rng, 6, 6)}; }}",
        "image/png": "\x89PNG",
        "application/javascript": f"const {rng.choice(WORDS)} = () => {{ return {rng.randint(0, 99)}; }};",
    }[kind]
    lines = [
        f"Server: {rng.choice(['nginx', 'Apache/2.4.62', 'cloudedge', 'gunicorn'])}",
        f"Date: Fri, {rng.randint(1, 28):02} Nov 2025 {rng.randint(0, 23):02}:{rng.randint(0, 59):02}:07 GMT",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        f'ETag: "{token(rng, 8, 16)}"',
    ]
    rng.shuffle(lines)
    if rng.random() < 0.25:
        # a later segment of a page: markup and script that belong to the site
        return (
            body.encode("latin-1") + f"<body><h1>{words(rng, 2, 5)}</h1><p>{words(rng, 8, 40)}</p></body></html>".encode(),
            False,
            80,
            True,
        )
    return (f"HTTP/1.1 {status}\r\n" + "\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1"), False, 80, True


def tls(rng):
    pick = rng.random()
    reply = rng.random() < 0.4
    if pick < 0.35:
        sni = ".".join(part.decode() for part in dns_name(rng)).encode()
        ext = (
            struct.pack(">HHHBH", 0, len(sni) + 5, len(sni) + 3, 0, len(sni))
            + sni
            + bytes.fromhex("000b00020100000a00080006001d00170018001000080006026832")
        )
        suites = bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8")
        body = (
            b"\x03\x03"
            + rng.randbytes(32)
            + b"\x20"
            + rng.randbytes(32)
            + struct.pack(">H", len(suites))
            + suites
            + b"\x01\0"
            + struct.pack(">H", len(ext))
            + ext
        )
        hand = b"\x01" + len(body).to_bytes(3, "big") + body
        return b"\x16\x03\x01" + struct.pack(">H", len(hand)) + hand, False, 443, False
    if pick < 0.5:
        body = (
            b"\x03\x03"
            + rng.randbytes(32)
            + b"\x20"
            + rng.randbytes(32)
            + b"\x13\x02\0"
            + bytes.fromhex("002e002b0002030400330024001d0020")
            + rng.randbytes(32)
        )
        hand = b"\x02" + len(body).to_bytes(3, "big") + body
        return b"\x16\x03\x03" + struct.pack(">H", len(hand)) + hand + b"\x14\x03\x03\0\1\1", False, 443, True
    size = rng.randint(20, 500)
    if pick < 0.6:
        return b"\x15\x03\x03" + struct.pack(">H", 26) + rng.randbytes(26), False, 443, reply
    return b"\x17\x03\x03" + struct.pack(">H", size) + rng.randbytes(size), False, 443, reply


def dns_traffic(rng):
    answer = rng.random() < 0.45
    return dns(rng, dns_name(rng), answer), True, 53, answer


def ssh(rng):
    pick = rng.random()
    reply = rng.random() < 0.5
    if pick < 0.3:
        who = rng.choice(
            [
                "OpenSSH_9.6p1 Ubuntu-3ubuntu13.5",
                "OpenSSH_9.2p1 Debian-2+deb12u3",
                "OpenSSH_8.9",
                "libssh2_1.11.0",
                "PuTTY_Release_0.81",
                "Go",
                "paramiko_3.4.0",
            ]
        )
        return f"SSH-2.0-{who}{rng.choice(['', '', ' ' + token(rng, 3, 8)])}\r\n".encode(), False, 22, reply
    if pick < 0.5:
        lists = [
            rng.sample(pool, rng.randint(2, len(pool)))
            for pool in (
                ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "sntrup761x25519-sha512"],
                ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256"],
                ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr"],
            )
        ]
        body = b"\x14" + rng.randbytes(16) + b"".join(struct.pack(">I", len(",".join(names))) + ",".join(names).encode() for names in lists)
        pad = 8 - (len(body) + 5) % 8 + 4
        return struct.pack(">IB", len(body) + pad + 1, pad) + body + bytes(pad), False, 22, reply
    return rng.randbytes(rng.choice([36, 44, 52, 68, 84, 100, 164])), False, 22, reply


def smtp(rng):
    pick = rng.randrange(4)
    if pick == 0:
        lines = [
            f"220 mail.{rng.choice(WORDS)}.{rng.choice(TLDS)} ESMTP Postfix",
            f"250-mail.{rng.choice(WORDS)}.{rng.choice(TLDS)}\r\n250-SIZE {rng.randint(10, 99)}240000\r\n250 8BITMIME",
            f"250 2.1.0 Ok {token(rng, 4, 8)}",
            f"354 End data with <CR><LF>.<CR><LF> {token(rng, 3, 6)}",
            f"250 2.0.0 Ok: queued as {token(rng, 10, 12)}",
            f"221 2.0.0 Bye {rng.choice(NAMES)}",
        ]
        return (rng.choice(lines) + "\r\n").encode(), False, 25, True
    if pick == 1:
        return (
            rng.choice(
                [
                    f"EHLO {rng.choice(WORDS)}.{rng.choice(WORDS)}.{rng.choice(TLDS)}\r\n",
                    f"MAIL FROM:<{email(rng)}> SIZE={rng.randint(500, 90000)}\r\n",
                    f"RCPT TO:<{email(rng)}>\r\n",
                    f"MAIL FROM:<{email(rng)}>\r\n",
                ]
            ).encode(),
            False,
            25,
            False,
        )
    if pick == 2:
        return in_smtp(rng, words(rng, 2, 7).capitalize()), False, 25, False
    head = [
        f"From: {rng.choice(NAMES).title()} {rng.choice(NAMES).title()} <{email(rng)}>",
        f"To: {email(rng)}",
        f"Subject: {words(rng, 2, 7)}",
        f"Date: Thu, {rng.randint(1, 28)} Nov 2025 10:{rng.randint(10, 59)}:00 +0100",
        f"Message-ID: <{token(rng, 10, 16)}@{rng.choice(WORDS)}.example>",
        "MIME-Version: 1.0",
    ]
    rng.shuffle(head)
    return ("\r\n".join(head) + f"\r\n\r\n{words(rng, 8, 40).capitalize()}.\r\n").encode(), False, 25, False


def encoded_text(rng):
    """Ordinary text that must be percent-encoded: accents, other scripts, quotation marks, addresses of pages."""
    text = rng.choice(
        [
            f"{rng.choice(ACCENTED)} {rng.choice(ACCENTED)}",
            f"{words(rng, 1, 2)} {rng.choice(ACCENTED)}",
            f'"{words(rng, 2, 4)}"',
            f"https://{rng.choice(HOSTS)}{path(rng)}?{rng.choice(KEYS)}={plain_value(rng)}",
            f"{rng.randint(1, 99)}% off {words(rng, 1, 2)}",
            f"{words(rng, 1, 2)} & {words(rng, 1, 2)}",
            f"{rng.choice(WORDS)}/{rng.choice(WORDS)} ({rng.randint(1, 99)})",
            f"{rng.choice(NAMES)}+{rng.choice(WORDS)}@{rng.choice(WORDS)}.example",
            f"#{rng.choice(WORDS)} #{rng.choice(WORDS)}",
            f"{rng.randint(1, 23)}:{rng.randint(10, 59)} - {rng.randint(1, 23)}:{rng.randint(10, 59)}",
        ]
    )
    return rng.choice([in_query, in_query, in_form, in_path])(rng, text.replace("/", "-") if rng.random() < 0.3 else text), False, 80, False


KINDS = {
    "http-get": (http_get, 26),
    "http-post": (http_post, 14),
    "http-text": (http_text, 10),
    "http-reply": (http_reply, 8),
    "http-encoded": (encoded_text, 8),
    "tls": (tls, 12),
    "dns": (dns_traffic, 10),
    "ssh": (ssh, 5),
    "smtp": (smtp, 7),
}
