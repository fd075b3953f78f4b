"""Scripts debugged by `redpoll-cli --ldb` and by `redis-cli --ldb`: the same lines typed, the same bytes shown."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import peers
from tests.peers import Server

SCRIPT = """\
local total = 0
for index, key in ipairs(KEYS) do
    redis.call('INCRBY', key, ARGV[1])
    total = total + redis.call('GET', key)
end
redis.debug('total', total)
return {total, 'text', false}
"""
ARGUMENTS = ["k1", "k2", ",", "5"]

#: What is typed, and the script.
SESSIONS = {
    "to the end": ("c\n", SCRIPT),
    "steps": ("s\nn\ns\ns\ns\ns\ns\ns\ns\ns\ns\nGET k1\n", SCRIPT),
    "breakpoints": ("b 4\nb\nl\nw\nc\np\np total\np KEYS\nb 0\nc\nPING\nGET k1\n", SCRIPT),
    "code and commands": ("e 1 + 1\neval  KEYS[1]\nr SET x 'a b'\nr get x\nredis\ne 'x'\nE 1\nm 0\nt\nc\n", SCRIPT),
    "help": ("help\nh\nc\n", SCRIPT),
    "no command": ('nosuch\n\n\'unbalanced\n"a b" c\n3 s\nc\n', SCRIPT),
    "abort": ("s\na\nPING\n", SCRIPT),
    "quit": ("s\nquit\ns\n", SCRIPT),
    "exit": ("exit\n", SCRIPT),
    "nothing typed": ("", SCRIPT),
    "restart": ("s\nrestart\ns\ns\nrestart\nc\n", SCRIPT),
    "restart at the end": ("c\nrestart\nc\nGET k1\n", SCRIPT),
    "a script that fails": ("s\ns\nPING\n", "local a = 1\nerror('oh')\n"),
    "no Lua": ("s\nPING\n", "return (\n"),
    "values": ("s\np\np t\ne t\ns\nc\n", "local t = {a = {1, 2, 'x\\r\\n'}}\nredis.breakpoint()\nreturn t.a\n"),
    "no script": ("c\n", None),
    "an empty script": ("c\n", ""),
    "a long value": ("s\np\nc\n", "local t = ('x'):rep(1000)\nreturn #t\n"),
}


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str | None], str]:
    def make(text: str | None) -> str:
        path = tmp_path / "script.lua"
        if text is not None:
            path.write_text(text)
        return str(path)

    return make


def environment(term: str) -> dict[str, str]:
    quiet = {"REDISCLI_RCFILE": "/dev/null", "VALKEYCLI_RCFILE": "/dev/null", "REDISCLI_HISTFILE": "/dev/null"}
    return {**os.environ, **quiet, "TERM": term}


def run(client: list[str], server: Server, words: list[str], typed: str, term: str) -> tuple[int, str, str]:
    """The exit code and what was shown."""
    server.flush()
    done = subprocess.run(
        [*client, "-p", str(server.port), *words],
        input=typed.encode(),
        capture_output=True,
        env=environment(term),
        timeout=60,
        check=False,
    )
    shown = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    # Each run has its own script's digest, but not each server; where values lie is anybody's.
    return done.returncode, *(re.sub("@0x[0-9a-f]+", "@", text) for text in shown)


OURS = [sys.executable, "-m", "redpoll.cli"]


@pytest.fixture
def redis_cli() -> list[str]:
    try:
        return [peers.find_tool("redis-cli")]
    except peers.PeerMissing as missing:
        pytest.skip(str(missing))


def check(redis_cli: list[str], server: Server, words: list[str], name: str, path: str) -> None:
    typed = SESSIONS[name][0]
    term = "xterm" if len(name) % 2 else "dumb"
    theirs = run(redis_cli, server, [*words, "--eval", path, *ARGUMENTS], typed, term)
    ours = run(OURS, server, [*words, "--eval", path, *ARGUMENTS], typed, term)
    assert ours == theirs


@pytest.mark.parametrize("mode", ["--ldb", "--ldb-sync-mode"])
@pytest.mark.parametrize("name", SESSIONS)
def test_same_as_redis_cli(
    server: Server, redis_cli: list[str], script: Callable[[str | None], str], name: str, mode: str
) -> None:
    check(redis_cli, server, [mode], name, script(SESSIONS[name][1]))


@pytest.mark.parametrize("name", ["steps", "breakpoints", "code and commands", "restart", "abort"])
def test_same_against_a_real_server(
    peer_server: Server, redis_cli: list[str], script: Callable[[str | None], str], name: str
) -> None:
    check(redis_cli, peer_server, ["--ldb"], name, script(SESSIONS[name][1]))


# At a terminal

_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]|\r")


class Typist:
    """A client on a pseudo-terminal."""

    def __init__(self, client: list[str], server: Server, words: list[str]) -> None:
        self._seen = b""
        self.process, self._fd = pty.fork()
        if not self.process:
            command = [*client, "-p", str(server.port), *words]
            os.execve(command[0], command, environment("xterm-256color"))

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._fd, text.encode())

    def wait_for(self, text: str, seconds: float = 30.0) -> str:
        """Return what was shown up to a text, without escape sequences."""
        deadline = time.monotonic() + seconds
        while True:
            plain = _ESCAPES.sub(b"", self._seen).decode("utf-8", "replace")
            before, found, behind = plain.partition(text)
            if found:
                self._seen = behind.encode()
                return before
            left = deadline - time.monotonic()
            assert left > 0, plain
            assert select.select([self._fd], [], [], left)[0], plain
            data = os.read(self._fd, 65536)
            self._seen += data
            if b"\x1b[6n" in data:
                # It asks where the cursor is.
                os.write(self._fd, b"\x1b[1;1R")

    def end(self) -> int:
        """Wait for its end, which needs what it shows to be taken; the exit code."""
        with contextlib.suppress(OSError):
            while os.read(self._fd, 65536):
                pass
        status = os.waitpid(self.process, 0)[1]
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def typist(server: Server) -> Iterator[Callable[..., Typist]]:
    made: list[Typist] = []

    def start(client: list[str], words: list[str]) -> Typist:
        made.append(Typist(client, server, words))
        return made[-1]

    yield start
    for one in made:
        with contextlib.suppress(OSError):
            os.kill(one.process, signal.SIGKILL)
            one.end()


@pytest.mark.parametrize("whose", ["redpoll-cli", "redis-cli"])
def test_at_a_terminal(
    typist: Callable[..., Typist],
    server: Server,
    redis_cli: list[str],
    script: Callable[[str | None], str],
    whose: str,
) -> None:
    if whose == "redpoll-cli":
        pytest.importorskip("prompt_toolkit", reason="prompt_toolkit is not installed")
    client = OURS if whose == "redpoll-cli" else redis_cli
    here = typist(client, ["--ldb", "--eval", script(SCRIPT), *ARGUMENTS])
    assert "Lua debugging session started" in here.wait_for("lua debugger>")
    here.type("b 4\r")
    here.wait_for("  #4")
    here.wait_for("lua debugger>")
    here.type("c\r")
    here.wait_for("->#4")
    here.wait_for("lua debugger>")
    here.type("restart\r")
    here.wait_for("Lua debugging session started")
    here.wait_for("lua debugger>")
    here.type("e 'a b' .. 1\r")
    here.wait_for('<retval> "a b1"')
    here.wait_for("lua debugger>")
    here.type("c\r")
    here.wait_for('2) "text"')
    here.wait_for("(Lua debugging session ended -- dataset changes rolled back)")
    here.wait_for(f"127.0.0.1:{server.port}>")
    here.type("exists k1\r")
    here.wait_for("(integer) 0")
    here.type("quit\r")
    assert here.end() == 0
