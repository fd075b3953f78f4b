"""Reading RDB, from memory or through a buffer that is filled again and again.

Nothing is believed: a length is compared with what is left before memory is asked for, so that damaged or hostile
input can neither be read beyond nor make the process swell. The first failure is kept with its place; every function
answers whether it went well.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free, malloc, realloc
from libc.string cimport memcpy, memmove, memset

from redpoll.engine.blob cimport Blob, blob_new, blob_of, blob_release
from redpoll.engine.numbers cimport format_int64
from redpoll.formats.crc64 cimport crc64
from redpoll.formats.lzf cimport lzf_decompress

cdef enum:
    LZF_EXPANSION = 132          # two bytes make at most 264, so this is never reached
    PIECE = 1 << 24              # of a text whose length cannot be checked beforehand
    ENCODED_INT8 = 0
    ENCODED_INT16 = 1
    ENCODED_INT32 = 2
    ENCODED_LZF = 3

cdef const char* ENDS_EARLY = b"it ends too early"
cdef const char* TOO_LONG = b"a length that reaches beyond the end"
cdef const char* BAD_LENGTH = b"a length in an unknown encoding"
cdef const char* BAD_STRING = b"a string in an unknown encoding"
cdef const char* BAD_LZF = b"a compressed string that is damaged"


cdef void source_of_memory(Source* source, const char* bytes, size_t size) noexcept nogil:
    memset(source, 0, sizeof(Source))
    source.at = source.start = <const uint8_t*>bytes
    source.end = source.at + size
    source.total = size


cdef void source_of_stream(Source* source, refill_t refill, void* context, size_t buffer_room) noexcept nogil:
    memset(source, 0, sizeof(Source))
    source.refill = refill
    source.context = context
    source.buffer = <uint8_t*>checked(malloc(buffer_room))
    source.buffer_room = buffer_room
    source.at = source.start = source.end = source.counted = source.buffer


cdef void source_free(Source* source) noexcept nogil:
    free(source.buffer)
    free(source.packed.data)
    free(source.unpacked.data)
    free(source.kept.data)
    free(source.kept_too.data)
    free(source.key.data)
    source.buffer = NULL
    memset(&source.packed, 0, sizeof(Scratch))
    memset(&source.unpacked, 0, sizeof(Scratch))
    memset(&source.kept, 0, sizeof(Scratch))
    memset(&source.kept_too, 0, sizeof(Scratch))
    memset(&source.key, 0, sizeof(Scratch))


cdef void* checked(void* block) noexcept nogil:
    if block == NULL:
        fprintf(stderr, b"Out of memory while loading.\n")
        abort()
    return block


cdef char* scratch_of(Scratch* scratch, size_t size) noexcept nogil:
    if scratch.room < size:
        scratch.room = size if size > 2 * scratch.room else 2 * scratch.room
        scratch.data = <char*>checked(realloc(scratch.data, scratch.room))
    return scratch.data


cdef bint source_fail(Source* source, const char* reason) noexcept nogil:
    if source.reason == NULL:
        source.reason = reason
        source.failed_at = source_position(source)
    return False


cdef uint64_t source_checksum(Source* source) noexcept nogil:
    if source.counting:
        source.crc = crc64(source.crc, <const char*>source.counted, source.at - source.counted)
        source.counted = source.at
    return source.crc


cdef bint source_need_slowly(Source* source, size_t size) noexcept nogil:
    cdef size_t rest = source.end - source.at
    if source.refill == NULL or size > source.buffer_room:
        return source_fail(source, ENDS_EARLY)
    source_checksum(source)
    source.offset += source.at - source.start
    memmove(source.buffer, source.at, rest)
    source.at = source.start = source.counted = source.buffer
    source.end = source.buffer + rest
    if not source.refill(source, size):
        return source_fail(source, ENDS_EARLY)
    return True


cdef inline bint enough_left(const Source* source, uint64_t size) noexcept nogil:
    """Whether that many bytes can still come, as far as is known."""
    if size <= <size_t>(source.end - source.at):
        return True
    if source.refill == NULL:
        return False
    if source.total == 0:
        return True
    return source_position(source) <= source.total and size <= source.total - source_position(source)


cdef bint source_byte(Source* source, uint8_t* byte) noexcept nogil:
    if not source_need(source, 1):
        return False
    byte[0] = source.at[0]
    source.at += 1
    return True


cdef bint source_fixed32(Source* source, uint64_t* value) noexcept nogil:
    cdef uint32_t narrow
    if not source_need(source, 4):
        return False
    memcpy(&narrow, source.at, 4)
    value[0] = narrow
    source.at += 4
    return True


cdef bint source_fixed64(Source* source, uint64_t* value) noexcept nogil:
    if not source_need(source, 8):
        return False
    memcpy(value, source.at, 8)
    source.at += 8
    return True


cdef bint length_or_encoding(Source* source, uint64_t* length, bint* encoded) noexcept nogil:
    cdef uint8_t first
    cdef int i, size
    cdef uint64_t value = 0
    encoded[0] = False
    if not source_need(source, 1):
        return False
    first = source.at[0]
    if first < 0x40:
        length[0] = first
        source.at += 1
        return True
    if first < 0x80:
        if not source_need(source, 2):
            return False
        length[0] = (<uint64_t>(first & 63) << 8) | source.at[1]
        source.at += 2
        return True
    if first >= 0xC0:
        length[0] = first & 63
        encoded[0] = True
        source.at += 1
        return True
    if first > 0x81:
        return source_fail(source, BAD_LENGTH)
    size = 4 if first == 0x80 else 8
    if not source_need(source, 1 + size):
        return False
    for i in range(size):
        value = (value << 8) | source.at[1 + i]
    length[0] = value
    source.at += 1 + size
    return True


cdef bint source_length(Source* source, uint64_t* length) noexcept nogil:
    cdef bint encoded
    if not length_or_encoding(source, length, &encoded):
        return False
    return not encoded or source_fail(source, BAD_LENGTH)


cdef bint source_count(Source* source, uint64_t* count, size_t least) noexcept nogil:
    if not source_length(source, count):
        return False
    if count[0] > (<uint64_t>1 << 48) or not enough_left(source, count[0] * least):
        return source_fail(source, TOO_LONG)
    return True


cdef bint source_bytes(Source* source, char* to, size_t size) noexcept nogil:
    cdef size_t part
    while True:
        part = source.end - source.at
        if part > size:
            part = size
        memcpy(to, source.at, part)
        source.at += part
        size -= part
        if size == 0:
            return True
        to += part
        if not source_need_slowly(source, 1):
            return False


cdef bint read_piece(Source* source, Scratch* scratch, uint64_t size, const char** found) noexcept nogil:
    """`size` bytes in one piece: in the buffer if they are there, else gathered."""
    cdef uint64_t got = 0
    cdef size_t part
    if size <= <size_t>(source.end - source.at) or (
            size <= source.buffer_room // 2 and source_need_slowly(source, size)):
        found[0] = <const char*>source.at
        source.at += size
        return True
    if source.reason != NULL:
        return False
    if not enough_left(source, size):
        return source_fail(source, TOO_LONG)
    while got < size:
        part = size - got
        if source.total == 0 and part > PIECE:
            part = PIECE
        scratch_of(scratch, got + part)
        if not source_bytes(source, scratch.data + got, part):
            return False
        got += part
    found[0] = scratch.data
    return True


cdef bint read_integer(Source* source, Text* text, int encoding) noexcept nogil:
    cdef int8_t one
    cdef int16_t two
    cdef int32_t four
    if encoding == ENCODED_INT8:
        if not source_need(source, 1):
            return False
        memcpy(&one, source.at, 1)
        source.at += 1
        text.integer = one
    elif encoding == ENCODED_INT16:
        if not source_need(source, 2):
            return False
        memcpy(&two, source.at, 2)
        source.at += 2
        text.integer = two
    else:
        if not source_need(source, 4):
            return False
        memcpy(&four, source.at, 4)
        source.at += 4
        text.integer = four
    text.is_integer = True
    text.length = format_int64(text.digits, text.integer)
    text.text = text.digits
    return True


cdef bint read_packed(Source* source, const char** packed, uint64_t* packed_size, uint64_t* length) noexcept nogil:
    """The head of an LZF string, and its bytes."""
    if not source_length(source, packed_size) or not source_length(source, length):
        return False
    if length[0] == 0 or length[0] // LZF_EXPANSION > packed_size[0]:
        return source_fail(source, BAD_LZF)
    return read_piece(source, &source.packed, packed_size[0], packed)


cdef bint source_text(Source* source, Text* text) noexcept nogil:
    cdef uint64_t length, packed_size
    cdef bint encoded
    cdef const char* packed
    text.is_integer = False
    if not length_or_encoding(source, &length, &encoded):
        return False
    if not encoded:
        text.length = length
        return read_piece(source, &source.unpacked, length, &text.text)
    if length <= ENCODED_INT32:
        return read_integer(source, text, <int>length)
    if length != ENCODED_LZF:
        return source_fail(source, BAD_STRING)
    if not read_packed(source, &packed, &packed_size, &length):
        return False
    text.length = length
    text.text = scratch_of(&source.unpacked, length)
    if not lzf_decompress(packed, packed_size, source.unpacked.data, length):
        return source_fail(source, BAD_LZF)
    return True


cdef bint text_in(Source* source, Scratch* place, Text* text) noexcept nogil:
    if not source_text(source, text):
        return False
    scratch_of(place, text.length + 1)
    memcpy(place.data, text.text, text.length)
    text.text = place.data
    return True


cdef bint source_text_kept(Source* source, Text* text) noexcept nogil:
    return text_in(source, &source.kept, text)


cdef bint source_text_kept_too(Source* source, Text* text) noexcept nogil:
    return text_in(source, &source.kept_too, text)


cdef bint source_key(Source* source, Text* text) noexcept nogil:
    return text_in(source, &source.key, text)


cdef bint source_value(Source* source, Text* text, Blob** blob, size_t large) noexcept nogil:
    cdef uint64_t length, packed_size
    cdef bint encoded
    cdef const char* packed
    blob[0] = NULL
    text.is_integer = False
    if not length_or_encoding(source, &length, &encoded):
        return False
    if encoded:
        if length <= ENCODED_INT32:
            return read_integer(source, text, <int>length)
        if length != ENCODED_LZF:
            return source_fail(source, BAD_STRING)
        if not read_packed(source, &packed, &packed_size, &length):
            return False
        text.length = length
        if length <= large:
            text.text = scratch_of(&source.unpacked, length)
            return (lzf_decompress(packed, packed_size, source.unpacked.data, length)
                    or source_fail(source, BAD_LZF))
        blob[0] = blob_new(length, length)
        if lzf_decompress(packed, packed_size, blob[0].data, length):
            return True
        blob_release(blob[0])
        blob[0] = NULL
        return source_fail(source, BAD_LZF)
    text.length = length
    if length > large and source.total and enough_left(source, length):
        blob[0] = blob_new(length, length)
        if source_bytes(source, blob[0].data, length):
            return True
        blob_release(blob[0])
        blob[0] = NULL
        return False
    if not read_piece(source, &source.unpacked, length, &text.text):
        return False
    if length > large:
        blob[0] = blob_of(text.text, length)
    return True


cdef bint source_skip_text(Source* source) noexcept nogil:
    cdef Text text
    return source_text(source, &text)
