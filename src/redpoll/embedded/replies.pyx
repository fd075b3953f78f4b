"""Replies as Python values, straight from the chunks they were written into.

What was written there is whole, so there is nothing to wait for and no protocol to be broken; only a value may lie in
several chunks, where a long string is shared or a reply went on and on.

| reply                      | value                                               |
|----------------------------|-----------------------------------------------------|
| status, bulk, verbatim     | `bytes`, or `str`                                   |
| error                      | what `Decoding.make_error` makes of its text        |
| integer, big number        | `int`                                               |
| double                     | `float`                                             |
| boolean                    | `bool`                                              |
| null of any kind           | `None`                                              |
| array, set                 | `list`; a set may become a `set`                    |
| map                        | `dict`                                              |
| push                       | `PushReply`, a `list`                               |
"""

from libc.stdint cimport int64_t
from libc.string cimport memchr, memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF

from redpoll.wire.output cimport out_clear, out_consume

cdef extern from "Python.h":
    object PyUnicode_DecodeUTF8(const char* text, Py_ssize_t length, const char* errors)
    object PyUnicode_Decode(const char* text, Py_ssize_t length, const char* encoding, const char* errors)


class PushReply(list):
    """A message out of turn."""

    __slots__ = ()


cdef object Pushed = PushReply


cdef class Decoding(Direct):
    """`make_error(text)` makes the value that stands for an error reply; None: `ReplyError`."""

    def __init__(self, bint decoding=False, str encoding="utf-8", str errors="strict", make_error=None,
                 bint sets=False):
        self.decoding = decoding
        self.sets = sets
        self.encoding = encoding
        self.errors = errors
        self.utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        self.errors_name = errors.encode()
        self.make_error = ReplyError if make_error is None else make_error

    cdef object text(self, const char* start, Py_ssize_t length):
        if self.utf8:
            return PyUnicode_DecodeUTF8(start, length, self.errors_name)
        return start[:length].decode(self.encoding, self.errors)


class ReplyError(Exception):
    """An error reply; the text is what the server said, its code first."""


cdef inline void enter(Cursor* c, Chunk* chunk) noexcept:
    cdef const char* start = chunk.data
    if chunk.blob != NULL:
        start = chunk.blob.data
    c.chunk = chunk
    c.at = start + chunk.sent
    c.end = c.out.cursor if chunk == c.out.last else start + chunk.length


cdef inline void next_chunk(Cursor* c) noexcept:
    """Go to where there are bytes again."""
    while c.at == c.end and c.chunk.next != NULL:
        enter(c, c.chunk.next)


cdef bytes copy_out(Cursor* c, size_t length):
    """Bytes that may lie in several chunks."""
    cdef bytes whole = PyBytes_FromStringAndSize(NULL, length)
    cdef char* to = PyBytes_AS_STRING(whole)
    cdef size_t part
    c.taken += length
    while length:
        next_chunk(c)
        part = c.end - c.at
        if part > length:
            part = length
        memcpy(to, c.at, part)
        to += part
        c.at += part
        length -= part
    return whole


cdef bytes copy_line(Cursor* c):
    """A line that goes on in another chunk, without its end."""
    cdef list parts = []
    cdef const char* found
    cdef bytes line
    while True:
        next_chunk(c)
        found = <const char*>memchr(c.at, c"\n", c.end - c.at)
        if found != NULL:
            parts.append(copy_out(c, found - c.at + 1))
            break
        if c.at == c.end:
            raise RuntimeError("a reply was cut off; this is a bug in Redpoll, please report it")
        parts.append(copy_out(c, c.end - c.at))
    line = b"".join(parts)
    return line[:len(line) - 2]


cdef inline const char* line_within(Cursor* c, size_t* length) noexcept:
    """The line at the cursor, if this chunk has all of it; the cursor is behind it then."""
    cdef const char* start = c.at
    cdef const char* found = <const char*>memchr(start, c"\n", c.end - start)
    if found == NULL:
        return NULL
    length[0] = found - start - 1
    c.taken += found - start + 1
    c.at = found + 1
    return start


cdef inline int64_t number_of(const char* text, size_t length) noexcept:
    cdef int64_t number = 0
    cdef size_t i = 0
    cdef bint negative = length > 0 and text[0] == c"-"
    if negative:
        i = 1
    while i < length:
        number = number * 10 + (text[i] - 48)
        i += 1
    return -number if negative else number


cdef object string(Cursor* c, size_t length, size_t skipped, Decoding how, bint decoding):
    """A string of so many bytes behind its length, the first ones left out, and its line end."""
    cdef object value
    cdef bytes whole
    next_chunk(c)
    if <size_t>(c.end - c.at) >= length:
        if decoding:
            value = how.text(c.at + skipped, length - skipped)
        else:
            value = PyBytes_FromStringAndSize(c.at + skipped, length - skipped)
        c.at += length
        c.taken += length
    else:
        whole = copy_out(c, length)
        if decoding:
            value = how.text(PyBytes_AS_STRING(whole) + skipped, length - skipped)
        else:
            value = whole[skipped:] if skipped else whole
    # The line end may lie elsewhere.
    next_chunk(c)
    if c.end - c.at >= 2:
        c.at += 2
        c.taken += 2
    else:
        copy_out(c, 2)
    return value


cdef list items(Cursor* c, Py_ssize_t count, Decoding how, bint decoding):
    cdef list made = PyList_New(count)
    cdef Py_ssize_t i
    cdef object one
    for i in range(count):
        one = value(c, how, decoding)
        Py_INCREF(one)
        PyList_SET_ITEM(made, i, one)
    return made


cdef inline const char* short_string(Cursor* c, size_t* length) noexcept:
    """A string at the cursor that this chunk has all of, if it is one; the cursor is behind it then."""
    cdef const char* p = c.at + 1
    cdef const char* end
    cdef size_t size = 0
    if c.end - c.at < 6 or c.at[0] != c"$" or not c"0" <= p[0] <= c"9":
        return NULL
    while p < c.end and c"0" <= p[0] <= c"9":
        size = size * 10 + <size_t>(p[0] - 48)
        p += 1
    if <size_t>(c.end - p) < size + 4:
        return NULL
    p += 2
    end = p + size + 2
    c.taken += end - c.at
    c.at = end
    length[0] = size
    return p


cdef object as_set(list members):
    try:
        return set(members)
    except TypeError:
        return members


cdef object value(Cursor* c, Decoding how, bint decoding):
    cdef size_t length = 0
    cdef const char* line
    cdef bytes copied = None
    cdef int64_t number
    cdef char kind
    cdef dict pairs
    cdef object key
    cdef list members
    next_chunk(c)
    line = short_string(c, &length)
    if line != NULL:
        return how.text(line, length) if decoding else PyBytes_FromStringAndSize(line, length)
    line = line_within(c, &length)
    if line == NULL:
        copied = copy_line(c)
        line = PyBytes_AS_STRING(copied)
        length = len(copied)
    kind = line[0]
    line += 1
    length -= 1
    if kind == c"$":
        number = number_of(line, length)
        return None if number < 0 else string(c, number, 0, how, decoding)
    if kind == c":":
        return number_of(line, length)
    if kind == c"+":
        return how.text(line, length) if decoding else PyBytes_FromStringAndSize(line, length)
    if kind == c"*":
        number = number_of(line, length)
        return None if number < 0 else items(c, number, how, decoding)
    if kind == c"~":
        members = items(c, number_of(line, length), how, decoding)
        return as_set(members) if how.sets else members
    if kind == c"_":
        return None
    if kind == c"%":
        pairs = {}
        for _ in range(number_of(line, length)):
            key = value(c, how, decoding)
            pairs[tuple(key) if type(key) is list else key] = value(c, how, decoding)
        return pairs
    if kind == c"-":
        return how.make_error(line[:length].decode("utf-8", "replace"))
    if kind == c",":
        return float(line[:length])
    if kind == c"#":
        return line[0] == c"t"
    if kind == c">":
        return Pushed(items(c, number_of(line, length), how, decoding))
    if kind == c"=":
        return string(c, number_of(line, length), 4, how, decoding)
    if kind == c"(":
        return int(line[:length])
    if kind == c"!":
        return how.make_error(string(c, number_of(line, length), 0, how, False).decode("utf-8", "replace"))
    if kind == c"|":
        # Facts beside the reply that follows; nobody here asks for them.
        for _ in range(2 * number_of(line, length)):
            value(c, how, decoding)
        return value(c, how, decoding)
    raise RuntimeError(f"a reply of no known kind ({kind}); this is a bug in Redpoll, please report it")


cdef object take_reply(Out* out, Decoding how, bint decoding):
    cdef Cursor c
    cdef object made
    c.out = out
    c.taken = 0
    enter(&c, out.first)
    try:
        made = value(&c, how, decoding)
    except BaseException:
        # A string that cannot be decoded: nobody knows where the next reply begins.
        out_clear(out)
        raise
    if out.first == out.last and c.at == out.cursor:
        out_clear(out)
    else:
        out_consume(out, c.taken)
    return made
