"""Glob patterns, byte for byte as Redis matches them.

    *        any bytes            [abc]  one of these bytes      \\x  the byte x itself
    ?        one byte             [^a-z] one byte not in a range

Some corners that follow Redis: a range may be written backwards, and its bytes compare
signed; a class that is never closed reaches to the end of the pattern; a lone backslash at
the end stands for itself; in a class, a byte behind a backslash keeps its case even when
case is ignored; no pattern but the empty one matches an empty text; a pattern with a
thousand stars before the last one matches nothing.

Since everything but a star takes exactly one byte, it is enough to remember the last star
and retry from there one byte further on: an earlier star could only find what the later one
finds too. So the time is bounded by pattern length times text length.
"""

from libc.string cimport memchr

cdef enum:
    MAXIMUM_STARS = 1000


cdef inline int fold(int byte, bint nocase) noexcept nogil:
    return byte + 32 if nocase and 65 <= byte <= 90 else byte


cdef bint in_class(const char** position, const char* end, char byte, bint nocase) noexcept nogil:
    """Whether `byte` is in the class whose `[` is just before `position`, which moves behind its `]`."""
    cdef const char* p = position[0]
    cdef bint negated, found = False
    cdef int low, high, wanted = fold(<signed char>byte, nocase)
    negated = p < end and p[0] == c"^"
    if negated:
        p += 1
    while p < end and p[0] != c"]":
        if p[0] == c"\\" and end - p >= 2:
            p += 1
            found |= p[0] == byte
        elif end - p >= 3 and p[1] == c"-":
            low, high = <signed char>p[0], <signed char>p[2]
            if low > high:
                low, high = high, low
            found |= fold(low, nocase) <= wanted <= fold(high, nocase)
            p += 2
        else:
            found |= fold(<signed char>p[0], nocase) == wanted
        p += 1
    position[0] = p + 1 if p < end else end
    return found != negated


cdef inline const char* skip_to(const char* p, const char* end, const char* text, const char* text_end) noexcept nogil:
    """The first place in `text` where the pattern `p` could begin, NULL when there is none."""
    if p[0] == c"?" or p[0] == c"[":
        return text
    if p[0] == c"\\" and end - p >= 2:
        p += 1
    return <const char*>memchr(text, p[0], text_end - text)


cdef bint glob_match(
    const char* pattern, size_t pattern_length, const char* text, size_t text_length, bint nocase
) noexcept nogil:
    """Whether the whole text matches."""
    cdef const char* p = pattern
    cdef const char* end = pattern + pattern_length
    cdef const char* t = text
    cdef const char* text_end = text + text_length
    # Behind the last star in the pattern, and where in the text it was tried last.
    cdef const char* behind_star = NULL
    cdef const char* tried = NULL
    cdef const char* literal
    cdef int stars = 0
    cdef bint matched
    if text_length == 0:
        return pattern_length == 0
    while t < text_end:
        if p < end and p[0] == c"*":
            while p < end and p[0] == c"*":
                p += 1
            if p == end:
                return True
            stars += 1
            if stars > MAXIMUM_STARS:
                return False
            behind_star, tried = p, t
            if not nocase:
                tried = skip_to(p, end, t, text_end)
                if tried == NULL:
                    return False
                t = tried
            continue
        if p == end:
            matched = False
        elif p[0] == c"?":
            p += 1
            matched = True
        elif p[0] == c"[":
            p += 1
            matched = in_class(&p, end, t[0], nocase)
        else:
            literal = p + 1 if p[0] == c"\\" and end - p >= 2 else p
            matched = literal[0] == t[0] or (nocase and fold(literal[0], True) == fold(t[0], True))
            p = literal + 1
        if matched:
            t += 1
        elif behind_star == NULL:
            return False
        else:
            p = behind_star
            t = tried + 1
            if not nocase and t < text_end:
                t = skip_to(p, end, t, text_end)
                if t == NULL:
                    return False
            tried = t
    while p < end and p[0] == c"*":
        p += 1
    return p == end


cdef bint is_literal(const char* pattern, size_t pattern_length) noexcept nogil:
    """Whether the pattern can match no text but itself."""
    cdef size_t i
    for i in range(pattern_length):
        if pattern[i] == c"*" or pattern[i] == c"?" or pattern[i] == c"[" or pattern[i] == c"\\":
            return False
    return True


def matches(bytes pattern not None, bytes text not None, bint nocase=False):
    """Whether the whole text matches the pattern."""
    return bool(glob_match(pattern, len(pattern), text, len(text), nocase))


def literal(bytes pattern not None):
    """Whether the pattern can match no text but itself."""
    return bool(is_literal(pattern, len(pattern)))
