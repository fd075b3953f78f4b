"""Fuzzes the request parser: how bytes are cut must change nothing, and nothing may touch memory that is not its own.

    make fuzz                       a minute, with sanitizers and coverage
    make fuzz ARGS="--seconds 600 --seed 7"

An input is four bytes that choose limits and cuts, then what a client sends, in which a byte 0xFE stands for a word
of 33,000 bytes. Inputs that take a new way through the parser are kept and mutated further. An input that fails is
printed; put it into `FAILED_ONCE`, and the tests go on trying it.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import os
import random
import time

from redpoll.wire.reader import RequestReader

LONG = b"v" * 33_000
LONGEST_WORD = 70_000
#: Inputs that were answered wrongly at some time.
FAILED_ONCE: list[bytes] = []

SEEDS = [
    b"\0\0\0\0" + body
    for body in (
        b"*1\r\n$4\r\nPING\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello\r\nworld\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$33000\r\n\xfe\r\n*1\r\n$4\r\nPING\r\n",
        b"*4\r\n$33000\r\n\xfe\r\n$33000\r\n\xfe\r\n$0\r\n\r\n$0001\r\nx\r\n",
        b"*12\r\n" + b"$1\r\na\r\n" * 12,
        b"*1000\r\n" + b"$1\r\na\r\n" * 1000,
        b"*0\r\n*-1\r\n\r\n  \r\n*1\r\n$4\r\nPING\r\n",
        b"PING\r\nSET k \"a\\x41\\n\\\"\" 'b\\'c'\nGET k\r\n",
        b'SET "un\r\n',
        b"GET 'a'b\r\n",
        b"*1\r\n:3\r\n",
        b"*x\r\n",
        b"*2147483648\r\n",
        b"*1\r\n$70001\r\n",
        b"*1\r\n$-1\r\n",
        b"*9223372036854775808\r\n$9999999999999999999999\r\n",
        b"a\0b c\r\n",
    )
]
TOKENS = (
    b"\r\n", b"\n", b"\r", b"*", b"$", b"*1\r\n", b"*2\r\n", b"$0\r\n\r\n", b"$1\r\nx\r\n", b"*-1\r\n", b"$-1\r\n",
    b"*0\r\n", b"$33000\r\n\xfe\r\n", b"$32768\r\n", b"$16385\r\n", b"*11\r\n", b"*1024\r\n", b"\"", b"'", b"\\",
    b"\\x4", b"\0", b"\xff", b"0", b"-", b"+", b" ", b"99999999999999999999", b"2147483647", b"4294967296", b"PING\r\n",
)  # fmt: skip


class Wrong(Exception):
    """The parser was wrong about an input."""


def read(pieces: list[bytes], options: dict) -> tuple[list[list[bytes]], str | None]:
    """All requests in these pieces, and the error at their end."""
    reader = RequestReader(**options)
    found: list[list[bytes]] = []
    for piece in pieces:
        found += reader.feed(piece)
        if reader.pending > 20_000 + 40 * sum(map(len, pieces)) + 2 * LONGEST_WORD:
            raise Wrong(f"{reader.pending} bytes are held for {sum(map(len, pieces))}")
    return found, reader.error


def check(data: bytes) -> None:
    """Parse an input in one piece and in many; raise `Wrong` if that makes a difference."""
    limits, cuts, seed = data[:1] or b"\0", data[1:2] or b"\0", data[2:4]
    body = data[4:].replace(b"\xfe", LONG, 3)
    options = {
        "trusted": limits[0] & 1 == 0,
        "longest_word": LONGEST_WORD,
        "room": (64, 1, 2, 5000)[limits[0] >> 1 & 3],
    }
    whole = read([body], options)
    chance = random.Random(seed + cuts)
    places = sorted({0, len(body)} | {chance.randrange(len(body) + 1) for _ in range(cuts[0] % 24 + 1)})
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]
    if cuts[0] & 128 and len(body) < 500:
        pieces = [body[place : place + 1] for place in range(len(body))]
    parted = read(pieces, options)
    # A line that is too long is refused as soon as so much of it is there, so that it counts how it came.
    if whole != parted and "too big" not in f"{whole[1]}{parted[1]}":
        raise Wrong(f"whole: {whole[0][:5]!r} … {whole[1]}; in pieces: {parted[0][:5]!r} … {parted[1]}")
    if any(not words for words in whole[0]):
        raise Wrong("a request without words")


def mutated(chance: random.Random, corpus: list[bytes]) -> bytes:
    """An input a little different from one that is known."""
    data = bytearray(chance.choice(corpus))
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0 if place < len(data):
                data[place] = chance.randrange(256)
            case 1 if place < len(data):
                data[place] ^= 1 << chance.randrange(8)
            case 2:
                del data[place : place + chance.randrange(1, 20)]
            case 3:
                data[place:place] = data[place : place + chance.randrange(1, 60)]
            case 4:
                other = chance.choice(corpus)
                data[place:] = other[chance.randrange(len(other)) :]
            case 5 if len(data) > 4:
                data[chance.randrange(4)] = chance.randrange(256)
            case _:
                data[max(place, 4) : max(place, 4)] = chance.choice(TOKENS)
    return bytes(data[:9000])


def main() -> int:
    """Run for a time; tell what was reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    coverage = ctypes.CDLL(os.environ["REDPOLL_COVERAGE"]) if "REDPOLL_COVERAGE" in os.environ else None
    chance = random.Random(options.seed)
    corpus: list[bytes] = []
    waiting = [*SEEDS, *FAILED_ONCE]
    deadline = time.monotonic() + options.seconds
    runs = 0
    while time.monotonic() < deadline:
        data = waiting.pop() if waiting else mutated(chance, corpus)
        if coverage:
            coverage.redpoll_coverage_begin()
        try:
            check(data)
        except Wrong as wrong:
            print(f"{wrong}\n  input: {data!r}")
            return 1
        runs += 1
        if coverage is None or coverage.redpoll_coverage_new() or runs <= len(SEEDS):
            corpus.append(data)
            corpus = corpus[-5000:]
    ways = f", {coverage.redpoll_coverage_total()} ways through the parser" if coverage else ""
    print(f"{runs} inputs, {len(corpus)} kept{ways}; nothing wrong")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
