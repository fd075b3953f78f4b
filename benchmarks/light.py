"""A load that costs its own processor little, so that the server is what is measured.

`redis-benchmark` spends more on a pipelined command than the faster servers do, so it is at its end before they are.
This one makes all requests beforehand, and of the replies it only counts the lines: every reply to a test's command
has the same number of them. Each connection has one pipeline under way.
"""

from __future__ import annotations

import random
import select
import socket
import time
from itertools import cycle

from benchmarks.servers import request

_PREPARED = 4096  # pipelines, sent in turn by all connections
_READ = 1 << 18


def drive(
    address: tuple[str, int] | str,
    words: list[str],
    *,
    lines: int,
    keys: int,
    pipeline: int,
    requests: int,
    connections: int = 50,
) -> tuple[float, list[float]]:
    """Commands a second, and the sorted milliseconds of every pipeline.

    `__rand_int__` in a word becomes twelve digits below `keys`, `lines` is the number of line feeds in one reply.
    """
    chance = random.Random(1)
    prepared = cycle(_pipelines(words, keys, pipeline, chance))
    wanted = lines * pipeline
    rounds = max(requests // pipeline, connections)
    sockets = [_connect(address) for _ in range(connections)]
    # By descriptor: what to receive and send with, lines still to come, when the pipeline went out.
    receive = {sock.fileno(): sock.recv for sock in sockets}
    send = {sock.fileno(): sock.sendall for sock in sockets}
    missing = dict.fromkeys(receive, wanted)
    times = []
    clock = time.perf_counter
    with select.epoll() as poll:
        begin = clock()
        sent = dict.fromkeys(receive, begin)
        for descriptor in receive:
            poll.register(descriptor, select.EPOLLIN)
            send[descriptor](next(prepared))
        started, done = connections, 0
        while done < rounds:
            for descriptor, _ in poll.poll():
                left = missing[descriptor] - receive[descriptor](_READ).count(b"\n")
                if left > 0:
                    missing[descriptor] = left
                    continue
                now = clock()
                times.append(now - sent[descriptor])
                done += 1
                if started < rounds:
                    started += 1
                    missing[descriptor] = wanted
                    sent[descriptor] = now
                    send[descriptor](next(prepared))
        elapsed = clock() - begin
    for sock in sockets:
        sock.close()
    return rounds * pipeline / elapsed, sorted(1000 * each for each in times)


def _connect(address: tuple[str, int] | str) -> socket.socket:
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(address)
    else:
        sock = socket.create_connection(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _pipelines(words: list[str], keys: int, pipeline: int, chance: random.Random) -> list[bytes]:
    def word(text: str) -> str:
        return text.replace("__rand_int__", f"{chance.randrange(keys):012}") if "__rand_int__" in text else text

    return [
        b"".join(request(*map(word, words)) for _ in range(pipeline))
        for _ in range(max(50, min(_PREPARED, 200_000 // pipeline)))
    ]
