"""Elements of a listpack as bulk strings, many at a time.

A range of a list, a whole hash or set, is hundreds of short texts, and each costs its header, its copy and its line
end. So the ends of the listpack and of the output are looked at once for an element, headers of short texts lie ready,
and a short text is moved in one or two pieces of 32 bytes, of which what is behind it is written over by what follows.
Near the end of a listpack, where such a piece would be read beyond it, a text is copied byte for byte.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from redpoll.engine.listpack cimport LISTPACK_HEADER, listpack_size
from redpoll.engine.listpack_element cimport Element, element_size, listpack_get
from redpoll.engine.numbers cimport format_int64
from redpoll.wire.output cimport Out, out_reserve, out_reserve_slowly
from redpoll.wire.reply cimport reply_bulk

cdef enum:
    SHORT = 64               # texts of fewer bytes have one byte of encoding, and one of back length
    PIECE = 32
    ROOM = 80                # a short text with all around it, and what its pieces write beyond
    HEAD = 8                 # bytes of a header that lies ready, some of them unused

cdef char heads[SHORT][HEAD]


cdef size_t reply_packed(Out* out, const uint8_t** at, const uint8_t* end, size_t most) noexcept nogil:
    cdef const uint8_t* p = at[0]
    cdef size_t left = most
    cdef size_t length
    cdef unsigned int first
    cdef Element read
    cdef char* to
    cdef char* limit
    out_reserve(out, ROOM)
    to = out.cursor
    limit = out.limit - ROOM
    while left and p < end:
        if to > limit:
            out.cursor = to
            out_reserve_slowly(out, ROOM)
            to = out.cursor
            limit = out.limit - ROOM
        first = p[0]
        if 0x80 <= first < 0xC0:
            length = first & 63
            memcpy(to, heads[length], HEAD)
            to += 4 + (length > 9)
            if end - p > 2 * PIECE:
                memcpy(to, p + 1, PIECE)
                if length > PIECE:
                    memcpy(to + PIECE, p + 1 + PIECE, PIECE)
            else:
                memcpy(to, p + 1, length)
            to += length
            p += length + 2
        else:
            listpack_get(p, &read)
            p += element_size(p)
            if read.text != NULL:
                out.cursor = to
                reply_bulk(out, read.text, read.length)
                to = out.cursor
                limit = out.limit - ROOM
                left -= 1
                continue
            length = format_int64(to + 4, read.integer)
            if length > 9:
                length = format_int64(to + 5, read.integer)
                memcpy(to, heads[length], 5)
                to += 5 + length
            else:
                memcpy(to, heads[length], 4)
                to += 4 + length
        to[0] = c"\r"
        to[1] = c"\n"
        to += 2
        left -= 1
    out.cursor = to
    at[0] = p
    return most - left


cdef void reply_whole(Out* out, const uint8_t* lp) noexcept nogil:
    cdef const uint8_t* p = lp + LISTPACK_HEADER
    reply_packed(out, &p, lp + listpack_size(lp) - 1, <size_t>-1)


cdef void prepare_heads() noexcept:
    cdef size_t length, size
    for length in range(SHORT):
        size = 1 + format_int64(heads[length] + 1, length)
        heads[length][0] = c"$"
        heads[length][size] = c"\r"
        heads[length][size + 1] = c"\n"

prepare_heads()
