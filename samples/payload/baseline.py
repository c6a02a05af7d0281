"""A regular-expression baseline: the rules of `rules.json`, each tried on the decoded bytes; one match is an attack.

Decoding is what a web application firewall does: percent-decoding twice, `+` as a space, entities, SQL comments as a space, lower case."""

import html
import json
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

RULES = [(r["kind"], re.compile(r["pattern"])) for r in json.loads(Path(__file__).with_name("rules.json").read_text())]


def normalise(data: bytes) -> str:
    data = unquote_to_bytes(unquote_to_bytes(data.replace(b"+", b" ")))
    text = html.unescape(data.decode("latin-1")).lower()
    text = text.replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t")
    return re.sub(r"/\*.*?\*/", " ", text)


def matches(data: bytes) -> list:
    """The kinds of the rules that match."""
    text = normalise(data)
    return [kind for kind, pattern in RULES if pattern.search(text)]


def verdict(data: bytes) -> int:
    text = normalise(data)
    return int(any(pattern.search(text) for _, pattern in RULES))
