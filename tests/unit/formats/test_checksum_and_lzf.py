"""CRC-64 and LZF: known values, round trips, hostile input, and the very bytes that real servers make."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redpoll.formats.crc64 import checksum

from redpoll.formats import lzf
from tests.peers import Server

TEXTS = st.one_of(
    st.binary(max_size=600),
    st.builds(
        lambda piece, times, tail: piece * times + tail,
        st.binary(max_size=40),
        st.integers(1, 900),
        st.binary(max_size=5),
    ),
    st.lists(st.sampled_from([b"a", b"abc", b"abcd ", b"\0" * 9, b"xyz" * 7]), max_size=400).map(b"".join),
)


def test_checksum_of_the_catalogue() -> None:
    assert checksum(b"123456789") == 0xE9C6D914C4B8D9CA
    assert checksum(b"") == 0


@given(st.binary(max_size=200), st.integers(0, 200))
def test_checksum_goes_on(data: bytes, cut: int) -> None:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
    assert checksum(data) == crc
    assert checksum(data[cut:], checksum(data[:cut])) == crc


@given(TEXTS)
def test_lzf_round_trip(text: bytes) -> None:
    packed = lzf.compress(text, len(text) * 33 // 32 + 4)
    assert text == b"" or packed is not None
    if packed is not None:
        assert lzf.decompress(packed, len(text)) == text
        for wrong in (len(text) - 1, len(text) + 1):
            if wrong >= 0:
                with pytest.raises(ValueError, match="not an LZF text of that length"):
                    lzf.decompress(packed, wrong)


@given(TEXTS, st.integers(0, 600))
def test_lzf_keeps_to_its_room(text: bytes, room: int) -> None:
    packed = lzf.compress(text, room + 1)
    assert packed is None or len(packed) <= room + 1


@given(st.binary(max_size=100), st.integers(0, 3000))
def test_lzf_of_anything_is_a_text_or_an_error(packed: bytes, expected: int) -> None:
    try:
        assert len(lzf.decompress(packed, expected)) == expected
    except ValueError:
        pass


def _samples(source: random.Random) -> Iterator[bytes]:
    words = [source.randbytes(source.randrange(1, 9)) for _ in range(40)]
    for _ in range(120):
        yield b" ".join(source.choice(words) for _ in range(source.randrange(4, 300)))
        yield bytes(source.randrange(source.choice((2, 4, 16))) for _ in range(source.randrange(21, 2000)))
        yield source.randbytes(source.randrange(1, 60)) * source.randrange(1, 100)
        piece = source.randbytes(source.randrange(20, 30))
        yield piece + piece[: source.randrange(len(piece))]


def _length(payload: bytes, at: int) -> tuple[int, int]:
    first = payload[at]
    if first < 64:
        return first, at + 1
    if first < 128:
        return (first & 63) << 8 | payload[at + 1], at + 2
    return int.from_bytes(payload[at + 1 : at + 5], "big"), at + 5


def test_lzf_makes_the_bytes_that_real_servers_make(peer_server: Server) -> None:
    compressed = 0
    with peer_server.connect() as connection:
        for text in _samples(random.Random(64)):
            connection.call("SET", "k", text)
            payload = connection.call("DUMP", "k")
            assert isinstance(payload, bytes)
            mine = lzf.compress(text, len(text) - 4) if len(text) > 20 else None
            if payload[1] == 0xC3:
                size, at = _length(payload, 2)
                _, at = _length(payload, at)
                assert payload[at : at + size] == mine
                compressed += 1
            else:
                assert mine is None
    assert compressed > 300
