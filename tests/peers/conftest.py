"""Starts one `jetway serve` for the whole run and points the client at it, the way a user would: by environment.

Must not know anything about the server beyond its command line, its ready file and the public wire.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 30


def jetway_binary() -> Path:
    """JETWAY_BIN, else the debug build."""
    named = os.environ.get("JETWAY_BIN")
    binary = Path(named) if named else REPOSITORY / "target" / "debug" / "jetway"
    if not binary.exists():
        raise pytest.UsageError(f"{binary} is missing: run `cargo build -p jetway-cli`, or set JETWAY_BIN")
    return binary


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, str]]:
    """The ready file of a fresh server: url and token."""
    with serving() as ready:
        yield ready


@contextmanager
def serving(*options: str) -> Iterator[dict[str, str]]:
    """A server with these options, as its ready file describes it. Stopping it must succeed and be quick."""
    with tempfile.TemporaryDirectory(prefix="jetway-peers-") as folder:
        home = Path(folder)
        ready, log = home / "ready.json", home / "server.log"
        arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", str(home / "data"), "--ephemeral", *options]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(jetway_binary()), *arguments, "--ready-file", str(ready)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield wait_until_ready(process, ready, log)
        finally:
            descendants = processes_below(process.pid)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError("the server did not stop within 30 s of SIGTERM\n" + log.read_text()[-4000:])
        assert code == 0, f"the server ended with {code}\n" + log.read_text()[-4000:]
        left = descendants & alive_processes()
        assert not left, f"these processes outlived the server: {sorted(left)}"


def wait_until_ready(process: subprocess.Popen[bytes], ready: Path, log: Path) -> dict[str, str]:
    """Polls for the ready file; a server that gives up shows its own words."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}\n" + log.read_text()[-4000:])
        if ready.exists() and ready.stat().st_size > 0:
            return json.loads(ready.read_text())
        time.sleep(0.02)
    raise AssertionError(f"no ready file within {START_SECONDS} s\n" + log.read_text()[-4000:])


@pytest.fixture(scope="session", autouse=True)
def client_environment(server: dict[str, str]) -> Iterator[None]:
    """CWSANDBOX_BASE_URL and CWSANDBOX_API_KEY, and nothing from the developer's own account."""
    ours = {"CWSANDBOX_BASE_URL": server["url"].rstrip("/"), "CWSANDBOX_API_KEY": server["token"]}
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("CWSANDBOX_", "WANDB_"))}
    os.environ.update(ours)
    yield
    for name in ours:
        os.environ.pop(name, None)
    os.environ.update(before)


def alive_processes() -> set[tuple[int, str]]:
    """Every process that is not a zombie, as pid and start time: a reused pid is another process."""
    return {(pid, start) for pid, _, start, state in process_table() if state != "Z"}


def processes_below(root: int) -> set[tuple[int, str]]:
    """The children of a process and theirs, as pid and start time."""
    found: set[tuple[int, str]] = set()
    parents = {root}
    while parents:
        children = {(pid, start) for pid, parent, start, _ in process_table() if parent in parents} - found
        found |= children
        parents = {pid for pid, _ in children}
    return found


def process_table() -> Iterator[tuple[int, int, str, str]]:
    """pid, parent, start time and state of everything in /proc."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        yield int(folder.name), int(fields[1]), fields[19], fields[0]
