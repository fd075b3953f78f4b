"""Values of RDB put together by hand, in every encoding that was ever written; apart from the code that it tests."""

import struct
from collections.abc import Mapping, Sequence

Item = bytes | int


def length(number: int) -> bytes:
    """A length."""
    if number < 64:
        return bytes([number])
    if number < 16384:
        return bytes([0x40 | number >> 8, number & 255])
    if number < 1 << 32:
        return b"\x80" + number.to_bytes(4, "big")
    return b"\x81" + number.to_bytes(8, "big")


def string(text: Item) -> bytes:
    """A string, not encoded."""
    raw = b"%d" % text if isinstance(text, int) else text
    return length(len(raw)) + raw


def strings(*texts: Item) -> bytes:
    """Strings, one behind the other."""
    return b"".join(map(string, texts))


def ziplist(items: Sequence[Item], *, wide: bool = False) -> bytes:
    """A ziplist; `wide` has the sizes of all elements before in five bytes."""
    body, offset, before = b"", 10, 0
    for item in items:
        offset = 10 + len(body)
        head = bytes([before]) if before < 254 and not wide else b"\xfe" + struct.pack("<I", before)
        element = head + _ziplist_element(item)
        body += element
        before = len(element)
    size = 10 + len(body) + 1
    return struct.pack("<IIH", size, offset, min(len(items), 65535)) + body + b"\xff"


def _ziplist_element(item: Item) -> bytes:
    if isinstance(item, bytes):
        if len(item) < 64:
            return bytes([len(item)]) + item
        if len(item) < 16384:
            return bytes([0x40 | len(item) >> 8, len(item) & 255]) + item
        return b"\x80" + len(item).to_bytes(4, "big") + item
    if 0 <= item <= 12:
        return bytes([0xF1 + item])
    for encoding, width in ((0xFE, 1), (0xC0, 2), (0xF0, 3), (0xD0, 4), (0xE0, 8)):
        if -(1 << (8 * width - 1)) <= item < 1 << (8 * width - 1):
            return bytes([encoding]) + item.to_bytes(width, "little", signed=True)
    raise ValueError(item)


def zipmap(pairs: Mapping[bytes, bytes], *, unused: int = 0) -> bytes:
    """A zipmap."""
    body = b""
    for field, value in pairs.items():
        body += (
            _zipmap_length(len(field)) + field + _zipmap_length(len(value)) + bytes([unused]) + value + bytes(unused)
        )
    return bytes([min(len(pairs), 254)]) + body + b"\xff"


def _zipmap_length(number: int) -> bytes:
    return bytes([number]) if number < 254 else b"\xfe" + struct.pack("<I", number)


def intset(numbers: Sequence[int]) -> bytes:
    """An intset of numbers in the given order."""
    width = next(w for w in (2, 4, 8) if all(-(1 << (8 * w - 1)) <= n < 1 << (8 * w - 1) for n in numbers))
    return struct.pack("<II", width, len(numbers)) + b"".join(n.to_bytes(width, "little", signed=True) for n in numbers)


def listpack(items: Sequence[Item]) -> bytes:
    """A listpack; integers are given as such."""
    body = b""
    for item in items:
        element = _listpack_element(item)
        body += element + _back(len(element))
    return struct.pack("<IH", 6 + len(body) + 1, min(len(items), 65535)) + body + b"\xff"


def _listpack_element(item: Item) -> bytes:
    if isinstance(item, bytes):
        if len(item) < 64:
            return bytes([0x80 | len(item)]) + item
        if len(item) < 4096:
            return bytes([0xE0 | len(item) >> 8, len(item) & 255]) + item
        return b"\xf0" + struct.pack("<I", len(item)) + item
    if 0 <= item <= 127:
        return bytes([item])
    if -4096 <= item < 4096:
        return bytes([0xC0 | (item & 8191) >> 8, item & 255])
    for encoding, width in ((0xF1, 2), (0xF2, 3), (0xF3, 4), (0xF4, 8)):
        if -(1 << (8 * width - 1)) <= item < 1 << (8 * width - 1):
            return bytes([encoding]) + item.to_bytes(width, "little", signed=True)
    raise ValueError(item)


def _back(size: int) -> bytes:
    """The size so that it can be read from behind: seven bits a byte, the highest first."""
    groups = [size & 127]
    while size := size >> 7:
        groups.append(size & 127)
    groups.reverse()
    return bytes([groups[0], *(group | 128 for group in groups[1:])])


def stream_id(text: str) -> bytes:
    """An ID in 16 bytes."""
    ms, seq = text.split("-")
    return struct.pack(">QQ", int(ms), int(seq))


def id_lengths(text: str) -> bytes:
    """An ID as two lengths."""
    ms, seq = text.split("-")
    return length(int(ms)) + length(int(seq))


def stream_node(master: str, entries: Sequence[tuple[str, dict[bytes, Item]]], deleted: Sequence[str] = ()) -> bytes:
    """The string of a node's ID and that of its listpack; the first entry names the fields."""
    ms, seq = map(int, master.split("-"))
    names = list(entries[0][1])
    items: list[Item] = [len(entries) - len(deleted), len(deleted), len(names), *names, 0]
    for text, pairs in entries:
        own_ms, own_seq = map(int, text.split("-"))
        same = list(pairs) == names
        items += [(2 if same else 0) | (text in deleted), own_ms - ms, own_seq - seq]
        if same:
            items += [*pairs.values(), len(names) + 3]
        else:
            items += [len(pairs), *(word for pair in pairs.items() for word in pair), 2 * len(pairs) + 4]
    return string(stream_id(master)) + string(listpack(items))


def fixed(number: int) -> bytes:
    """A number in 8 bytes."""
    return struct.pack("<q", number)
