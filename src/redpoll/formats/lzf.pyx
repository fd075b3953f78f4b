"""LZF, the byte-oriented Lempel-Ziv format that RDB files and compressed list nodes use.

    000nnnnn                      n + 1 literal bytes follow (1 to 32)
    lllooooo oooooooo             a copy of l + 2 bytes (l: 1 to 6) from o + 1 bytes before
    111ooooo llllllll oooooooo    a copy of l + 9 bytes (9 to 264), as above

What can be copied is up to the compressor. This one takes the choices of the compressor that Redis
embeds, so that a value has one compressed form on all servers: greedily the last place where a hash of the
next three bytes was seen, never the very first byte; a copy stops two bytes before the end, unless it has but three
bytes, or reaches the end at its 19th; and of the places within a copy only the last two are noted.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    static _Thread_local void* redpoll_lzf_seen;
    """
    void* redpoll_lzf_seen

cdef enum:
    HASH_SIZE = 65536
    LITERALS_MOST = 32
    COPY_MOST = 264
    DISTANCE_MOST = 8192
    SIZE_MOST = 1 << 31

# Where each hash was seen last, as `base` plus the offset; what is below `base` is of an earlier input, so nothing
# needs to be cleared between them. One a thread, kept for its life.
cdef struct SeenPlaces:
    uint32_t base
    uint32_t places[HASH_SIZE]


cdef inline uint32_t hash_of(const uint8_t* p) noexcept nogil:
    cdef uint32_t three = (<uint32_t>p[0] << 16) | (<uint32_t>p[1] << 8) | p[2]
    return ((three >> 8) - three * 5) & (HASH_SIZE - 1)


cdef SeenPlaces* seen_places(size_t size) noexcept nogil:
    global redpoll_lzf_seen
    cdef SeenPlaces* seen = <SeenPlaces*>redpoll_lzf_seen
    if seen == NULL:
        seen = <SeenPlaces*>calloc(1, sizeof(SeenPlaces))
        if seen == NULL:
            return NULL
        seen.base = 1
        redpoll_lzf_seen = seen
    elif seen.base > <uint32_t>0xFFFFFFFF - size:
        memset(seen, 0, sizeof(SeenPlaces))
        seen.base = 1
    return seen


cdef size_t lzf_compress(const char* source, size_t size, char* output, size_t room) noexcept nogil:
    cdef const uint8_t* start = <const uint8_t*>source
    cdef const uint8_t* end = start + size
    cdef const uint8_t* p = start
    cdef const uint8_t* earlier
    cdef uint8_t* out = <uint8_t*>output
    cdef uint8_t* limit = out + room
    cdef uint8_t* run = out              # the control byte of the literals that are being gathered
    cdef size_t literals = 0
    cdef size_t length, most, distance
    cdef uint32_t base, place, hash
    cdef SeenPlaces* seen
    if size == 0 or room == 0 or size >= SIZE_MOST:
        return 0
    seen = seen_places(size)
    if seen == NULL:
        return 0
    base = seen.base
    seen.base = base + <uint32_t>size
    out += 1
    while size > 2 and p < end - 2:
        hash = hash_of(p)
        place = seen.places[hash]
        seen.places[hash] = base + <uint32_t>(p - start)
        if place > base:
            earlier = start + (place - base)
            distance = p - earlier - 1
            if (distance < DISTANCE_MOST and earlier[0] == p[0] and earlier[1] == p[1] and earlier[2] == p[2]):
                if limit - out + (0 if literals else 1) <= 4:
                    return 0
                if literals:
                    run[0] = <uint8_t>(literals - 1)
                else:
                    out -= 1
                most = end - p - 2
                if most > COPY_MOST:
                    most = COPY_MOST
                elif 16 < most < 19:
                    most = 19
                length = 3
                while length < most and earlier[length] == p[length]:
                    length += 1
                if length < 9:
                    out[0] = <uint8_t>(((length - 2) << 5) | (distance >> 8))
                    out += 1
                else:
                    out[0] = <uint8_t>((7 << 5) | (distance >> 8))
                    out[1] = <uint8_t>(length - 9)
                    out += 2
                out[0] = <uint8_t>distance
                out += 1
                run = out
                out += 1
                literals = 0
                p += length
                if p >= end - 2:
                    break
                seen.places[hash_of(p - 2)] = base + <uint32_t>(p - 2 - start)
                seen.places[hash_of(p - 1)] = base + <uint32_t>(p - 1 - start)
                continue
        if out >= limit:
            return 0
        out[0] = p[0]
        out += 1
        p += 1
        literals += 1
        if literals == LITERALS_MOST:
            run[0] = LITERALS_MOST - 1
            run = out
            out += 1
            literals = 0
    # At most two literals and a control byte are still to come.
    if limit - out < 3:
        return 0
    while p < end:
        out[0] = p[0]
        out += 1
        p += 1
        literals += 1
        if literals == LITERALS_MOST:
            run[0] = LITERALS_MOST - 1
            run = out
            out += 1
            literals = 0
    if literals:
        run[0] = <uint8_t>(literals - 1)
    else:
        out -= 1
    return out - <uint8_t*>output


cdef bint lzf_decompress(const char* source, size_t size, char* output, size_t expected) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>source
    cdef const uint8_t* end = p + size
    cdef uint8_t* out = <uint8_t*>output
    cdef uint8_t* limit = out + expected
    cdef const uint8_t* earlier
    cdef size_t control, length, distance
    while p < end:
        control = p[0]
        p += 1
        if control < LITERALS_MOST:
            length = control + 1
            if <size_t>(end - p) < length or <size_t>(limit - out) < length:
                return False
            memcpy(out, p, length)
            out += length
            p += length
            continue
        length = control >> 5
        if length == 7:
            if p == end:
                return False
            length += p[0]
            p += 1
        length += 2
        if p == end:
            return False
        distance = ((control & 31) << 8) + p[0] + 1
        p += 1
        if <size_t>(out - <uint8_t*>output) < distance or <size_t>(limit - out) < length:
            return False
        earlier = out - distance
        if distance >= length:
            memcpy(out, earlier, length)
            out += length
        elif distance == 1:
            memset(out, earlier[0], length)
            out += length
        else:
            # The copy overlaps itself: what it writes it reads again.
            while length:
                out[0] = earlier[0]
                out += 1
                earlier += 1
                length -= 1
    return out == limit


def compress(bytes text, size_t room = 0):
    """The compressed form, or None when it needs more than `room` bytes (0: one less than the text has)."""
    cdef size_t size = len(text)
    if room == 0:
        room = size - 1 if size else 0
    cdef bytearray output = bytearray(room + 8)
    cdef size_t made = lzf_compress(text, size, output, room)
    return bytes(output[:made]) if made else None


def decompress(bytes text, size_t expected):
    """The text of `expected` bytes. Raises `ValueError` for what is not its compressed form."""
    cdef bytearray output = bytearray(expected)
    if not lzf_decompress(text, len(text), output, expected):
        raise ValueError("not an LZF text of that length")
    return bytes(output)
