"""The request parser.

A request is `*<words>` and for each word `$<length>`, the bytes and an end of line; or a plain
line of words with shell-like quotes. Words are pointers into the caller's bytes, so parsing
copies nothing.

A request that has not come whole can be remembered, so that a million words that arrive in
small pieces are looked at once. A word of 32 KiB or more that is not all there yet gets a blob
of its own length, and the connection reads the rest of it straight into that: a command that
stores it takes the blob, so the bytes are copied by the kernel only.

Lengths are checked before any pointer moves: nothing beyond `end` is read.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport abort, free, realloc
from libc.string cimport memchr, memcpy, memset, strcpy

from redpoll.engine.blob cimport Blob, blob_memory, blob_new, blob_release
from redpoll.engine.memory cimport KIND_CLIENT, KIND_STRING, Kind, count
from redpoll.engine.numbers cimport parse_int64

cdef extern from "<stdio.h>" nogil:
    int snprintf(char* out, size_t size, const char* format, ...)

cdef enum:
    LINE_MAX = 65536             # of an inline request, and of a line that holds a number
    LONG_WORD = 32768
    STRANGER_WORDS = 10
    STRANGER_LENGTH = 16384
    WORDS_MAX = 2147483647


cdef void parser_init(Parser* p) noexcept nogil:
    memset(p, 0, sizeof(Parser))
    p.word_length = -1
    p.longest_word = 512 * 1024 * 1024
    p.trusted = True


cdef void count_as(const Blob* blob, Kind before, Kind after) noexcept nogil:
    """A word that is still on its way is memory of its client's."""
    cdef ptrdiff_t size = <ptrdiff_t>blob_memory(blob)
    count(-size, before)
    count(size, after)


cdef void parser_reset(Parser* p) noexcept nogil:
    cdef size_t i
    for i in range(p.long_count):
        if p.long_words[i].blob != NULL:
            # A request that was given to the caller is counted already as what its words may become.
            if p.words_wanted:
                count_as(p.long_words[i].blob, KIND_CLIENT, KIND_STRING)
            blob_release(p.long_words[i].blob)
    if p.filling != NULL:
        count_as(p.filling, KIND_CLIENT, KIND_STRING)
        blob_release(p.filling)
        p.filling = NULL
    p.long_count = 0
    p.words_wanted = 0
    p.word_length = -1
    p.offset = 0
    p.count = 0
    p.filled = 0
    if p.room > 1024:
        free(p.words)
        p.words = NULL
        p.room = 0


cdef void parser_free(Parser* p) noexcept nogil:
    parser_reset(p)
    free(p.words)
    free(p.long_words)
    free(p.line)
    p.words = NULL
    p.long_words = NULL
    p.line = NULL
    p.room = p.long_room = p.line_room = 0


cdef size_t parser_memory(const Parser* p) noexcept nogil:
    """Bytes that a partial request holds besides the caller's buffer."""
    cdef size_t total = p.room * sizeof(Arg) + p.long_room * sizeof(LongWord) + p.line_room
    cdef size_t i
    for i in range(p.long_count):
        if p.long_words[i].blob != NULL:
            total += p.long_words[i].blob.capacity
    if p.filling != NULL:
        total += p.filling.capacity
    return total


cdef void* grown(void* items, size_t* room, size_t item, size_t wanted) noexcept nogil:
    cdef size_t more = room[0]
    if more < 8:
        more = 8
    while more < wanted:
        more *= 2
    items = realloc(items, more * item)
    if items == NULL:
        abort()
    room[0] = more
    return items


cdef inline void remember_word(Parser* p, size_t offset, size_t length) noexcept nogil:
    if p.count == p.room:
        p.words = <Arg*>grown(p.words, &p.room, sizeof(Arg), p.count + 1)
    p.words[p.count].ptr = <const char*>offset
    p.words[p.count].len = length
    p.count += 1


cdef void remember_long_word(Parser* p, Blob* blob) noexcept nogil:
    if p.long_count == p.long_room:
        p.long_words = <LongWord*>grown(p.long_words, &p.long_room, sizeof(LongWord), p.long_count + 1)
    p.long_words[p.long_count].index = p.count
    p.long_words[p.long_count].blob = blob
    p.long_count += 1


cdef const char* end_of_line(const char* at, const char* end, const char** after) noexcept nogil:
    """Where the line that begins at `at` ends (its carriage return) and what follows it; NULL: not all there."""
    cdef const char* cr = <const char*>memchr(at, c"\r", end - at)
    if cr == NULL or cr + 1 >= end:
        return NULL
    after[0] = cr + 2
    return cr


cdef Outcome bad(Parser* p, const char* text) noexcept nogil:
    strcpy(p.error, text)
    return REQUEST_BAD


cdef Outcome parse(Parser* p, const char* start, const char* end, Arg* room, size_t room_words, bint keep,
                   Arg** argv, size_t* argc, const char** next) noexcept nogil:
    if p.words_wanted == 0 and p.filling == NULL:
        if start == end:
            return REQUEST_MORE
        if start[0] != c"*":
            return parse_line(p, start, end, room, room_words, argv, argc, next)
        argv[0] = room
        return parse_whole(p, start, end, room, room_words, keep, argv, argc, next)
    return parse_on(p, start, end, keep, argv, argc, next)


cdef inline bint short_number(const char* at, const char* end, int64_t* value, const char** after) noexcept nogil:
    """A number of one to three digits and the end of its line, as nearly all are."""
    cdef unsigned int a, b
    if end - at < 5:
        return False
    a = <unsigned char>at[0] - 48u
    if a > 9:
        return False
    if at[1] == c"\r":
        value[0] = a
        after[0] = at + 3
        return True
    if a == 0:
        return False
    b = <unsigned char>at[1] - 48u
    if b > 9:
        return False
    a = a * 10 + b
    if at[2] == c"\r":
        value[0] = a
        after[0] = at + 4
        return True
    b = <unsigned char>at[2] - 48u
    if b > 9 or at[3] != c"\r":
        return False
    value[0] = a * 10 + b
    after[0] = at + 5
    return True


cdef Outcome parse_whole(Parser* p, const char* start, const char* end, Arg* room, size_t room_words, bint keep,
                         Arg** argv, size_t* argc, const char** next) noexcept nogil:
    """All words straight into `room`; whatever is not plain goes to `parse_on`."""
    cdef const char* at = start + 1
    cdef int64_t words, length
    cdef int64_t i
    if (short_number(at, end, &words, &at) and 0 < words <= <int64_t>room_words
            and (p.trusted or words <= STRANGER_WORDS)):
        for i in range(words):
            if at >= end or at[0] != c"$":
                break
            if not short_number(at + 1, end, &length, &at) or end - at < length + 2:
                break
            room[i].ptr = at
            room[i].len = length
            at += length + 2
        else:
            argc[0] = words
            next[0] = at
            return REQUEST_READY
    cdef Outcome outcome = parse_on(p, start, end, keep, argv, argc, next)
    if outcome == REQUEST_MORE and not keep:
        parser_reset(p)
    return outcome


cdef Outcome number_line(Parser* p, const char* start, const char* end, int64_t* value,
                         const char* too_big) noexcept nogil:
    """The number of the line at `p.offset`, behind its type byte; READY moves the offset behind the line.

    A value that is no number is -2.
    """
    cdef const char* at = start + p.offset
    cdef const char* after = NULL
    cdef const char* stop
    cdef long long number
    stop = end_of_line(at, end, &after)
    if stop == NULL:
        if end - at > LINE_MAX:
            return bad(p, too_big)
        return REQUEST_MORE
    value[0] = number if parse_int64(at + 1, stop - at - 1, &number) else -2
    p.offset = after - start
    return REQUEST_READY


cdef Outcome parse_on(Parser* p, const char* start, const char* end, bint keep, Arg** argv, size_t* argc,
                      const char** next) noexcept nogil:
    """Go on with the request that begins at `start`, of which `p.offset` bytes were looked at."""
    cdef int64_t number = 0
    cdef size_t there, i
    cdef Outcome outcome
    cdef Blob* blob
    if p.words_wanted == 0:
        outcome = number_line(p, start, end, &number, b"Protocol error: too big mbulk count string")
        if outcome != REQUEST_READY:
            return outcome
        if number == -2 or number > WORDS_MAX:
            return bad(p, b"Protocol error: invalid multibulk length")
        if number > STRANGER_WORDS and not p.trusted:
            return bad(p, b"Protocol error: unauthenticated multibulk length")
        if number <= 0:
            next[0] = start + p.offset
            p.offset = 0
            return REQUEST_EMPTY
        p.words_wanted = number
    while <int64_t>p.count < p.words_wanted:
        if p.word_length == -1:
            if start + p.offset >= end:
                return REQUEST_MORE
            if (start + p.offset)[0] != c"$":
                snprintf(p.error, sizeof(p.error), b"Protocol error: expected '$', got '%c'", (start + p.offset)[0])
                return REQUEST_BAD
            outcome = number_line(p, start, end, &number, b"Protocol error: too big bulk count string")
            if outcome != REQUEST_READY:
                return outcome
            if number < 0 or number > p.longest_word:
                return bad(p, b"Protocol error: invalid bulk length")
            if number > STRANGER_LENGTH and not p.trusted:
                return bad(p, b"Protocol error: unauthenticated bulk length")
            p.word_length = number
        there = end - start - p.offset
        if p.word_length >= LONG_WORD and (p.filling != NULL or there < <size_t>p.word_length + 2):
            if not keep:
                next[0] = end
                return REQUEST_MORE
            if p.filling == NULL:
                p.filling = blob_new(p.word_length, p.word_length + 2)
                p.filled = 0
                count_as(p.filling, KIND_STRING, KIND_CLIENT)
            if there > <size_t>p.word_length + 2 - p.filled:
                there = <size_t>p.word_length + 2 - p.filled
            memcpy(p.filling.data + p.filled, start + p.offset, there)
            p.filled += there
            if p.filled < <size_t>p.word_length + 2:
                next[0] = start + p.offset
                return REQUEST_MORE
            p.offset += there
            blob = p.filling
            p.filling = NULL
            remember_long_word(p, blob)
            remember_word(p, 0, p.word_length)
        else:
            if there < <size_t>p.word_length + 2:
                return REQUEST_MORE
            remember_word(p, p.offset, p.word_length)
            p.offset += p.word_length + 2
        p.word_length = -1
    for i in range(p.count):
        p.words[i].ptr = start + <size_t>p.words[i].ptr
    for i in range(p.long_count):
        p.words[p.long_words[i].index].ptr = p.long_words[i].blob.data
        count_as(p.long_words[i].blob, KIND_CLIENT, KIND_STRING)
    argv[0] = p.words
    argc[0] = p.count
    next[0] = start + p.offset
    # The words stay where they are until the next request; the state is that between requests.
    p.words_wanted = 0
    p.offset = 0
    p.count = 0
    return REQUEST_READY


cdef inline bint is_space(char c) noexcept nogil:
    return c == c" " or (c >= c"\t" and c <= c"\r")


cdef inline int hex_digit(char c) noexcept nogil:
    if c"0" <= c <= c"9":
        return c - c"0"
    if c"a" <= c <= c"f":
        return c - c"a" + 10
    if c"A" <= c <= c"F":
        return c - c"A" + 10
    return -1


cdef Outcome parse_line(Parser* p, const char* start, const char* end, Arg* room, size_t room_words,
                        Arg** argv, size_t* argc, const char** next) noexcept nogil:
    """An inline request: words between white space, with "escapes" and 'quotes'."""
    cdef const char* newline = <const char*>memchr(start, c"\n", end - start)
    cdef const char* at = start
    cdef const char* stop
    cdef char* to
    cdef char* word
    cdef char quote, c
    cdef size_t total = 0
    cdef size_t i
    if newline == NULL:
        if end - start > LINE_MAX:
            return bad(p, b"Protocol error: too big inline request")
        return REQUEST_MORE
    stop = newline
    if stop > start and (stop - 1)[0] == c"\r":
        stop -= 1
    next[0] = newline + 1
    if p.line_room < <size_t>(stop - start) + 1:
        p.line = <char*>grown(p.line, &p.line_room, 1, stop - start + 1)
    p.count = 0
    to = p.line
    while True:
        while at < stop and is_space(at[0]):
            at += 1
        if at >= stop:
            break
        word = to
        quote = 0
        while at < stop:
            c = at[0]
            if quote == c'"':
                if c == c"\\" and stop - at > 3 and at[1] == c"x" and hex_digit(at[2]) >= 0 and hex_digit(at[3]) >= 0:
                    to[0] = <char>(hex_digit(at[2]) * 16 + hex_digit(at[3]))
                    to += 1
                    at += 4
                    continue
                if c == c"\\" and stop - at > 1:
                    c = at[1]
                    if c == c"n":
                        c = c"\n"
                    elif c == c"r":
                        c = c"\r"
                    elif c == c"t":
                        c = c"\t"
                    elif c == c"b":
                        c = c"\b"
                    elif c == c"a":
                        c = c"\a"
                    at += 2
                    to[0] = c
                    to += 1
                    continue
                if c == c'"':
                    if stop - at > 1 and not is_space(at[1]):
                        return bad(p, b"Protocol error: unbalanced quotes in request")
                    quote = 0
                    at += 1
                    break
            elif quote == c"'":
                if c == c"\\" and stop - at > 1 and at[1] == c"'":
                    to[0] = c"'"
                    to += 1
                    at += 2
                    continue
                if c == c"'":
                    if stop - at > 1 and not is_space(at[1]):
                        return bad(p, b"Protocol error: unbalanced quotes in request")
                    quote = 0
                    at += 1
                    break
            else:
                if is_space(c) or c == 0:
                    break
                if c == c'"' or c == c"'":
                    quote = c
                    at += 1
                    continue
            to[0] = c
            to += 1
            at += 1
        if quote:
            return bad(p, b"Protocol error: unbalanced quotes in request")
        remember_word(p, word - p.line, to - word)
        if at < stop and at[0] == 0:
            break
    total = p.count
    p.count = 0
    if not total:
        return REQUEST_EMPTY
    for i in range(total):
        p.words[i].ptr = p.line + <size_t>p.words[i].ptr
    argv[0] = p.words
    argc[0] = total
    return REQUEST_READY
