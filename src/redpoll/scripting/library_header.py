"""The first line of a library of functions: `#!engine name=library`.

Words are separated by spaces, and may be quoted as in redis-cli. The engine and `name` may be written in any case.
"""

import re

from redpoll import errors
from redpoll.errors import CommandError
from redpoll.scripting.shebang import split

_NAME = re.compile(r"[0-9A-Za-z_]+")


def is_name(text: str) -> bool:
    """Whether a library or a function may have a name."""
    return _NAME.fullmatch(text) is not None


def read_header(code: bytes) -> tuple[bytes, bytes]:
    """The name of a library, and what of its text is Lua: all, with the first line empty. Raises `CommandError`."""
    if not code.startswith(b"#!"):
        raise CommandError(errors.LIBRARY_WITHOUT_HEADER)
    try:
        words, body = split(code)
    except CommandError:
        raise CommandError(errors.BAD_LIBRARY_HEADER) from None
    name = None
    for word in words[1:]:
        if word[:5].lower() != "name=":
            raise CommandError(errors.bad_library_option(word))
        if name is not None:
            raise CommandError(errors.LIBRARY_NAMED_TWICE)
        name = word[5:]
    if name is None:
        raise CommandError(errors.LIBRARY_WITHOUT_NAME)
    if not is_name(name):
        raise CommandError(errors.BAD_FUNCTION_NAME)
    engine = words[0][2:]
    if engine.lower() != "lua":
        raise CommandError(errors.unknown_engine(engine))
    return name.encode(), body
