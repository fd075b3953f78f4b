"""A parser of replies that keeps nothing of them but their number, and the text of the first error.

It knows RESP2 and RESP3. Bytes may be cut anywhere: all that is kept between two calls are numbers. Nesting needs no
stack: a reply is over when no value is missing any more, and an aggregate of n adds n to the values that are.

| first byte        | then                                              | values             |
|-------------------|---------------------------------------------------|--------------------|
| `+ - : , ( # _`   | a line                                            | one                |
| `$ = !`           | a length, then so many bytes and a line end       | one (none for -1)  |
| `* ~ >`           | a count                                           | so many in place   |
| `%`               | a count                                           | twice as many      |
| `\\|`             | a count: attributes of the value that follows     | twice as many more |

A push answers no request, so it is not counted.
"""

from libc.string cimport memchr, memcmp, memcpy, memset

cdef enum:
    AT_KIND = 0     # the next byte says what follows
    AT_LINE         # a text up to its line end
    AT_NUMBER       # digits up to the line end
    AT_PAYLOAD      # bytes of known number


cdef void skipper_reset(Skipper* skipper) noexcept nogil:
    memset(skipper, 0, sizeof(Skipper) - ERROR_ROOM)


cdef inline void capture(Skipper* skipper, const char* data, size_t size) noexcept nogil:
    cdef size_t room = ERROR_ROOM - skipper.error_size
    if size > room:
        size = room
    memcpy(skipper.error + skipper.error_size, data, size)
    skipper.error_size += <int>size


cdef inline int64_t value_ended(Skipper* skipper) noexcept nogil:
    skipper.state = AT_KIND
    skipper.capturing = False
    skipper.left -= 1
    if skipper.left:
        return 0
    if skipper.push:
        skipper.push = False
        return 0
    return 1


cdef inline const char* plain_replies(const char* p, const char* end, int64_t* found) noexcept nogil:
    # The replies that almost all are: OK, integers, short strings that are there whole.
    cdef const char* start
    cdef int64_t length
    while end - p >= 5:
        if p[0] == c"+":
            if memcmp(p, b"+OK\r\n", 5):
                return p
            p += 5
        elif p[0] == c":":
            start = p
            p += 1
            while p < end and p[0] != c"\n":
                p += 1
            if p == end:
                return start
            p += 1
        elif p[0] == c"$":
            start = p
            p += 1
            length = 0
            while p < end and c"0" <= p[0] <= c"9" and length < 100_000_000:
                length = length * 10 + (p[0] - c"0")
                p += 1
            if end - p < length + 4 or p[0] != c"\r" or p == start + 1:
                if end - start >= 5 and not memcmp(start, b"$-1\r\n", 5):
                    p = start + 5
                    found[0] += 1
                    continue
                return start
            p += length + 4
        else:
            return p
        found[0] += 1
    return p


cdef int64_t skip_replies(Skipper* skipper, const char* data, size_t size) noexcept nogil:
    cdef const char* p = data
    cdef const char* end = data + size
    cdef const char* line
    cdef int64_t found = 0, count
    while p < end:
        if skipper.state == AT_KIND:
            if not skipper.left:
                p = plain_replies(p, end, &found)
                if p == end:
                    break
                skipper.left = 1
                skipper.push = p[0] == c">"
                if p[0] == c"-" or p[0] == c"!":
                    skipper.errors += 1
                    skipper.capturing = not skipper.error_size
            skipper.kind = p[0]
            p += 1
            skipper.number = 0
            skipper.negative = False
            if skipper.kind in (c"+", c"-", c":", c",", c"(", c"#", c"_"):
                skipper.state = AT_LINE
            elif skipper.kind in (c"$", c"=", c"!", c"*", c"~", c">", c"%", c"|"):
                skipper.state = AT_NUMBER
            else:
                return -1
        elif skipper.state == AT_LINE:
            line = <const char*>memchr(p, c"\n", end - p)
            if line == NULL:
                if skipper.capturing:
                    capture(skipper, p, end - p)
                break
            if skipper.capturing:
                capture(skipper, p, line - p)
            p = line + 1
            found += value_ended(skipper)
        elif skipper.state == AT_NUMBER:
            if c"0" <= p[0] <= c"9":
                if skipper.number >= <int64_t>1 << 40:
                    return -1
                skipper.number = skipper.number * 10 + (p[0] - c"0")
            elif p[0] == c"-":
                skipper.negative = True
            elif p[0] == c"\n":
                count = -1 if skipper.negative else skipper.number
                if skipper.kind in (c"$", c"=", c"!"):
                    if count < 0:
                        found += value_ended(skipper)
                    else:
                        skipper.skip = count + 2
                        skipper.state = AT_PAYLOAD
                else:
                    if count < 0:
                        count = 0
                    if skipper.kind == c"%" or skipper.kind == c"|":
                        count *= 2
                    skipper.left += count
                    if skipper.kind == c"|":
                        skipper.state = AT_KIND
                    else:
                        found += value_ended(skipper)
            elif p[0] != c"\r":
                return -1
            p += 1
        else:
            count = skipper.skip if skipper.skip < end - p else end - p
            if skipper.capturing:
                capture(skipper, p, count)
            p += count
            skipper.skip -= count
            if not skipper.skip:
                found += value_ended(skipper)
    return found


def count_replies(pieces) -> tuple:
    """Return the number of replies in pieces of a stream, that of errors, and the first error's text.

    Raises `ValueError` where this is no RESP.
    """
    cdef Skipper skipper
    cdef int64_t found, total = 0
    cdef bytes piece
    skipper_reset(&skipper)
    for piece in pieces:
        found = skip_replies(&skipper, piece, len(piece))
        if found < 0:
            raise ValueError("no RESP")
        total += found
    return total, skipper.errors, skipper.error[: skipper.error_size].rstrip(b"\r\n")
