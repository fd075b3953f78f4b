"""The reply writer: the only place that knows RESP2 from RESP3.

A type that RESP2 lacks is written as what clients of RESP2 expect in its place: a map as a
flat array, a set and a push as an array, a double as a bulk string, a boolean as 1 or 0,
a verbatim string as a bulk string, null as a null bulk string.
"""

from libc.stdint cimport int64_t
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize

from redpoll.engine.blob cimport Blob
from redpoll.engine.numbers cimport format_double, format_int64
from redpoll.wire.output cimport Out, out_reserve, out_share, out_write

from redpoll.errors import CommandError
from redpoll.wire import values

cdef enum:
    SHARE_ABOVE = 32768      # longer strings are referred to, not copied

cdef object Verbatim = values.Verbatim
cdef object Push = values.Push
cdef object ReplySet = values.ReplySet
cdef object Map = values.Map
cdef object BigNumber = values.BigNumber
cdef object NULL_ARRAY = values.NULL_ARRAY
cdef object NO_REPLY = values.NO_REPLY


cdef void reply_integer(Out* out, int64_t value) noexcept nogil:
    cdef char* p
    out_reserve(out, 24)
    p = out.cursor
    p[0] = c":"
    p += 1 + format_int64(p + 1, value)
    p[0] = c"\r"
    p[1] = c"\n"
    out.cursor = p + 2


cdef void reply_integer_text(Out* out, int64_t value) noexcept nogil:
    """An integer as a bulk string."""
    cdef char text[24]
    reply_bulk(out, text, format_int64(text, value))


cdef void reply_blob(Out* out, Blob* blob) noexcept nogil:
    if blob.length < SHARE_ABOVE:
        reply_bulk(out, blob.data, blob.length)
        return
    reply_header(out, c"$", blob.length)
    out_share(out, blob)
    out_write(out, b"\r\n", 2)


cdef void reply_status(Out* out, const char* text, size_t length) noexcept nogil:
    out_write(out, b"+", 1)
    out_write(out, text, length)
    out_write(out, b"\r\n", 2)


cdef void reply_error(Out* out, const char* text, size_t length) noexcept nogil:
    """The whole text with its code; line ends within become spaces, as they would end the reply."""
    cdef size_t i
    cdef char c
    out_write(out, b"-", 1)
    for i in range(length):
        c = text[i]
        if c == c"\r" or c == c"\n":
            c = c" "
        out_write(out, &c, 1)
    out_write(out, b"\r\n", 2)


cdef void reply_null_array(Out* out) noexcept nogil:
    if out.resp == 2:
        out_write(out, b"*-1\r\n", 5)
    else:
        out_write(out, b"_\r\n", 3)


cdef void reply_array(Out* out, size_t items) noexcept nogil:
    reply_header(out, c"*", items)


cdef void reply_map(Out* out, size_t pairs) noexcept nogil:
    if out.resp == 2:
        reply_header(out, c"*", pairs * 2)
    else:
        reply_header(out, c"%", pairs)


cdef void reply_set(Out* out, size_t items) noexcept nogil:
    reply_header(out, c"*" if out.resp == 2 else c"~", items)


cdef void reply_push(Out* out, size_t items) noexcept nogil:
    reply_header(out, c"*" if out.resp == 2 else c">", items)


cdef void reply_double(Out* out, double value) noexcept nogil:
    cdef char text[40]
    reply_number(out, text, format_double(text, value))


cdef void reply_number(Out* out, const char* text, size_t length) noexcept nogil:
    if out.resp == 2:
        reply_bulk(out, text, length)
        return
    out_write(out, b",", 1)
    out_write(out, text, length)
    out_write(out, b"\r\n", 2)


cdef void reply_bool(Out* out, bint value) noexcept nogil:
    if out.resp == 2:
        out_write(out, b":1\r\n" if value else b":0\r\n", 4)
    else:
        out_write(out, b"#t\r\n" if value else b"#f\r\n", 4)


cdef void reply_verbatim(Out* out, const char* format, const char* text, size_t length) noexcept nogil:
    """`format` has three characters."""
    if out.resp == 2:
        reply_bulk(out, text, length)
        return
    reply_header(out, c"=", length + 4)
    out_write(out, format, 3)
    out_write(out, b":", 1)
    out_write(out, text, length)
    out_write(out, b"\r\n", 2)


cdef int reply_items(Out* out, items) except -1:
    for item in items:
        reply_value(out, item)
    return 0


cdef int reply_value(Out* out, object value) except -1:
    """See ARCHITECTURE.md for which Python value makes which reply."""
    cdef Py_ssize_t size
    cdef const char* text
    cdef bytes raw
    kind = type(value)
    if kind is bytes:
        reply_bulk(out, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
    elif kind is int:
        reply_integer(out, value)
    elif value is None:
        reply_null(out)
    elif kind is str:
        text = PyUnicode_AsUTF8AndSize(value, &size)
        reply_status(out, text, size)
    elif kind is list or kind is tuple:
        reply_array(out, len(value))
        reply_items(out, value)
    elif kind is dict:
        reply_map(out, len(value))
        for key, item in value.items():
            reply_value(out, key)
            reply_value(out, item)
    elif kind is bool:
        reply_bool(out, value)
    elif kind is float:
        reply_double(out, value)
    elif kind is set or kind is frozenset or kind is ReplySet:
        reply_set(out, len(value))
        reply_items(out, value)
    elif kind is Push:
        reply_push(out, len(value))
        reply_items(out, value)
    elif kind is Map:
        reply_map(out, len(value))
        for key, item in value:
            reply_value(out, key)
            reply_value(out, item)
    elif kind is Verbatim:
        reply_verbatim(out, value.format.encode(), PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
    elif kind is BigNumber:
        raw = b"%d" % value
        if out.resp == 2:
            reply_bulk(out, raw, len(raw))
        else:
            out_write(out, b"(", 1)
            out_write(out, raw, len(raw))
            out_write(out, b"\r\n", 2)
    elif value is NULL_ARRAY:
        reply_null_array(out)
    elif isinstance(value, CommandError):
        raw = str(value).encode()
        reply_error(out, raw, len(raw))
    elif value is not NO_REPLY:
        raise TypeError(f"no reply for a value of type {kind.__name__}")
    return 0
