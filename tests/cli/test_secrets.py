"""Lines that are not remembered."""

from __future__ import annotations

import pytest

from redpoll.cli.interactive import is_secret


@pytest.mark.parametrize(
    "line",
    [
        "auth pw",
        "3 auth pw",
        "AUTH joe pw",
        "hello 3 auth joe pw",
        "acl setuser joe on >pw",
        "acl deluser joe",
        "acl getuser joe",
        "config set requirepass pw",
        "config set save '' masterauth pw",
        "config set tls-key-file-pass pw",
        "sentinel set mine auth-pass pw",
        "sentinel config set sentinel-pass pw",
        "migrate h 1 k 0 10 auth pw",
        "migrate h 1 k 0 10 auth2 joe pw",
    ],
)
def test_secret(line: str) -> None:
    assert is_secret(line.split(" "))


@pytest.mark.parametrize(
    "line",
    ["", "5", "get auth", "hello 3", "acl list", "acl whoami", "config get requirepass", "config set save ''",
     "sentinel masters", "migrate h 1 k 0 10"],
)  # fmt: skip
def test_no_secret(line: str) -> None:
    assert not is_secret(line.split(" "))
