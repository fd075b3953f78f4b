"""Scripts debugged by `redpoll-cli --ldb` and by `redis-cli --ldb`: the same lines typed, the same bytes shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import peers
from tests.cli.tmux import Prompt, Screen
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


QUIET = {"REDISCLI_RCFILE": "/dev/null", "VALKEYCLI_RCFILE": "/dev/null", "REDISCLI_HISTFILE": "/dev/null"}


def environment(term: str) -> dict[str, str]:
    return {**os.environ, **QUIET, "TERM": term}


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


@pytest.mark.parametrize("whose", ["redpoll-cli", "redis-cli"])
def test_at_a_terminal(
    screens: Callable[..., Screen],
    server: Server,
    redis_cli: list[str],
    script: Callable[[str | None], str],
    whose: str,
) -> None:
    if whose == "redpoll-cli":
        pytest.importorskip("prompt_toolkit", reason="prompt_toolkit is not installed")
    client = OURS if whose == "redpoll-cli" else redis_cli
    words = ["-p", str(server.port), "--ldb", "--eval", script(SCRIPT), *ARGUMENTS]
    screen = screens([*client, *words], QUIET | {"TERM": "xterm-256color"})
    here = Prompt(screen, "lua debugger")
    assert "Lua debugging session started" in screen.text()
    assert "  #4" in here.run("b 4")
    assert "->#4" in here.run("c")
    assert "Lua debugging session started" in here.run("restart")
    assert '<retval> "a b1"' in here.run("e 'a b' .. 1")
    screen.enter("c")
    screen.wait_for("(Lua debugging session ended -- dataset changes rolled back)")
    assert '2) "text"' in screen.text()
    there = Prompt(screen, f"127.0.0.1:{server.port}")
    assert there.run("exists k1") == "(integer) 0\n"
    screen.enter("quit")
    assert screen.wait_for_end() == 0
