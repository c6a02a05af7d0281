"""What processes do while they are traced: everyday work and things that it should not look like. Every function takes a seeded random generator and works in
the current, empty folder. `python3 work.py NAME SEED` runs one; the call getpgid(424242) stands in the trace where the work begins."""

import gzip
import hashlib
import json
import mmap
import os
import random
import resource
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

MARK = 424242


def files(rng, folder=".", least=8, most=40):
    names = []
    for i in range(rng.randint(least, most)):
        path = os.path.join(folder, f"{rng.choice(['note', 'report', 'img', 'log', 'data'])}{i}.{rng.choice(['txt', 'csv', 'doc'])}")
        with open(path, "wb") as f:
            f.write(rng.randbytes(rng.randint(10, 20000)))
        names.append(path)
    return names


def mark():
    try:
        os.getpgid(MARK)
    except ProcessLookupError:
        pass


# Everyday work.
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


# What everyday work should not look like. Nothing leaves this machine, and only the folder's files are touched.
def encrypt(rng):
    names = files(rng, least=20, most=60)
    mark()
    key = rng.randbytes(32)
    for name in os.listdir("."):
        if name not in [os.path.basename(n) for n in names]:
            continue
        fd = os.open(name, os.O_RDWR)
        data = os.read(fd, 1 << 20)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, bytes(a ^ b for a, b in zip(data, (key * (len(data) // 32 + 1))[: len(data)])))
        os.close(fd)
        os.rename(name, name + ".locked")
    with open("READ_ME.txt", "w") as f:
        f.write("pay")


def shell(rng):
    listener = socket.create_server(("127.0.0.1", 0))
    for _ in range(rng.randint(4, 10)):
        s = socket.socket()
        s.connect(listener.getsockname())
        peer, _ = listener.accept()
        child = os.fork()
        if child == 0:
            for fd in range(3):
                os.dup2(s.fileno(), fd)
            os.execv("/bin/sh", ["sh", "-c", rng.choice(["id; uname -a", "cat /etc/passwd", "ls /root /etc", "whoami; hostname"])])
        s.close()
        peer.settimeout(2)
        while peer.recv(4096):
            pass
        os.waitpid(child, 0)
        peer.close()


def scan(rng):
    base = rng.randint(20000, 60000)
    for port in range(base, base + rng.randint(100, 400)):
        s = socket.socket()
        s.setblocking(False)
        try:
            s.connect(("127.0.0.1", port))
        except OSError:
            pass
        if rng.random() < 0.5:
            select.select([], [s], [], 0)
        s.close()


def escalate(rng):
    for _ in range(rng.randint(20, 60)):
        step = rng.randint(0, 7)
        try:
            if step == 0:
                os.setresuid(0, 0, 0)
            elif step == 1:
                os.setresgid(0, 0, 0)
            elif step == 2:
                os.setgroups([])
            elif step == 3:
                open("/etc/shadow", "rb").close()
            elif step == 4:
                os.stat(rng.choice(["/usr/bin/sudo", "/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount"]))
            elif step == 5:
                os.open("/proc/kcore", os.O_RDONLY)
            elif step == 6:
                os.chmod(".", 0o755)
            else:
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        except OSError:
            pass


def harvest(rng):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for pid in [p for p in os.listdir("/proc") if p.isdigit()][: rng.randint(20, 60)]:
        for name in ("cmdline", "environ", "maps"):
            try:
                with open(f"/proc/{pid}/{name}", "rb", buffering=0) as f:
                    data = f.read(4096)
                s.sendto(data[:512] or b"-", ("127.0.0.1", 9))
            except OSError:
                pass


def mine(rng):
    def work():
        for _ in range(rng.randint(60, 200)):
            hashlib.sha256(b"x" * 2000).digest()
            os.sched_yield()
            time.sleep(0)

    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    for _ in range(rng.randint(20, 60)):
        s.sendto(b"share", ("127.0.0.1", 9))
        os.sched_yield()
    for t in threads:
        t.join()


def fork_flood(rng):
    for _ in range(rng.randint(30, 90)):
        child = os.fork()
        if child == 0:
            os._exit(0)
        if rng.random() < 0.3:
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def wipe(rng):
    names = files(rng, least=20, most=50)
    mark()
    for name in names:
        fd = os.open(name, os.O_WRONLY)
        size = os.fstat(fd).st_size
        for _ in range(3):
            os.lseek(fd, 0, os.SEEK_SET)
            os.write(fd, bytes(size))
            os.fsync(fd)
        os.ftruncate(fd, 0)
        os.close(fd)
        os.unlink(name)


NORMAL = {f.__name__: f for f in (copy, search, compress, database, serve, build, pipeline, logger, edit, checksum)}
ABNORMAL = {f.__name__: f for f in (encrypt, shell, scan, escalate, harvest, mine, fork_flood, wipe)}

if __name__ == "__main__":
    name, seed = sys.argv[1], int(sys.argv[2])
    rng = random.Random(f"{name} {seed}")
    # What is encrypted or wiped has to be made before, as everyday work makes files.
    if name not in ("encrypt", "wipe"):
        mark()
    ({**NORMAL, **ABNORMAL})[name](rng)
