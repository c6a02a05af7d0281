"""Everyday work. Every function takes a seeded random generator and works in the current, empty folder; nothing leaves this machine."""

import gzip
import hashlib
import json
import mmap
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from common import answering, files

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}


def copy(rng):
    for name in files(rng):
        if rng.random() < 0.7:
            shutil.copy(name, name + ".bak")
        else:
            os.stat(name)


def search(rng):
    for i in range(rng.randint(3, 10)):
        os.makedirs(f"d{i}")
        files(rng, f"d{i}", 2, 8)
    for folder, _, names in os.walk("."):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                f.read().find(b"ab")


def compress(rng):
    for name in files(rng, least=4, most=15):
        with open(name, "rb") as f, gzip.open(name + ".gz", "wb") as out:
            shutil.copyfileobj(f, out, rng.choice([512, 4096, 65536]))
        if rng.random() < 0.5:
            os.unlink(name)


def database(rng):
    db = sqlite3.connect("a.db")
    db.execute("create table t (a integer, b text)")
    for _ in range(rng.randint(5, 30)):
        db.executemany("insert into t values (?, ?)", [(rng.randint(0, 99), "x" * rng.randint(1, 99)) for _ in range(rng.randint(1, 20))])
        db.commit()
        db.execute("select count(*) from t where a > ?", (rng.randint(0, 99),)).fetchall()


def serve(rng):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    requests = rng.randint(5, 25)

    def client():
        for _ in range(requests):
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while s.recv(4096):
                    pass

    thread = threading.Thread(target=client)
    thread.start()
    for _ in range(requests):
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * rng.randint(10, 9000))
        connection.close()
    thread.join()


def build(rng):
    for i in range(rng.randint(2, 6)):
        with open(f"m{i}.py", "w") as f:
            f.write("\n".join(f"def f{j}(x): return x + {j}" for j in range(rng.randint(5, 60))))
        subprocess.run([sys.executable, "-S", "-m", "py_compile", f"m{i}.py"], check=True)


def pipeline(rng):
    files(rng, least=5, most=15)
    commands = ["ls -l | sort -k5 -n | tail -3", "cat *0* | md5sum", "grep -c a * || true", "find . -name '*.txt' | wc -l", "for f in *; do wc -c $f; done", "du -a . | sort -n | head -5"]
    for command in rng.sample(commands, rng.randint(2, 5)):
        subprocess.run(["sh", "-c", command], stdout=subprocess.DEVNULL, check=False)


def logger(rng):
    with open("app.log", "a") as f:
        for i in range(rng.randint(40, 160)):
            f.write(json.dumps({"i": i, "t": time.time()}) + "\n")
            f.flush()
            if rng.random() < 0.1:
                os.fsync(f.fileno())
            if rng.random() < 0.1:
                time.sleep(0.001)


def edit(rng):
    for name in files(rng, least=3, most=8):
        for _ in range(rng.randint(1, 6)):
            with open(name, "rb") as f:
                text = f.read()
            with tempfile.NamedTemporaryFile(dir=".", delete=False) as f:
                f.write(text + b"more")
            os.replace(f.name, name)


def checksum(rng):
    for name in files(rng):
        with open(name, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
            hashlib.sha256(m).hexdigest()


def archive(rng):
    import tarfile
    import zipfile

    names = files(rng, least=5, most=20)
    with tarfile.open("a.tar.gz", "w:gz") as tar:
        for name in names:
            tar.add(name)
    with tarfile.open("a.tar.gz") as tar:
        tar.extractall("out")
    with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in rng.sample(names, len(names) // 2):
            packed.write(name)


def fetch(rng):
    port = answering(lambda _: b"HTTP/1.0 200 OK\r\n\r\n" + b"y" * rng.randint(10, 60000))
    for i in range(rng.randint(8, 30)):
        with socket.create_connection(("127.0.0.1", port)) as s, open(f"page{i}", "wb") as out:
            s.settimeout(2)
            s.sendall(b"GET /%d HTTP/1.0\r\n\r\n" % i)
            while data := s.recv(8192):
                out.write(data)


def events(rng):
    import asyncio

    requests = rng.randint(10, 60)

    async def main():
        async def echo(reader, writer):
            while data := await reader.read(1000):
                writer.write(data)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def client():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(requests):
                writer.write(b"z" * rng.randint(1, 900))
                await reader.read(1000)
            writer.close()

        await asyncio.gather(*(client() for _ in range(rng.randint(1, 4))))
        server.close()

    asyncio.run(main())


def pool(rng):
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(rng.randint(2, 4)) as workers:
        workers.map(len, [b"x" * rng.randint(1, 5000) for _ in range(rng.randint(20, 90))], chunksize=rng.randint(1, 4))


def timer(rng):
    with open("conf.json", "w") as f:
        json.dump({"every": 1}, f)
    for _ in range(rng.randint(20, 60)):
        time.sleep(0.001)
        if os.stat("conf.json").st_mtime:
            with open("conf.json") as f:
                json.load(f)
        with open("state", "w") as f:
            f.write(str(time.time()))


def report(rng):
    import csv

    rows = [[rng.randint(0, 99), rng.random()] for _ in range(rng.randint(100, 2000))]
    for i in range(rng.randint(4, 12)):
        with open(f"t{i}.csv", "w", newline="") as f:
            csv.writer(f).writerows(rows)
        with open(f"t{i}.csv", newline="") as f, open(f"t{i}.txt", "w") as out:
            for row in sorted(csv.reader(f)):
                out.write(" ".join(row) + "\n")


def mail(rng):
    import fcntl

    for folder in ("tmp", "new", "cur"):
        os.mkdir(folder)
    for i in range(rng.randint(10, 40)):
        with open(f"tmp/{i}", "wb") as f:
            f.write(rng.randbytes(rng.randint(100, 9000)))
            f.flush()
            os.fsync(f.fileno())
        os.link(f"tmp/{i}", f"new/{i}")
        os.unlink(f"tmp/{i}")
        if rng.random() < 0.5:
            os.rename(f"new/{i}", f"cur/{i}:2,S")
        with open("index", "a") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.write(f"{i}\n")


def render(rng):
    def draw(i):
        image = bytearray(rng.randint(50_000, 900_000))
        for at in range(0, len(image), 4096):
            image[at] = at % 251
        with open(f"frame{i}.ppm", "wb") as f:
            f.write(image)

    for i in range(rng.randint(3, 9)):
        threads = [threading.Thread(target=draw, args=(i * 4 + k,)) for k in range(rng.randint(2, 4))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def resolve(rng):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def answer():
        while True:
            query, peer = server.recvfrom(512)
            server.sendto(query + b"\x00" * 16, peer)

    threading.Thread(target=answer, daemon=True).start()
    for _ in range(rng.randint(10, 50)):
        if rng.random() < 0.3:
            socket.getaddrinfo("localhost", 80)
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(server.getsockname())
        s.settimeout(1)
        s.send(rng.randbytes(30))
        s.recv(512)
        s.close()


def sync(rng):
    os.mkdir("from")
    os.mkdir("to")
    files(rng, "from", 10, 30)
    for _ in range(2):
        for entry in os.scandir("from"):
            target = os.path.join("to", entry.name)
            stat = entry.stat()
            if os.path.exists(target) and os.stat(target).st_mtime == stat.st_mtime:
                continue
            with open(entry.path, "rb") as f, open(target + ".part", "wb") as out:
                shutil.copyfileobj(f, out)
            os.chmod(target + ".part", stat.st_mode & 0o777)
            os.utime(target + ".part", ns=(stat.st_atime_ns, stat.st_mtime_ns))
            os.rename(target + ".part", target)


def install(rng):
    for i in range(rng.randint(8, 25)):
        os.makedirs(f"usr/lib{i % 3}", exist_ok=True)
        path = f"usr/lib{i % 3}/tool{i}"
        with open(path, "wb") as f:
            f.write(rng.randbytes(rng.randint(100, 30000)))
        os.chmod(path, 0o755)
        os.chown(path, os.getuid(), os.getgid())
        os.symlink(os.path.basename(path), path + ".so")
        os.readlink(path + ".so")


def backup(rng):
    os.mkdir("data")
    files(rng, "data", 5, 15)
    subprocess.run(["tar", "cf", "b.tar", "data"], **QUIET)
    subprocess.run(["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-in", "b.tar", "-out", "b.enc", "-k", "x"], **QUIET)
    subprocess.run(["sha256sum", "b.enc"], **QUIET)


def compile(rng):
    for i in range(rng.randint(1, 3)):
        with open(f"m{i}.c", "w") as f:
            f.write("#include <stdio.h>\n" + "".join(f"int f{j}(int x) {{ return x + {j}; }}\n" for j in range(rng.randint(3, 30))) + "int main(void) { return printf(\"x\"); }\n")
        subprocess.run(["gcc", "-O1", "-o", f"m{i}", f"m{i}.c"], **QUIET)
        subprocess.run([f"./m{i}"], **QUIET)


def version(rng):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], **QUIET)
    for _ in range(rng.randint(1, 3)):
        files(rng, least=2, most=6)
        subprocess.run([*git, "add", "."], **QUIET)
        subprocess.run([*git, "commit", "-q", "-m", "x"], **QUIET)
    subprocess.run([*git, rng.choice(["log", "status", "diff"])], **QUIET)


def scripts(rng):
    files(rng, least=3, most=8)
    lines = ["perl -ne 'print if /a/' *", "awk '{n += NF} END {print n}' *", "sed -n 1,3p *", "perl -e 'open F, \">o\"; print F $_ for 1..99'", "bc -l <<< '4*a(1)'", "seq 1 999 | shuf | sort -n | uniq -c"]
    for line in rng.sample(lines, rng.randint(2, 5)):
        subprocess.run(["bash", "-c", line], **QUIET)


def keys(rng):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "k"], **QUIET)
    subprocess.run(["openssl", "rand", "-out", "r", str(rng.randint(100, 9000))], **QUIET)
    subprocess.run(["openssl", "dgst", rng.choice(["-sha256", "-sha512"]), "r"], **QUIET)


def packages(rng):
    for name in rng.sample(["bash", "coreutils", "python3", "perl", "git", "tar", "gzip", "libc6"], rng.randint(1, 4)):
        subprocess.run(["dpkg-query", rng.choice(["-s", "-L"]), name], **QUIET)


def javascript(rng):
    code = f"const fs=require('fs');for(let i=0;i<{rng.randint(5, 40)};i++){{fs.writeFileSync('j'+i,'x'.repeat(i*99));fs.readFileSync('j'+i)}}"
    subprocess.run(["node", "-e", code], **QUIET)


def debug(rng):
    with open("d.c", "w") as f:
        f.write("int main(void) { int s = 0; for (int i = 0; i < 9; i++) s += i; return s; }")
    subprocess.run(["gcc", "-g", "-o", "d", "d.c"], **QUIET)
    subprocess.run(["objdump", "-d", "d"], **QUIET)
    subprocess.run(["nm", "d"], **QUIET)
    subprocess.run(["strip", "d"], **QUIET)


EVERYDAY = {f.__name__: f for f in (archive, backup, build, checksum, compile, compress, copy, database, debug, edit, events, fetch, install, javascript, keys, logger, mail, packages, pipeline, pool, render, report, resolve, scripts, search, serve, sync, timer, version)}
