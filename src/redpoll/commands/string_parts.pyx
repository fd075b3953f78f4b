"""Parts of strings: APPEND, ranges, lengths, and what two strings have in common."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from redpoll.commands.call cimport EVENT_STRING, Call, native
from redpoll.commands.options cimport check_string
from redpoll.commands.string cimport store
from redpoll.engine.entry cimport TYPE_STRING, Entry, entry_type, string_length, string_text
from redpoll.engine.lcs cimport lcs_table
from redpoll.wire.reply cimport reply_bulk, reply_integer

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.errors import CommandError


cdef int append(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef size_t before = 0
    cdef size_t more = call.argv[2].len
    if slot == NULL:
        store(call, slot, 1, 2, -1)
    else:
        check_string(slot)
        before = string_length(slot[0])
        if <int64_t>(before + more) > call.keyspace.longest_string:
            raise CommandError(errors.STRING_TOO_LONG)
        memcpy(call.db.edit_text(slot, before + more) + before, call.argv[2].ptr, more)
    call.changed(EVENT_STRING, b"append", 1)
    reply_integer(call.out, before + more)
    return 0

declare(
    "APPEND key value", native(append), summary="Append a value to a string; a missing key starts empty.",
    group="string", since="2.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(1) amortized, for a short value",
    keys="RW insert",
)


cdef int strlen_(Call call) except -1:
    cdef Entry** slot = call.read(1)
    check_string(slot)
    reply_integer(call.out, 0 if slot == NULL else string_length(slot[0]))
    return 0

declare(
    "STRLEN key", native(strlen_), summary="Return the length of the string at a key.", group="string", since="2.2.0",
    flags=READONLY | FAST, complexity="O(1)", keys="RO",
)


cdef int setrange(Call call) except -1:
    cdef int64_t offset
    cdef size_t before
    cdef size_t more = call.argv[3].len
    cdef size_t length
    cdef Entry** slot
    call.integer(2, &offset)
    if offset < 0:
        raise CommandError(errors.OFFSET_OUT_OF_RANGE)
    slot = call.write(1)
    check_string(slot)
    before = 0 if slot == NULL else string_length(slot[0])
    if not more:
        reply_integer(call.out, before)
        return 0
    if offset > call.keyspace.longest_string - <int64_t>more:
        raise CommandError(errors.STRING_TOO_LONG)
    length = max(before, <size_t>offset + more)
    if slot == NULL:
        slot = call.db.put_plain(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), b"", 0, -1)
    memcpy(call.db.edit_text(slot, length) + offset, call.argv[3].ptr, more)
    call.changed(EVENT_STRING, b"setrange", 1)
    reply_integer(call.out, length)
    return 0

declare(
    "SETRANGE key offset value", native(setrange),
    summary="Overwrite part of a string from an offset, padding with zero bytes.", group="string", since="2.2.0",
    flags=WRITE | DENYOOM, complexity="O(1) for a short value, else O(M) where M is its length", keys="RW update",
)


cdef int getrange(Call call) except -1:
    cdef int64_t start, end, length
    cdef char scratch[24]
    cdef const char* text
    cdef size_t size
    cdef Entry** slot
    call.integer(2, &start)
    call.integer(3, &end)
    slot = call.read(1)
    if slot == NULL:
        reply_bulk(call.out, b"", 0)
        return 0
    check_string(slot)
    text = string_text(slot[0], scratch, &size)
    length = size
    # Both ends before the beginning and the wrong way round: nothing, before they are cut to fit.
    if start < 0 and end < 0 and start > end:
        reply_bulk(call.out, b"", 0)
        return 0
    if start < 0:
        start = max(start + length, 0)
    if end < 0:
        end = max(end + length, 0)
    if end >= length:
        end = length - 1
    if start > end or length == 0:
        reply_bulk(call.out, b"", 0)
    else:
        reply_bulk(call.out, text + start, end - start + 1)
    return 0

declare(
    "GETRANGE key start end", native(getrange), summary="Return the part of a string between two offsets.",
    group="string", since="2.4.0", flags=READONLY, complexity="O(N) where N is the length of the reply",
)
declare(
    "SUBSTR key start end", native(getrange), summary="Return the part of a string between two offsets.",
    group="string", since="1.0.0", flags=READONLY, complexity="O(N) where N is the length of the reply",
    deprecated="2.0.0", replaced_by="GETRANGE",
)


cdef struct LcsOptions:
    bint length_only
    bint ranges
    bint with_length
    int64_t least            # shorter matches are not told


cdef int read_lcs_options(Call call, LcsOptions* options) except -1:
    cdef size_t i = 3
    options.length_only = options.ranges = options.with_length = False
    options.least = 0
    while i < call.argc:
        if call.word_is(i, b"IDX", 3):
            options.ranges = True
        elif call.word_is(i, b"LEN", 3):
            options.length_only = True
        elif call.word_is(i, b"WITHMATCHLEN", 12):
            options.with_length = True
        elif call.word_is(i, b"MINMATCHLEN", 11) and i + 1 < call.argc:
            i += 1
            call.integer(i, &options.least)
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    if options.ranges and options.length_only:
        raise CommandError(errors.LCS_LEN_AND_IDX)
    return 0


cdef int lcs(Call call) except -1:
    cdef LcsOptions options
    cdef Entry** one = call.read(1)
    cdef Entry** other = call.read(2)
    cdef char scratch_a[24]
    cdef char scratch_b[24]
    cdef const char* a = b""
    cdef const char* b = b""
    cdef size_t a_length = 0, b_length = 0, cells
    cdef uint32_t* table
    # The types are told before words that are wrong, unlike elsewhere; so does Redis.
    if (one != NULL and entry_type(one[0]) != TYPE_STRING) or (other != NULL and entry_type(other[0]) != TYPE_STRING):
        raise CommandError(errors.LCS_TYPES)
    read_lcs_options(call, &options)
    if one != NULL:
        a = string_text(one[0], scratch_a, &a_length)
    if other != NULL:
        b = string_text(other[0], scratch_b, &b_length)
    if a_length >= 0xFFFFFFFF - 1 or b_length >= 0xFFFFFFFF - 1:
        raise CommandError(errors.LCS_TOO_LONG)
    cells = (a_length + 1) * (b_length + 1)
    if cells > <size_t>call.keyspace.longest_string // sizeof(uint32_t):
        raise CommandError(errors.LCS_NO_MEMORY)
    table = lcs_table(a, a_length, b, b_length)
    if table == NULL:
        raise CommandError(errors.LCS_NO_MEMORY)
    try:
        if options.length_only:
            reply_integer(call.out, table[cells - 1])
        elif options.ranges:
            call.reply({b"matches": matches(table, a, a_length, b, b_length, options.least, options.with_length),
                        b"len": table[cells - 1]})
        else:
            text = common(table, a, a_length, b, b_length)
            reply_bulk(call.out, text, len(text))
    finally:
        free(table)
    return 0


cdef bytes common(const uint32_t* table, const char* a, size_t i, const char* b, size_t j):
    """The subsequence itself, read off backwards."""
    cdef size_t width = j + 1
    cdef size_t left = table[i * width + j]
    cdef bytes found = PyBytes_FromStringAndSize(NULL, left)
    cdef char* text = PyBytes_AS_STRING(found)
    while left:
        if a[i - 1] == b[j - 1]:
            left -= 1
            i -= 1
            j -= 1
            text[left] = a[i]
        elif table[(i - 1) * width + j] > table[i * width + j - 1]:
            i -= 1
        else:
            j -= 1
    return found


cdef list matches(const uint32_t* table, const char* a, size_t i, const char* b, size_t j, int64_t least,
                  bint with_length):
    """Ranges in both strings that match, the last one first."""
    cdef size_t width = j + 1
    cdef size_t a_start = 0, a_end = 0, b_start = 0, b_end = 0
    cdef bint inside = False
    cdef list found = []
    while i and j:
        if a[i - 1] == b[j - 1]:
            if inside and a_start == i and b_start == j:
                a_start -= 1
                b_start -= 1
            else:
                if inside:
                    add_match(found, a_start, a_end, b_start, b_end, least, with_length)
                a_start = a_end = i - 1
                b_start = b_end = j - 1
                inside = True
            i -= 1
            j -= 1
        elif table[(i - 1) * width + j] > table[i * width + j - 1]:
            i -= 1
        else:
            j -= 1
    if inside:
        add_match(found, a_start, a_end, b_start, b_end, least, with_length)
    return found


cdef int add_match(list found, size_t a_start, size_t a_end, size_t b_start, size_t b_end, int64_t least,
                   bint with_length) except -1:
    cdef int64_t length = a_end - a_start + 1
    if length >= least:
        match = [[a_start, a_end], [b_start, b_end]]
        if with_length:
            match.append(length)
        found.append(match)
    return 0

declare(
    "LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]", native(lcs),
    summary="Find the longest common subsequence of two strings.", group="string", since="7.0.0", flags=READONLY,
    complexity="O(N*M) where N and M are the lengths of the two strings",
)
