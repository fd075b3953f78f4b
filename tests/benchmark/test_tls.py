"""Loads over TLS."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import peers
from tests.benchmark.fake import OURS, call
from tests.unit.server.test_tls import Files

Secured = tuple[Any, int, Files]


@pytest.fixture
def secured(make_server: Callable[..., Any], tmp_path: Path) -> Secured:
    """A server, its TLS port, and the certificates."""
    files, port = Files(tmp_path), peers.free_port()
    return make_server(**files.options(port)), port, files


def words(secured: Secured, *more: str) -> list[str]:
    _, port, files = secured
    folder = files.folder
    return ["--tls", "-p", str(port), "--cacert", str(folder / "ca.crt"), "--cert", str(folder / "client.crt"),
            "--key", str(folder / "client.key"), *more]  # fmt: skip


@pytest.fixture(params=["OpenSSL", "Python's socket"])
def program(request: pytest.FixtureRequest) -> list[str]:
    """The command line, with OpenSSL where it can be found or as where it cannot."""
    if request.param == "OpenSSL":
        return OURS
    code = (
        "import sys; from redpoll.server import openssl; from redpoll.benchmark.__main__ import main; "
        "openssl.do_without(); sys.exit(main())"
    )
    return [sys.executable, "-c", code]


def test_replies_larger_than_what_is_read_at_once(secured: Secured, program: list[str]) -> None:
    with secured[0].connect() as connection:
        connection.call("SET", "key:__rand_int__", "x" * 1_000_003)
    done = call(program, words(secured, "-q", "-n", "300", "-P", "3", "-c", "5", "GET", "key:__rand_int__"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "more",
    [
        ("-n", "1000", "-P", "10", "-c", "5"),
        ("-n", "60", "-c", "3", "-d", "200000"),
        ("-n", "20", "-c", "2", "-k", "0", "--dbnum", "0", "-3"),
        ("-n", "500", "-c", "4", "--threads", "2", "--rate", "10000"),
    ],
)
def test_all_requests_arrive(more: tuple[str, ...], secured: Secured, program: list[str]) -> None:
    done = call(program, words(secured, "-q", "-t", "set,get", *more))
    assert done.returncode == 0, done.stderr
    with secured[0].connect() as connection:
        stats = connection.call("INFO", "commandstats")
    for command in (b"set", b"get"):
        assert b"cmdstat_%b:calls=%b," % (command, more[1].encode()) in stats


def test_an_authority_that_is_not_trusted_is_told(secured: Secured, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Files(tmp_path / "other")
    done = call(OURS, words(secured, "-q", "-n", "1", "-t", "get", "--cacert", str(other.folder / "ca.crt")))
    assert done.returncode == 1
    assert done.stderr.startswith(b"Could not connect to Redis at 127.0.0.1:")
