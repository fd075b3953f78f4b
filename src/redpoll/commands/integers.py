"""Integers among a command's words, as strictly as Redis reads them."""

import re

_DECIMAL = re.compile(rb"(?:0|-?[1-9][0-9]{0,18})\Z")


def parse_integer(word: bytes) -> int | None:
    """The signed 64-bit integer that `word` spells, or None: no sign `+`, spaces, leading zeros or `-0`."""
    if _DECIMAL.match(word):
        number = int(word)
        if -(1 << 63) <= number < 1 << 63:
            return number
    return None
