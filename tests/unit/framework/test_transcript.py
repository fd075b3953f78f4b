"""Transcripts: how they are read, and that they fail when they have to."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import transcript
from tests.peers import Server, Target
from tests.resp import Connection, ConnectionClosed, ProtocolError, encode
from tests.transcript import TranscriptError, TranscriptFailure, parse_file, split_words

REDIS = Target("redis82", "redis", (8, 2, 3), ("redis-server",))
OLD_REDIS = Target("redis70", "redis", (7, 0, 15), ("redis-server",))
VALKEY = Target("valkey91", "valkey", (9, 1, 2), ("valkey-server",))
REDPOLL = Target("redpoll", "redpoll", (), ("redpoll",))


def sections(tmp_path: Path, text: str) -> list[transcript.Section]:
    """Read a text as a transcript."""
    path = tmp_path / "some.txt"
    path.write_text(text)
    return parse_file(path)


def test_words() -> None:
    assert split_words(r'SET "a \"b\"\x00" ' + r"'c\'d\n'") == [b"SET", b'a "b"\x00', rb"c'd\n"]
    assert split_words('a{1..3} "x"*4 {tag} {a..b}') == [b"a1", b"a2", b"a3", b"xxxx", b"{tag}", b"{a..b}"]
    assert split_words("$x $y", {"x": b"1"}) == [b"1", b"$y"]


def test_marks_choose_servers(tmp_path: Path) -> None:
    first = "@not valkey<8\n== one ==\n@only redpoll redis>=8.2\n> PING\n+PONG\n"
    one, two = sections(tmp_path, first + "== two ==\n@not redpoll redis=7\n> PING\n+PONG\n")
    assert [one.runs_on(target) for target in (REDIS, OLD_REDIS, VALKEY, REDPOLL)] == [True, False, False, True]
    assert [two.runs_on(target) for target in (REDIS, OLD_REDIS, VALKEY, REDPOLL)] == [True, False, True, False]


def test_replies_of_other_servers(tmp_path: Path) -> None:
    (section,) = sections(tmp_path, "== one ==\n> GET k\nnull\n@redis<8 -ERR old\n@valkey [\n  1\n]\n")
    found = [section.steps[0].replies_for(target) for target in (REDIS, OLD_REDIS, VALKEY)]
    assert [replies.first_line for replies in found if replies] == [3, 4, 5]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("> PING\n+PONG\n", 1),
        ("== one ==\n+PONG\n", 2),
        ("== one ==\n> GET k\n[1,\n2 3]\n", 4),
        ("== one ==\n@nonsense 1\n", 2),
        ("== one ==\n@only mongodb\n", 2),
        ("== one ==\n> PING\n+PONG\n@config a b\n", 4),
        ('== one ==\n> SET "k\n', 2),
        ("== one ==\n> PING\n+PONG\n\n== one ==\n", 5),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(TranscriptError, match=rf"some\.txt:{line}: "):
        sections(tmp_path, text)


class Scripted:
    """A server of one connection that answers each request with the next of its replies."""

    def __init__(self, *replies: bytes, close: bool = False) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.replies, self.close_at_end = replies, close
        self.target = REDPOLL
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        """Answer; a client that leaves early is fine."""
        with contextlib.suppress(OSError):
            self.answer()

    def answer(self) -> None:
        """Read and send in turns."""
        peer, _ = self.listener.accept()
        with peer:
            for reply in self.replies:
                peer.recv(4096)
                peer.sendall(reply)
            if not self.close_at_end:
                peer.recv(4096)

    def connect(self, timeout: float = 5.0) -> Connection:
        """Open the connection."""
        return Connection(self.port, timeout=timeout)

    def is_alive(self) -> bool:
        """It has nothing to restore."""
        return False

    def log(self) -> str:
        """It prints nothing."""
        return ""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Any]:
    started: list[Scripted] = []

    def play(text: str, *replies: bytes, close: bool = False) -> None:
        server: Any = Scripted(*replies, close=close)
        started.append(server)
        (section,) = sections(tmp_path, "== one ==\n" + text)
        one: Server = server
        transcript._run(section, one, 2)

    yield play
    for server in started:
        server.listener.close()


def test_what_is_right_passes(run: Any) -> None:
    run("> PING\n+PONG\n> GET k\nnull\n> X\n<nothing>\n", b"+PONG\r\n", b"$-1\r\n", b"")
    run('> SUBSCRIBE a b\n["a"]\n["b"]\n< 3\n', b"*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n:3\r\n")
    run("> QUIT\n+OK\n<closed>\n", b"+OK\r\n", close=True)
    run("> DUMP k\n<save x>\n> RESTORE $x\n<same x>\n", b"$1\r\na\r\n", b"$1\r\na\r\n")


@pytest.mark.parametrize(
    ("text", "replies", "message"),
    [
        ("> GET k\n5\n", [b":6\r\n"], "expected 5, received 6"),
        ("> GET k\n<nothing>\n", [b":6\r\n"], "expected nothing, received 6"),
        ("> GET k\n5\n", [b":5\r\n:6\r\n"], "left over on connection '>': 6"),
        ("> GET k\n", [b":5\r\n"], "no reply is written down"),
        ("> GET k\n<closed>\n", [b":5\r\n"], "it sent more"),
        ("> GET k\n{}\n", [b"%0\r\n"], "is RESP3, and the connection speaks RESP2"),
        ("> GET k\n5\n", [b"hello\r\n"], "not the beginning of a reply"),
    ],
)
def test_what_is_wrong_fails(run: Any, text: str, replies: list[bytes], message: str) -> None:
    with pytest.raises(TranscriptFailure) as caught:
        run(text, *replies)
    assert message in str(caught.value)
    assert "some.txt:2: one  (redpoll, RESP2)\n  > GET k\n" in str(caught.value)


def test_a_server_that_goes_away_fails(run: Any) -> None:
    with pytest.raises(TranscriptFailure, match="the server closed the connection"):
        run("> GET k\n5\n", b"", close=True)


def test_null_of_resp2_is_refused_in_resp3() -> None:
    server = Scripted(b"%1\r\n+proto\r\n:3\r\n", b"$-1\r\n", close=True)
    with server.connect() as connection:
        assert connection.call("HELLO", "3") == {"proto": 3}
        with pytest.raises(ProtocolError):
            connection.call("GET", "k")
        with pytest.raises(ConnectionClosed):
            connection.read()
    server.listener.close()


def test_encoding() -> None:
    assert encode("SET", b"\xff", 12, 1.5) == b"*4\r\n$3\r\nSET\r\n$1\r\n\xff\r\n$2\r\n12\r\n$3\r\n1.5\r\n"


def test_recording_fills_in_and_refreshes(tmp_path: Path, peer_server: Server) -> None:
    path = tmp_path / "some.txt"
    text = "== one ==\n> HSET h a 1\n> HGETALL h\n> BLPOP no 0.01\n> EXEC\n-ERR wrong\n\n# End.\n"
    path.write_text(text)
    assert transcript.record(path, peer_server.target, refresh=False) == 1
    filled = text.replace("> HGETALL h\n> BLPOP no 0.01\n", '1\n> HGETALL h\n{"a": "1"}\n> BLPOP no 0.01\nnull-array\n')
    assert path.read_text() == filled
    assert transcript.record(path, peer_server.target, refresh=True) == 0
    assert path.read_text() == filled.replace("ERR wrong", "ERR EXEC without MULTI")
