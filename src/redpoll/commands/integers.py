"""Integers among a command's words, as strictly as Redis reads them."""

_LONGEST = len(str(-(1 << 63)))


def parse_integer(word: bytes) -> int | None:
    """The signed 64-bit integer that `word` spells, or None: no sign `+`, spaces, leading zeros or `-0`."""
    digits = word[1:] if word[:1] == b"-" else word
    if not digits.isdigit() or len(word) > _LONGEST or (digits[0] == ord("0") and word != b"0"):
        return None
    number = int(word)
    return number if -(1 << 63) <= number < 1 << 63 else None
