"""Words from lines as typed, and bytes as texts that can be typed again."""

from __future__ import annotations

_NAMED = {0x0A: b"\\n", 0x0D: b"\\r", 0x09: b"\\t", 0x07: b"\\a", 0x08: b"\\b", 0x22: b'\\"', 0x5C: b"\\\\"}
_QUOTED = [_NAMED.get(byte, bytes([byte]) if 0x20 <= byte < 0x7F else b"\\x%02x" % byte) for byte in range(256)]
_UNQUOTED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}
_SPACES = b" \n\r\t\0"
_HEXADECIMAL = b"0123456789abcdefABCDEF"


class UnbalancedQuotes(ValueError):
    """A quote that is not closed, or a closing one that no space follows."""


def quote(data: bytes) -> bytes:
    """Return bytes between double quotes, with escapes for all that is no plain ASCII."""
    if data.isalnum():
        return b'"%b"' % data
    return b'"%b"' % b"".join([_QUOTED[byte] for byte in data])


def split_words(line: bytes) -> list[bytes]:
    """Split a line at spaces. `"…"` knows escapes, `'…'` only `\\'`. Raises `UnbalancedQuotes`."""
    words: list[bytes] = []
    position = 0
    while True:
        while position < len(line) and (line[position] in _SPACES or line[position] in b"\v\f"):
            position += 1
        if position >= len(line):
            return words
        word, position = _next_word(line, position)
        words.append(word)


def _next_word(line: bytes, position: int) -> tuple[bytes, int]:
    word = bytearray()
    while position < len(line):
        byte = line[position]
        if byte in _SPACES:
            break
        if byte not in b"\"'":
            word.append(byte)
            position += 1
            continue
        text, position = (_double_quoted if byte == 0x22 else _single_quoted)(line, position + 1)
        word += text
        if position < len(line) and line[position] not in _SPACES and line[position] not in b"\v\f":
            raise UnbalancedQuotes
    return bytes(word), position


def _double_quoted(line: bytes, position: int) -> tuple[bytes, int]:
    text = bytearray()
    while position < len(line):
        byte = line[position]
        if byte == 0x22:
            return bytes(text), position + 1
        if byte == 0x5C and position + 1 < len(line):
            following = line[position + 1 : position + 2]
            digits = line[position + 2 : position + 4]
            if following == b"x" and len(digits) == 2 and all(digit in _HEXADECIMAL for digit in digits):
                text.append(int(digits, 16))
                position += 4
            else:
                text += _UNQUOTED.get(following, following)
                position += 2
        else:
            text.append(byte)
            position += 1
    raise UnbalancedQuotes


def _single_quoted(line: bytes, position: int) -> tuple[bytes, int]:
    text = bytearray()
    while position < len(line):
        if line[position : position + 2] == b"\\'":
            text += b"'"
            position += 2
        elif line[position] == 0x27:
            return bytes(text), position + 1
        else:
            text.append(line[position])
            position += 1
    raise UnbalancedQuotes


def unquote(word: bytes) -> bytes:
    """Return the one word that a text stands for. Raises `UnbalancedQuotes` where it is not exactly one."""
    words = split_words(word)
    if len(words) != 1:
        raise UnbalancedQuotes
    return words[0]
