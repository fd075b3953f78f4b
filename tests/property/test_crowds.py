"""Many connections at once, with I/O threads and without: each is answered as if it were alone."""

from __future__ import annotations

import itertools
import random
import selectors
import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from tests import peers
from tests.peers import Server
from tests.resp import Connection, encode

CONNECTIONS = 24
SECONDS = 30.0


@pytest.fixture(scope="module", params=[1, 4])
def shared(request: pytest.FixtureRequest) -> Iterator[Server]:
    with peers.running("redpoll", io_threads=request.param) as server:
        yield server


@pytest.fixture
def crowded(shared: Server) -> Server:
    """A server whose reads and writes one thread does, or four; without keys."""
    shared.flush()
    return shared


class Client:
    """One connection of many: pieces that are still to be sent, and all that came back."""

    def __init__(self, server: Server, pieces: list[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pieces = pieces[::-1]
        self.received = bytearray()
        self.ended = False

    def send_one(self) -> None:
        """Send the next piece, unless the server has closed already."""
        try:
            self.socket.sendall(self.pieces.pop())
        except (BrokenPipeError, ConnectionResetError):
            self.pieces.clear()

    def receive(self) -> None:
        """Take what is there."""
        try:
            more = self.socket.recv(1 << 20)
        except ConnectionResetError:
            more = b""
        self.received += more
        self.ended = not more

    def abort(self) -> None:
        """Close with a reset, so that what the server has for it fails."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.pieces.clear()
        self.ended = True


def converse(
    server: Server,
    scripts: list[list[bytes]],
    chance: random.Random,
    meddle: Callable[[list[Client]], None] | None = None,
    *,
    half_close: bool = True,
) -> list[bytes]:
    """Send all scripts at once, each piece by piece; return what each connection received up to its close.

    Without `half_close` the scripts have to make the server close.
    """
    clients = [Client(server, pieces) for pieces in scripts]
    with selectors.DefaultSelector() as waiting:
        for client in clients:
            waiting.register(client.socket, selectors.EVENT_READ, client)
        open_clients = set(clients)
        while open_clients:
            able = [client for client in clients if client.pieces]
            # Several between two looks at what came, so that one turn of the server finds many.
            for client in chance.sample(able, min(len(able), chance.randrange(1, CONNECTIONS))):
                client.send_one()
                if half_close and not client.pieces and not client.ended:
                    client.socket.shutdown(socket.SHUT_WR)
            if meddle:
                meddle(clients)
            for client in [client for client in open_clients if client.ended]:
                open_clients.remove(client)
                waiting.unregister(client.socket)
            events = waiting.select(0 if able else SECONDS)
            assert events or able or not open_clients, "some connections are never answered"
            for key, _ in events:
                key.data.receive()
                if key.data.ended and key.data in open_clients:
                    open_clients.remove(key.data)
                    waiting.unregister(key.fileobj)
    for client in clients:
        client.socket.close()
    return [bytes(client.received) for client in clients]


def cut(chance: random.Random, data: bytes) -> list[bytes]:
    """The data in a few pieces, some of one byte."""
    places = {0, len(data)}
    for _ in range(chance.randrange(6)):
        place = chance.randrange(len(data))
        places |= {place, min(place + chance.choice((1, 2, 1000)), len(data))}
    ordered = sorted(places)
    return [data[start:end] for start, end in itertools.pairwise(ordered)]


def requests(chance: random.Random, name: bytes) -> tuple[bytes, bytes]:
    """A pipeline on one connection's own keys, and its replies."""
    sent, replies, values = [], [], {}
    for _ in range(chance.choice((1, 3, 20, 200, 700))):
        key = b"%s:%d" % (name, chance.randrange(4))
        kind = chance.randrange(12)
        size = (
            chance.choice((0, 3, 90, 999, 1000, 5000)) if chance.random() < 0.97 else chance.randrange(20_000, 90_000)
        )
        word = chance.choice((b"v", b"\r\n", b"$1\r\n"))[:size] * max(size // 4, 1)
        if kind < 4:
            sent.append(encode("SET", key, word))
            replies.append(b"+OK\r\n")
            values[key] = word
        elif kind < 8:
            sent.append(encode("get", key))
            value = values.get(key)
            replies.append(b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value))
        elif kind == 8:
            sent.append(encode("STRLEN", key))
            replies.append(b":%d\r\n" % len(values.get(key, b"")))
        elif kind == 9:
            many = chance.choice((3, 70, 1100))
            sent.append(encode("DEL", key, *[b"none"] * many))
            replies.append(b":%d\r\n" % (key in values))
            values.pop(key, None)
        elif kind == 10:
            sent.append(chance.choice((b"PING\r\n", b"\r\n*0\r\nping\n", b"*-1\r\n  PiNg\r\n")))
            replies.append(b"+PONG\r\n")
        else:
            sent.append(encode("NOSUCH"))
            replies.append(b"-ERR unknown command 'NOSUCH', with args beginning with: \r\n")
    return b"".join(sent), b"".join(replies)


@pytest.mark.parametrize("seed", range(6))
def test_pipelines_of_many_connections(crowded: Server, seed: int) -> None:
    chance = random.Random(seed)
    pairs = [requests(chance, b"c%d" % number) for number in range(CONNECTIONS)]
    received = converse(crowded, [cut(chance, sent) for sent, _ in pairs], chance)
    for got, (_, expected) in zip(received, pairs, strict=True):
        assert got == expected


def test_the_threads_are_at_work(crowded: Server) -> None:
    chance = random.Random(9)
    pairs = [(encode("PING") * 100, b"+PONG\r\n" * 100)] * CONNECTIONS
    assert converse(crowded, [[sent] * 20 for sent, _ in pairs], chance) == [replies * 20 for _, replies in pairs]
    with crowded.connect() as client:
        text = client.call("INFO", "everything")
        fields = dict(line.split(b":", 1) for line in text.split(b"\r\n") if b":" in line)
        at_work = crowded.options["io-threads"] != "1"
        assert fields[b"io_threads_active"] == b"%d" % at_work
        assert (int(fields[b"io_threaded_reads_processed"]) > 0) == at_work
        assert (int(fields[b"io_threaded_writes_processed"]) > 0) == at_work


def test_closes_in_the_middle(crowded: Server) -> None:
    chance = random.Random(3)
    pairs = [requests(chance, b"k%d" % number) for number in range(CONNECTIONS)]
    scripts = [cut(chance, sent) for sent, _ in pairs]
    doomed = set(range(0, CONNECTIONS, 3))

    def meddle(clients: list[Client]) -> None:
        for number in doomed:
            if not clients[number].ended and chance.random() < 0.1:
                clients[number].abort()

    received = converse(crowded, scripts, chance, meddle)
    for number, (got, (_, expected)) in enumerate(zip(received, pairs, strict=True)):
        if number in doomed:
            assert expected.startswith(got)
        else:
            assert got == expected
    with crowded.connect() as client:
        assert client.call("PING") == "PONG"
        assert client.call("CLIENT", "LIST").count(b"\n") == 1


def test_ends_within_pipelines(crowded: Server) -> None:
    """QUIT and protocol errors: what stands before is answered, what stands behind is not run."""
    chance = random.Random(5)
    endings = [
        (encode("QUIT"), b"+OK\r\n"),
        (b"*1\r\n+PING\r\n", b"-ERR Protocol error: expected '$', got '+'\r\n"),
        (b"*x\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n$-7\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (b'PING "\r\n', b"-ERR Protocol error: unbalanced quotes in request\r\n"),
    ]
    scripts, expected = [], []
    for number in range(CONNECTIONS):
        ending, reply = endings[number % len(endings)]
        before = chance.choice((0, 1, 50, 300))
        scripts.append([encode("PING") * before + ending + encode("SET", "behind", "x") * chance.choice((0, 1, 200))])
        expected.append(b"+PONG\r\n" * before + reply)
    with crowded.connect() as client:
        client.call("DEL", "behind")
        assert converse(crowded, scripts, chance) == expected
        assert client.call("EXISTS", "behind") == 0


def test_a_pause_holds_all_and_loses_nothing(crowded: Server) -> None:
    chance = random.Random(8)
    pairs = [requests(chance, b"p%d" % number) for number in range(CONNECTIONS)]
    # The end of input would close a connection whose commands still wait.
    scripts = [cut(chance, sent + encode("QUIT")) for sent, _ in pairs]
    with crowded.connect() as client:
        state = {"turns": 0}

        def meddle(clients: list[Client]) -> None:
            state["turns"] += 1
            if not any(one.pieces for one in clients):
                client.call("CLIENT", "UNPAUSE")
            elif state["turns"] % 8 == 1:
                # A pause of everything holds UNPAUSE too, and ends by itself.
                assert client.call("CLIENT", "PAUSE", *chance.choice((("3", "ALL"), ("100000", "WRITE")))) == "OK"
            elif state["turns"] % 8 == 4:
                assert client.call("CLIENT", "UNPAUSE") == "OK"

        received = converse(crowded, scripts, chance, meddle, half_close=False)
        client.call("CLIENT", "UNPAUSE")
    for got, (_, expected) in zip(received, pairs, strict=True):
        assert got == expected + b"+OK\r\n"


def test_clients_that_do_not_read(crowded: Server) -> None:
    """Megabytes for some connections hold up nobody, and come whole in the end."""
    value = bytes(range(256)) * 8192
    with crowded.connect() as setter:
        assert setter.call("SET", "big", value) == "OK"
    slow = [crowded.connect(SECONDS) for _ in range(8)]
    quick = [crowded.connect(SECONDS) for _ in range(8)]
    try:
        for client in slow:
            client.send_raw(encode("GET", "big") * 4)
        for _ in range(20):
            for client in quick:
                client.send("PING")
            assert [client.read() for client in quick] == ["PONG"] * 8
        for client in slow:
            for _ in range(4):
                assert client.read() == value
    finally:
        for client in slow + quick:
            client.close()


def test_a_killed_connection_of_the_same_turn(crowded: Server) -> None:
    """One connection kills all others while their requests wait in the same turn."""
    for _ in range(10):
        clients: list[Connection] = [crowded.connect() for _ in range(12)]
        for client in clients:
            client.call("PING")
        for client in clients[1:6]:
            client.send_raw(encode("PING") * 50)
        clients[0].send("CLIENT", "KILL", "TYPE", "normal")
        for client in clients[6:]:
            client.send_raw(encode("PING") * 50)
        assert clients[0].read() == 11
        for client in clients[1:]:
            data = b""
            while more := _rest(client):
                data += more
            assert data.replace(b"+PONG\r\n", b"") in (b"", b"+PONG\r\n"[: len(data) % 7])
            client.close()
        assert clients[0].call("CLIENT", "LIST").count(b"\n") == 1
        clients[0].close()


def _rest(client: Connection) -> bytes:
    try:
        return client.socket.recv(1 << 16)
    except ConnectionResetError:
        return b""
