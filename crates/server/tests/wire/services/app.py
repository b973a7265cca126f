"""A program that serves: says what it was asked, takes and gives large bodies, speaks WebSocket."""

import base64
import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("upgrade", "").lower() == "websocket":
            return self.websocket()
        if self.path.startswith("/big/"):
            return self.stream(int(self.path.removeprefix("/big/")))
        if self.path == "/silent":
            return self.rfile.read()
        told = {"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()}}
        self.answer(json.dumps(told).encode(), [("Set-Cookie", "app=1; Domain=localhost; Path=/")])

    def do_POST(self):
        digest, size = hashlib.sha256(), 0
        while chunk := self.chunk():
            digest.update(chunk)
            size += len(chunk)
        self.answer(json.dumps({"size": size, "sha256": digest.hexdigest()}).encode())

    def chunk(self):
        if self.headers.get("transfer-encoding") == "chunked":
            size = int(self.rfile.readline(), 16)
            data = self.rfile.read(size)
            self.rfile.readline()
            return data
        left = getattr(self, "left", int(self.headers.get("content-length", 0)))
        data = self.rfile.read(min(left, 65536))
        self.left = left - len(data)
        return data

    def answer(self, body, headers=()):
        self.send_response(200)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, size):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while size > 0:
            part = b"x" * min(size, 65536)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            size -= len(part)
        self.wfile.write(b"0\r\n\r\n")

    def websocket(self):
        key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while (head := self.rfile.read(2)) and head[0] & 15 != 8:
            mask, size = self.rfile.read(4), head[1] & 127
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(size)))
            self.wfile.write(bytes([head[0], size]) + data)
            self.wfile.flush()

    def log_message(self, *_):
        pass


ThreadingHTTPServer((sys.argv[2] if len(sys.argv) > 2 else "0.0.0.0", int(sys.argv[1])), App).serve_forever()
