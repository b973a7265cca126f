

# ---- frames, and what a call has said ----


def pack(kind, call, body=b""):
    return (9 + len(body)).to_bytes(4, "big") + kind + call + body


NOBODY = bytes(8)


class Frames:
    """Cuts a byte stream into (kind, call, body)."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= 4:
            length = int.from_bytes(self.buffer[at:at + 4], "big")
            if length < 9 or length > MAX_REQUEST:
                raise ValueError("a frame of %d bytes" % length)
            if len(self.buffer) - at - 4 < length:
                break
            head = at + 4
            yield bytes(self.buffer[head:head + 1]), bytes(self.buffer[head + 1:head + 9]), \
                bytes(memoryview(self.buffer)[head + 9:head + length])
            at = head + length
        del self.buffer[:at]


class Call:
    """What one call has said so far, as far as nobody confirmed it."""

    def __init__(self, number, options, source):
        self.number = number
        self.options = options
        self.source = source
        self.client = None
        self.frames = []  # (position of the first byte, frame)
        self.end = 0
        self.sent = 0
        self.held = 0
        self.done = False
        self.started = None
        self.timed_out = False
        self.interrupted_at = None
        self.insisted = False

    def add(self, frame):
        # Small outputs that nobody was told yet become one frame.
        if self.frames and self.frames[-1][0] >= self.sent:
            last = self.frames[-1][1]
            if last[4:5] == frame[4:5] and frame[4:5] in b"OF" and len(last) + len(frame) <= CHUNK + 13:
                last += frame[13:]
                last[:4] = (len(last) - 4).to_bytes(4, "big")
                self.end += len(frame) - 13
                self.held += len(frame) - 13
                return
        frame = bytearray(frame)
        self.frames.append((self.end, frame))
        self.end += len(frame)
        self.held += len(frame)

    def acknowledge(self, position):
        kept = 0
        while kept < len(self.frames) and self.frames[kept][0] + len(self.frames[kept][1]) <= position:
            self.held -= len(self.frames[kept][1])
            kept += 1
        del self.frames[:kept]

    def shorten(self, unjson, json):
        """Replaces the middle by one frame that says what is missing. Only while nobody listens."""
        head, size = 0, 0
        while size < SPOOL // 2:
            size += len(self.frames[head][1])
            head += 1
        tail = head
        lost = {"stdout": 0, "stderr": 0, "results": 0}
        while tail < len(self.frames) and self.held > SPOOL * 7 // 8:
            frame = self.frames[tail][1]
            kind = bytes(frame[4:5])
            if kind == b"G":
                for key, count in unjson(frame[13:]).items():
                    lost[key] += count
            elif kind == b"O":
                lost["stdout"] += len(frame) - 13
            elif kind == b"F":
                lost["stderr"] += len(frame) - 13
            else:
                lost["results"] += 1
            self.held -= len(frame)
            tail += 1
        gap = pack(b"G", self.number, json(lost))
        # The gap stands at the position of the first lost byte, so a position behind it is never sent twice.
        position = self.frames[tail][0] - len(gap) if tail < len(self.frames) else self.end - len(gap)
        self.frames[head:tail] = [(position, gap)]
        self.held += len(gap)


class Client:
    """One attached relay."""

    def __init__(self, sock):
        self.sock = sock
        self.incoming = Frames()
        self.hello = b""
        self.calls = []
        self.cursor = {}
        self.partial = None
        self.ended = False
        self.gone = False
