"""Replies in RESP2 and RESP3, written into an `Out`. See reply.pyx."""

from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.numbers cimport digits, format_uint64
from redpoll.wire.output cimport Mark, Out, memcpy_small, out_fill, out_mark, out_reserve, out_write

cdef inline void reply_header(Out* out, char kind, uint64_t number) noexcept nogil:
    """A type byte, a number and the end of the line."""
    cdef char* p
    out_reserve(out, 24)
    p = out.cursor
    p[0] = kind
    if number < 10:
        p[1] = <char>(48 + number)
        p += 2
    else:
        p += 1 + format_uint64(p + 1, number)
    p[0] = c"\r"
    p[1] = c"\n"
    out.cursor = p + 2

cdef inline Mark reply_later(Out* out, uint64_t most) noexcept nogil:
    """Room for the header of an array or a map with so many items at the most; `reply_now` writes it."""
    return out_mark(out, digits(most) + 3)

cdef inline void reply_now(Out* out, const Mark* mark, char kind, uint64_t items) noexcept nogil:
    cdef char text[24]
    cdef size_t length
    text[0] = kind
    length = 1 + format_uint64(text + 1, items)
    text[length] = c"\r"
    text[length + 1] = c"\n"
    out_fill(out, mark, text, length + 2)

cdef inline void reply_bulk(Out* out, const char* text, size_t length) noexcept nogil:
    cdef char* p
    if length < 100:
        # Nearly all are short: one look at the room there is, then plain stores.
        out_reserve(out, 112)
        p = out.cursor
        p[0] = c"$"
        if length < 10:
            p[1] = <char>(48 + length)
            p += 2
        else:
            p[1] = <char>(48 + length // 10)
            p[2] = <char>(48 + length % 10)
            p += 3
        p[0] = c"\r"
        p[1] = c"\n"
        memcpy_small(p + 2, text, length)
        p += 2 + length
        p[0] = c"\r"
        p[1] = c"\n"
        out.cursor = p + 2
        return
    reply_header(out, c"$", length)
    out_write(out, text, length)
    out_write(out, b"\r\n", 2)

cdef inline void reply_ok(Out* out) noexcept nogil:
    out_write(out, b"+OK\r\n", 5)

cdef inline void reply_null(Out* out) noexcept nogil:
    if out.resp == 2:
        out_write(out, b"$-1\r\n", 5)
    else:
        out_write(out, b"_\r\n", 3)

cdef void reply_integer(Out* out, int64_t value) noexcept nogil
cdef void reply_integer_text(Out* out, int64_t value) noexcept nogil
cdef void reply_blob(Out* out, Blob* blob) noexcept nogil
cdef void reply_status(Out* out, const char* text, size_t length) noexcept nogil
cdef void reply_error(Out* out, const char* text, size_t length) noexcept nogil
cdef void reply_null_array(Out* out) noexcept nogil
cdef void reply_array(Out* out, size_t items) noexcept nogil
cdef void reply_map(Out* out, size_t pairs) noexcept nogil
cdef void reply_set(Out* out, size_t items) noexcept nogil
cdef void reply_push(Out* out, size_t items) noexcept nogil
cdef void reply_double(Out* out, double value) noexcept nogil
# A number that is printed already, for what a double cannot hold.
cdef void reply_number(Out* out, const char* text, size_t length) noexcept nogil
cdef void reply_bool(Out* out, bint value) noexcept nogil
cdef void reply_verbatim(Out* out, const char* format, const char* text, size_t length) noexcept nogil
# Whatever a plain handler returned.
cdef int reply_value(Out* out, object value) except -1
