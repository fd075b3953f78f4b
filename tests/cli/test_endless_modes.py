"""Modes that end at Ctrl-C, and modes whose figures are chance: both clients say the same where figures are masked."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from redpoll.cli.lru_test import pick
from tests.benchmark.fake import FakeServer, bulk
from tests.cli.test_modes import OURS, read_until, run, started
from tests.peers import Server

INFO = bulk(
    b"# Server\r\nused_memory:1536000\r\nconnected_clients:3\r\nblocked_clients:12\r\n"
    b"total_commands_processed:1234567\r\n"
    b"total_connections_received:98\r\nloading:0\r\nrdb_bgsave_in_progress:1\r\naof_rewrite_in_progress:1\r\n"
    b"db0:keys=5,expires=0,avg_ttl=0\r\ndb12:keys=70000,expires=0,avg_ttl=0\r\n"
)


@pytest.fixture
def scripted() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


def shape(text: str) -> str:
    """A text with its figures masked, and the colours that stand for some."""
    text = re.sub(r"\x1b\[48;5;\d+m", "<colour>", text)
    return re.sub(r"\d+(\.\d+)?", lambda found: "#.#" if found[1] else "#", text)


def begins(client: list[str], port: int, words: tuple[str, ...], until: str, times: int = 1) -> str:
    """What a client prints up to the line in which a text comes for the so manieth time."""
    server: Any = type("Place", (), {"port": port})
    with started(["stdbuf", "-oL", *client], server, *words) as process:
        return "".join(read_until(process, until, 60) for _ in range(times))


def test_figures_once_in_a_while(theirs: list[str], scripted: FakeServer) -> None:
    scripted.answers[b"info"] = INFO
    words = ("--stat", "-i", "0.005")
    ours, other = (begins(client, scripted.port, words, "SAVE+AOF", 45) for client in (OURS, theirs))
    assert ours == other
    assert ours.count("keys") == 3


def test_latency_in_windows(theirs: list[str], scripted: FakeServer) -> None:
    for form in ("--raw", "--csv", "--no-raw"):
        words = ("--latency-history", "-i", "0.05", form)
        ours, other = (begins(client, scripted.port, words, "seconds range") for client in (OURS, theirs))
        # How many samples fit into a window is the machine's affair: all that look alike are one.
        pieces = [re.split(r"(?<=\n)|(?=\x1b\[#G)|(?= -- )", shape(text)) for text in (ours, other)]
        assert [*dict.fromkeys(pieces[0])] == [*dict.fromkeys(pieces[1])]


def test_latency_as_colours(theirs: list[str], scripted: FakeServer) -> None:
    for form in ((), ("--mono",)):
        words = ("--latency-dist", "-i", "0.05", *form)
        ours, other = (begins(client, scripted.port, words, "?\x1b[0m", 22) for client in (OURS, theirs))
        assert shape(ours) == shape(other)
        legends = [re.findall(r"From 0 to 100%: .*", text) for text in (ours, other)]
        assert legends[0] == legends[1]
        assert len(legends[0]) == 2


def test_the_latency_of_the_machine(theirs: list[str], scripted: FakeServer) -> None:
    told = []
    for client in (OURS, theirs):
        server: Any = type("Place", (), {"port": scripted.port})
        code, output, errors = run(client, server, ("--intrinsic-latency", "1"))
        told.append((code, set(shape(output).splitlines()), errors))
    assert told[0] == told[1]
    assert scripted.requests == []


def test_the_load_of_a_cache(theirs: list[str], scripted: FakeServer) -> None:
    scripted.answers[b"get"] = b"$-1\r\n"
    seen = []
    for client in (OURS, theirs):
        scripted.forget()
        text = begins(client, scripted.port, ("--lru-test", "1000"), "Misses")
        requests = [
            (words[0], re.sub(rb"\d+", b"#", words[1]), len(words), len(words[-1]) if words[0] == b"SET" else 0)
            for words in scripted.requests
        ]
        runs = [(request, len([*same])) for request, same in itertools.groupby(requests[:1000])]
        assert all(0 < int(words[1][4:]) <= 1000 for words in scripted.requests)
        seen.append((shape(text), runs))
    assert seen[0] == seen[1]


def test_keys_are_asked_for_as_in_life() -> None:
    picked = [pick(1000, (number + 0.5) / 10_000) for number in range(10_000)]
    assert {*picked} <= {*range(1, 1001)}
    assert sum(key <= 200 for key in picked) == pytest.approx(8000, abs=30)
    assert sum(key <= 20 for key in picked) == pytest.approx(10_000 * (1 - 0.98**7.2), abs=30)
    assert pick(1, 0.5) == pick(1000, 1.0) == 1


def test_what_a_replica_sees(theirs: list[str], make_server: Any) -> None:
    server: Server = make_server("redis70", repl_diskless_sync_delay=0)
    told = []
    for client in (OURS, theirs):
        with started(["stdbuf", "-oL", *client], server, "--replica") as process, server.connect() as other:
            text = read_until(process, "SYNC done", 60)
            other.call("SET", "a", "b c")
            text += read_until(process, '"a","b c"', 60)
            # Whether the database is told again is the server's affair.
            told.append(text.replace('"SELECT","0"\n', ""))
    assert told[0] == told[1]


@pytest.mark.parametrize("mode", ["--bigkeys", "--memkeys", "--hotkeys", "--scan"])
def test_an_end_at_control_c(mode: str, scripted: FakeServer) -> None:
    scripted.answers |= {b"dbsize": b":1000\r\n", b"scan": b"*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n"}
    scripted.answers |= {b"type": b"+string\r\n", b"strlen": b":1\r\n", b"memory": b":1\r\n", b"object": b":1\r\n"}
    process = subprocess.Popen(
        [*OURS, "-p", str(scripted.port), mode], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        while sum(words[0] == b"SCAN" for words in scripted.requests.copy()) < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    if mode == "--scan":
        assert process.returncode == -signal.SIGINT
    else:
        assert process.returncode == 0
        assert "-------- summary -------" in output


@pytest.mark.parametrize("mode", ["--bigkeys", "--memkeys", "--keystats", "--hotkeys"])
def test_keys_of_a_cluster_s_replica(mode: str, scripted: FakeServer) -> None:
    well = {b"type": b"+string\r\n", b"strlen": b":1\r\n", b"memory": b":1\r\n", b"object": b":1\r\n"}
    scripted.answers |= {b"dbsize": b":1\r\n", b"scan": b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"}
    scripted.answers |= dict.fromkeys(well, b"-MOVED 15495 127.0.0.1:1\r\n")

    def look(_: int) -> None:
        if scripted.requests[-1] == [b"READONLY"]:
            scripted.answers |= well

    scripted.before_reply = look
    server: Any = type("Place", (), {"port": scripted.port})
    code, output, errors = run(OURS, server, (mode,))
    assert (code, errors) == (0, "")
    assert '"a"' in output
    assert sum(words == [b"READONLY"] for words in scripted.requests) == 1
