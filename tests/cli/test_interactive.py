"""A session at a terminal: what is typed, completed, hinted, remembered, asked about."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("prompt_toolkit", reason="prompt_toolkit is not installed")

_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]|\r")


class Terminal:
    """The client on a pseudo-terminal."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self.process, self._fd = pty.fork()
        if not self.process:
            os.execve(sys.executable, [sys.executable, "-m", "redpoll.cli", *words], environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        self.seen = self.raw = b""

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def wait_for(self, text: str, seconds: float = 20.0) -> str:
        """Return what was shown up to and with a text, without escape sequences; it is not looked at again."""
        deadline = time.monotonic() + seconds
        while True:
            plain = _ESCAPES.sub(b"", self.seen).decode("utf-8", "replace")
            place = plain.find(text)
            if place >= 0:
                self.seen = plain[place + len(text) :].encode()
                return plain[: place + len(text)]
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                raise AssertionError(f"{text!r} was not shown; shown was:\n{plain}")
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"the client ended before {text!r} was shown; shown was:\n{plain}")
            self.seen += data
            self.raw += data
            if b"\x1b[6n" in data:
                # It asks where the cursor is.
                os.write(self._fd, b"\x1b[1;1R")

    def end(self) -> int:
        """Wait for the client's end and return its exit code."""
        status = os.waitpid(self.process, 0)[1]
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def terminal(server: Any, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*words: str, **environment: str) -> Terminal:
        given = {
            **os.environ, "TERM": "xterm-256color", "REDISCLI_HISTFILE": str(tmp_path / "history"),
            "REDISCLI_RCFILE": "/dev/null", "VALKEYCLI_RCFILE": "/dev/null", "COLUMNS": "200",
        }  # fmt: skip
        one = Terminal(["-p", str(server.port), *words], {**given, **environment})
        opened.append(one)
        one.wait_for(f"127.0.0.1:{server.port}>")
        return one

    yield start
    for one in opened:
        with contextlib.suppress(OSError):
            os.kill(one.process, signal.SIGKILL)
            one.end()


def test_commands_and_leaving(terminal: Callable[..., Terminal], server: Any) -> None:
    here = terminal()
    here.type("set greeting hello\r")
    here.wait_for("OK")
    here.type("get greeting\r")
    here.wait_for('"hello"')
    here.type("select 3\r")
    here.wait_for(f":{server.port}[3]>")
    here.type("multi\r")
    here.wait_for("[3](TX)>")
    here.type("discard\r")
    here.wait_for("[3]>")
    here.type("quit\r")
    assert here.end() == 0


def test_hints_follow_what_is_typed(terminal: Callable[..., Terminal]) -> None:
    here = terminal()
    here.type("getrange ")
    here.wait_for("key start end")


def test_commands_options_and_keys_are_completed(terminal: Callable[..., Terminal], server: Any) -> None:
    with server.connect() as client:
        client.call("SET", "a-long-name", "found")
    here = terminal()
    here.type("getra\t")
    here.wait_for("nge")  # what is there already is not drawn again
    here.type("\x03")
    here.wait_for(">")
    here.type("getrange a-lo\t")
    here.wait_for("ng-name")
    here.type(" 0 -1\r")
    here.wait_for('"found"')


def test_a_script_of_several_lines(terminal: Callable[..., Terminal]) -> None:
    here = terminal()
    here.type("echo 'one\r")
    here.type("two'\r")
    here.wait_for('"one\\ntwo"')


def test_lines_are_remembered_but_for_passwords(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    here = terminal()
    here.type("echo remembered\r")
    here.wait_for('"remembered"')
    here.type("auth nobody secret\r")
    here.wait_for("(error)")
    here.type("quit\r")
    here.end()
    kept = (tmp_path / "history").read_text()
    assert "echo remembered" in kept
    assert "secret" not in kept
    again = terminal()
    again.type("\x1b[A\x1b[A\r")
    again.wait_for('"remembered"')


def test_hashes_are_tables(terminal: Callable[..., Terminal], server: Any) -> None:
    with server.connect() as client:
        client.call("HSET", "h", "name", "Ann", "town", "Old Town")
    here = terminal()
    here.type("hgetall h\r")
    assert re.search(r'name +Ann\s+town +"Old Town"', here.wait_for('"Old Town"'))
    here.type(":set notables\r")
    here.type("hgetall h\r")
    here.wait_for('1) "name"')


def test_dangerous_commands_are_asked_about(terminal: Callable[..., Terminal], server: Any) -> None:
    with server.connect() as client:
        client.call("SET", "precious", "1")
    here = terminal("--confirm")
    here.type("flushall\r")
    here.wait_for("Go on? [y/N]")
    here.type("n\r")
    here.wait_for(">")
    here.type("exists precious\r")
    here.wait_for("(integer) 1")
    here.type("flushall\r")
    here.wait_for("Go on? [y/N]")
    here.type("y\r")
    here.wait_for("OK")


def test_messages_until_a_key_is_pressed(terminal: Callable[..., Terminal], server: Any) -> None:
    here = terminal()
    here.type("subscribe news\r")
    here.wait_for('"subscribe"')
    with server.connect() as client:
        deadline = time.monotonic() + 20
        while client.call("PUBLISH", "news", "extra") != 1 and time.monotonic() < deadline:
            pass
    here.wait_for('"extra"')
    here.type("x")
    here.wait_for("(subscribed mode)>")
    here.type("unsubscribe\r")
    here.wait_for(f":{server.port}>")


def test_a_server_in_use_is_known_by_its_clients(terminal: Callable[..., Terminal], server: Any) -> None:
    with contextlib.ExitStack() as others:
        for _ in range(11):
            others.enter_context(server.connect()).call("PING")
        here = terminal()
        here.type("keys *\r")
        assert "this looks like a server in use" in here.wait_for("Go on? [y/N]")
        here.type("n\r")
        here.wait_for(f":{server.port}>")
        here.type(":set noconfirm\r")
        here.wait_for(f":{server.port}>")
        here.type("keys nothing*\r")
        here.wait_for("(empty array)")


def test_what_the_session_itself_knows(terminal: Callable[..., Terminal]) -> None:
    here = terminal()
    here.type(":help\r")
    shown = here.wait_for(":set nocolour")
    assert "help <command>, help @<group>" in shown
    here.type("help getrange\r")
    assert "GETRANGE key start end" in here.wait_for("summary:")


def test_streams_and_info_are_tables(terminal: Callable[..., Terminal], server: Any) -> None:
    with server.connect() as client:
        client.call("XADD", "s", "1-1", "name", "Ann", "town", "Old Town")
    here = terminal()
    here.type("xrange s - +\r")
    assert re.search(r'1-1  name=Ann  town="Old Town"', here.wait_for('"Old Town"'))
    here.type("info server\r")
    assert re.search(r"\n  redis_version +\d", here.wait_for("tcp_port"))


def test_options_are_completed_and_words_coloured(terminal: Callable[..., Terminal]) -> None:
    here = terminal()
    here.type("set k v kee\t")
    here.wait_for("pttl")
    here.type("\x03")
    here.wait_for(">")
    here.seen = b""
    here.type("getrange k 1 x")
    here.wait_for("k 1 x")
    here.type("\x15nosuchthing ")
    deadline = time.monotonic() + 20
    while b"215;95;95" not in here.raw and b"38;5;167" not in here.raw and time.monotonic() < deadline:
        here.wait_for("nosuchthing")
    assert re.search(rb"38;(?:5;75|2;95;175;255)", here.raw)  # a command
    assert re.search(rb"38;(?:5;167|2;215;95;95)", here.raw)  # none


def test_lines_of_before_are_searched(terminal: Callable[..., Terminal], server: Any) -> None:
    here = terminal()
    here.type("echo findme\r")
    here.wait_for('"findme"')
    here.type("ping\r")
    here.wait_for("PONG")
    here.wait_for(f":{server.port}>")
    here.type("\x12")
    here.wait_for("I-search")
    here.type("find")
    here.wait_for("echo findme")
    here.type("\r")
    here.wait_for("find")
    here.type("\r")
    here.wait_for('"findme"')
