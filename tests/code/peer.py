"""Speaks to a driver as the client does, over the stdin and stdout of its relay. Must not know: what is tested."""

import atexit
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "..", "src", "code")


def assemble(language, name):
    """The driver as the client puts it together, in a directory that goes with this process."""
    with open(os.path.join(SOURCES, "language.rs")) as file:
        parts = re.findall(r'include_str!\("(driver/%s/[^"]+)"\)' % language, file.read())
    directory = tempfile.mkdtemp(prefix="jetway-driver-")
    atexit.register(shutil.rmtree, directory, True)
    path = os.path.join(directory, name)
    with open(path, "w") as driver:
        for part in parts:
            with open(os.path.join(SOURCES, part)) as file:
                driver.write(file.read())
    return path


DRIVERS = {"python": assemble("python", "driver.py"), "javascript": assemble("javascript", "driver.mjs")}
COMMANDS = {
    "bash": ["python3", "-I", "-S", DRIVERS["python"]],
    "python": ["python3", "-I", "-S", DRIVERS["python"]],
    "javascript": ["node", DRIVERS["javascript"]],
}


class Result:
    def __init__(self):
        self.stdout, self.stderr, self.results, self.gaps = bytearray(), bytearray(), [], []
        self.error = self.done = self.started = None
        self.position = 0

    @property
    def out(self):
        return self.stdout.decode()

    @property
    def err(self):
        return self.stderr.decode()

    @property
    def text(self):
        return self.results[-1]["data"].get("text/plain") if self.results else None


class Peer:
    """One attached relay."""

    def __init__(self, root, language, context="one", create=True, request_file=None, cwd=None):
        arguments = ["attach", os.path.join(root, context), json.dumps({"create": create})]
        if request_file:
            arguments.append(request_file)
        self.process = subprocess.Popen(
            COMMANDS[language] + arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            bufsize=0, cwd=cwd,
        )
        self.calls = {}
        self.next = int.from_bytes(os.urandom(6), "big") << 8
        self.hello = None

    def send(self, kind, call, body=b""):
        self.process.stdin.write(frame(kind, call, body))

    def start(self, source, **options):
        self.next += 1
        self.calls[self.next] = Result()
        self.send(b"E", self.next, execute(source, options))
        return self.next

    def resume(self, call, result):
        self.calls[call] = result
        self.send(b"C", call, result.position.to_bytes(8, "big"))

    def read_frame(self):
        head = self.read(4)
        if head is None:
            return None
        length = int.from_bytes(head, "big")
        rest = self.read(length)
        return None if rest is None else (rest[:1], int.from_bytes(rest[1:9], "big"), rest[9:])

    def read(self, size):
        parts = []
        while size:
            data = os.read(self.process.stdout.fileno(), min(size, 1 << 20))
            if not data:
                return None
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def step(self):
        got = self.read_frame()
        if got is None:
            raise EOFError(self.process.stderr.read().decode())
        kind, call, body = got
        if kind == b"H":
            self.hello = json.loads(body)
            return None
        result = self.calls[call]
        before = result.position >> 20
        result.position += 13 + len(body)
        if result.position >> 20 != before:
            try:
                self.send(b"K", call, result.position.to_bytes(8, "big"))
            except BrokenPipeError:
                pass
        if kind == b"S":
            result.started = json.loads(body)
        elif kind == b"O":
            result.stdout += body
        elif kind == b"F":
            result.stderr += body
        elif kind == b"D":
            size = int.from_bytes(body[:4], "big")
            value, at = json.loads(body[4:4 + size]), 4 + size
            while at < len(body):
                length = int.from_bytes(body[at:at + 2], "big")
                mime, at = body[at + 2:at + 2 + length].decode(), at + 2 + length
                length, at = int.from_bytes(body[at:at + 4], "big"), at + 4
                value["data"][mime], at = body[at:at + length], at + length
            result.results.append(value)
        elif kind == b"X":
            result.error = json.loads(body)
        elif kind == b"G":
            result.gaps.append(json.loads(body))
        elif kind == b"Z":
            result.done = json.loads(body)
        return kind

    def wait(self, call):
        while self.calls[call].done is None:
            self.step()
        return self.calls[call]

    def run(self, source, **options):
        return self.wait(self.start(source, **options))

    def order(self, kind):
        self.next += 1
        self.calls[self.next] = Result()
        self.send(kind, self.next)
        return self.wait(self.next)

    def drop(self):
        self.process.kill()
        self.close()

    def close(self):
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        self.process.wait()


def frame(kind, call, body=b""):
    return (9 + len(body)).to_bytes(4, "big") + kind + call.to_bytes(8, "big") + body


def execute(source, options):
    source = source if isinstance(source, bytes) else source.encode()
    options = json.dumps(options).encode()
    return len(options).to_bytes(4, "big") + options + source


class Place:
    """A directory for contexts; ends those that still live when it goes."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="jetway-code-")

    def close(self):
        for name in os.listdir(self.root):
            try:
                with open(os.path.join(self.root, name, "context.json")) as file:
                    language = json.load(file)["language"]
                peer = Peer(self.root, language if language in COMMANDS else "python", name)
                timer = threading.Timer(5, peer.process.kill)
                timer.start()
                peer.order(b"X")
                timer.cancel()
                peer.close()
            except (OSError, EOFError, ValueError):
                pass
        shutil.rmtree(self.root, ignore_errors=True)
