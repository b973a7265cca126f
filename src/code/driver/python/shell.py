

# ---- serve: a shell that is kept, instead of an interpreter of this language ----


class Shell(Supervisor):
    """The worker is an interactive shell that reads `. FILE` from a socket, and says there how that ended."""

    def start_worker(self):
        import shutil

        ours, theirs = self.socket.socketpair()
        path = shutil.which("bash")
        argv = [path, "--noprofile", "--norc", "--noediting", "-i"] if path else ["/bin/sh", "-i"]
        environment = dict(os.environ, PS1="", PS2="", ENV="")
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                os.dup2(theirs.fileno(), 0)
                os.dup2(self.pipes[0][1], 1)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # an interactive shell complains that it has no terminal
                os.dup2(self.pipes[1][1], 9)
                os.set_inheritable(9, True)
                self.signal.pthread_sigmask(self.signal.SIG_SETMASK, [])
                self.signal.signal(self.signal.SIGPIPE, self.signal.SIG_DFL)
                os.execve(argv[0], argv, environment)
            finally:
                os._exit(127)
        theirs.close()
        try:
            os.setpgid(pid, pid)
        except OSError:
            pass  # the shell did it first, or is gone already
        self.worker = pid
        self.control = ours
        self.answer = b""
        self.selector.register(ours, self.selectors.EVENT_READ, ("worker", None))
        # What is said from here on is the user's; nothing is kept in a history.
        ours.sendall(b"unset HISTFILE PS1 PS2 ENV 2>/dev/null; PS1= PS2=; exec 2>&9 9>&-\n")

    def give(self, call):
        path = os.path.join(self.directory, "cell")
        with open(path, "wb") as file:
            file.write(call.source)
        quoted = b"'" + os.fsencode(path).replace(b"'", b"'\\''") + b"'"
        # The second line is read even when an interrupt takes the shell out of the first.
        self.control.sendall(b". " + quoted + b" </dev/null\nprintf '%s\\n' \"$?\" >&0\n")

    def signal_worker(self):
        # Programs of the shell are in its group: an interrupt is for whatever runs.
        os.killpg(self.worker, self.signal.SIGINT)

    def read_worker(self):
        try:
            data = self.control.recv(4096)
        except ConnectionError:
            data = b""
        if not data:
            self.selector.unregister(self.control)
            self.control.close()
            return
        self.answer += data
        while b"\n" in self.answer and self.running is not None:
            line, self.answer = self.answer.split(b"\n", 1)
            self.drain()
            self.ended(int(line) if line.isdigit() else 1)

    def ended(self, code):
        call = self.running
        if call.timed_out:
            name, value, status = "TimeoutError", self.time_message(), "timeout"
        elif call.interrupted_at is not None and code > 128:
            name, value, status = "KeyboardInterrupt", "", "interrupted"
        elif code:
            name, value, status = "ExitStatus", str(code), "error"
        else:
            return self.finish("ok")
        trace = "%s: %s" % (name, value) if value else name
        self.emit(b"X", self.json({"name": name, "value": value, "traceback": trace}))
        self.finish(status)
