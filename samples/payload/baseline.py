"""A regular-expression baseline: the rules of `rules.json`, each tried on the decoded bytes; one match is an attack.

Decoding is what a web application firewall does: parameters apart, percent-decoding twice, `+` as a space, entities and escapes,
SQL comments as a space, lower case. TLS records and HTTP replies are not requests and pass."""

import html
import json
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

RULES = [(r["kind"], re.compile(r["pattern"])) for r in json.loads(Path(__file__).with_name("rules.json").read_text())]
NOT_A_REQUEST = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]|HTTP/1\.")
PARAMETER_BORDER = re.compile(rb"&(?=[\w.-]+=)")
ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\u00([0-9a-f]{2})")


def normalise(data: bytes) -> str:
    data = PARAMETER_BORDER.sub(b"\x1f", data)
    data = unquote_to_bytes(unquote_to_bytes(data.replace(b"+", b" ")))
    text = html.unescape(data.decode("latin-1")).lower()
    text = ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)), text)
    text = text.replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t").replace("\0", " ")
    return re.sub(r"/\*!?\d*(.*?)\*/", r" \1 ", text)


def matches(data: bytes) -> list:
    """The kinds of the rules that match."""
    if NOT_A_REQUEST.match(data):
        return []
    text = normalise(data)
    return [kind for kind, pattern in RULES if pattern.search(text)]


def verdict(data: bytes) -> int:
    """1 if any rule matches."""
    return int(bool(matches(data)))
