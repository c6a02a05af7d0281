"""Protocol messages that carry a text. Benign and malicious texts travel in the same carriers, so that a carrier tells nothing."""

import base64
import string
import struct

import escape
from vocabulary import AGENTS, FILES, HOSTS, KEYS, NAMES, PAGES, SEGMENTS, TLDS, WORDS


def words(rng, low: int, high: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def token(rng, low: int, high: int) -> str:
    alphabet = rng.choice(["0123456789abcdef", string.ascii_letters + string.digits])
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(low, high)))


def email(rng) -> str:
    return f"{rng.choice(NAMES)}{rng.choice(['.', '_', ''])}{rng.choice(NAMES)}@{rng.choice(WORDS)}.{rng.choice(TLDS)}"


def plain_value(rng) -> str:
    """An everyday parameter value."""
    pick = rng.randrange(10)
    if pick < 3:
        return str(rng.randint(1, 10 ** rng.randint(1, 7)))
    if pick < 5:
        return rng.choice(WORDS)
    if pick == 5:
        return words(rng, 2, 5)
    if pick == 6:
        return token(rng, 6, 24)
    if pick == 7:
        return rng.choice([email(rng), rng.choice(NAMES), f"20{rng.randint(10, 26)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"])
    if pick == 8:
        return rng.choice(["true", "false", "asc", "desc", "en", "de", "en-GB", "all", "none", "json", "1.5", "-1", "EUR"])
    return rng.choice(FILES)


def path(rng, short: bool = False) -> str:
    if short:
        return "/" + rng.choice([rng.choice(SEGMENTS), rng.choice(PAGES), ""])
    parts = [rng.choice(SEGMENTS) for _ in range(rng.randint(0, 3))]
    if rng.random() < 0.4:
        parts.append(rng.choice(PAGES))
    elif rng.random() < 0.3:
        parts.append(rng.choice([str(rng.randint(1, 99999)), token(rng, 6, 12), "-".join(words(rng, 2, 5).split())]))
    return "/" + "/".join(parts)


def version(rng) -> str:
    return "HTTP/1.1" if rng.random() < 0.96 else "HTTP/1.0"


def headers(rng, first=()) -> str:
    """Request headers with Host first, unless `first` says otherwise."""
    lines = [*first, f"Host: {rng.choice(HOSTS)}"]
    extra = [f"User-Agent: {rng.choice(AGENTS)}"]
    if rng.random() < 0.7:
        extra.append("Accept: " + rng.choice(["*/*", "text/html,application/xhtml+xml", "application/json", "image/avif,image/webp,*/*"]))
    if rng.random() < 0.3:
        extra.append("Accept-Encoding: gzip, deflate")
    if rng.random() < 0.25:
        extra.append("Accept-Language: " + rng.choice(["en-GB,en;q=0.8", "de-DE,de;q=0.9", "fr", "es-ES"]))
    if rng.random() < 0.25:
        extra.append(f"Cookie: {rng.choice(['sid', 'session', 'PHPSESSID', 'lang'])}={token(rng, 8, 26)}")
    if rng.random() < 0.15:
        extra.append(f"Authorization: Bearer {token(rng, 20, 40)}")
    if rng.random() < 0.2:
        extra.append(f"Referer: https://{rng.choice(HOSTS)}{path(rng)}")
    if rng.random() < 0.5:
        extra.append("Connection: " + rng.choice(["keep-alive", "close"]))
    rng.shuffle(extra)
    return "\r\n".join(lines + extra) + "\r\n\r\n"


def request(rng, method: str, target: str, first=(), body: bytes = b"", body_type: str = "") -> bytes:
    first = list(first)
    if body:
        first += [f"Content-Length: {len(body)}", f"Content-Type: {body_type}"]
    return f"{method} {target} {version(rng)}\r\n{headers(rng, first)}".encode() + body


def query_prefix(rng) -> str:
    """At most one ordinary parameter before the one of interest."""
    return "".join(f"{rng.choice(KEYS)}={escape.in_url(rng, plain_value(rng))}&" for _ in range(rng.choice([0, 0, 0, 0, 0, 1])))


def in_query(rng, text: str, written: str = "") -> bytes:
    """GET with the text as a parameter; `written` is the text already encoded, when the encoding is part of the matter."""
    target = f"{path(rng, short=True)}?{query_prefix(rng)}{rng.choice(KEYS)}={written or escape.in_url(rng, text)}"
    if rng.random() < 0.25:
        target += f"&{rng.choice(KEYS)}={escape.in_url(rng, plain_value(rng))}"
    return request(rng, "GET", target)


def in_path(rng, text: str, written: str = "") -> bytes:
    start = "/" + "".join(rng.choice(SEGMENTS) + "/" for _ in range(rng.randint(0, 1)))
    return request(rng, rng.choice(["GET", "GET", "GET", "HEAD", "DELETE"]), start + (written or escape.in_path(rng, text)))


def in_form(rng, text: str, written: str = "") -> bytes:
    """The body of a form POST in a segment of its own, as clients send it that write head and body separately."""
    before = "".join(f"{rng.choice(KEYS)}={escape.in_form(rng, plain_value(rng))}&" for _ in range(rng.choice([0, 0, 0, 1])))
    after = "".join(f"&{rng.choice(KEYS)}={escape.in_form(rng, plain_value(rng))}" for _ in range(rng.choice([0, 1, 2])))
    return f"{before}{rng.choice(KEYS)}={written or escape.in_form(rng, text)}{after}".encode()


def json_value(rng) -> str:
    value = plain_value(rng)
    return value if value.isdigit() or value in ("true", "false") else f'"{escape.in_json(value)}"'


def in_json(rng, text: str) -> bytes:
    """A JSON body in a segment of its own."""
    colon, comma = rng.choice([(":", ","), (": ", ", ")])
    members = [f'"{rng.choice(KEYS)}"{colon}{json_value(rng)}' for _ in range(rng.choice([0, 0, 0, 1]))]
    members.append(f'"{rng.choice(KEYS)}"{colon}"{escape.in_json(text, rng.random() < 0.5)}"')
    members += [f'"{rng.choice(KEYS)}"{colon}{json_value(rng)}' for _ in range(rng.choice([0, 1, 2, 3]))]
    start = rng.choice(["{", "{", "{", "[{", "{\n  "])
    return (start + comma.join(members) + ("}]" if start == "[{" else "}")).encode()


def in_header(rng, text: str) -> bytes:
    """A request whose first header carries the text; scanners and scripts often put theirs before Host."""
    name = rng.choice(["User-Agent", "User-Agent", "Referer", "X-Api-Version", "Cookie", "X-Forwarded-For", "Accept", "X-Id"])
    value = f"{rng.choice(['id', 'user', 'lang', 'sid'])}={text}" if name == "Cookie" else text
    target = rng.choice(["/", "/", "/", "/api", "/login", f"/{rng.choice(SEGMENTS)}", path(rng, short=True)])
    return request(rng, "GET", target, [f"{name}: {value}"])


def in_smtp(rng, text: str) -> bytes:
    """A line of a mail dialogue, or the start of a message."""
    pick = rng.randrange(5)
    domain = f"{rng.choice(WORDS)}.{rng.choice(TLDS)}"
    if pick == 0:
        return f"MAIL FROM:<{text}@{domain}>\r\n".encode()
    if pick == 1:
        return f"RCPT TO:<{text}@{domain}>\r\n".encode()
    if pick == 2:
        return f"EHLO {text}\r\n".encode()
    if pick == 3:
        return f"Subject: {text}\r\nFrom: {email(rng)}\r\nTo: {email(rng)}\r\n\r\n{words(rng, 4, 30)}.\r\n".encode()
    return f"{text}\r\n\r\n{words(rng, 2, 20)}\r\n.\r\n".encode()


def dns(rng, labels, answer: bool = False, qtype: int = 0) -> bytes:
    """A DNS query for `labels` (RFC 1035), or its answer with one to three address records."""
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    qtype = qtype or rng.choice([1, 1, 1, 28, 28, 15, 16, 65, 12])
    question = name + struct.pack(">HH", qtype, 1)
    ident = rng.getrandbits(16)
    if not answer:
        opt = b"\0\0\x29\x10\0\0\0\0\0\0\0" if rng.random() < 0.5 else b""
        return (
            struct.pack(">HHHHHH", ident, 0x0100 | (0x20 if opt and rng.random() < 0.5 else 0), 1, 0, 0, 1 if opt else 0) + question + opt
        )
    count = rng.randint(1, 3)
    records = b""
    for _ in range(count):
        length = 16 if qtype == 28 else 4
        rtype = 28 if qtype == 28 else 1
        records += struct.pack(">HHHIH", 0xC00C, rtype, 1, rng.randint(30, 86400), length) + rng.getrandbits(8 * length).to_bytes(
            length, "big"
        )
    return struct.pack(">HHHHHH", ident, 0x8180, 1, count, 0, 0) + question + records


def dns_name(rng) -> list:
    """The labels of an ordinary name."""
    labels = [rng.choice(["www", "api", "mail", "cdn", "img", "ns1", "static", rng.choice(WORDS), token(rng, 4, 10)])]
    labels += [rng.choice([rng.choice(WORDS), rng.choice(WORDS) + rng.choice(WORDS), f"{rng.choice(WORDS)}-{rng.choice(WORDS)}"])]
    return [part.encode() for part in labels + rng.choice(TLDS).split(".")]


def base64_text(rng, text: str) -> str:
    return base64.b64encode(text.encode()).decode()
