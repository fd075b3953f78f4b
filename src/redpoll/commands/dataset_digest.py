"""A digest of data, Redis's own, so that two servers' data can be compared whatever they are.

Every key gives a SHA-1 over its name, type, value and whether it expires; what has an order is mixed in one after
another, what has none is joined by exclusive or.
"""

from typing import Any

EMPTY = bytes(20)
_TYPES = {"string": 0, "list": 1, "set": 2, "zset": 3, "hash": 4, "module": 5, "stream": 6, "array": 7}


def digest_of_all(databases: list[Any]) -> bytes:
    """The digest of everything in these databases."""
    total = EMPTY
    for db in databases:
        if not len(db):
            continue
        total = _mix(total, db.index.to_bytes(4, "big"))
        for key in db.live_keys():
            total = _join(total, digest_of_value(db, key, _mix(EMPTY, key)) or EMPTY)
    return total


def digest_of_value(db: Any, key: bytes, digest: bytes = EMPTY) -> bytes | None:
    """The digest of a key's value, begun with `digest`; None when there is no such key."""
    found = db.contents(key)
    if found is None:
        return None
    kind, contents = found
    digest = _mix(digest, _TYPES[kind].to_bytes(4, "big"))
    if kind == "set":
        for member in contents:
            digest = _join(digest, member)
    elif kind in ("hash", "zset"):
        for name, value in zip(contents[::2], contents[1::2], strict=True):
            digest = _join(digest, _mix(_mix(EMPTY, name), _score(value) if kind == "zset" else value))
    elif kind == "stream":
        for identity, fields in zip(contents[::2], contents[1::2], strict=True):
            digest = _mix(digest, identity.replace(b"-", b"."))
            for word in fields:
                digest = _mix(digest, word)
    elif kind == "array":
        for index, value in zip(contents[::2], contents[1::2], strict=True):
            digest = _mix(_mix(digest, b"%d" % index), value)
    else:
        for element in contents:
            digest = _mix(digest, element)
    if db.expiry(key) >= 0:
        digest = _join(digest, b"!!expire!!")
    return digest


def _score(score: float | bytes) -> bytes:
    return b"%.17g" % float(score)


def _sha(text: bytes) -> bytes:
    import hashlib

    return hashlib.sha1(text, usedforsecurity=False).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(20, "big")


def _join(digest: bytes, text: bytes) -> bytes:
    """Whose order does not count."""
    return _xor(digest, _sha(text))


def _mix(digest: bytes, text: bytes) -> bytes:
    """Whose order counts: the digest of the digest with the text's joined in."""
    return _sha(_join(digest, text))
