"""The first line of a script, `#!engine option=value …`, and the flags that it may give.

| flag | of a script that |
|---|---|
| `no-writes` | only reads |
| `allow-oom` | runs though memory is short |
| `allow-stale` | runs though the data may be old |
| `no-cluster` | does not run in a cluster |
| `allow-cross-slot-keys` | uses keys of several slots |
"""

from redpoll import errors
from redpoll.errors import CommandError
from redpoll.wire.quoting import split_words

FLAGS = {"no-writes": 1, "allow-oom": 2, "allow-stale": 4, "no-cluster": 8, "allow-cross-slot-keys": 16}
"""By name, the values of `RunFlag` in state.pxd."""
UNDECLARED = 32


def split(text: bytes) -> tuple[list[str], bytes]:
    """The words of a text's first line, if it is one of these, and the rest, which still begins with the line's end.

    Raises `CommandError` for a line without an end.
    """
    if not text.startswith(b"#!"):
        return [], text
    end = text.find(b"\n")
    if end < 0:
        raise CommandError(errors.BAD_SHEBANG)
    words = split_words(text[:end])
    if words is None:
        raise CommandError(errors.BAD_SHEBANG_ENGINE)
    return [word.decode("latin-1") for word in words], text[end:]


def script_flags(text: bytes) -> tuple[int, bytes]:
    """The flags of an EVAL script, and what of it is Lua. Raises `CommandError`."""
    words, body = split(text)
    if not words:
        return UNDECLARED, body
    if words[0].lower() != "#!lua":
        raise CommandError(errors.unexpected_engine(words[0]))
    flags = 0
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if name != "flags" or not equals:
            raise CommandError(errors.unknown_shebang_option(word))
        for flag in value.split(",") if value else ():
            if flag not in FLAGS:
                raise CommandError(errors.unexpected_script_flag(flag))
            flags |= FLAGS[flag]
    return flags, body
