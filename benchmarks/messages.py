"""Messages to many subscribers, and transactions: what they cost beside real servers.

Messages: some publishers send in pipelines to one channel, and so many connections are subscribed to it; a round is
over when every byte has come. Where the reader of all those connections is what limits, the server's processor time a
delivered message is the figure to look at; both are told. Transactions: MULTI, five commands and EXEC, in pipelines.
All servers take turns, round by round; medians are told.
"""

import argparse
import os
import select
import socket
import statistics
import sys
import time
from collections import defaultdict
from contextlib import ExitStack

from benchmarks import servers
from benchmarks.run import put

CHANNEL, TEXT = "news:0001", "x" * 32
PIPELINE = 16
CONNECTIONS = 8  # that publish, or execute transactions
MESSAGE = b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (b"message", CHANNEL.encode(), TEXT.encode()))

Figure = tuple[float, float]


class Audience:
    """So many connections that are subscribed to the channel."""

    def __init__(self, port: int, size: int) -> None:
        self.poll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        for _ in range(size):
            sock = socket.create_connection(("127.0.0.1", port), timeout=60)
            sock.sendall(servers.request("SUBSCRIBE", CHANNEL))
            sock.recv(4096)
            sock.setblocking(False)
            self.sockets[sock.fileno()] = sock
            self.poll.register(sock, select.EPOLLIN)
        self.room = bytearray(1 << 18)

    def receive(self, size: int) -> None:
        """Read so many bytes, from all together."""
        while size > 0:
            for descriptor, _ in self.poll.poll(10):
                size -= self.sockets[descriptor].recv_into(self.room)

    def close(self) -> None:
        """Leave."""
        for sock in self.sockets.values():
            sock.close()
        self.poll.close()


def publish(server: servers.Server, audience: Audience, messages: int) -> Figure:
    """Messages delivered a second, and the server's processor time for each, in microseconds."""
    size = len(audience.sockets)
    batch = servers.request("PUBLISH", CHANNEL, TEXT) * PIPELINE
    rounds = max(messages // (PIPELINE * CONNECTIONS), 1)
    with ExitStack() as stack:
        publishers = [stack.enter_context(servers.connect(server.port)) for _ in range(CONNECTIONS)]
        before, begin = server.cpu_seconds(), time.perf_counter()
        for _ in range(rounds):
            for sock in publishers:
                sock.sendall(batch)
            audience.receive(len(MESSAGE) * size * PIPELINE * CONNECTIONS)
            for sock in publishers:
                sock.recv(65536)
        elapsed, spent = time.perf_counter() - begin, server.cpu_seconds() - before
    delivered = rounds * PIPELINE * CONNECTIONS * size
    return delivered / elapsed, spent / delivered * 1e6


def transact(server: servers.Server, count: int) -> Figure:
    """Transactions a second, and the server's processor time for each, in microseconds."""
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
    rounds = count // (PIPELINE * CONNECTIONS)
    with ExitStack() as stack:
        clients = [stack.enter_context(servers.connect(server.port)) for _ in range(CONNECTIONS)]
        before, begin = server.cpu_seconds(), time.perf_counter()
        for _ in range(rounds):
            for sock in clients:
                sock.sendall(one * PIPELINE)
            for sock in clients:
                waiting = len(reply) * PIPELINE
                while waiting > 0:
                    waiting -= len(sock.recv(1 << 18))
        elapsed, spent = time.perf_counter() - begin, server.cpu_seconds() - before
    done = rounds * PIPELINE * CONNECTIONS
    return done / elapsed, spent / done * 1e6


def table(samples: dict[str, dict[str, list[Figure]]]) -> str:
    """A Markdown table: Redpoll's figures, and ratios to each other server."""
    names = [name for name in next(iter(samples.values())) if name != "redpoll"]
    lines = ["| | redpoll | " + " | ".join(f"× {name}" for name in names) + " | CPU µs | "
             + " | ".join(f"{name} µs" for name in names) + " |"]  # fmt: skip
    lines.append("|---|" + "---|" * (2 * len(names) + 2))
    for case, by_server in samples.items():
        middle = {
            name: [statistics.median(figure[which] for figure in figures) for which in (0, 1)]
            for name, figures in by_server.items()
        }
        row = [case, f"{middle['redpoll'][0]:,.0f}/s"]
        row += [f"**{middle['redpoll'][0] / middle[name][0]:.2f}**" for name in names]
        row += [f"**{middle[name][1]:.2f}**" if name == "redpoll" else f"{middle[name][1]:.2f}" for name in middle]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure and tell."""
    there = list(servers.commands())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", default=there, choices=there)
    parser.add_argument("--subscribers", nargs="*", type=int, default=[1, 100, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--transactions", type=int, default=100_000)
    parser.add_argument("--markdown", action="store_true", help="put the table into benchmarks/README.md")
    chosen = parser.parse_args()
    server_processor, load_processor = servers.processors()
    if load_processor is not None:
        os.sched_setaffinity(0, {load_processor})
    samples: dict[str, dict[str, list[Figure]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        running = [stack.enter_context(servers.running(name, server_processor)) for name in chosen.servers]
        for number in range(chosen.rounds):
            order = running[number % len(running) :] + running[: number % len(running)]
            for size in chosen.subscribers:
                for server in order:
                    audience = Audience(server.port, size)
                    messages = max(min(chosen.deliveries // size, chosen.deliveries // 4), PIPELINE * CONNECTIONS * 2)
                    samples[f"PUBLISH to {size:,}"][server.name].append(publish(server, audience, messages))
                    audience.close()
            for server in order:
                samples["MULTI, 5 commands, EXEC"][server.name].append(transact(server, chosen.transactions))
            print(f"round {number + 1} of {chosen.rounds}", file=sys.stderr, flush=True)
    for by_server in samples.values():
        for name in chosen.servers:
            by_server[name] = by_server.pop(name)
    text = table(samples)
    print(text)
    if chosen.markdown:
        put("messages", text)


if __name__ == "__main__":
    main()
