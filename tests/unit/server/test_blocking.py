"""Crowds of waiting clients, which transcripts cannot show."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.peers import Server
from tests.resp import NULL_ARRAY, Connection

CROWD = 300


@pytest.fixture
def crowd(server: Server) -> Iterator[list[Connection]]:
    with ExitStack() as stack:
        yield [stack.enter_context(server.connect()) for _ in range(CROWD)]


def wait_until_all_wait(client: Connection, count: int) -> None:
    deadline = time.monotonic() + 20
    while f"blocked_clients:{count}\r\n".encode() not in client.call("INFO", "clients"):
        assert time.monotonic() < deadline


def block_in_turn(client: Connection, crowd: list[Connection], *words: str) -> None:
    for number, one in enumerate(crowd):
        one.send(*words)
        if number % 50 == 49:
            # Their order is that of arrival; without this the next fifty might overtake.
            wait_until_all_wait(client, number + 1)
    wait_until_all_wait(client, len(crowd))


def test_a_crowd_is_served_in_its_order(client: Connection, crowd: list[Connection]) -> None:
    for number, one in enumerate(crowd):
        one.send("BLPOP", "other", "l", "0")
        wait_until_all_wait(client, number + 1)
    for number in range(0, CROWD, 3):
        client.call("RPUSH", "l", f"{number}", f"{number + 1}", f"{number + 2}")
    assert [one.read() for one in crowd] == [[b"l", b"%d" % number] for number in range(CROWD)]
    assert client.call("EXISTS", "l") == 0
    wait_until_all_wait(client, 0)


def test_those_who_leave_are_forgotten(client: Connection, crowd: list[Connection]) -> None:
    for number, one in enumerate(crowd):
        one.send("BLPOP", "l", "0")
        wait_until_all_wait(client, number + 1)
    for one in crowd[::2]:
        one.close()
    wait_until_all_wait(client, CROWD // 2)
    client.call("RPUSH", "l", *(f"{number}" for number in range(CROWD)))
    assert [one.read() for one in crowd[1::2]] == [[b"l", b"%d" % number] for number in range(CROWD // 2)]
    assert client.call("LLEN", "l") == CROWD // 2


def test_a_crowd_that_waits_for_another_type_is_passed_over(client: Connection, crowd: list[Connection]) -> None:
    block_in_turn(client, crowd, "BLPOP", "k", "0")
    for number in range(200):
        assert client.call("SET", "k", f"{number}") == "OK"
    client.call("DEL", "k")
    client.call("RPUSH", "k", *(f"{number}" for number in range(CROWD)))
    assert sorted(int(one.read()[1]) for one in crowd) == list(range(CROWD))


def test_a_crowd_whose_time_is_over(client: Connection, crowd: list[Connection]) -> None:
    for one in crowd:
        one.send("BLPOP", "l", "0.05")
    assert [one.read() for one in crowd] == [NULL_ARRAY] * CROWD
    wait_until_all_wait(client, 0)


def test_many_short_waits_leave_nothing_behind(client: Connection, server: Server) -> None:
    with server.connect() as waiting, server.connect() as other:
        other.send("BLPOP", "never", "0")
        for _ in range(500):
            waiting.send("BLPOP", "l", "1000")
            wait_until_all_wait(client, 2)
            client.call("RPUSH", "l", "x")
            assert waiting.read() == [b"l", b"x"]
    wait_until_all_wait(client, 0)


def test_timeouts_are_kept_to_the_millisecond(server: Server) -> None:
    with server.connect() as client:
        for milliseconds in (1, 7, 20):
            started = time.monotonic()
            assert client.call("BLPOP", "l", f"{milliseconds / 1000}") is NULL_ARRAY
            assert time.monotonic() - started >= milliseconds / 1000 - 0.001
