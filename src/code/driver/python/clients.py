

# ---- serve: who is attached ----


class Clients:
    """The supervisor's side towards its clients: what they ask, and what they are told."""

    def accept(self):
        sock, _ = self.listener.accept()
        sock.setblocking(False)
        client = Client(sock)
        self.clients[sock.fileno()] = client
        hello = {
            "protocol": PROTOCOL, "language": language_of(self.directory), "version": sys.version.split()[0],
            "executionCount": self.count, "cwd": os.getcwd(), "busy": self.running is not None,
        }
        client.hello = pack(b"H", NOBODY, self.json(hello))
        self.selector.register(sock, self.selectors.EVENT_READ, ("client", client))

    def drop(self, client):
        try:
            self.selector.unregister(client.sock)
        except KeyError:
            pass
        client.gone = True
        del self.clients[client.sock.fileno()]
        client.sock.close()
        for call in client.calls:
            call.client = None

    def read_client(self, client):
        try:
            data = client.sock.recv(4 * CHUNK)
        except ConnectionError:
            return self.drop(client)
        if not data:
            client.ended = True
            self.watch(client)
            return
        try:
            for kind, call, body in client.incoming.feed(data):
                self.request(client, kind, call, body)
        except ValueError:
            self.drop(client)

    def request(self, client, kind, number, body):
        if kind == b"E":
            if number in self.calls:  # said again by a client that does not know whether it was heard
                return self.adopt(client, self.calls[number], 0)
            size = int.from_bytes(body[:4], "big")
            call = Call(number, self.unjson(body[4:4 + size]), body[4 + size:])
            self.calls[number] = call
            self.adopt(client, call, 0)
            self.queue.append(call)
        elif kind == b"C":
            call = self.calls.get(number)
            if call is None:
                call = Call(number, {}, b"")
                self.fail(call, "ContextLost", "the interpreter that ran this call is gone, and so is its state")
                self.adopt(client, call, 0)
            else:
                self.adopt(client, call, int.from_bytes(body[:8], "big"))
        elif kind == b"K":
            if number in self.calls:
                self.calls[number].acknowledge(int.from_bytes(body[:8], "big"))
        elif kind == b"I":
            self.interrupt(number)
        elif kind in (b"R", b"X"):
            call = Call(number, {}, b"")
            self.adopt(client, call, 0)
            if kind == b"R":
                self.restart()
            else:
                self.leaving = client
            call.add(pack(b"Z", number, self.json({"status": "ok", "executionCount": self.count, "durationMs": 0})))
            call.done = True

    def adopt(self, client, call, position):
        if call.client is client:
            return
        if call.client is not None:
            call.client.calls.remove(call)
            del call.client.cursor[call]
        call.acknowledge(position)
        call.client = client
        client.calls.append(call)
        client.cursor[call] = call.frames[0][0] if call.frames else call.end

    def pending(self, client):
        return bool(client.hello or client.partial or client.calls)

    def watch(self, client):
        if client.gone:
            return
        if client.ended and not self.pending(client):
            return self.drop(client)
        events = 0 if client.ended else self.selectors.EVENT_READ
        if client.partial:
            events |= self.selectors.EVENT_WRITE
        try:
            self.selector.unregister(client.sock)
        except KeyError:
            pass
        if events:
            self.selector.register(client.sock, events, ("client", client))

    def write_client(self, client):
        """Sends what there is until the socket is full."""
        if client.gone:
            return
        had = client.partial is not None
        try:
            while True:
                if client.partial is None:
                    client.partial = self.next_bytes(client)
                    if client.partial is None:
                        break
                sent = client.sock.send(client.partial)
                client.partial = client.partial[sent:] if sent < len(client.partial) else None
        except BlockingIOError:
            pass
        except OSError:
            return None if client.gone else self.drop(client)
        if had != (client.partial is not None) or client.ended:
            self.watch(client)

    def next_bytes(self, client):
        if client.hello:
            data, client.hello = client.hello, b""
            return memoryview(data)
        for call in list(client.calls):
            if client.cursor[call] < call.end:
                for at in range(self.find(call, client.cursor[call]), len(call.frames)):
                    position, frame = call.frames[at]
                    client.cursor[call] = position + len(frame)
                    call.sent = max(call.sent, client.cursor[call])
                    return memoryview(frame)
            if call.done:
                client.calls.remove(call)
                del client.cursor[call]
                call.client = None
        return None

    @staticmethod
    def find(call, position):
        low, high = 0, len(call.frames)
        while low < high:
            middle = (low + high) // 2
            if call.frames[middle][0] < position:
                low = middle + 1
            else:
                high = middle
        return low
