"""Hard negatives: benign payloads that quote attacks, name their parts, or look like them."""

import carriers
import escape
from carriers import dns, in_form, in_header, in_json, in_path, in_query, in_smtp, words
from vocabulary import NAMES, SURNAMES_APOSTROPHE, TLDS, WORDS
import attacks

TOPICS = """UNION SELECT|DROP TABLE|OR 1=1|INSERT INTO|ORDER BY|GROUP BY HAVING|SELECT * FROM|LEFT JOIN|SLEEP()|xp_cmdshell|information_schema|<script>|<script> tag|onerror|onload event|
innerHTML|javascript: links|<img> onerror|<svg> onload|iframe src|alert() box|document.cookie|eval()|cat /etc/passwd|rm -rf|chmod 777|grep | sort|curl | sh|$(date)|backticks|&& and ||
wget|netcat|../ paths|../../ imports|/etc/passwd|path traversal|.. in url|win.ini|{{ }} syntax|{{7*7}}|${} templates|jinja2 {{ config }}|<%= %> erb|log4j|jndi ldap|${jndi:ldap}|
sql injection|xss|command injection|template injection|directory traversal|prepared statements|htmlspecialchars|WAF rules|' OR '1'='1|'; DROP TABLE|-- comments|/* */ comments""".replace(
    "\n", ""
).split(
    "|"
)

ASK = """how to use|what is|what does|difference between|how does|why is|when to use|learn|tutorial|example of|explain|docs for|how to prevent|how to escape|how to block|best guide to|is it safe to use|meaning of|
using|history of|cheat sheet|how do i write|fix for|about""".replace(
    "\n", ""
).split(
    "|"
)

AFTER = """in mysql|in php|in python|explained|tutorial|with examples|for beginners|in postgres|syntax|in html|in bash|on linux|in react|vs prepared statements|cheat sheet|mean|do|work|safely|in java|
and how to stop it|in a form|in the docs|not working|by default""".replace(
    "\n", ""
).split(
    "|"
)


def _question(rng) -> str:
    text = f"{rng.choice(ASK)} {rng.choice(TOPICS)}"
    return text + (f" {rng.choice(AFTER)}" if rng.random() < 0.7 else "") + (rng.choice(["?", "?", "!"]) if rng.random() < 0.25 else "")


def docs(rng):
    """A search in documentation, a forum or a shop for books."""
    text = _question(rng)
    text = text.lower() if rng.random() < 0.4 else text
    return rng.choice([in_query, in_query, in_query, in_json, in_form])(rng, text), "query", False, 80


def names(rng):
    """Names and everyday phrases with quotes, semicolons, keywords of SQL or of a shell."""
    text = rng.choice(
        [
            f"{rng.choice(NAMES).title()} {rng.choice(SURNAMES_APOSTROPHE)}",
            rng.choice(SURNAMES_APOSTROPHE),
            f"{rng.choice(SURNAMES_APOSTROPHE)} & {rng.choice(NAMES).title()}",
            f"{rng.choice(NAMES)}'s {words(rng, 1, 2)}",
            f"rock 'n' roll {words(rng, 1, 2)}",
            f"{rng.choice(NAMES).title()} or {rng.choice(NAMES).title()}",
            f"Select {words(rng, 1, 2)} from {words(rng, 1, 3)}",
            f"union station {words(rng, 1, 2)}",
            f"drop off at the {words(rng, 1, 2)} table",
            f"where {words(rng, 2, 3)}",
            f"order by phone; {words(rng, 1, 2)}",
            f"{rng.randint(1, 9)} or {rng.randint(1, 9)} {rng.choice(WORDS)}",
            f"{words(rng, 1, 2)}; {words(rng, 1, 2)}; {words(rng, 1, 2)}",
            f"I <3 {words(rng, 1, 2)}",
            f"{rng.randint(2, 99)} > {rng.randint(1, 9)} {rng.choice(WORDS)}",
            f"C++ & C# {words(rng, 1, 2)}",
            f"\"{words(rng, 1, 3)}\" or '{rng.choice(WORDS)}'",
            f"it's {words(rng, 1, 3)}, isn't it",
            f"{rng.randint(3, 7)}'{rng.randint(1, 11)}\" {rng.choice(WORDS)}",
            f"insert coin into {rng.choice(WORDS)}",
            f"update {rng.choice(WORDS)} set of {rng.choice(WORDS)}",
            f"delete from {rng.choice(['cart', 'list', 'favourites'])}",
            f"${rng.randint(1, 99)} {rng.choice(WORDS)}",
            f"{rng.choice(WORDS)} -- {words(rng, 1, 3)}",
            f"(select committee) {words(rng, 1, 2)}",
            f"the cat, the {rng.choice(WORDS)} and id",
            f"Q&A: {words(rng, 1, 3)}",
            f"{rng.choice(WORDS)} | {rng.choice(WORDS)} | {rng.choice(WORDS)}",
            f"having {words(rng, 1, 3)}?",
            f"sleep ({rng.randint(5, 9)} hours)",
            f"1=1 {rng.choice(['shirt', 'band', 'club'])}",
            f"L'{rng.choice(WORDS)} d'{rng.choice(WORDS)}",
        ]
    )
    return rng.choice([in_query, in_form, in_json, in_query])(rng, text), "query", False, 80


def blog(rng):
    """A post, comment or ticket about an attack, which it quotes."""
    kind = rng.choice(list(attacks.KINDS))
    quoted = attacks.KINDS[kind](rng) if rng.random() < 0.5 else rng.choice(TOPICS)
    start = rng.choice(
        [
            "Why",
            "How",
            "The attacker sent",
            "Someone typed",
            "We saw",
            "Our scanner found",
            "Never trust",
            "Do not write",
            "Today I learned:",
            "Please block",
            "Example:",
            "The classic",
            "In this post",
            "Bug: input like",
            "The log shows",
            "Payload",
            "A string like",
            "Test case",
            "Explains",
            "I read about",
        ]
    )
    text = f"{start} {quoted}" + rng.choice(
        [" still works", " and what it does", " in the form field", " was blocked", " is dangerous", "", " in our logs", " explained"]
    )
    return rng.choice([in_json, in_json, in_form])(rng, text), "form", False, 80


def code(rng):
    """Pasted code, parameterised queries, templates of a front end, GraphQL."""
    a, b, n = rng.choice(WORDS), rng.choice(WORDS), rng.randint(0, 99)
    text = rng.choice(
        [
            f"SELECT {a}, {b} FROM {rng.choice(WORDS)} WHERE id = ?",
            f"select {a} from {b} where {a} = $1 order by id",
            f"INSERT INTO {a} ({b}) VALUES (?)",
            f"def {a}({b}): return {b}['id']",
            f"if ({a} && {b} || {n}) {{ return; }}",
            f"for i in $(seq {n}); do echo $i; done",
            f'<div class="{a}"><p>{b}</p></div>',
            f"console.log('{a}')",
            f"#!/bin/sh\nset -e\n{a}",
            f"const {a} = `${{{b}}} {n}`;",
            f"<p>{{{{ {a}.{b} }}}}</p>",
            f"Hello {{{{ {a} }}}}, {b}",
            f"{a} | {b} > out.txt",
            f"import {a} from '../{b}'",
            f"require('../{a}/{b}')",
            f"#include <{a}.h>",
            f"{a} = {b} ? '{n}' : \"\"",
            f"<script setup> {a}",
            f"git commit -m '{a}' && git push",
            f"cd ../{a} && ls",
            f"while ({a} < {n}) {a}++;",
            f"<h1>{a} {b}</h1>",
            f"cat {a}.txt | grep {b}",
            f"export PATH=$PATH:/{a}/bin",
            f"print(\"{a}\", '{b}')",
            f"CREATE TABLE {a} (id INT, {b} TEXT)",
            f"<%= {a}.{b} %>",
            f"docker run -it {a} sh",
            f"x = {n} * {n} + {a}",
        ]
    )
    pick = rng.random()
    if pick < 0.25:
        payload = rng.choice(
            [
                f'{{"query":"query {{ {a}(id: {n}) {{ {b} name }} }}"}}',
                f'{{"op":"select","from":"{a}","order":"by_{b}","union":true}}',
                f'{{"filter":{{"or":[{{"{a}":{n}}},{{"{b}":1}}]}}}}',
                f'{{"query":"mutation {{ insert{a.title()}(id: {n}) {{ id }} }}"}}',
                f'{{"sort":"{a}","where":{{"{b}":{{"like":"{a}%"}}}}}}',
                f'{{"type":"script","src":"/{a}/{b}.js","n":{n}}}',
                f'{{"cmd":"{a}","args":["--{b}","{n}"]}}',
                f'{{"select":["{a}","{b}"],"limit":{n}}}',
                f'{{"template":"{{{{{a}}}}} {b}","n":{n}}}',
                f'{{"{a}":"{b}","drop":{rng.choice(["true", "false"])},"table":{n}}}',
            ]
        ).encode()
        return payload, "json", False, 80
    return rng.choice([in_json, in_form, in_form, in_query])(rng, text), "form", False, 80


def paths(rng):
    """Paths with dots, dashes, system-like names; relative resources one level up."""
    a, b, n = rng.choice(WORDS), rng.choice(WORDS), rng.randint(0, 99)
    written = rng.choice(
        [
            f"{a}/../{b}.css",
            f"{a}.{b}.min.js",
            f"v{n}.{n % 7}.{n % 10}/{a}.js",
            f"wiki/Cat_({a})",
            f"man/8/passwd-{a}",
            f"docs/etc/{a}/{b}",
            f"{a}...{b}",
            f"{a}..{b}.html",
            f"bin/{a}/download",
            f"./{a}/{b}.png",
            f"node_modules/.cache/{a}.{n}.js",
            f"docs/sql/select-{a}",
            f"learn/xss/{a}-{b}",
            f"wiki/SQL_injection#{a}",
            f"tag/drop-table-{a}",
            f"q/{n}/what-is-{a}-or-{b}",
            f".well-known/{a}",
            f"{a}/compare/v1.{n}...v2.0",
            f"posts/{n}-union-select-{a}",
            f"windows/{a}.ini.html",
            f"browse/etc/{a}.conf",
            f"{a};v={n}/{b}",
            f"{a},{b}/select",
            f"~{a}/{b}",
            f"img/../{a}.png",
            f"@{a}/{b}@{n}.0.1/x.js",
            f"{a}'s-{b}",
            f"users/O'{a.title()}",
            f"reports/{a}({n}).pdf",
            f"tutorials/eval-and-exec/{a}",
        ]
    )
    if rng.random() < 0.3:
        return in_query(rng, "", rng.choice(["../", "./", "/", ""]) + written.replace("#", "%23")), "query", False, 80
    return in_path(rng, "", written), "path", False, 80


def mail(rng):
    """Mail about attacks, or from and to addresses that look like them."""
    text = rng.choice(
        [
            f"Re: {_question(rng)}",
            f"[{rng.choice(WORDS)}] {rng.choice(TOPICS)} in {words(rng, 1, 2)}",
            f"Fwd: {rng.choice(NAMES).title()} {rng.choice(SURNAMES_APOSTROPHE)}",
            f"Report: {rng.choice(TOPICS)} blocked",
            f"{rng.choice(SURNAMES_APOSTROPHE)}",
            f"Security digest: {rng.choice(TOPICS)}, {rng.choice(TOPICS)}",
        ]
    )
    return in_smtp(rng, text), "smtp", False, 25


def names_in_dns(rng):
    """Host names made of keywords, service labels, and long text records."""
    part = lambda: rng.choice(
        [
            "select",
            "union",
            "drop",
            "table",
            "script",
            "alert",
            "exec",
            "jndi",
            "ldap",
            "passwd",
            "etc",
            "or",
            "where",
            "_dmarc",
            "_ldap",
            "_tcp",
            "sql",
            "xss",
            rng.choice(WORDS),
        ]
    )
    labels = [rng.choice([part(), f"{part()}-{part()}", f"{part()}{rng.randint(1, 99)}"]).encode() for _ in range(rng.randint(1, 3))]
    labels += [rng.choice(WORDS).encode(), rng.choice(TLDS).split(".")[0].encode()]
    return dns(rng, labels, answer=rng.random() < 0.35, qtype=rng.choice([1, 28, 16])), "dns", True, 53


def odd_headers(rng):
    """Headers with braces, parentheses, semicolons and quotes that clients do send."""
    a, b, n = rng.choice(WORDS), rng.choice(WORDS), rng.randint(1, 99)
    text = rng.choice(
        [
            f"{a}/{n}.0 ({b}; +http://{a}.example/bot)",
            f"Mozilla/5.0 (compatible; {a.title()}Bot/{n}.1)",
            f"'{a}' \"{b}\"",
            f'{{"{a}":{n}}}',
            f"{carriers.base64_text(rng, words(rng, 2, 4))}; {a}={b}",
            f"https://docs.example.org/?q={escape.percent(rng.choice(TOPICS), plus=True)}",
            f"{a}; {b}={n}; id={carriers.token(rng, 6, 16)}",
            f"${{{a}}}",
            f"sqlmap-tutorial/{n}",
            f"{a} | {b} {n}",
            f'"{a}";v="{n}", "Not(A:Brand";v="8"',
            f"%{{{a}}}/{n}",
        ]
    )
    return in_header(rng, text), "header", False, 80


KINDS = {
    "hard-docs": (docs, 24),
    "hard-names": (names, 20),
    "hard-blog": (blog, 14),
    "hard-code": (code, 16),
    "hard-paths": (paths, 14),
    "hard-mail": (mail, 5),
    "hard-dns": (names_in_dns, 3),
    "hard-headers": (odd_headers, 6),
}
