

# ---- serve: the worker, where user code runs ----


class Worker:
    def __init__(self, control):
        import _thread
        import ast
        import builtins
        import faulthandler
        import io
        import json
        import linecache
        import signal
        import threading
        import time
        import traceback
        import types

        self.ast, self.io, self.json, self.linecache, self.traceback = ast, io, json, linecache, traceback
        self.threading, self.time = threading, time
        self.control = control
        self.lock = threading.RLock()
        self.call = NOBODY
        self.loop = None
        self.signal = signal
        self.main = types.ModuleType("__main__")
        self.main.__builtins__ = builtins
        sys.modules["__main__"] = self.main
        sys.argv[:] = [""]
        if os.path.abspath(sys.path[0]) == os.path.dirname(os.path.abspath(__file__)):
            del sys.path[0]
        sys.path.insert(0, "")
        builtins.display = self.display
        builtins.input = no_input
        os.environ.setdefault("MPLBACKEND", "Agg")
        self.open_streams()
        faulthandler.enable(2)
        self.interruptible(False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        exit_now = os._exit

        def exit_after_flush(code):
            self.flush()
            exit_now(code)

        os._exit = exit_after_flush
        os.register_at_fork(before=self.flush)
        sys.addaudithook(self.on_event)
        self.busy = threading.Event()
        _thread.start_new_thread(self.keep_flushing, ())

    def open_streams(self):
        # Big buffers, flushed by a timer: a million lines are a few writes, and one line is seen at once all the same.
        self.streams = []
        for fd, name in ((1, "stdout"), (2, "stderr")):
            raw = self.io.FileIO(fd, "w", closefd=False)
            raw.name = "<%s>" % name
            stream = self.io.TextIOWrapper(self.io.BufferedWriter(raw, CHUNK), "utf-8", "backslashreplace")
            self.streams.append(stream)
            setattr(sys, name, stream)
            setattr(sys, "__%s__" % name, stream)

    def flush(self):
        for stream in self.streams:
            try:
                stream.flush()
            except (ValueError, OSError):
                pass

    def keep_flushing(self):
        while True:
            self.busy.wait()
            self.time.sleep(0.02 if self.call != NOBODY else 0.2)
            self.flush()

    def on_event(self, event, _):
        if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
            self.flush()

    def interruptible(self, now):
        """An interrupt that comes late is for nobody. No SIG_IGN: programs started meanwhile would inherit it."""
        self.signal.signal(self.signal.SIGINT, self.signal.default_int_handler if now else lambda *_: None)

    def send(self, kind, body):
        with self.lock:
            try:
                self.control.sendall(pack(kind, self.call, body))
            except OSError:
                pass

    def run(self):
        requests = Frames()
        while True:
            data = self.control.recv(4 * CHUNK)
            if not data:
                return
            for _, call, body in requests.feed(data):
                size = int.from_bytes(body[:4], "big")
                self.cell(call, self.json.loads(body[4:4 + size]), body[4 + size:])

    def cell(self, call, options, source):
        self.call = call
        self.busy.set()
        status = "ok"
        try:
            try:
                self.interruptible(True)
                self.execute(options, source)
                self.figures()
            finally:
                self.interruptible(False)
        except SystemExit as error:
            self.interruptible(False)
            if error.code not in (None, 0):
                status = self.report(error)
        except BaseException as error:
            self.interruptible(False)
            status = self.report(error)
        self.flush()
        if any(stream.closed for stream in self.streams):
            self.open_streams()
        self.send(b"Z", status.encode())
        self.call = NOBODY
        if self.threading.active_count() == 1:
            self.busy.clear()

    def execute(self, options, source):
        name = "<cell %d>" % options["executionCount"]
        try:
            text = source.decode()
        except UnicodeDecodeError:
            text = source
        readable = source.decode(errors="replace")
        if len(source) < 1 << 20:
            self.linecache.cache[name] = (len(source), None, readable.splitlines(True), name)
        tree = self.ast.parse(text, name)
        last = None
        if tree.body and isinstance(tree.body[-1], self.ast.Expr):
            last = self.ast.Expression(tree.body.pop().value)
        quiet = options.get("silent") or readable.rstrip().endswith(";")
        value = None
        if tree.body:
            self.evaluate(compile(tree, name, "exec", self.ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True))
        if last is not None:
            value = self.evaluate(compile(last, name, "eval", self.ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True))
        if value is not None and not quiet:
            self.main._ = value
            self.show(value, result=True)

    def evaluate(self, code):
        value = eval(code, self.main.__dict__)
        if not code.co_flags & 0x80:  # CO_COROUTINE: the code awaits
            return value
        import asyncio

        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(value)
        try:
            return self.loop.run_until_complete(task)
        except KeyboardInterrupt:
            task.cancel()
            try:
                self.loop.run_until_complete(asyncio.wait([task], timeout=1))
            except Exception:
                pass
            raise

    def report(self, error):
        """An exception as data; the frames of this file are nobody's business."""
        trace = error.__traceback__
        while trace is not None and not trace.tb_frame.f_code.co_filename.startswith("<cell "):
            trace = trace.tb_next
        name = type(error).__name__
        try:
            value = str(error)
        except Exception as broken:
            value = "<str() of the error raised %s>" % type(broken).__name__
        try:
            text = "".join(self.traceback.format_exception(type(error), error, trace))
        except Exception:
            text = "%s: %s\n" % (name, value)
        self.send(b"X", self.json.dumps({"name": name, "value": value, "traceback": text}).encode())
        return "interrupted" if isinstance(error, KeyboardInterrupt) else "error"

    # -- results

    def display(self, *values):
        """Shows values as results of the running call."""
        for value in values:
            self.show(value, result=False)

    def show(self, value, result):
        data, metadata = self.bundle(value)
        self.send_bundle(data, metadata, result)

    def send_bundle(self, data, metadata, result):
        texts, parts = {}, []
        for mime, content in data.items():
            if isinstance(content, str) and mime in ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"):
                content = from_base64(content)
            if isinstance(content, (bytes, bytearray)):
                name = mime.encode()
                parts += [len(name).to_bytes(2, "big"), name, len(content).to_bytes(4, "big"), bytes(content)]
            else:
                texts[mime] = content
        try:
            head = self.json.dumps({"result": result, "data": texts, "metadata": metadata})
        except (TypeError, ValueError):
            texts = {mime: content for mime, content in texts.items() if isinstance(content, str)}
            head = self.json.dumps({"result": result, "data": texts, "metadata": {}})
        head = head.encode()
        self.flush()
        self.send(b"D", b"".join([len(head).to_bytes(4, "big"), head] + parts))

    def bundle(self, value):
        data, metadata = {}, {}
        if not isinstance(value, type):
            found = represent(value, "_repr_mimebundle_", include=None, exclude=None)
            found, metadata = found if isinstance(found, tuple) else (found, {})
            data.update(found if isinstance(found, dict) else {})
            for name, mime in REPRESENTATIONS:
                found = represent(value, name) if mime not in data else None
                if isinstance(found, tuple) and len(found) == 2:
                    found, metadata[mime] = found
                if found is not None:
                    data[mime] = found
        if "text/plain" not in data:
            text = repr(value)
            data["text/plain"] = text if len(text) <= 8 << 20 else text[:8 << 20] + "… (%d characters)" % len(text)
        if type(value) in (dict, list, int, float, bool, str) and len(data["text/plain"]) < 1 << 20:
            try:
                self.json.dumps(value, allow_nan=False)
                data.setdefault("application/json", value)
            except (TypeError, ValueError, RecursionError):
                pass
        return data, metadata

    def figures(self):
        plots = sys.modules.get("matplotlib.pyplot")
        if plots is None or not hasattr(plots, "get_fignums"):
            return
        for number in plots.get_fignums():
            figure = plots.figure(number)
            kind = "svg" if plots.rcParams.get("savefig.format") == "svg" else "png"
            file = self.io.BytesIO()
            figure.savefig(file, format=kind, bbox_inches="tight")
            plain = {"text/plain": repr(figure)}
            if kind == "svg":
                self.send_bundle(dict(plain, **{"image/svg+xml": file.getvalue().decode()}), {}, False)
            else:
                self.send_bundle(dict(plain, **{"image/png": file.getvalue()}), {}, False)
        plots.close("all")


REPRESENTATIONS = (
    ("_repr_html_", "text/html"), ("_repr_markdown_", "text/markdown"), ("_repr_svg_", "image/svg+xml"),
    ("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg"), ("_repr_pdf_", "application/pdf"),
    ("_repr_latex_", "text/latex"), ("_repr_json_", "application/json"), ("_repr_javascript_", "application/javascript"),
)


def represent(value, hook, **arguments):
    """What a display hook gives: nothing if it fails, or if the object makes up every attribute it is asked for."""
    try:
        if not hasattr(type(value), hook) and callable(getattr(value, "_no_such_hook_", None)):
            return None
        found = getattr(value, hook, None)
        return found(**arguments) if callable(found) else None
    except Exception:
        return None


def from_base64(text):
    import base64

    try:
        return base64.b64decode(text, validate=False)
    except ValueError:
        return text


def no_input(prompt="", /):
    raise RuntimeError("input() has nobody to ask in a code context: pass the value in the code, or use exec with stdin")


def language_of(directory):
    """The id of a context begins with its language."""
    return os.path.basename(directory).split("-")[0]


def serve(directory):
    (Shell if language_of(directory) == "bash" else Supervisor)(directory).run()


if __name__ == "__main__":
    verb, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    verbs = {"attach": attach, "serve": serve, "list": list_contexts}
    if verb not in verbs:
        sys.exit("usage: driver.py attach DIR OPTIONS [FILE] | list ROOT")
    verbs[verb](*arguments)
