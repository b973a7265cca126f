"""The quick start of PyPI `cwsandbox`, a client that we did not write, unchanged against `jetway serve`.

One test per promise of its documentation. What is asserted is what its users see, never our own internals.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import pytest
from cwsandbox import (
    CWSandboxAuthenticationError,
    Sandbox,
    SandboxCommandTimeoutError,
    SandboxDefaults,
    SandboxError,
    SandboxExecutionError,
    SandboxFileError,
    SandboxNotFoundError,
    SandboxTimeoutError,
    Session,
    get_runner,
    list_runners,
)

TAG = f"peers-{uuid.uuid4().hex[:8]}"
DEFAULTS = SandboxDefaults(container_image="python:3.11", max_lifetime_seconds=120, tags=(TAG,))
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One running sandbox for the tests that only execute something in it."""
    with Sandbox.run("sleep", "infinity", defaults=DEFAULTS) as running:
        yield running


def test_the_quick_start_of_the_documentation_runs() -> None:
    Sandbox.run("echo", "Hello, World!").stop().result()
    with Sandbox.run("sleep", "infinity", container_image="python:3.11") as sb:
        assert sb.exec(["python", "-c", "print(2 + 2)"]).result().stdout == "4\n"


def test_the_quick_start_runs_in_async_code() -> None:
    async def main() -> str:
        async with Sandbox.run("sleep", "infinity") as sb:
            result = await sb.exec(["python", "-c", "print(2 + 2)"])
            return result.stdout

    assert asyncio.run(main()) == "4\n"


def test_run_returns_an_id_before_the_sandbox_runs() -> None:
    with Sandbox.run("sleep", "infinity", defaults=DEFAULTS) as sb:
        assert sb.sandbox_id
        sb.wait(timeout=30)
        assert sb.status == "running"
        assert sb.started_at is not None
        assert sb.runner_id
        assert TAG in sb.tags


def test_a_main_command_that_ends_completes_the_sandbox_with_its_exit_code() -> None:
    sb = Sandbox.run("/bin/sh", "-c", "exit 7", defaults=DEFAULTS)
    sb.wait_until_complete(timeout=30).result()
    assert sb.status == "completed"
    assert sb.returncode == 7


def test_exec_returns_output_and_exit_code(sandbox: Sandbox) -> None:
    result = sandbox.exec(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]).result()
    assert (result.stdout, result.stderr, result.returncode) == ("out\n", "err\n", 3)


def test_exec_takes_its_working_directory(sandbox: Sandbox) -> None:
    assert sandbox.exec(["pwd"], cwd="/tmp").result().stdout == "/tmp\n"


def test_the_environment_reaches_commands() -> None:
    with Sandbox.run(defaults=DEFAULTS.with_overrides(environment_variables={"GREETING": "héllo wörld"})) as sb:
        assert sb.exec(["printenv", "GREETING"]).result().stdout == "héllo wörld\n"


def test_stdout_arrives_while_the_command_runs(sandbox: Sandbox) -> None:
    script = "import time\nfor i in range(5):\n    print(i, flush=True)\n    time.sleep(0.2)"
    process = sandbox.exec(["python", "-c", script])
    arrived = [(line.strip(), time.monotonic()) for line in process.stdout]
    assert [line for line, _ in arrived] == ["0", "1", "2", "3", "4"]
    assert arrived[-1][1] - arrived[0][1] > 0.6, "the lines came all at once"
    assert process.result().returncode == 0


def test_large_output_arrives_complete(sandbox: Sandbox) -> None:
    script = "import sys\nfor i in range(200000):\n    sys.stdout.write(f'{i:07d}\\n')"
    lines = sandbox.exec(["python", "-c", script]).result().stdout.splitlines()
    assert len(lines) == 200_000
    assert lines == [f"{i:07d}" for i in range(200_000)]


def test_stdin_streams_both_ways(sandbox: Sandbox) -> None:
    process = sandbox.exec(["python", "-c", "while True: print('got ' + input(), flush=True)"], stdin=True)
    process.stdin.writeline("one").result()
    assert next(iter(process.stdout)) == "got one\n"
    process.stdin.writeline("two").result()
    assert next(iter(process.stdout)) == "got two\n"
    process.stdin.close().result()
    assert process.result().returncode == 1, "input() must see the end of its input"


def test_closing_stdin_is_end_of_file(sandbox: Sandbox) -> None:
    process = sandbox.exec(["sort"], stdin=True)
    for word in ("banana", "apple", "cherry"):
        process.stdin.writeline(word).result()
    process.stdin.close().result()
    assert process.result().stdout == "apple\nbanana\ncherry\n"


def test_a_megabyte_of_stdin_survives(sandbox: Sandbox) -> None:
    payload = bytes(range(256)) * 4096
    process = sandbox.exec(["sha256sum"], stdin=True)
    process.stdin.write(payload).result()
    process.stdin.close().result()
    assert process.result().stdout.split()[0] == hashlib.sha256(payload).hexdigest()


def test_files_are_written_and_read_back(sandbox: Sandbox) -> None:
    sandbox.write_file("/tmp/new/folder/greeting.txt", b"hello").result()
    assert sandbox.read_file("/tmp/new/folder/greeting.txt").result() == b"hello"
    assert sandbox.exec(["cat", "/tmp/new/folder/greeting.txt"]).result().stdout == "hello"


@pytest.mark.parametrize("size", [0, 5 << 20, 20 << 20, 32 << 20])
def test_binary_files_survive(sandbox: Sandbox, size: int) -> None:
    payload = os.urandom(size)
    sandbox.write_file("/tmp/payload.bin", payload).result()
    assert sandbox.read_file("/tmp/payload.bin").result() == payload


def test_a_file_above_the_unary_limit_streams(sandbox: Sandbox) -> None:
    payload = os.urandom(1 << 20) * 40
    sandbox.write_file("/tmp/large.bin", payload).result()
    assert sandbox.read_file("/tmp/large.bin").result() == payload


def test_a_missing_file_is_a_file_error_that_names_it(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxFileError) as caught:
        sandbox.read_file("/tmp/not-there").result()
    assert caught.value.filepath == "/tmp/not-there"
    assert caught.value.reason == "CWSANDBOX_FILE_NOT_FOUND"


def test_check_turns_a_failed_command_into_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxExecutionError) as caught:
        sandbox.exec(["/bin/sh", "-c", "echo broken >&2; exit 42"], check=True).result()
    assert caught.value.exec_result.returncode == 42
    assert caught.value.exec_result.stderr == "broken\n"


def test_a_command_that_is_too_slow_is_killed_and_the_sandbox_lives_on(sandbox: Sandbox) -> None:
    seconds = f"7{uuid.uuid4().int % 10**6:06d}"
    with pytest.raises((SandboxTimeoutError, SandboxCommandTimeoutError)):
        sandbox.exec(["sleep", seconds], timeout_seconds=1).result()
    deadline = time.monotonic() + 5
    while f"sleep {seconds}" in command_lines(sandbox):
        assert time.monotonic() < deadline, "the command outlived its call"
        time.sleep(0.1)


def command_lines(sandbox: Sandbox) -> list[str]:
    """What runs in the sandbox, read without a process tool."""
    script = (
        "import glob\n"
        "for path in glob.glob('/proc/[0-9]*/cmdline'):\n"
        "    try: print(open(path).read().rstrip(chr(0)).replace(chr(0), ' ').replace(chr(10), ';'))\n"
        "    except OSError: pass"
    )
    lines = sandbox.exec(["python", "-c", script], check=True).result().stdout.splitlines()
    assert any(line.startswith("python") for line in lines), "the probe must at least see itself"
    return lines


def test_a_command_killed_by_a_signal_reports_128_plus_its_number(sandbox: Sandbox) -> None:
    assert sandbox.exec(["/bin/sh", "-c", "kill -9 $$"]).result().returncode == 137


def test_a_shell_has_a_terminal_of_the_asked_size(sandbox: Sandbox) -> None:
    terminal = sandbox.shell(["/bin/sh", "-c", "stty size; tty; read line; stty size"], width=101, height=37)
    output = b""
    for chunk in terminal.output:
        output += chunk
        if b"/dev/pts/" in output and b"37 101" in output and b"25 81" not in output:
            terminal.resize(81, 25)
            terminal.stdin.writeline("go on").result()
            break
    output += b"".join(terminal.output)
    assert output.rstrip().endswith(b"25 81"), output
    assert terminal.wait(timeout=10) == 0


def test_logs_hold_the_main_command_and_not_the_execs() -> None:
    script = "for i in 1 2 3; do echo main-$i; done; sleep infinity"
    with Sandbox.run("/bin/sh", "-c", script, defaults=DEFAULTS) as sb:
        sb.wait(timeout=30)
        sb.exec(["echo", "from-exec"]).result()
        deadline = time.monotonic() + 5
        lines: list[str] = []
        while len(lines) < 3 and time.monotonic() < deadline:
            lines = [line.rstrip("\n") for line in sb.stream_logs()]
        assert lines == ["main-1", "main-2", "main-3"]
        assert [line.rstrip("\n") for line in sb.stream_logs(tail_lines=2)] == ["main-2", "main-3"]


def test_list_finds_running_sandboxes_by_all_their_tags(sandbox: Sandbox) -> None:
    extra = f"extra-{uuid.uuid4().hex[:8]}"
    with Sandbox.run(defaults=DEFAULTS.with_overrides(tags=(TAG, extra))) as sb:
        assert [s.sandbox_id for s in Sandbox.list(tags=[TAG, extra]).result()] == [sb.sandbox_id]
        both = {s.sandbox_id for s in Sandbox.list(tags=[TAG]).result()}
        assert {sb.sandbox_id, sandbox.sandbox_id} <= both
    assert Sandbox.list(tags=[TAG, extra]).result() == []
    ended = Sandbox.list(tags=[TAG, extra], show_terminated=True).result()
    assert [s.sandbox_id for s in ended] == [sb.sandbox_id]


def test_from_id_attaches_to_a_running_sandbox(sandbox: Sandbox) -> None:
    again = Sandbox.from_id(sandbox.sandbox_id).result()
    assert again.status == "running"
    assert again.exec(["echo", "same"]).result().stdout == "same\n"


def test_stop_ends_the_sandbox_and_later_calls_say_so() -> None:
    sb = Sandbox.run("sleep", "infinity", defaults=DEFAULTS)
    sb.wait(timeout=30)
    started = time.monotonic()
    sb.stop().result()
    assert time.monotonic() - started < 8, "a main command that does not handle TERM must not cost the whole grace"
    assert sb.get_status() in {"terminated", "completed", "failed"}
    with pytest.raises(SandboxError):
        sb.exec(["true"]).result()


def test_delete_by_id_and_missing_ok() -> None:
    sb = Sandbox.run("sleep", "infinity", defaults=DEFAULTS)
    Sandbox.delete(sb.sandbox_id).result()
    Sandbox.delete(UNKNOWN_ID, missing_ok=True).result()
    with pytest.raises(SandboxNotFoundError):
        Sandbox.delete(UNKNOWN_ID).result()


def test_an_unknown_id_is_not_found() -> None:
    with pytest.raises(SandboxNotFoundError) as caught:
        Sandbox.from_id(UNKNOWN_ID).result()
    assert caught.value.sandbox_id == UNKNOWN_ID
    assert caught.value.reason == "CWSANDBOX_SANDBOX_NOT_FOUND"


def test_a_wrong_token_is_an_authentication_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWSANDBOX_API_KEY", "not-the-token")
    with pytest.raises(CWSandboxAuthenticationError):
        Sandbox.list().result()


def test_an_image_that_cannot_be_served_fails_with_a_reason() -> None:
    with pytest.raises(SandboxError) as caught:
        sb = Sandbox.run(defaults=DEFAULTS, container_image="no-such-registry.invalid/nothing:1")
        sb.wait(timeout=60)
    assert "no-such-registry.invalid/nothing:1" in str(caught.value)


def test_a_session_stops_what_it_started() -> None:
    with Session(defaults=DEFAULTS) as session:
        first, second = session.sandbox(), session.sandbox()
        assert first.exec(["echo", "1"]).result().stdout == "1\n"
        assert second.exec(["echo", "2"]).result().stdout == "2\n"
        assert session.sandbox_count == 2
        ids = {first.sandbox_id, second.sandbox_id}
    alive = {s.sandbox_id for s in Sandbox.list(tags=[TAG]).result()}
    assert not ids & alive


def test_a_python_function_runs_remotely() -> None:
    with Session(defaults=DEFAULTS) as session:
        factor = 6

        @session.function()
        def multiply(value: int) -> int:
            return value * factor

        assert multiply.remote(7).result() == 42


def test_discovery_lists_a_healthy_runner() -> None:
    runners = list_runners(include_resources=True)
    assert any(runner.healthy for runner in runners)
    first = runners[0]
    found = get_runner(first.runner_id, organization_id=first.organization_id)
    assert found.runner_id == first.runner_id


def test_its_command_line_runs_a_command_and_passes_the_exit_code_on(sandbox: Sandbox) -> None:
    command = [sys.executable, "-m", "cwsandbox", "exec", sandbox.sandbox_id, "--", "sh", "-c", "echo hi; exit 5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("hi\n", 5), done.stderr
