"""Glob matching of directive names.

`*` any run, `?` one byte, `[a-z]` and `[^a-z]` classes, `\\` takes the next byte as it is.
"""

from __future__ import annotations


def match(pattern: bytes, text: bytes, nocase: bool) -> bool:
    """Tell whether the whole `text` fits the glob `pattern`."""
    if nocase:
        pattern, text = pattern.lower(), text.lower()
    p = t = 0
    star, resume = -1, 0  # where the last `*` was, and the text position it may still swallow
    while t < len(text):
        after = -1
        if p < len(pattern):
            if pattern[p] == 0x2A:  # *
                star, resume = p, t
                p += 1
                continue
            after = _match_one(pattern, p, text[t])
        if after >= 0:
            p, t = after, t + 1
        elif star >= 0:
            resume += 1
            p, t = star + 1, resume
        else:
            return False
    return not pattern[p:].strip(b"*")


def _match_one(pattern: bytes, p: int, byte: int) -> int:
    """Match one byte against the element at `p`; return the position after the element, or -1."""
    kind = pattern[p]
    if kind == 0x3F:  # ?
        return p + 1
    if kind == 0x5C and p + 1 < len(pattern):  # backslash
        return p + 2 if pattern[p + 1] == byte else -1
    if kind != 0x5B:  # [
        return p + 1 if kind == byte else -1
    p += 1
    negated = pattern[p : p + 1] == b"^"
    p += negated
    found = False
    while p < len(pattern) and pattern[p] != 0x5D:  # an unclosed class ends with the pattern
        if pattern[p] == 0x5C and p + 1 < len(pattern):
            p += 1
            found |= pattern[p] == byte
        elif pattern[p + 1 : p + 2] == b"-" and p + 2 < len(pattern):
            low, high = sorted((pattern[p], pattern[p + 2]))
            found |= low <= byte <= high
            p += 2
        else:
            found |= pattern[p] == byte
        p += 1
    return min(p + 1, len(pattern)) if found != negated else -1
