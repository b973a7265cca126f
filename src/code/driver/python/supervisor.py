

# ---- serve: the supervisor ----


class Supervisor(Clients):
    """Owns the queue, the running call and its output, and the worker."""

    def __init__(self, directory):
        import fcntl
        import json
        import selectors
        import signal
        import socket
        import time

        self.selectors, self.signal, self.socket, self.time = selectors, signal, socket, time
        self.json = lambda value: json.dumps(value).encode()
        self.unjson = json.loads
        self.directory = directory
        self.calls = {}
        self.finished = []
        self.queue = []
        self.running = None
        self.count = 0
        self.clients = {}
        self.worker = None
        self.idle = []
        self.paused = False
        self.ending = False
        self.leaving = None
        self.lost = self.describe()
        self.selector = selectors.DefaultSelector()
        self.pipes = [os.pipe(), os.pipe()]
        for (read, _), kind in zip(self.pipes, (b"O", b"F")):
            os.set_blocking(read, False)
            fcntl.fcntl(read, 1031, 1 << 20)  # F_SETPIPE_SZ
            self.selector.register(read, selectors.EVENT_READ, ("output", kind))
        self.woken, wakes = socket.socketpair()
        self.woken.setblocking(False)
        wakes.setblocking(False)
        self.wakes = wakes
        # A worker lets it in when it knows what to do with it.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        self.selector.register(self.woken, selectors.EVENT_READ, ("child", None))
        self.listener = self.listen()

    def describe(self):
        """Writes what `list` shows. Returns whether an earlier interpreter of this context is gone."""
        path = os.path.join(self.directory, "context.json")
        known = os.path.exists(path)
        about = {
            "id": os.path.basename(self.directory), "language": language_of(self.directory), "cwd": os.getcwd(), "pid": os.getpid(),
            "version": sys.version.split()[0], "startedAtMs": int(self.time.time() * 1000),
        }
        with open(path + ".new", "wb") as file:
            file.write(self.json(about))
        os.replace(path + ".new", path)
        return known

    def listen(self):
        path = os.path.join(self.directory, "socket")
        if os.path.exists(path):
            os.unlink(path)
        listener = self.socket.socket(self.socket.AF_UNIX, self.socket.SOCK_STREAM)
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen(16)
        listener.setblocking(False)
        self.selector.register(listener, self.selectors.EVENT_READ, ("listen", None))
        return listener

    def start_worker(self):
        ours, theirs = self.socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self.signal.set_wakeup_fd(-1)
            self.signal.signal(self.signal.SIGCHLD, self.signal.SIG_DFL)
            os.setpgid(0, 0)
            for number, (read, write) in enumerate(self.pipes, 1):
                os.dup2(write, number)
                os.close(read)
                os.close(write)
            for sock in [ours, self.listener, self.woken, self.wakes] + [client.sock for client in self.clients.values()]:
                sock.close()
            self.selector.close()
            Worker(theirs).run()
            os._exit(0)
        theirs.close()
        try:
            os.setpgid(pid, pid)
        except OSError:
            pass  # the worker did it first, or is gone already
        self.worker = pid
        self.control = ours
        self.replies = Frames()
        self.selector.register(ours, self.selectors.EVENT_READ, ("worker", None))

    def run(self):
        self.start_worker()
        os.write(3, b"+")
        os.close(3)
        while True:
            self.pause_or_read()
            for key, events in self.selector.select(self.wait()):
                what, detail = key.data
                try:
                    if what == "output":
                        self.read_output(key.fd, detail)
                    elif what == "worker":
                        self.read_worker()
                    elif what == "client":
                        if events & self.selectors.EVENT_READ and not detail.gone:
                            self.read_client(detail)
                    elif what == "listen":
                        self.accept()
                    else:
                        self.woken.recv(4096)
                except BlockingIOError:
                    pass
            self.reap()
            self.check_time()
            self.next_call()
            for client in list(self.clients.values()):
                self.write_client(client)
            if self.leaving is not None and (self.leaving.gone or not self.pending(self.leaving)):
                return self.close()

    def close(self):
        if self.worker is not None:
            self.kill_worker()
        import shutil

        shutil.rmtree(self.directory, ignore_errors=True)

    # -- the call that runs

    def emit(self, kind, body):
        call = self.running
        call.add(pack(kind, call.number, body))
        if call.client is None:
            if call.held > SPOOL:
                call.shorten(self.unjson, self.json)
        elif call.client.ended:  # it cannot acknowledge any more
            call.acknowledge(call.client.cursor[call] - WINDOW)

    def next_call(self):
        if self.running is not None or not self.queue:
            return
        if self.worker is None:
            self.start_worker()
        call = self.running = self.queue.pop(0)
        self.count += 0 if call.options.get("silent") else 1
        call.started = self.time.monotonic()
        self.emit(b"S", self.json({"executionCount": self.count}))
        for kind, data in self.idle:
            self.emit(kind, data)
        self.idle = []
        try:
            self.give(call)
        except OSError:
            pass  # reap() will find the worker gone
        call.source = b""

    def give(self, call):
        options = self.json(dict(call.options, executionCount=self.count))
        body = len(options).to_bytes(4, "big") + options + call.source
        self.control.sendall(pack(b"E", call.number, body))

    def finish(self, status, restarted=False):
        call, self.running = self.running, None
        duration = (self.time.monotonic() - call.started) * 1000
        done = {
            "status": status, "executionCount": self.count, "durationMs": round(duration, 3),
            "restarted": restarted or self.lost,
        }
        self.lost = False
        call.add(pack(b"Z", call.number, self.json(done)))
        call.done = True
        self.finished.append(call)
        while len(self.finished) > KEPT_CALLS or sum(call.held for call in self.finished) > SPOOL:
            old = self.finished.pop(0)
            self.calls.pop(old.number, None)
            if old is call:
                break

    def fail(self, call, name, value, traceback=""):
        error = self.json({"name": name, "value": value, "traceback": traceback or "%s: %s" % (name, value)})
        call.add(pack(b"X", call.number, error))
        if call is not self.running:
            done = {"status": "exited", "executionCount": self.count, "durationMs": 0, "restarted": True}
            call.add(pack(b"Z", call.number, self.json(done)))
            call.done = True

    def interrupt(self, number):
        call = self.running
        if call is not None and number in (call.number, NOBODY):
            if self.worker is not None:
                self.signal_worker()
            call.interrupted_at = self.time.monotonic()
            call.insisted = False
            return
        for call in self.queue:
            if call.number == number:
                self.queue.remove(call)
                error = {"name": "KeyboardInterrupt", "value": "", "traceback": "KeyboardInterrupt"}
                done = {"status": "interrupted", "executionCount": self.count, "durationMs": 0, "restarted": False}
                call.add(pack(b"X", number, self.json(error)))
                call.add(pack(b"Z", number, self.json(done)))
                call.done = True
                self.calls.pop(number, None)
                return

    def signal_worker(self):
        os.kill(self.worker, self.signal.SIGINT)

    def wait(self):
        """How long nothing has to be looked at, in seconds."""
        call, now = self.running, self.time.monotonic()
        if call is None:
            return None
        times = []
        if call.options.get("timeoutMs") and not call.timed_out:
            times.append(call.started + call.options["timeoutMs"] / 1000)
        if call.interrupted_at is not None:
            if not call.insisted:
                times.append(call.interrupted_at + INSIST_AFTER)
            elif call.timed_out and not self.paused:
                times.append(call.interrupted_at + END_AFTER)
        return max(0, min(times) - now) if times else None

    def check_time(self):
        call, now = self.running, self.time.monotonic()
        if call is None:
            return
        limit = call.options.get("timeoutMs")
        if limit and not call.timed_out and now >= call.started + limit / 1000:
            call.timed_out = True
            self.interrupt(call.number)
        if call.interrupted_at is None or self.worker is None:
            return
        if not call.insisted and now >= call.interrupted_at + INSIST_AFTER:
            call.insisted = True
            try:
                os.killpg(self.worker, self.signal.SIGINT)
            except OSError:
                pass
        elif call.timed_out and now >= call.interrupted_at + END_AFTER and not self.paused:
            os.kill(self.worker, self.signal.SIGKILL)

    # -- the worker

    def pause_or_read(self):
        """Who listens slowly slows the program down; who does not listen at all does not."""
        call = self.running
        pause = False
        if call is not None and call.client is not None:
            unsent = call.end - call.client.cursor[call]
            pause = unsent > WINDOW or (call.held > 2 * WINDOW and not call.client.ended)
        if pause != self.paused:
            self.paused = pause
            for (read, _), kind in zip(self.pipes, (b"O", b"F")):
                if pause:
                    self.selector.unregister(read)
                else:
                    self.selector.register(read, self.selectors.EVENT_READ, ("output", kind))

    def read_output(self, fd, kind, limit=CHUNK):
        data = os.read(fd, min(limit, CHUNK))
        if self.running is not None:
            self.emit(kind, data)
        else:
            self.idle.append((kind, data))
            while sum(len(data) for _, data in self.idle) > IDLE_OUTPUT:
                self.idle.pop(0)
        return len(data)

    def drain(self):
        """Takes what was written before now, so that it comes before what is said next."""
        import array
        import fcntl
        import termios

        for (read, _), kind in zip(self.pipes, (b"O", b"F")):
            size = array.array("i", [0])
            fcntl.ioctl(read, termios.FIONREAD, size)
            left = size[0]
            while left > 0:
                left -= self.read_output(read, kind, left)

    def read_worker(self):
        try:
            data = self.control.recv(4 * CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            self.selector.unregister(self.control)
            self.control.close()
            return
        for kind, number, body in self.replies.feed(data):
            if self.running is None or number != self.running.number:
                continue
            self.drain()
            if kind == b"Z":
                status = body.decode()
                self.finish("timeout" if self.running.timed_out and status == "interrupted" else status)
            elif kind == b"X" and self.running.timed_out:
                error = self.unjson(body)
                if error["name"] == "KeyboardInterrupt":
                    error.update(name="TimeoutError", value=self.time_message())
                self.emit(kind, self.json(error))
            else:
                self.emit(kind, body)

    def time_message(self):
        return "the call ran longer than %g ms and was interrupted" % self.running.options["timeoutMs"]

    def reap(self):
        if self.worker is None:
            return
        try:
            pid, status = os.waitpid(self.worker, os.WNOHANG)
        except ChildProcessError:
            pid, status = self.worker, 0
        if pid == 0:
            return
        # What it said last comes before the news of its end.
        try:
            if self.control.fileno() >= 0:
                self.control.setblocking(False)
            while self.control.fileno() >= 0:
                self.read_worker()
        except BlockingIOError:
            pass
        self.forget_worker()
        self.drain()
        if self.running is None:
            self.lost = True
        elif self.running.timed_out:
            self.fail(self.running, "TimeoutError", self.time_message() + "; it did not react and was ended with its state")
            self.finish("timeout", restarted=True)
        else:
            signal = status & 127
            how = "was killed by signal %d" % signal if signal else "exited with code %d" % (status >> 8)
            if signal == 9:
                how += " (out of memory?)"
            self.fail(self.running, "ContextExited", "the interpreter %s; its state is gone, the next call starts anew" % how)
            self.finish("exited", restarted=True)

    def forget_worker(self):
        self.worker = None
        if self.control.fileno() >= 0:
            self.selector.unregister(self.control)
            self.control.close()

    def kill_worker(self):
        try:
            os.killpg(self.worker, self.signal.SIGKILL)
            os.waitpid(self.worker, 0)
        except OSError:
            pass
        self.forget_worker()

    def restart(self):
        if self.worker is not None:
            self.kill_worker()
        self.drain()
        self.idle = []
        if self.running is not None:
            self.fail(self.running, "ContextRestarted", "the context was restarted during this call")
            self.finish("exited", restarted=True)
        self.count = 0
        self.lost = False
        self.start_worker()
