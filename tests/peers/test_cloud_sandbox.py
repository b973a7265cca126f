"""The Cloud Sandbox Python SDK, unchanged, against `jetway serve`: the samples of its README and its own end-to-end tests.

It is on no package index, so it is run where it is at hand: a checkout of it, named by CLOUD_SANDBOX_SDK or lying in
target/peers-suite/cloud-sandbox. `cloud_sandbox.sha256` says which version, file by file. What it sends is also played
without it, in crates/server/tests/wire/rest/sdk.rs.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY, serving

DIGESTS = Path(__file__).with_name("cloud_sandbox.sha256")
SDK = Path(os.environ.get("CLOUD_SANDBOX_SDK") or REPOSITORY / "target/peers-suite/cloud-sandbox")
MISSING = f"the SDK is on no package index and not in {SDK}; name a checkout of it by CLOUD_SANDBOX_SDK"

pytestmark = pytest.mark.skipif(not (SDK / "sdk/python/cloud_sandbox").is_dir(), reason=MISSING)


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """The address of a server that gives everybody a token, as the SDK expects."""
    with serving("--dev-tokens", "--warm", "1") as ready:
        yield ready["url"].rstrip("/")


def python(gateway: str, *arguments: str) -> str:
    """Runs a program that finds the SDK and the server, and gives what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(SDK / "sdk/python"), "GATEWAY_URL": gateway, "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=110, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def sample(number: int, gateway: str) -> str:
    """A sample of the README, with nothing changed but the address."""
    blocks = re.findall(r"```python\n(.*?)```", (SDK / "sdk/python/README.md").read_text(), re.DOTALL)
    return blocks[number].replace("http://localhost:8080", gateway)


def test_it_is_the_version_that_is_meant() -> None:
    for line in DIGESTS.read_text().splitlines():
        digest, name = line.split(maxsplit=1)
        assert hashlib.sha256((SDK / name).read_bytes()).hexdigest() == digest, f"{name} was changed"


def test_the_sample_of_basic_usage(gateway: str) -> None:
    said = python(gateway, "-c", sample(0, gateway))
    assert re.match(r"Python version: 3\.\d+", said), said
    assert "Hello from sandbox!\n" in said
    assert "total " in said
    assert said.endswith("test.py - 15 bytes\n"), said


def test_the_sample_of_session_management(gateway: str) -> None:
    said = python(gateway, "-c", sample(1, gateway))
    assert re.fullmatch(r"Session paused: \S+\n42\n\n", said), said


def test_the_sample_of_the_low_level_client(gateway: str) -> None:
    assert python(gateway, "-c", sample(2, gateway)) == "Exit code: 0\nOutput: Hello!\n\n"


def test_its_own_end_to_end_tests(gateway: str) -> None:
    suite = SDK / "tests/e2e/test_e2e_python.py"
    said = python(gateway, "-m", "pytest", str(suite), "-c", os.devnull, "--rootdir", str(SDK), "-p", "no:cacheprovider", "-q", "--color=no")
    assert re.search(r"^18 passed", said, re.MULTILINE), said
