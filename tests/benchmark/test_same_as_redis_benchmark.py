"""Both programs print the same, but for figures, and end with the same code."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.benchmark.fake import OURS, FakeServer, PeerMissing, call, theirs
from tests.conftest import missing

ANSWERS = {b"hello": b"%1\r\n+proto\r\n:3\r\n", b"nope": b"-ERR unknown command 'nope'\r\n", b"close": None,
           b"nested": b"*1\r\n-ERR inside\r\n"}  # fmt: skip


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeServer]:
    with FakeServer(ANSWERS) as server:
        yield server


def real() -> list[str]:
    try:
        return theirs()
    except PeerMissing as problem:
        missing(problem)
        raise


def masked(text: bytes) -> str:
    """The text without figures: what was overwritten on a terminal is gone, and numbers are so many letters."""
    lines: list[str] = []
    for line in text.decode().split("\n"):
        shown = line.rpartition("\r")[2].rstrip()
        shown = re.sub(r" {2,}\d+\.(\d+)", lambda found: f"[{len(found.group())}.{len(found[1])}]", shown)
        shown = re.sub(r"\d+\.(\d+)", lambda found: "#." + "#" * len(found[1]), shown)
        shown = re.sub(r"count \d+", "count #", shown.replace(": inf ", ": #.## "))
        if not lines or lines[-1] != shown or "cumulative" not in shown:
            lines.append(shown)
    return "\n".join(lines)


INVOCATIONS = [
    ("one test", ("-n", "200", "-t", "get")),
    ("several tests", ("-n", "200", "-t", "set,lrange_100,mset")),
    ("-q", ("-q", "-n", "200", "-t", "set,get")),
    ("CSV", ("--csv", "-n", "200", "-t", "ping,set")),
    ("CSV quietly", ("--csv", "-q", "-n", "200", "-t", "set")),
    ("a command", ("-n", "200", "set", "a", "b c")),
    ("a command as CSV", ("--csv", "-n", "200", "set", "a", "b")),
    ("a command quietly", ("-q", "-n", "200", "set", "a", "b")),
    ("precision 1", ("-n", "200", "--precision", "1", "-t", "get")),
    ("precision 9", ("-n", "200", "--precision", "9", "-t", "get")),
    ("precision -1", ("-n", "200", "--precision", "-1", "-t", "get")),
    ("precision in a line", ("-q", "-n", "200", "--precision", "1", "-t", "get")),
    ("threads", ("--threads", "2", "-n", "200", "-t", "get")),
    ("values and clients", ("-n", "200", "-d", "100", "-c", "7", "-t", "set")),
    ("no connection is kept", ("-k", "0", "-c", "2", "-n", "20", "-t", "get")),
    ("a pipeline", ("-P", "16", "-n", "200", "-t", "get")),
    ("no such test", ("-n", "200", "-t", "nonsense")),
    ("no such test as CSV", ("--csv", "-n", "200", "-t", "nonsense")),
    ("an error", ("-n", "10", "nope")),
    ("an error quietly", ("-q", "-n", "10", "nope")),
    ("an error inside", ("-q", "-n", "10", "nested")),
    ("no such socket", ("-q", "-s", "/nonexistent/socket", "-n", "1", "-t", "get")),
    ("no such host", ("-q", "-h", "nohost.invalid", "-n", "1", "-t", "get")),
    ("-e", ("-e", "-q", "-n", "200", "-t", "get")),
    ("a wrong URI", ("-u", "http://localhost",)),
]  # fmt: skip


def same(words: tuple[str, ...], fake: FakeServer) -> None:
    """Both programs say the same."""
    ours, others = (call(program, ["-p", str(fake.port), *words]) for program in (OURS, real()))
    shown = [masked(done.stdout) for done in (ours, others)]
    if "-P" in words:
        shown = [without_end(text, words) for text in shown]
    assert (ours.returncode, shown[0]) == (others.returncode, shown[1])
    assert masked(ours.stderr) == masked(others.stderr)


def without_end(text: str, words: tuple[str, ...]) -> str:
    """The text without how many requests were completed, if that is as many as were asked for, or up to a batch more.

    The other program stops at the first client that has all its replies after that number; we take all that was sent.
    """
    count, batch = (int(words[words.index(name) + 1]) for name in ("-n", "-P"))
    asked = range(count, -(-count // batch) * batch + 1)
    return re.sub(r"\d+(?= requests completed)", lambda found: "#" if int(found[0]) in asked else found[0], text)


@pytest.mark.parametrize(("name", "words"), INVOCATIONS, ids=[name for name, _ in INVOCATIONS])
def test_the_same(name: str, words: tuple[str, ...], fake: FakeServer) -> None:
    same(words, fake)


@pytest.mark.parametrize("name", ["one test", "-q", "CSV", "threads", "a pipeline"])
@pytest.mark.parametrize("reply", [3, 150, 199])
def test_the_same_of_a_server_that_stalls(name: str, reply: int, fake: FakeServer) -> None:
    begin = len(fake.requests)

    def stall(number: int) -> None:
        nonlocal begin
        if number == begin + reply:
            time.sleep(0.3)  # longer than both wait until they say how far they are
        if fake.requests[-1][0] == b"CONFIG":
            begin = number

    fake.before_reply = stall
    try:
        same(dict(INVOCATIONS)[name], fake)
    finally:
        fake.before_reply = None


@pytest.mark.parametrize("words", [("--nope",), ("-n",), ("--cluster", "-q", "-n", "10", "-t", "get")])
def test_the_same_but_for_what_follows(words: tuple[str, ...], fake: FakeServer) -> None:
    ours, others = (call(program, ["-p", str(fake.port), *words]) for program in (OURS, real()))
    assert ours.returncode == others.returncode == 1
    assert (ours.stdout.split(b"\n")[:2], ours.stderr.split(b"\n")[0]) == (
        others.stdout.split(b"\n")[:2], others.stderr.split(b"\n")[0],
    )  # fmt: skip


@pytest.mark.parametrize("words", [(), ("-q",)])
def test_nobody_there(words: tuple[str, ...]) -> None:
    # redis-benchmark says the first two lines, and then waits for ever.
    done = call(OURS, ["-p", "1", "-n", "1", "-t", "get", *words])
    refused = b"Could not connect to Redis at 127.0.0.1:1: Connection refused\n"
    assert (done.returncode, done.stderr) == (1, refused + b"WARNING: Could not fetch server CONFIG\n" + refused)


def test_precision_0_is_taken(fake: FakeServer) -> None:
    # redis-benchmark ends with a segmentation fault.
    done = call(OURS, ["-p", str(fake.port), "-q", "-n", "10", "-t", "get", "--precision", "0"])
    assert (done.returncode, done.stderr) == (0, b"")
