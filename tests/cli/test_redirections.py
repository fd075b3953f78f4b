"""`-c`: commands go where a node of a cluster says that their keys are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.benchmark.fake import FakeServer, bulk
from tests.cli.test_modes import OURS, run
from tests.cli.tmux import Screen


@pytest.fixture
def pair() -> Iterator[tuple[FakeServer, FakeServer]]:
    with FakeServer() as first, FakeServer({b"get": bulk(b"found")}) as second:
        yield first, second


def both(
    pair: tuple[FakeServer, FakeServer], theirs: list[str], kind: str, words: tuple[str, ...], typed: bytes = b""
) -> list[list[bytes]]:
    """Both clients do the same with a node that sends them on; returns what they asked of where they were sent."""
    first, second = pair
    first.answers[b"get"] = b"-%b 3 127.0.0.1:%d\r\n" % (kind.encode(), second.port)
    place: Any = type("Place", (), {"port": first.port})
    seen = []
    for client in (OURS, theirs):
        first.forget()
        second.forget()
        done = run(client, place, words, typed)
        asked = [[words for words in server.requests if words[0] != b"COMMAND"] for server in pair]
        seen.append((done, *asked))
    assert seen[0] == seen[1]
    return seen[0][2]


@pytest.mark.parametrize("kind", ["MOVED", "ASK"])
@pytest.mark.parametrize("form", ["--raw", "--no-raw", "--csv"])
def test_a_command(pair: tuple[FakeServer, FakeServer], theirs: list[str], kind: str, form: str) -> None:
    asked = both(pair, theirs, kind, ("-c", form, "-r", "2", "get", "k"))
    assert (b"ASKING" in [words[0] for words in asked]) == (kind == "ASK")


@pytest.mark.parametrize("kind", ["MOVED", "ASK"])
def test_lines(pair: tuple[FakeServer, FakeServer], theirs: list[str], kind: str) -> None:
    both(pair, theirs, kind, ("-c", "--no-raw"), b"get k\nset a b\nget k\n")


def test_the_prompt_goes_along(pair: tuple[FakeServer, FakeServer], screens: Callable[..., Screen]) -> None:
    pytest.importorskip("prompt_toolkit", reason="prompt_toolkit is not installed")
    first, second = pair
    first.answers[b"get"] = b"-MOVED 3 127.0.0.1:%d\r\n" % second.port
    quiet = {"TERM": "xterm-256color", "REDISCLI_HISTFILE": "/dev/null", "REDISCLI_RCFILE": "/dev/null"}
    screen = screens([*OURS, "-c", "-p", str(first.port)], quiet)
    screen.wait_for_match(rf"^127\.0\.0\.1:{first.port}>$")
    screen.enter("get k")
    screen.wait_for_match(rf"^127\.0\.0\.1:{second.port}>$")
    assert f'-> Redirected to slot [3] located at 127.0.0.1:{second.port}\n"found"\n' in screen.text()
