"""Commands that make values of every type and encoding, for files and payloads that servers exchange.

`values(fields_expire)` gives what a server can hold: a name for each key, and the commands that make it. Names ending
in `_unordered` are told in an order that servers choose by chance.
"""

from collections.abc import Iterator

Command = tuple[str | bytes | int | float, ...]

LONG = "word " * 40
RANDOM = bytes((i * i * 7 + i * 131) % 251 for i in range(1200))
FAR = 4102444800000
"""The year 2100, in milliseconds."""

BEFORE: tuple[Command, ...] = (
    ("CONFIG", "SET", "list-max-listpack-size", "-2"),
    ("CONFIG", "SET", "list-compress-depth", "0"),
    ("CONFIG", "SET", "hash-max-listpack-entries", "128"),
    ("CONFIG", "SET", "set-max-intset-entries", "512"),
    ("CONFIG", "SET", "zset-max-listpack-entries", "128"),
)


def strings() -> Iterator[tuple[str, list[Command]]]:
    """Strings in every encoding."""
    for name, text in {
        "empty": "",
        "short": "hello",
        "byte": "-128",
        "int16": "32767",
        "int32": "-2147483648",
        "int64": "9223372036854775807",
        "too_large": "9223372036854775808",
        "zeros": "007",
        "embedded": "x" * 44,
        "raw": "y" * 45,
        "compressible": LONG,
        "large": "z" * 5000,
        "binary": RANDOM,
    }.items():
        yield f"string:{name}", [("SET", f"string:{name}", text)]
    yield "string:expires", [("SET", "string:expires", "v", "PXAT", FAR)]


def lists() -> Iterator[tuple[str, list[Command]]]:
    """Lists in every encoding."""
    yield "list:packed", [("RPUSH", "list:packed", "a", 1, -1, 300, "x" * 70, 2**40, "")]
    yield "list:nodes", [("RPUSH", "list:nodes", *(f"element {i}" for i in range(900)))]
    yield "list:integers", [("RPUSH", "list:integers", *range(-1500, 1500))]
    yield "list:plain", [("RPUSH", "list:plain", "a", "b" * 70000, "c", "d" * 9000, "e")]
    yield (
        "list:small_nodes",
        [
            ("CONFIG", "SET", "list-max-listpack-size", "3"),
            ("RPUSH", "list:small_nodes", *range(100)),
            ("CONFIG", "SET", "list-max-listpack-size", "-2"),
        ],
    )
    yield (
        "list:compressed",
        [
            ("CONFIG", "SET", "list-compress-depth", "1"),
            ("RPUSH", "list:compressed", *(f"some longer element {i % 7}" for i in range(1500))),
            ("CONFIG", "SET", "list-compress-depth", "0"),
        ],
    )


def sets() -> Iterator[tuple[str, list[Command]]]:
    """Sets in every encoding."""
    yield "set:int16", [("SADD", "set:int16", 3, 1, 2, -5)]
    yield "set:int32", [("SADD", "set:int32", 3, 100000, -2)]
    yield "set:int64", [("SADD", "set:int64", 3, 2**40, -2)]
    yield "set:packed", [("SADD", "set:packed", "a", "b", "1", "")]
    yield "set:integers_unordered", [("SADD", "set:integers_unordered", *range(1000))]
    yield "set:table_unordered", [("SADD", "set:table_unordered", *(f"member {i}" for i in range(500)), LONG)]


def sorted_sets() -> Iterator[tuple[str, list[Command]]]:
    """Sorted sets in every encoding."""
    yield "zset:packed", [("ZADD", "zset:packed", 1, "one", 2.5, "b", "inf", "c", "-inf", "d", -0.5, "e", 2**52, "f")]
    yield (
        "zset:tree",
        [("ZADD", "zset:tree", *(word for i in range(300) for word in (i * 1.5 - 100, f"member {i * 7 % 300}")))],
    )
    yield "zset:same_scores", [("ZADD", "zset:same_scores", *(w for i in range(200) for w in (0, f"m{i}")))]
    yield "zset:long", [("ZADD", "zset:long", 1, LONG, "-inf", "a", "+inf", "b")]


def hashes(fields_expire: bool) -> Iterator[tuple[str, list[Command]]]:
    """Hashes in every encoding."""
    yield "hash:packed", [("HSET", "hash:packed", "f", "v", "number", 17, "empty", "", "large", 2**50)]
    yield "hash:table_unordered", [("HSET", "hash:table_unordered", *(f"{k}{i}" for i in range(300) for k in "fv"))]
    yield "hash:long_unordered", [("HSET", "hash:long_unordered", "f", LONG, "g", "z" * 5000, "n", 5)]
    if fields_expire:
        yield (
            "hash:times",
            [
                ("HSET", "hash:times", "a", 1, "b", 2, "c", 3, "d", 4),
                ("HPEXPIREAT", "hash:times", FAR, "FIELDS", 1, "d"),
                ("HPEXPIREAT", "hash:times", FAR + 5, "FIELDS", 1, "b"),
            ],
        )
        yield (
            "hash:table_times_unordered",
            [
                ("HSET", "hash:table_times_unordered", *(f"{k}{i}" for i in range(200) for k in "fv")),
                ("HPEXPIREAT", "hash:table_times_unordered", FAR, "FIELDS", 1, "f3"),
                ("HPEXPIREAT", "hash:table_times_unordered", FAR + 100, "FIELDS", 2, "f1", "f2"),
            ],
        )


def streams() -> Iterator[tuple[str, list[Command]]]:
    """Streams with and without groups."""
    yield "stream:one", [("XADD", "stream:one", "1-1", "field", "value")]
    yield (
        "stream:many",
        [
            ("XADD", "stream:many", f"{1000 + i}-{i % 3}", *(("a", i, "b", "x") if i % 5 else ("c", "d")))
            for i in range(400)
        ],
    )
    yield (
        "stream:deleted",
        [
            *(("XADD", "stream:deleted", f"{i}-1", "f", i) for i in range(1, 30)),
            ("XDEL", "stream:deleted", "5-1", "29-1", "1-1"),
        ],
    )
    yield "stream:emptied", [("XADD", "stream:emptied", "7-7", "f", "v"), ("XDEL", "stream:emptied", "7-7")]
    yield (
        "stream:groups",
        [
            *(("XADD", "stream:groups", f"{i}-1", "f", i) for i in range(1, 30)),
            ("XGROUP", "CREATE", "stream:groups", "one", "0"),
            ("XGROUP", "CREATE", "stream:groups", "two", "$"),
            ("XGROUP", "CREATECONSUMER", "stream:groups", "one", "idle"),
            ("XREADGROUP", "GROUP", "one", "alice", "COUNT", 7, "STREAMS", "stream:groups", ">"),
            ("XREADGROUP", "GROUP", "one", "bob", "COUNT", 3, "STREAMS", "stream:groups", ">"),
            ("XACK", "stream:groups", "one", "2-1", "9-1"),
        ],
    )


FAMILIES = ("string", "list", "set", "zset", "hash", "stream")


def values(fields_expire: bool) -> Iterator[tuple[str, list[Command]]]:
    """Every value, as (key, commands that make it)."""
    yield from strings()
    yield from lists()
    yield from sets()
    yield from sorted_sets()
    yield from hashes(fields_expire)
    yield from streams()
