"""Keeps a Python interpreter between calls, inside a sandbox. Needs nothing but the standard library (3.8 or newer).

  driver.py attach DIR OPTIONS [FILE]  relays stdin and stdout (or the requests in FILE) to the context in DIR; the
                                       first one starts it, with its own directory and environment. OPTIONS is JSON:
                                       {"create": whether a context that does not exist may be started}
  driver.py serve DIR                  the context: a supervisor that owns the socket, the queue and the output, and a
                                       forked worker that owns the interpreter. User code can only hurt the worker
  driver.py list ROOT                  the contexts under ROOT, as JSON

Frames, both ways: u32 length of the rest, u8 kind, u64 call, body. Big endian. The kinds are in `protocol.rs`.
A call's frames form one byte stream; `C` (continue) and `K` (acknowledge) name positions in it.
"""

import os
import sys

PROTOCOL = 1
NO_CONTEXT = 44
CHUNK = 65536
MAX_REQUEST = 80 << 20
WINDOW = 8 << 20
SPOOL = 64 << 20
KEPT_CALLS = 16
IDLE_OUTPUT = 1 << 20
# After an interrupt the worker is asked first, then with its children, then ended when a time limit is at stake.
INSIST_AFTER = 0.5
END_AFTER = 5.0


# ---- attach: as few imports as can be, it runs once per client ----


def attach(directory, options, request_file=None):
    import socket

    sock = connect(socket, os.path.join(directory, "socket"))
    if sock is None:
        sock = start(socket, directory, options)
    if request_file is not None:
        with open(request_file, "rb") as requests:
            sock.sendall(requests.read())
        os.unlink(request_file)
        sock.shutdown(socket.SHUT_WR)  # the context closes when it has answered
    else:
        import _thread

        _thread.start_new_thread(upstream, (socket, sock))
    try:
        while True:
            data = memoryview(sock.recv(4 * CHUNK))
            if not data:
                break
            while data:
                data = data[os.write(1, data):]
    except OSError:
        pass
    os._exit(0)


def upstream(socket, sock):
    try:
        while True:
            data = os.read(0, CHUNK)
            if not data:
                return sock.shutdown(socket.SHUT_WR)
            sock.sendall(data)
    except OSError:
        pass


def connect(socket, path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)
        return sock
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None


def start(socket, directory, options):
    import fcntl
    import json

    if not json.loads(options).get("create") and not os.path.isdir(directory):
        sys.stderr.write("no such context\n")
        os._exit(NO_CONTEXT)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    found = os.stat(directory)
    if found.st_uid != os.geteuid():
        sys.exit("the context belongs to user %d, this is user %d" % (found.st_uid, os.geteuid()))
    with open(os.path.join(directory, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = os.path.join(directory, "socket")
        sock = connect(socket, path)
        if sock is not None:
            return sock
        ready, told = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                log = os.open(os.path.join(directory, "log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                nothing = os.open(os.devnull, os.O_RDONLY)
                for source, target in ((nothing, 0), (log, 1), (log, 2), (told, 3)):
                    os.dup2(source, target)
                os.set_inheritable(3, True)
                os.closerange(4, 256)
                os.environ.pop("JETWAY_PROCESS_ID", None)  # marks the exec, which this outlives
                os.execv(sys.executable, [sys.executable, os.path.abspath(__file__), "serve", directory])
            os._exit(0)
        os.wait()
        os.close(told)
        if os.read(ready, 1) != b"+":
            with open(os.path.join(directory, "log"), errors="replace") as log:
                sys.exit("the interpreter did not start: " + log.read()[-2000:])
        return connect(socket, path) or sys.exit("the interpreter ended at once")


def list_contexts(root):
    import json
    import socket

    found = []
    for name in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        try:
            with open(os.path.join(root, name, "context.json")) as file:
                context = json.load(file)
        except (OSError, ValueError):
            continue
        sock = connect(socket, os.path.join(root, name, "socket"))
        context["alive"] = sock is not None
        found.append(context)
    print(json.dumps(found))
