"""Messages to many subscribers, and transactions: what they cost beside real servers.

Messages: some publishers send in pipelines to one channel, and so many connections are subscribed to it. Transactions:
MULTI, five commands and EXEC, in pipelines. The load sends the next round before it has read the last, so that the
server always has work, and what comes it only counts, where the kernel can do without copying; how busy the server's
processor was is told, and the server's processor time too, which is the figure to look at should it not have been full.
All servers take turns, round by round; medians are told.
"""

import argparse
import json as json_module
import os
import select
import socket
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import servers
from benchmarks.readme import machine, put

CHANNEL, TEXT = "news:0001", "x" * 32
PIPELINE = 16
CONNECTIONS = 8  # that publish, or execute transactions
FEW = 10  # who listen: see `publish`
MESSAGE = b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (b"message", CHANNEL.encode(), TEXT.encode()))
_ROOM = bytearray(1 << 18)

Figure = tuple[float, float, float]  # a second, processor time in microseconds for each, share of the time it was busy


class Incoming:
    """Connections of which bytes are awaited, and counted, all together."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self.missing = 0
        self.sockets = {sock.fileno(): sock for sock in sockets}
        self.poll = select.epoll()
        for descriptor in self.sockets:
            self.poll.register(descriptor, select.EPOLLIN)

    def receive(self, size: int) -> None:
        """Wait until so many bytes more have come; what comes of the next round is credited to it."""
        self.missing += size
        while self.missing > 0:
            for descriptor, _ in self.poll.poll(10):
                # Thrown away by the kernel.
                self.missing -= self.sockets[descriptor].recv_into(_ROOM, 0, socket.MSG_TRUNC)

    def close(self) -> None:
        """Close all."""
        for sock in self.sockets.values():
            sock.close()
        self.poll.close()


def audience(port: int, size: int) -> Incoming:
    """So many connections that are subscribed to the channel."""
    sockets = []
    for _ in range(size):
        sock = servers.connect(port)
        sock.sendall(servers.request("SUBSCRIBE", CHANNEL))
        sock.recv(4096)
        sockets.append(sock)
    return Incoming(sockets)


def drive(server: servers.Server, batch: bytes, reply: int, rounds: int, told: Incoming | None, size: int) -> Figure:
    """Rounds of a batch from each connection, answered by `reply` bytes; `size` bytes a round go to who is told."""
    clients = [servers.connect(server.port) for _ in range(CONNECTIONS)]
    answers = Incoming(clients)
    before, begin = server.cpu_nanoseconds(), time.perf_counter()
    for number in range(rounds + 1):
        if number < rounds:
            for sock in clients:
                sock.sendall(batch)
        if number:
            if told is not None:
                told.receive(size)
            answers.receive(reply * CONNECTIONS)
    elapsed, spent = time.perf_counter() - begin, (server.cpu_nanoseconds() - before) / 1e9
    answers.close()
    return rounds / elapsed, spent / rounds * 1e6, spent / elapsed


def publish(server: servers.Server, listeners: Incoming, messages: int) -> Figure:
    """Messages delivered."""
    size = len(listeners.sockets)
    # With few who listen, the load has more to do than the server unless it does more at once.
    pipeline = PIPELINE if size > FEW else 8 * PIPELINE
    a_round = pipeline * CONNECTIONS
    rate, cost, busy = drive(
        server, servers.request("PUBLISH", CHANNEL, TEXT) * pipeline, len(f":{size}\r\n") * pipeline,
        max(messages // a_round, 2), listeners, len(MESSAGE) * size * a_round,
    )  # fmt: skip
    return rate * a_round * size, cost / (a_round * size), busy


def transact(server: servers.Server, count: int) -> Figure:
    """Transactions."""
    one = (
        servers.request("MULTI")
        + servers.request("SET", "key:1", TEXT)
        + servers.request("GET", "key:1")
        + servers.request("INCR", "count:1")
        + servers.request("SET", "key:2", TEXT)
        + servers.request("GET", "key:2")
        + servers.request("EXEC")
    )
    reply = "+OK\r\n" + "+QUEUED\r\n" * 5 + "*5\r\n" + "+OK\r\n" * 2 + f"$32\r\n{TEXT}\r\n" * 2 + ":1000000001\r\n"
    server.ask("SET", "count:1", "1000000000")
    a_round = PIPELINE * CONNECTIONS
    rate, cost, busy = drive(server, one * PIPELINE, len(reply) * PIPELINE, max(count // a_round, 2), None, 0)
    return rate * a_round, cost / a_round, busy


def table(samples: dict[str, dict[str, list[Figure]]]) -> str:
    """A Markdown table: Redpoll's figures, and ratios to each other server."""
    names = [name for name in next(iter(samples.values())) if name != "redpoll"]
    lines = ["| | redpoll | " + " | ".join(f"× {name}" for name in names) + " | CPU µs | "
             + " | ".join(f"{name} µs" for name in names) + " | busy |"]  # fmt: skip
    lines.append("|---|" + "---|" * (2 * len(names) + 3))
    for case, by_server in samples.items():
        middle = {
            name: [statistics.median(figure[which] for figure in figures) for which in (0, 1, 2)]
            for name, figures in by_server.items()
        }
        own = middle["redpoll"]
        row = [case, f"{own[0]:,.0f}/s"]
        row += [f"**{own[0] / middle[name][0]:.2f}**" for name in names]
        row += [f"**{own[1]:.3f}**", *[f"{middle[name][1]:.3f}" for name in names], f"{own[2]:.0%}"]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def measure(
    names: Sequence[str], rounds: int, subscribers: Sequence[int], deliveries: int, transactions: int
) -> dict[str, dict[str, list[Figure]]]:
    """Figures by case and server."""
    server_processor, load_processor = servers.processors()
    if load_processor is not None:
        os.sched_setaffinity(0, {load_processor})
    samples: dict[str, dict[str, list[Figure]]] = defaultdict(lambda: {name: [] for name in names})
    with ExitStack() as stack:
        running = [stack.enter_context(servers.running(name, server_processor)) for name in names]
        for number in range(rounds):
            order = running[number % len(running) :] + running[: number % len(running)]
            for size in subscribers:
                for server in order:
                    listeners = audience(server.port, size)
                    messages = min(deliveries // size, deliveries // 4)
                    samples[f"PUBLISH to {size:,}"][server.name].append(publish(server, listeners, messages))
                    listeners.close()
            for server in order:
                samples["MULTI, 5 commands, EXEC"][server.name].append(transact(server, transactions))
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return samples


def show(
    names: Sequence[str], rounds: int, *, subscribers: Sequence[int] = (1, 100, 1000), deliveries: int = 4_000_000,
    transactions: int = 400_000, markdown: bool = False, json: str | None = None,
) -> None:  # fmt: skip
    """Measure and tell."""
    samples = measure(names, rounds, subscribers, deliveries, transactions)
    text = table(samples)
    print(text)
    if json:
        Path(json).write_text(json_module.dumps(samples, indent=1), encoding="utf-8")
    if markdown:
        put("messages", f"Measured on: {machine()}.\n\n{text}")


def main() -> None:
    """Read the command line."""
    there = list(servers.commands())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", default=there, choices=there)
    parser.add_argument("--subscribers", nargs="*", type=int, default=[1, 100, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--deliveries", type=int, default=4_000_000)
    parser.add_argument("--transactions", type=int, default=400_000)
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--markdown", action="store_true", help="put the table into benchmarks/README.md")
    chosen = parser.parse_args()
    show(chosen.servers, chosen.rounds, subscribers=chosen.subscribers, deliveries=chosen.deliveries,
         transactions=chosen.transactions, markdown=chosen.markdown, json=chosen.json)  # fmt: skip


if __name__ == "__main__":
    main()
