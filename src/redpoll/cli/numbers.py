"""Numbers as C reads and as people write them."""

from __future__ import annotations


def leading_integer(text: str) -> int:
    """Return the integer that a text begins with, or 0: options take `3x` for 3 and `x` for 0."""
    digits = text.lstrip()
    end = 1 if digits[:1] in ("+", "-") else 0
    start = end
    while end < len(digits) and digits[end] in "0123456789":
        end += 1
    return int(digits[:end]) if end > start else 0


def leading_float(text: str) -> float:
    """Return the number that a text begins with, or 0."""
    text = text.strip()
    for end in range(len(text), 0, -1):
        try:
            return float(text[:end])
        except ValueError:
            continue
    return 0.0


def human_bytes(count: int) -> str:
    """Return a size in the largest unit that leaves a digit before the point."""
    if count < 1024:
        return f"{count}B"
    for power, unit in ((1, "K"), (2, "M"), (3, "G"), (4, "T"), (5, "P")):
        if count < 1024 ** (power + 1):
            return f"{count / 1024**power:.2f}{unit}"
    return f"{count}B"
