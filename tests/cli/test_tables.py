"""Replies as tables, and replies that are left as they are."""

from __future__ import annotations

import pytest

from redpoll.cli.replies import ErrorReply, Map, Status
from redpoll.cli.tables import present


@pytest.mark.parametrize(
    ("words", "reply", "table"),
    [
        ("HGETALL h", [b"a", b"1", b"longer", b"two words"], 'a       1\nlonger  "two words"\n'),
        ("hgetall h", Map([b"a", b"1"]), "a  1\n"),
        ("hgetall h", [b"a", b""], 'a  ""\n'),
        ("config get save", [b"save", b"3600 1"], 'save  "3600 1"\n'),
        ("memory stats", [b"a", 5, b"b", None], "a  5\nb  (nil)\n"),
        ("xrange s - +", [[b"1-1", [b"f", b"v"]], [b"10-1", [b"g", b"w x"]]], '1-1   f=v\n10-1  g="w x"\n'),
        ("xreadgroup group g c streams s 0", [[b"s", [[b"1-1", None]]]], "\x1b[1ms\x1b[0m\n1-1  (deleted)\n"),
        ("xread streams s t 0 0", [[b"s", [[b"1-1", [b"f", b"v"]]]], [b"t", []]],
         "\x1b[1ms\x1b[0m\n1-1  f=v\n\x1b[1mt\x1b[0m\n"),
        ("xread streams s 0", Map([b"s", [[b"1-1", [b"f", b"v"]]]]), "\x1b[1ms\x1b[0m\n1-1  f=v\n"),
        ("xinfo groups s", [[b"name", b"g", b"pending", 1], [b"name", b"longer", b"pending", 22]],
         "\x1b[1mname    pending\x1b[0m\ng       1\nlonger  22\n"),
        ("xinfo consumers s g", [Map([b"name", b"c", b"idle", 7])], "\x1b[1mname  idle\x1b[0m\nc     7\n"),
        ("info", b"# Server\r\nredis_version:8\r\n\r\nx\r\n",
         "\x1b[1mServer\x1b[0m\n  redis_version                        8\n\nx\n"),
    ],
    ids=lambda value: value if isinstance(value, str) and "\n" not in value else "",
)  # fmt: skip
def test_a_table(words: str, reply: object, table: str) -> None:
    shown = present(words.encode().split(b" "), reply)
    assert shown is not None
    assert shown.decode() == table


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        ("get k", b"v"),
        ("hgetall h", []),
        ("hgetall h", Status(b"QUEUED")),
        ("hgetall h", ErrorReply(b"ERR no")),
        ("hgetall h", [b"odd"]),
        ("xinfo stream s full", [b"entries", [[b"1-1", [b"f", b"v"]]]]),
        ("xinfo groups s", [[b"name", b"g"], [b"other", b"g"]]),
        ("xinfo groups s", []),
        ("xrange s - +", [b"no entry"]),
        ("xread streams s 0", [b"no stream"]),
        ("xread streams s 0", None),
        ("xclaim s g c 0 1-1 justid", [b"1-1"]),
        ("mget a b", [b"1", b"2"]),
    ],
)
def test_no_table(words: str, reply: object) -> None:
    assert present(words.encode().split(b" "), reply) is None
