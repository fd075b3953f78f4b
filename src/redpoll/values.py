"""Reply values that no Python type stands for; only the reply writer tells RESP2 from RESP3."""


class Verbatim(bytes):
    """A text for people: a verbatim string of format `txt` in RESP3, a bulk string in RESP2."""

    __slots__ = ()
