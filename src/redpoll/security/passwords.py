"""Passwords: kept as SHA-256 in hexadecimal, compared in constant time."""

import re
from collections.abc import Iterable

_HASH = re.compile(rb"[0-9a-f]{64}")


def hashed(password: bytes) -> bytes:
    """The hash of a password, 64 hexadecimal digits in lower case."""
    import hashlib

    return hashlib.sha256(password).hexdigest().encode()


def is_hash(text: bytes) -> bool:
    """Whether a text is such a hash."""
    return _HASH.fullmatch(text) is not None


def matches_any(password: bytes, hashes: Iterable[bytes]) -> bool:
    """Whether one of the hashes is the password's.

    All are compared, each in constant time, so that how long it takes tells nothing of which one it was.
    """
    import hmac

    wanted = hashed(password)
    found = False
    for each in hashes:
        found |= hmac.compare_digest(each, wanted)
    return found
