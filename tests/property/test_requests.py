"""Requests split anywhere, and rubbish: what a server answers does not depend on how bytes arrive."""

import itertools
import random
import select
import socket
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import Server

WORDS = st.one_of(st.binary(max_size=40), st.integers(30_000, 40_000).map(lambda size: b"w" * size))
COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just(b"SET"), st.sampled_from([b"a", b"b", b"c"]), WORDS),
        st.tuples(st.just(b"GET"), st.sampled_from([b"a", b"b", b"c"])),
        st.tuples(st.just(b"APPEND"), st.sampled_from([b"a", b"b"]), WORDS),
        st.tuples(st.just(b"ECHO"), WORDS),
        st.tuples(st.just(b"NOSUCH"), st.just(b"x")),
        st.just((b"GET",)),
    ),
    min_size=1,
    max_size=12,
)


def encoded(commands: list[tuple[bytes, ...]]) -> bytes:
    return b"".join(
        b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words) for words in commands
    )


def answers(server: Server, pieces: list[bytes]) -> bytes:
    """All that comes back for these pieces, sent one by one, up to the reply to a last ECHO."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(encoded([(b"FLUSHALL",)]))
        assert sock.recv(100) == b"+OK\r\n"
        for piece in pieces:
            sock.sendall(piece)
        sock.sendall(encoded([(b"ECHO", b"the end of it")]))
        received = b""
        while not received.endswith(b"the end of it\r\n"):
            more = sock.recv(1 << 20)
            assert more, "the server closed the connection"
            received += more
        return received


@settings(max_examples=60)
@given(commands=COMMANDS, cuts=st.lists(st.floats(0, 1), max_size=12))
def test_splitting_changes_nothing(server: Server, commands: list[tuple[bytes, ...]], cuts: list[float]) -> None:
    whole = encoded(commands)
    places = sorted({int(cut * len(whole)) for cut in cuts} | {0, len(whole)})
    pieces = [whole[start:end] for start, end in itertools.pairwise(places)]
    assert answers(server, [whole]) == answers(server, pieces)


def test_a_million_words(server: Server) -> None:
    request = encoded([(b"MSET", *(b"%d" % (number // 2) for number in range(1_000_000)))])
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock:
        for start in range(0, len(request), 50_000):
            sock.sendall(request[start : start + 50_000])
        assert sock.recv(100) == b"+OK\r\n"
        sock.sendall(encoded([(b"DBSIZE",), (b"GET", b"499999"), (b"FLUSHALL", b"ASYNC")]))
        received = b""
        while not received.endswith(b"+OK\r\n"):
            received += sock.recv(1000)
        assert received == b":500000\r\n$6\r\n499999\r\n+OK\r\n"


def test_rubbish_never_harms(server: Server) -> None:
    chance = random.Random(7)
    valid = encoded([(b"SET", b"k", b"v" * 50), (b"GET", b"k"), (b"PING",)])
    for _ in range(400):
        data = bytearray(valid if chance.random() < 0.7 else chance.randbytes(chance.randrange(1, 200)))
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.choice(b"*$\r\n-0123456789 \"'\\\x00\xff")
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
    assert server.process is None or server.process.poll() is None
    assert answers(server, [b"PING\r\n"]).startswith(b"+PONG")


# Commands that end, block or slow the server, or change who may talk to it.
POOL = (
    b"k", b"l", b"0", b"1", b"-1", b"10", b"abc", b"", b"\x00\xff", b"EX", b"NX", b"GET", b"*", b"[a", b"u8", b"i64",
    b"#1", b"BIT", b"COUNT", b"9223372036854775807", b"-9223372036854775808", b"1e400", b"v" * 70,
)  # fmt: skip
LEFT_OUT = {"shutdown", "debug", "monitor", "quit", "client", "config", "auth", "hello", "reset", "select"}
# Commands with as many replies as words.
LEFT_OUT |= {"subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe"}


def test_random_words_for_every_command(server: Server) -> None:
    from redpoll import commands
    from redpoll.commands.declare import REGISTRY
    from redpoll.commands.flags import BLOCKING

    commands.load()
    chance = random.Random(11)
    requests = []
    for name, declared in REGISTRY.items():
        if name in LEFT_OUT:
            continue
        names = [(name.encode(),), *((name.encode(), sub.encode()) for sub in declared.subcommands)]
        for words in names:
            requests += [(*words, *chance.choices(POOL, k=chance.randrange(6))) for _ in range(30)]
    chance.shuffle(requests)
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock,
        sock.makefile("rb") as file,
        server.connect() as control,
    ):
        for request in requests:
            # Some of them reset the connection, so its number is asked for anew where it may wait.
            if REGISTRY[request[0].decode()].flags & BLOCKING:
                sock.sendall(encoded([(b"CLIENT", b"ID")]))
                number = file.readline()[1:-2]
                sock.sendall(encoded([request]))
                while not select.select([sock], [], [], 0.05)[0]:
                    control.call("CLIENT", "UNBLOCK", number)
            else:
                sock.sendall(encoded([request]))
            read_reply(file)
        sock.sendall(encoded([(b"ECHO", b"in step")]))
        assert file.readline() == b"$7\r\n"
        assert file.read(9) == b"in step\r\n"


def read_reply(file: object) -> None:
    """One reply of RESP2, whatever it is."""
    line = file.readline()  # type: ignore[attr-defined]
    assert line.endswith(b"\r\n"), line
    kind, rest = line[:1], line[1:-2]
    assert kind in b"+-:$*"
    if kind == b"$" and rest != b"-1":
        file.read(int(rest) + 2)  # type: ignore[attr-defined]
    elif kind == b"*" and rest != b"-1":
        for _ in range(int(rest)):
            read_reply(file)


def test_ten_thousand_connections(make_server) -> None:
    import resource

    wanted = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = hard if hard != resource.RLIM_INFINITY else 2 * wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, wanted + 200), room), hard))
    wanted = min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    server = make_server()
    sockets: list[socket.socket] = []
    try:
        for _ in range(wanted - 10):
            sockets.append(socket.create_connection(("127.0.0.1", server.port), timeout=20))
        # Busy: every one of them, twice; all requests are there before the first reply is read.
        for number, sock in enumerate(sockets):
            sock.sendall(encoded([(b"SET", b"key:%d" % number, b"%d" % number), (b"GET", b"key:%d" % number)]))
        for number, sock in enumerate(sockets):
            text = b"%d" % number
            expected = b"+OK\r\n$%d\r\n%s\r\n" % (len(text), text)
            received = b""
            while len(received) < len(expected):
                received += sock.recv(1000)
            assert received == expected
        # Idle again, they hold next to nothing.
        begin = time.monotonic()
        sockets[0].sendall(encoded([(b"INFO", b"clients")]))
        assert b"connected_clients:%d" % len(sockets) in sockets[0].recv(65536)
        assert time.monotonic() - begin < 15
    finally:
        for sock in sockets:
            sock.close()
