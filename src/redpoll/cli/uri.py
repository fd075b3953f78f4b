"""`redis://user:password@host:port/database`, and its relatives."""

from __future__ import annotations

from redpoll.cli.numbers import leading_integer

_SCHEMES = {"redis": False, "rediss": True, "valkey": False, "valkeys": True}


class InvalidUri(ValueError):
    """A text that is no URI of a server."""


def parse_uri(text: str, options) -> None:
    """Write what a URI says over the options. Raises `InvalidUri`."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise InvalidUri("Invalid URI scheme")
    if _SCHEMES[scheme.lower()]:
        options.tls = True
    credentials, separator, place = rest.rpartition("@")
    if separator:
        user, separator, password = credentials.partition(":")
        if not separator:
            user, password = "", credentials
        options.user = _decode(user) or options.user
        options.password = _decode(password)
    place, _, path = place.partition("/")
    _parse_place(place, options)
    if database := path.partition("?")[0]:
        options.database = leading_integer(database)


def _parse_place(place: str, options) -> None:
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port[1:]
    else:
        host, _, port = place.partition(":")
    if host:
        options.host = host
    if port:
        options.port = leading_integer(port)


def _decode(text: str) -> bytes:
    decoded = bytearray()
    pieces = text.encode("utf-8", "surrogateescape").split(b"%")
    decoded += pieces[0]
    for piece in pieces[1:]:
        if len(piece) < 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in piece[:2]):
            raise InvalidUri("Illegal character in URI encoding")
        decoded.append(int(piece[:2], 16))
        decoded += piece[2:]
    return bytes(decoded)
