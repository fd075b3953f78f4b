"""Replies that read better as tables: hashes, settings, streams and INFO."""

from __future__ import annotations

from redpoll.cli.quoting import quote
from redpoll.cli.replies import ErrorReply, Map

_PAIRS = {(b"hgetall",), (b"config", b"get"), (b"xinfo", b"stream"), (b"memory", b"stats")}
_ROWS = {(b"xinfo", b"groups"), (b"xinfo", b"consumers")}
_ENTRIES = {b"xrange", b"xrevrange", b"xclaim"}
_STREAMS = {b"xread", b"xreadgroup"}
_WIDEST_NAME = 60


def present(words: list[bytes], reply) -> bytes | None:
    """A reply as a table; None where it is better left as it is."""
    if isinstance(reply, ErrorReply) or not words:
        return None
    lower = tuple(word.lower() for word in words[:2])
    if lower[:1] == (b"info",) and isinstance(reply, bytes):
        return info_table(reply)
    if lower[0] in _ENTRIES and isinstance(reply, list) and reply:
        return stream_table(reply)
    if lower[0] in _STREAMS and isinstance(reply, list) and reply:
        return streams_table(reply)
    if lower in _ROWS and isinstance(reply, list) and reply:
        return rows_table(reply)
    if (lower[:1] in _PAIRS or lower in _PAIRS) and isinstance(reply, list) and reply:
        return pair_table(reply)
    return None


def pair_table(reply: list) -> bytes | None:
    """Names and values, one pair a line; None where a value is more than a text."""
    if len(reply) % 2 or any(isinstance(one, list) for one in reply):
        return None
    names = [_cell(one) for one in reply[::2]]
    width = min(max(map(len, names)), _WIDEST_NAME)
    rows = [name.ljust(width) + b"  " + _cell(value) for name, value in zip(names, reply[1::2], strict=True)]
    return b"\n".join(rows) + b"\n"


def rows_table(reply: list) -> bytes | None:
    """Several things of the same kind, a line for each, under the names of what is told of them."""
    if not all(isinstance(one, list) and one and len(one) % 2 == 0 for one in reply):
        return None
    names = reply[0][::2]
    if any(one[::2] != names for one in reply) or any(isinstance(value, list) for one in reply for value in one):
        return None
    rows = [[_cell(value) for value in one[1::2]] for one in reply]
    head = [_cell(name) for name in names]
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    lines = [b"  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]) for row in [head, *rows]]
    lines[0] = b"\x1b[1m" + lines[0] + b"\x1b[0m"
    return b"".join(line.rstrip() + b"\n" for line in lines)


def stream_table(reply: list) -> bytes | None:
    """Entries, one a line: the ID, then its fields."""
    rows = []
    for entry in reply:
        match entry:
            case [bytes(number), list(fields)]:
                names, values = fields[::2], fields[1::2]
                pairs = [_cell(name) + b"=" + _cell(value) for name, value in zip(names, values, strict=False)]
                rows.append((number, b"  ".join(pairs)))
            case [bytes(number), None]:
                rows.append((number, b"(deleted)"))
            case _:
                return None
    width = max((len(number) for number, _ in rows), default=0)
    return b"".join(number.ljust(width) + b"  " + text + b"\n" for number, text in rows)


def streams_table(reply: list) -> bytes | None:
    """Several streams, each under its name in bold; RESP3 has them in a map."""
    pairs = zip(reply[::2], reply[1::2], strict=False) if isinstance(reply, Map) else reply
    parts = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[1], list):
            return None
        entries = stream_table(pair[1])
        if entries is None:
            return None
        parts.append(b"\x1b[1m" + _cell(pair[0]) + b"\x1b[0m\n" + entries)
    return b"".join(parts)


def info_table(reply: bytes) -> bytes:
    """Sections with their names in bold, values in a column."""
    lines = []
    for line in reply.splitlines():
        if line.startswith(b"#"):
            lines.append(b"\x1b[1m" + line[1:].strip() + b"\x1b[0m")
        elif b":" in line:
            name, _, value = line.partition(b":")
            lines.append(b"  " + name.ljust(36) + b" " + value)
        else:
            lines.append(line)
    return b"\n".join(lines) + b"\n"


def _cell(value) -> bytes:
    """A text bare where nothing in it could be misread, else quoted."""
    if value is None:
        return b"(nil)"
    if not isinstance(value, bytes):
        return str(value).encode()
    quoted = quote(value)
    return bytes(value) if value and quoted[1:-1] == value and b" " not in value else quoted
