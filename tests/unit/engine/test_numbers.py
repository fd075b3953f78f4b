"""Numbers from text and back; the tables are what real servers answer."""

import math
import struct
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redpoll.engine import numbers

int64 = st.integers(-(2**63), 2**63 - 1)
number_like = st.text(alphabet="0123456789+-.eExpinfa ", max_size=24).map(str.encode)


@given(int64)
@example(0)
@example(-1)
@example(2**63 - 1)
@example(-(2**63))
def test_every_integer_reads_back(value):
    text = numbers.print_int64(value)
    assert text == b"%d" % value
    assert numbers.read_int64(text) == value
    assert numbers.count_digits(value) == len(text)


@pytest.mark.parametrize("length", range(1, 20))
def test_integers_around_powers_of_ten(length):
    for value in (10**length - 1, 10**length, 10**length + 1):
        assert numbers.print_uint64(value) == b"%d" % value
        assert numbers.read_uint64(b"%d" % value) == value


@pytest.mark.parametrize(
    "text",
    [b"", b"-", b"+1", b"-0", b"00", b"01", b"-01", b" 1", b"1 ", b"1.0", b"1e3", b"0x1", b"1\0", b"--1", b"1-"]
    + [b"9223372036854775808", b"-9223372036854775809", b"99999999999999999999", b"18446744073709551616"],
)
def test_refused_integers(text):
    assert numbers.read_int64(text) is None


@given(st.one_of(number_like, st.integers(-(2**66), 2**66).map(lambda value: b"%d" % value)))
def test_only_the_canonical_text_is_an_integer(text):
    try:
        value = int(text)
        canonical = b"%d" % value == text
    except ValueError:
        value, canonical = 0, False
    assert numbers.read_int64(text) == (value if canonical and -(2**63) <= value < 2**63 else None)
    assert numbers.read_uint64(text) == (value if canonical and 0 <= value < 2**64 else None)


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"01", 1), (b"+1", 1), (b" 1", 1), (b"18446744073709551615", 2**64 - 1), (b"-05", 2**64 - 5)]
    + [(text, None) for text in (b"", b"-5", b"18446744073709551616", b"1 ", b"0x1", b"-", b"1\0")],
)
def test_lenient_unsigned_integers(text, value):
    assert numbers.read_uint64(text, lenient=True) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"+1", 1.0), (b"1.", 1.0), (b".5", 0.5), (b"-.5", -0.5), (b"+.5", 0.5), (b"1e+5", 1e5), (b"007", 7.0)]
    + [(b"inf", math.inf), (b"+INF", math.inf), (b"-inf", -math.inf), (b"-Infinity", -math.inf)]
    + [(b"0x10", 16.0), (b"-0X1.8P1", -3.0), (b"0x.8", 0.5), (b"0e999999999999", 0.0), (b"1e-320", 1e-320)]
    + [(b"4.9e-324", 5e-324), (b"1" + b"0" * 30, 1e30), (b"0." + b"1" * 5130, 1 / 9)],
)
def test_accepted_doubles(text, value):
    assert numbers.read_double(text) == value


@pytest.mark.parametrize(
    "text",
    [b"", b" 1", b"\t1", b"1 ", b"1e", b"1e+", b".", b"-", b"Infinit", b"nan", b"-nan", b"NAN", b"nan(1)", b"0x"]
    + [b"1e400", b"-1e400", b"1e-400", b"2e-324", b"1.7976931348623159e308", b"1" + b"0" * 400, b"0x1p2000"]
    + [b"1_0", b"1,5", b"1d5", b"1\0", b"inf\0", b"1\x002", b"1..2", b"1e1.5", b"1e++5", b"--1"],
)
def test_refused_doubles(text):
    assert numbers.read_double(text) is None


@given(st.one_of(number_like, st.floats(allow_nan=False).map(lambda value: repr(value).encode())))
def test_doubles_read_as_python_reads_them(text):
    try:
        value = float(text)
    except ValueError:
        return
    overflow = math.isinf(value) and b"i" not in text.lower()
    underflow = value == 0 and any(digit in text.lower().split(b"e")[0] for digit in b"123456789")
    if text.strip() != text or math.isnan(value) or overflow or underflow:
        assert numbers.read_double(text) is None
    else:
        read = numbers.read_double(text)
        assert read == value
        assert math.copysign(1, read) == math.copysign(1, value)


@given(st.floats(allow_nan=False))
@example(5e-324)
@example(1.7976931348623157e308)
@example(2.0**62 + 1024)
def test_a_printed_double_reads_back(value):
    text = numbers.print_double(value)
    assert len(text) <= 32
    assert struct.pack("d", numbers.read_double(text)) == struct.pack("d", value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, b"0"), (-0.0, b"-0"), (math.inf, b"inf"), (-math.inf, b"-inf"), (math.nan, b"nan")]
    + [(1e17, b"100000000000000000"), (1e19, b"1e+19"), (4.7e18, b"4.7e+18"), (-4.5e18, b"-4500000000000000000")]
    + [(2.0**63, b"9223372036854776000"), (1e23, b"99999999999999990000000"), (1.5e300, b"1.5e+300")]
    + [(0.1, b"0.1"), (0.1 + 0.2, b"0.30000000000000004"), (0.000001, b"0.000001"), (1e-7, b"1e-7")]
    + [(1.234567e-5, b"1.234567e-5"), (0.001234567, b"0.001234567"), (0.0001234567, b"1.234567e-4")]
    + [(1234567890123456.7, b"1234567890123456.7"), (-123.456, b"-123.456"), (5e-324, b"5e-324")],
)
def test_printed_doubles(value, text):
    assert numbers.print_double(value) == text


@pytest.mark.parametrize(
    ("left", "right", "text"),
    [(b"10.5", b"0.1", b"10.6"), (b"5.0e3", b"2.0e2", b"5200"), (b"0.1", b"0.2", b"0.3"), (b"3", b"-3.0", b"0")]
    + [(b"1e17", b"0.5", b"100000000000000000.5"), (b"-1e-18", b"0", b"0"), (b"0", b"1e-17", b"0.00000000000000001")]
    + [(b"inf", b"1", b"inf"), (b"-inf", b"1", b"-inf"), (b"inf", b"-inf", b"nan"), (b"0x10", b"1", b"17")]
    + [(b"x", b"1", None), (b"1", b" 1", None), (b"1" * 5120, b"1", None)],
)
def test_long_double_sums(left, right, text):
    assert numbers.add_long_doubles(left, right) == text


def test_a_long_double_is_wider_than_a_double():
    assert len(numbers.add_long_doubles(b"1e400", b"0")) == 401
    assert numbers.add_long_doubles(b"1e5000", b"0") is None


@given(st.decimals(-(10**12), 10**12, places=6), st.decimals(-(10**12), 10**12, places=6))
def test_long_double_sums_of_short_decimals_are_exact_enough(left, right):
    text = numbers.add_long_doubles(str(left).encode(), str(right).encode())
    assert b"e" not in text.lower()
    assert abs(Decimal(text.decode()) - (left + right)) < Decimal("1e-6")


@given(st.integers(-(2**62), 2**62), st.integers(0, 2**52))
def test_a_binary_fraction_prints_its_seventeen_rounded_decimals(whole, numerator):
    left, right = b"%d" % (whole >> 53), (numerator / 2**52).hex().encode()
    exact = Decimal(whole >> 53) + Decimal(numerator) / Decimal(2**52)
    expected = f"{exact:.17f}".rstrip("0").rstrip(".")
    assert numbers.add_long_doubles(left, right) == (b"0" if expected == "-0" else expected.encode())
