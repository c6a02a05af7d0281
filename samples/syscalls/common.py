"""What the kinds of work share: marks in the trace, files to work on, and peers on the loopback interface."""

import os
import socket
import threading

BEGIN, END = 424242, 424243


def mark(number):
    try:
        os.getpgid(number)
    except ProcessLookupError:
        pass


def begin():
    """The work that a trace is named after begins here; what comes before it is its preparation."""
    mark(BEGIN)


def files(rng, folder=".", least=8, most=40):
    names = []
    for i in range(rng.randint(least, most)):
        path = os.path.join(folder, f"{rng.choice(['note', 'report', 'img', 'log', 'data'])}{i}.{rng.choice(['txt', 'csv', 'doc'])}")
        with open(path, "wb") as f:
            f.write(rng.randbytes(rng.randint(10, 20000)))
        names.append(path)
    return names


def answering(reply):
    """A server on the loopback interface, in a thread: sends reply(request) to every connection and closes it. Gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        while True:
            connection, _ = listener.accept()
            request = connection.recv(65536)
            connection.sendall(reply(request))
            connection.close()

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1]


def sink():
    """A server in a child process that reads whatever comes: what it does is no part of the work. Gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    child = os.fork()
    if child == 0:
        mark(END)
        listener.settimeout(5)
        try:
            while True:
                connection, _ = listener.accept()
                connection.settimeout(5)
                while connection.recv(1 << 20):
                    pass
                connection.close()
        except OSError:
            os._exit(0)
    listener.close()
    return port, child
