"""Replies as texts: for people, raw, CSV, JSON, and JSON in quoted ASCII."""

from __future__ import annotations

from redpoll.cli.quoting import quote
from redpoll.cli.replies import BigNumber, Double, ErrorReply, Map, Push, SetReply, Status, Verbatim

STANDARD = "standard"
RAW = "raw"
CSV = "csv"
JSON = "json"
QUOTED_JSON = "quoted-json"

_EMPTY = {list: b"(empty array)\n", Map: b"(empty hash)\n", SetReply: b"(empty set)\n", Push: b"(empty push)\n"}
_JSON_NAMED = {0x22: b'\\"', 0x5C: b"\\\\", 0x0A: b"\\n", 0x0C: b"\\f", 0x0D: b"\\r", 0x09: b"\\t", 0x08: b"\\b"}
_JSON_TEXT = [_JSON_NAMED.get(byte, b"\\u%04x" % byte if byte < 0x20 else bytes([byte])) for byte in range(256)]


def render(reply, form: str, options, *, as_text: bool = False) -> bytes:
    """Return a reply in one of the forms, with its line's end; `as_text` is for INFO and its like, always raw."""
    if as_text:
        return raw(reply, options.element_delimiter)
    if form == RAW:
        return raw(reply, options.element_delimiter) + options.reply_delimiter
    if form == CSV:
        return csv(reply) + b"\n"
    if form in (JSON, QUOTED_JSON):
        return json(reply, _json_quoted if form == QUOTED_JSON else _json_text) + b"\n"
    return standard(reply)


def standard(reply, indent: bytes = b"") -> bytes:
    """For people: types are named, strings quoted, elements numbered, nested ones indented."""
    if isinstance(reply, bytes):
        return _standard_text(reply)
    if reply is None:
        return b"(nil)\n"
    if isinstance(reply, bool):
        return b"(true)\n" if reply else b"(false)\n"
    if isinstance(reply, int):
        return b"(integer) %d\n" % reply
    if not reply:
        return _EMPTY[type(reply)]
    return _standard_elements(reply, indent)


def _standard_text(reply: bytes) -> bytes:
    if isinstance(reply, Status | Verbatim):
        return reply + b"\n"
    if isinstance(reply, ErrorReply):
        return b"(error) %b\n" % reply
    if isinstance(reply, Double):
        return b"(double) %b\n" % reply
    if isinstance(reply, BigNumber):
        return b"(big number) %b\n" % reply
    return quote(reply) + b"\n"


def _standard_elements(reply: list, indent: bytes) -> bytes:
    is_map = isinstance(reply, Map)
    width = len(str(len(reply) // 2 if is_map else len(reply)))
    separator = b"#" if is_map else b"~" if isinstance(reply, SetReply) else b")"
    inner = indent + b" " * (width + 2)
    parts = []
    for index in range(0, len(reply), 2 if is_map else 1):
        number = (index // 2 if is_map else index) + 1
        parts.append(b"%b%*d%b " % (indent if index else b"", width, number, separator))
        parts.append(standard(reply[index], inner))
        if is_map:
            value = reply[index + 1]
            parts[-1] = parts[-1][:-1] + b" => " + (b"\n" + inner if _takes_lines(value) else b"")
            parts.append(standard(value, inner))
    return b"".join(parts)


def _takes_lines(reply) -> bool:
    return isinstance(reply, list) and len(reply) > (2 if isinstance(reply, Map) else 1)


def raw(reply, delimiter: bytes = b"\n") -> bytes:
    """For programs: nothing but the bytes, elements with the delimiter between them."""
    if isinstance(reply, ErrorReply):
        return reply + b"\n"
    if isinstance(reply, bytes):
        return reply
    if reply is None:
        return b""
    if isinstance(reply, bool):
        return b"(true)" if reply else b"(false)"
    if isinstance(reply, int):
        return b"%d" % reply
    if isinstance(reply, Map):
        pairs = zip(reply[::2], reply[1::2], strict=True)
        return delimiter.join([raw(key, delimiter) + b" " + raw(value, delimiter) for key, value in pairs])
    return delimiter.join([raw(element, delimiter) for element in reply])


def csv(reply) -> bytes:
    """All leaves in one row."""
    if isinstance(reply, ErrorReply):
        return b"ERROR," + quote(reply)
    if isinstance(reply, Double | BigNumber):
        return bytes(reply)
    if isinstance(reply, bytes):
        return quote(reply)
    if isinstance(reply, list):
        return b",".join([csv(element) for element in reply])
    return _json_constant(reply, b"NULL")


def json(reply, text) -> bytes:
    """JSON by the bytes of strings, which `text` quotes; an error is no JSON, so that nobody takes it for a reply."""
    if isinstance(reply, ErrorReply):
        return b"error:" + text(reply)
    if isinstance(reply, Double | BigNumber):
        return bytes(reply)
    if isinstance(reply, bytes):
        return text(reply)
    if isinstance(reply, Map):
        pairs = zip(reply[::2], reply[1::2], strict=True)
        return b"{%b}" % b",".join([_json_key(key, text) + b":" + json(value, text) for key, value in pairs])
    if isinstance(reply, list):
        return b"[%b]" % b",".join([json(element, text) for element in reply])
    return _json_constant(reply, b"null")


def _json_key(key, text) -> bytes:
    whole = json(key, text)
    if isinstance(key, bytes) and not isinstance(key, Double | BigNumber):
        return whole
    return whole if whole.startswith(b'"') else b'"%b"' % whole


def _json_constant(reply, null: bytes) -> bytes:
    if reply is None:
        return null
    if isinstance(reply, bool):
        return b"true" if reply else b"false"
    return b"%d" % reply


def _json_text(data: bytes) -> bytes:
    return b'"%b"' % b"".join([_JSON_TEXT[byte] for byte in data])


def _json_quoted(data: bytes) -> bytes:
    return b'"%b"' % quote(data)[1:-1].replace(b"\\", b"\\\\")


def is_invalidation(message) -> bool:
    """Tell whether a push says that keys have changed."""
    return (
        isinstance(message, Push)
        and len(message) == 2
        and isinstance(message[0], bytes)
        and message[0].startswith(b"invalidate")
        and isinstance(message[1], list)
    )


def push(message, form: str, options) -> bytes:
    """Return a message that came out of turn."""
    if form == STANDARD and is_invalidation(message):
        return b"-> invalidate: " + b", ".join([b"'%b'" % raw(key) for key in message[1]]) + b"\n"
    return render(message, form, options)
