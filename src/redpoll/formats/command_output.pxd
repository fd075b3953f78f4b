"""Commands as they are sent and logged: a count of words, then each word under its length.

    *3\r\n  $3\r\nSET\r\n  $3\r\nkey\r\n  $5\r\nvalue\r\n
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, strlen

from redpoll.engine.id_tree cimport StreamId
from redpoll.engine.listpack cimport Element
from redpoll.engine.numbers cimport format_int64, format_uint64
from redpoll.engine.stream cimport STREAM_ID_TEXT, id_text
from redpoll.formats.rdb_output cimport Output, output_reserve

cdef enum:
    HEAD_MOST = 24               # bytes of a count or a length, with its mark and line end

cdef inline void put_count(Output* out, char mark, uint64_t number) noexcept nogil:
    cdef char* to
    cdef size_t size
    output_reserve(out, HEAD_MOST)
    to = out.data + out.length
    to[0] = mark
    size = 1 + format_uint64(to + 1, number)
    to[size] = c"\r"
    to[size + 1] = c"\n"
    out.length += size + 2

# How many words follow.
cdef inline void put_words(Output* out, uint64_t count) noexcept nogil:
    put_count(out, c"*", count)

cdef inline void put_word(Output* out, const char* text, size_t length) noexcept nogil:
    put_count(out, c"$", length)
    output_reserve(out, length + 2)
    memcpy(out.data + out.length, text, length)
    memcpy(out.data + out.length + length, b"\r\n", 2)
    out.length += length + 2

cdef inline void put_name(Output* out, const char* name) noexcept nogil:
    """A word of the command's own, which ends with a NUL."""
    put_word(out, name, strlen(name))

cdef inline void put_number(Output* out, int64_t number) noexcept nogil:
    cdef char text[24]
    put_word(out, text, format_int64(text, number))

cdef inline void put_unsigned(Output* out, uint64_t number) noexcept nogil:
    cdef char text[24]
    put_word(out, text, format_uint64(text, number))

cdef inline void put_element(Output* out, const Element* element) noexcept nogil:
    if element.text == NULL:
        put_number(out, element.integer)
    else:
        put_word(out, element.text, element.length)

cdef inline void put_stream_id(Output* out, StreamId id) noexcept nogil:
    cdef char text[STREAM_ID_TEXT]
    put_word(out, text, id_text(text, id))
