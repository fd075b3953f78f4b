"""Words that may be quoted, as redis-cli, configuration files and the first lines of scripts have them.

    word = one or more of:  plain bytes | "quoted, with \\n \\r \\t \\b \\a \\xHH \\c" | 'quoted, with \\''

A closing quote must end its word.
"""

_SPACE = b" \t\n\v\f\r"
_WORD_END = b" \t\n\r\0"
_ESCAPES = {0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x62: 0x08, 0x61: 0x07}
_ESCAPED = {0x0A: b"\\n", 0x0D: b"\\r", 0x09: b"\\t", 0x08: b"\\b", 0x07: b"\\a", 0x22: b'\\"', 0x5C: b"\\\\"}
_HEX = b"0123456789abcdefABCDEF"


def split_words(line: bytes) -> list[bytes] | None:
    """Cut a line into words; None when its quotes are unbalanced."""
    line = line.partition(b"\0")[0]
    words: list[bytes] = []
    at, end = 0, len(line)
    while True:
        while at < end and line[at] in _SPACE:
            at += 1
        if at == end:
            return words
        word = bytearray()
        while at < end and line[at] not in _WORD_END:
            if line[at] == 0x22:
                at = _double_quoted(line, at + 1, word)
            elif line[at] == 0x27:
                at = _single_quoted(line, at + 1, word)
            else:
                word.append(line[at])
                at += 1
                continue
            if at < 0 or (at < end and line[at] not in _SPACE):
                return None
            break
        words.append(bytes(word))


def _double_quoted(line: bytes, at: int, word: bytearray) -> int:
    """Read up to the closing quote into `word`; return the position after it, or -1."""
    end = len(line)
    while at < end:
        byte = line[at]
        if byte == 0x22:
            return at + 1
        if byte == 0x5C and at + 1 < end:
            code = line[at + 2 : at + 4]
            if line[at + 1] == 0x78 and len(code) == 2 and code[0] in _HEX and code[1] in _HEX:
                word.append(int(code, 16))
                at += 4
                continue
            at += 1
            byte = _ESCAPES.get(line[at], line[at])
        word.append(byte)
        at += 1
    return -1


def _single_quoted(line: bytes, at: int, word: bytearray) -> int:
    """Read up to the closing quote into `word`; return the position after it, or -1."""
    while at < len(line):
        if line[at] == 0x27:
            return at + 1
        if line[at : at + 2] == b"\\'":
            at += 1
        word.append(line[at])
        at += 1
    return -1


def quote(word: bytes) -> bytes:
    """Write a word so that `split_words` reads it back, whatever its bytes are."""
    parts = [b'"']
    for byte in word:
        parts.append(_ESCAPED.get(byte) or (b"%c" % byte if 0x20 <= byte < 0x7F else b"\\x%02x" % byte))
    parts.append(b'"')
    return b"".join(parts)
