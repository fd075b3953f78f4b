"""Both command-line clients print the same bytes, end with the same code, and send the same requests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.invocations import INVOCATIONS, Invocation
from tests.cli.puppet import Puppet
from tests.peers import PeerMissing, find_tool


@pytest.fixture(scope="module")
def puppets() -> Iterator[tuple[Puppet, Puppet]]:
    pair = Puppet(), Puppet(old=True)
    yield pair
    for puppet in pair:
        puppet.close()


def run(command: list[str], invocation: Invocation, puppets: tuple[Puppet, Puppet]) -> tuple[int, bytes, bytes, list]:
    """Run a client; returns its exit code, output, error output, and what it asked."""
    port, old = (str(puppet.port) for puppet in puppets)

    def fill(word: str | bytes) -> bytes:
        raw = word.encode() if isinstance(word, str) else word
        return raw.replace(b"{port}", port.encode()).replace(b"{old}", old.encode())

    environment = {name: value for name, value in os.environ.items() if "CLI_" not in name and name != "FAKETTY"}
    for puppet in puppets:
        puppet.requests.clear()
    done = subprocess.run(
        [*map(os.fsencode, command), b"-p", port.encode(), *map(fill, invocation.words)],
        input=fill(invocation.input),
        capture_output=True,
        env=environment | dict(invocation.environment),
        timeout=120,
        check=False,
    )
    # They call themselves by the name that they were started under.
    errors = re.sub(rb"Try \S+ --help", b"Try me --help", done.stderr)
    return done.returncode, done.stdout, errors, [puppet.requests.copy() for puppet in puppets]


OURS = [sys.executable, "-m", "redpoll.cli"]


@pytest.mark.parametrize("name", INVOCATIONS)
def test_the_same(name: str, puppets: tuple[Puppet, Puppet]) -> None:
    try:
        theirs = [find_tool("redis-cli")]
    except PeerMissing as missing:
        pytest.skip(str(missing))
    invocation = INVOCATIONS[name]
    ours_done = run(OURS, invocation, puppets)
    theirs_done = run(theirs, invocation, puppets)
    assert ours_done == theirs_done
