"""The tests that come with it: `redis-benchmark`'s and `valkey-benchmark`'s, under their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from redpoll.benchmark.templates import Unit, unit


@dataclass(frozen=True)
class Test:
    """One load: its title, the names that `-t` knows it by, and its commands.

    In a word, `TAG` stands for the cluster's tag, `VALUE` for the value, `NUMBER` for the places of `-r`.
    """

    title: str
    names: tuple[str, ...]
    commands: str | Callable[..., list[list[bytes]]]
    before: Callable[..., list[list[bytes]]] | None = None  # what each server is told once


_KEY = "keyTAG:__rand_int__"


def _library(options) -> list[list[bytes]]:
    functions = "".join(
        f"redis.register_function('foo{number}', function(keys, args) return keys[1] end)\n"
        for number in range(options.functions)
    )
    text = f"#!lua name=benchlib\n{functions}"
    return [[b"FUNCTION", b"LOAD", b"REPLACE", text.encode()]]


def _call(options) -> list[list[bytes]]:
    tag = b":{tag}" if options.cluster else b""
    keys = [
        b"key%b:%b" % (tag, b"%d" % number if number else b"__rand_int__") for number in range(options.function_keys)
    ]
    return [[b"FCALL", b"foo0", b"%d" % options.function_keys, *keys]]


TESTS = (
    Test("PING_INLINE", ("ping_inline", "ping"), "PING"),
    Test("PING_MBULK", ("ping_mbulk", "ping"), "PING"),
    Test("SET", ("set",), f"SET {_KEY} VALUE"),
    Test("GET", ("get",), f"GET {_KEY}"),
    Test("INCR", ("incr",), "INCR counterTAG:__rand_int__"),
    Test("LPUSH", ("lpush",), "LPUSH mylistTAG VALUE"),
    Test("RPUSH", ("rpush",), "RPUSH mylistTAG VALUE"),
    Test("LPOP", ("lpop",), "LPOP mylistTAG"),
    Test("RPOP", ("rpop",), "RPOP mylistTAG"),
    Test("SADD", ("sadd",), "SADD mysetTAG element:__rand_int__"),
    Test("HSET", ("hset",), "HSET myhashTAG element:__rand_int__ VALUE"),
    Test("SPOP", ("spop",), "SPOP mysetTAG"),
    Test("ZADD", ("zadd",), "ZADD myzsetTAG SCORE element:__rand_int__"),
    Test("ZPOPMIN", ("zpopmin",), "ZPOPMIN myzsetTAG"),
    Test("LPUSH (needed to benchmark LRANGE)",
         ("lrange", "lrange_100", "lrange_300", "lrange_500", "lrange_600"), "LPUSH mylistTAG VALUE"),
    Test("LRANGE_100 (first 100 elements)", ("lrange", "lrange_100"), "LRANGE mylistTAG 0 99"),
    Test("LRANGE_300 (first 300 elements)", ("lrange", "lrange_300"), "LRANGE mylistTAG 0 299"),
    Test("LRANGE_500 (first 500 elements)", ("lrange", "lrange_500"), "LRANGE mylistTAG 0 499"),
    Test("LRANGE_600 (first 600 elements)", ("lrange", "lrange_600"), "LRANGE mylistTAG 0 599"),
    Test("MSET (10 keys)", ("mset",), "MSET" + f" {_KEY} VALUE" * 10),
    Test("MGET (10 keys)", ("mget",), "MGET" + f" {_KEY}" * 10),
    Test("XADD", ("xadd",), "XADD mystreamTAG * myfield VALUE"),
    Test("FUNCTION LOAD", ("function_load",), _library),
    Test("FCALL", ("fcall",), _call, _library),
)  # fmt: skip


def chosen(names: str | None) -> list[Test]:
    """Return the tests that a list as `-t` takes it names, in the order in which they run; all without one."""
    if names is None:
        return list(TESTS)
    wanted = set(names.lower().split(","))
    return [test for test in TESTS if wanted.intersection(test.names)]


def words_of(test: Test, options) -> list[list[bytes]]:
    """Return the commands of a test, with their places still in them."""
    if callable(test.commands):
        return test.commands(options)
    tag = ":{tag}" if options.cluster else ""
    # Another number than the member's, that has its own turns with --sequential.
    score = "__rand_1st__" if options.keys else "0"
    words = test.commands.replace("TAG", tag).split(" ")
    stands_for = {"VALUE": "__data__", "SCORE": score}
    return [[stands_for.get(word, word).encode() for word in words]]


def unit_of(test: Test, options, value: bytes) -> Unit:
    """Return the requests of a test."""
    if test.title == "PING_INLINE":
        return unit([], value, inline=b"PING\r\n")
    return unit(words_of(test, options), value)
