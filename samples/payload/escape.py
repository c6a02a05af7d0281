"""How a text is written inside a URL, a form or a JSON string: the ordinary ways that both sides use, and the evasive ones."""

import json
import string

UNRESERVED = set(string.ascii_letters + string.digits + "-._~")


def _hex(byte: int, upper: bool) -> str:
    return f"%{byte:02X}" if upper else f"%{byte:02x}"


def percent(text: str, keep: str = "", plus: bool = False, upper: bool = True) -> str:
    """Percent-encode all but the unreserved characters (RFC 3986) and those of `keep`; `plus` writes a space as `+`."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        if byte < 128 and (char in UNRESERVED or char in keep):
            out.append(char)
        elif char == " " and plus:
            out.append("+")
        else:
            out.append(_hex(byte, upper))
    return "".join(out)


def in_url(rng, text: str) -> str:
    """A text in a query string as browsers, libraries and careless scripts write it."""
    style = rng.random()
    upper = rng.random() < 0.85
    if style < 0.30:
        return percent(text, upper=upper)
    if style < 0.55:
        return percent(text, plus=True, upper=upper)
    if style < 0.80:
        return percent(text, keep="'()*!;:@,/?$=<>|`{}[]\\\"", upper=upper).replace("=", rng.choice(["=", "%3D"]))
    return percent(text, keep="'()*!;:@,/?$=", plus=True, upper=upper)


def in_path(rng, text: str) -> str:
    """A text as a path segment."""
    return percent(text, keep="'()*!;:@,$=/.", upper=rng.random() < 0.85)


def in_form(rng, text: str) -> str:
    """application/x-www-form-urlencoded; some clients escape less than they should."""
    if rng.random() < 0.7:
        return percent(text, plus=True, upper=True)
    return percent(text, keep="'()*!;:@,/?$<>|`{}[]\"", plus=True, upper=rng.random() < 0.8)


def in_json(text: str, ascii_only: bool = True) -> str:
    """The inside of a JSON string."""
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def mixed_case(rng, text: str) -> str:
    """Upper and lower case by chance, as keyword filters are evaded."""
    return "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in text)


def over_encode(rng, text: str, share: float) -> str:
    """Percent-encode a share of the letters that need no encoding, and everything else that does."""
    return "".join(
        c if c in UNRESERVED and c not in "." and rng.random() > share else "".join(_hex(b, rng.random() < 0.5) for b in c.encode())
        for c in text
    )


def double_encode(text: str) -> str:
    """Percent-encode twice: `'` becomes `%2527`."""
    return percent(percent(text))
