"""Strings as rows of bits, and of integers of any width."""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_STRING, Call, native
from redpoll.commands.options cimport check_string
from redpoll.engine.bits cimport count_bits, count_ones, find_bit, get_field, set_field
from redpoll.engine.blob cimport Blob, blob_new, blob_release
from redpoll.engine.entry cimport FLAG_MUTATED, Entry, string_length, string_text
from redpoll.engine.numbers cimport parse_int64
from redpoll.wire.reply cimport reply_array, reply_integer, reply_null

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.commands.key_finders import bitfield_keys
from redpoll.errors import CommandError


cdef int bit_offset(Call call, size_t word, bint counted, int width, uint64_t* offset) except -1:
    """The bit that a word names; `counted`: `#3` is the third field of that width."""
    cdef const char* text = call.argv[word].ptr
    cdef size_t length = call.argv[word].len
    cdef long long number
    cdef bint multiply = counted and length > 0 and text[0] == c"#"
    if multiply:
        text += 1
        length -= 1
    if not parse_int64(text, length, &number) or number < 0:
        raise CommandError(errors.BAD_BIT_OFFSET)
    if multiply:
        if number > INT64_MAX // width:
            raise CommandError(errors.BAD_BIT_OFFSET)
        number *= width
    if number >> 3 >= call.keyspace.longest_string:
        raise CommandError(errors.BAD_BIT_OFFSET)
    offset[0] = number
    return 0


cdef uint8_t* grown(Call call, Entry** slot, size_t length) except NULL:
    """The string at the first key, to be changed in place, at least so long."""
    cdef size_t before
    if slot == NULL:
        slot = call.db.put_plain(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), b"", 0, -1)
        before = 0
    else:
        before = string_length(slot[0])
    return <uint8_t*>call.db.edit_text(slot, max(before, length))


cdef int setbit(Call call) except -1:
    cdef uint64_t offset
    cdef Entry** slot
    cdef uint8_t* p
    cdef uint8_t bit
    cdef bint before, wanted
    cdef size_t length
    bit_offset(call, 2, False, 0, &offset)
    if call.argv[3].len != 1 or call.argv[3].ptr[0] not in (c"0", c"1"):
        raise CommandError(errors.NOT_A_BIT)
    slot = call.write(1)
    check_string(slot)
    length = 0 if slot == NULL else string_length(slot[0])
    p = grown(call, slot, (offset >> 3) + 1) + (offset >> 3)
    bit = <uint8_t>(1 << (7 - (offset & 7)))
    before = p[0] & bit != 0
    wanted = call.argv[3].ptr[0] == c"1"
    if wanted:
        p[0] |= bit
    else:
        p[0] &= ~bit
    if wanted != before or length <= offset >> 3:
        call.changed(EVENT_STRING, b"setbit", 1)
    reply_integer(call.out, before)
    return 0

declare(
    "SETBIT key offset value:integer", native(setbit),
    summary="Set or clear one bit of a string and return what it was.", group="bitmap", since="2.2.0",
    flags=WRITE | DENYOOM, complexity="O(1)", keys="RW access update",
)


cdef int getbit(Call call) except -1:
    cdef uint64_t offset
    cdef Entry** slot
    cdef char scratch[24]
    cdef const char* text
    cdef size_t length
    bit_offset(call, 2, False, 0, &offset)
    slot = call.read(1)
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    check_string(slot)
    text = string_text(slot[0], scratch, &length)
    reply_integer(call.out, get_field(<const uint8_t*>text, length, offset, 1))
    return 0

declare(
    "GETBIT key offset", native(getbit), summary="Return one bit of a string by its offset.", group="bitmap",
    since="2.2.0", flags=READONLY | FAST, complexity="O(1)",
)


cdef bint in_bits(Call call, size_t word) except -1:
    """Whether a word says that a range is in bits."""
    if call.word_is(word, b"BIT", 3):
        return True
    if call.word_is(word, b"BYTE", 4):
        return False
    raise CommandError(errors.SYNTAX)


cdef int bitcount(Call call) except -1:
    cdef int64_t start = 0, end = -1, length
    cdef bint bits = False
    cdef Entry** slot
    cdef char scratch[24]
    cdef const char* text
    cdef size_t size
    if call.argc > 5:
        raise CommandError(errors.SYNTAX)
    if call.argc > 2:
        call.integer(2, &start)
    if call.argc > 3:
        call.integer(3, &end)
    if call.argc > 4:
        bits = in_bits(call, 4)
    slot = call.read(1)
    if slot == NULL:
        reply_integer(call.out, 0)
        return 0
    check_string(slot)
    text = string_text(slot[0], scratch, &size)
    length = size
    if bits:
        length *= 8
    if start < 0 and end < 0 and start > end:
        reply_integer(call.out, 0)
        return 0
    if start < 0:
        start = max(start + length, 0)
    if end < 0:
        end = max(end + length, 0)
    if end >= length:
        end = length - 1
    if start > end:
        reply_integer(call.out, 0)
    elif bits:
        reply_integer(call.out, count_bits(<const uint8_t*>text, start, end + 1))
    else:
        reply_integer(call.out, count_ones(<const uint8_t*>text + start, end - start + 1))
    return 0

declare(
    "BITCOUNT key [start [end [BYTE | BIT]]=end-unit-block]=range", native(bitcount),
    summary="Count the bits that are set in a string.", group="bitmap", since="2.6.0", flags=READONLY,
    complexity="O(N) where N is the number of bytes looked at", added={"7.0.0": "unit"},
    history=(("8.0.0", "The end may be left out."),),
)


cdef int bitpos(Call call) except -1:
    cdef int64_t wanted, start = 0, end = -1, length, found
    cdef bint bits = False, end_given = call.argc > 4
    cdef Entry** slot
    cdef char scratch[24]
    cdef const char* text
    cdef size_t size
    call.integer(2, &wanted)
    if wanted != 0 and wanted != 1:
        raise CommandError(errors.NOT_BIT_ARGUMENT)
    if call.argc > 6:
        raise CommandError(errors.SYNTAX)
    if call.argc > 3:
        call.integer(3, &start)
    if end_given:
        call.integer(4, &end)
    if call.argc > 5:
        bits = in_bits(call, 5)
    slot = call.read(1)
    if slot == NULL:
        # An endless row of zeros.
        reply_integer(call.out, -1 if wanted else 0)
        return 0
    check_string(slot)
    text = string_text(slot[0], scratch, &size)
    length = size
    if bits:
        length *= 8
    if start < 0:
        start = max(start + length, 0)
    if end < 0:
        end = max(end + length, 0)
    if end >= length:
        end = length - 1
    if start > end:
        reply_integer(call.out, -1)
        return 0
    if not bits:
        start *= 8
        end = end * 8 + 7
    found = find_bit(<const uint8_t*>text, start, end + 1, wanted)
    if found < 0 and not wanted and not end_given:
        # The first zero is the one behind the string's end.
        found = <int64_t>size * 8
    reply_integer(call.out, found)
    return 0

declare(
    "BITPOS key bit [start [end [BYTE | BIT]]=end-unit-block]=range", native(bitpos),
    summary="Find the first bit of a string that is set, or clear.", group="bitmap", since="2.8.7", flags=READONLY,
    complexity="O(N) where N is the number of bytes looked at", added={"7.0.0": "unit"},
)


cdef enum Operation:
    OP_AND
    OP_OR
    OP_XOR
    OP_NOT
    OP_DIFF          # in the first, in none of the others
    OP_DIFF1         # in one of the others, not in the first
    OP_ANDOR         # in the first and in one of the others
    OP_ONE           # in exactly one


cdef Operation operation_of(Call call) except? OP_AND:
    if call.word_is(1, b"AND", 3):
        return OP_AND
    if call.word_is(1, b"OR", 2):
        return OP_OR
    if call.word_is(1, b"XOR", 3):
        return OP_XOR
    if call.word_is(1, b"NOT", 3):
        return OP_NOT
    if call.word_is(1, b"DIFF", 4):
        return OP_DIFF
    if call.word_is(1, b"DIFF1", 5):
        return OP_DIFF1
    if call.word_is(1, b"ANDOR", 5):
        return OP_ANDOR
    if call.word_is(1, b"ONE", 3):
        return OP_ONE
    raise CommandError(errors.SYNTAX)


cdef inline uint64_t word_at(const char* text, size_t length, size_t at) noexcept:
    """Eight bytes from `at` on, zeros behind the end."""
    cdef uint64_t word = 0
    if at + 8 <= length:
        memcpy(&word, text + at, 8)
    elif at < length:
        memcpy(&word, text + at, length - at)
    return word


cdef void fold_in(Operation operation, uint64_t* result, uint64_t* others, uint64_t* more, const char* text,
                  size_t length, size_t words) noexcept:
    """Take one further string into the result, word by word."""
    cdef size_t i
    cdef uint64_t word
    for i in range(words):
        word = word_at(text, length, i * 8)
        if operation == OP_AND:
            result[i] &= word
        elif operation == OP_OR:
            result[i] |= word
        elif operation == OP_XOR:
            result[i] ^= word
        elif operation == OP_ONE:
            more[i] |= result[i] & word
            result[i] |= word
        else:
            others[i] |= word


cdef int bitop(Call call) except -1:
    cdef Operation operation = operation_of(call)
    cdef size_t i, words, longest = 0, length
    cdef Entry** slot
    cdef char scratch[24]
    cdef const char* text
    cdef Blob* result = NULL
    cdef Blob* others = NULL
    cdef Blob* more = NULL
    cdef uint64_t* r
    cdef uint64_t* o = NULL
    cdef uint64_t* m = NULL
    if operation == OP_NOT and call.argc != 4:
        raise CommandError(errors.BITOP_NOT_ONE)
    if OP_DIFF <= operation <= OP_ANDOR and call.argc < 5:
        raise CommandError(errors.bitop_needs_two(call.word(1).decode().upper()))
    for i in range(3, call.argc):
        slot = call.read(i)
        check_string(slot)
        if slot != NULL:
            longest = max(longest, string_length(slot[0]))
    if not longest:
        slot = call.write(2)
        if slot != NULL:
            call.db.remove(slot, call.hash_of(2))
            call.changed(EVENT_GENERIC, b"del", 2)
        reply_integer(call.out, 0)
        return 0
    words = (longest + 7) // 8
    # Whole words, so that the last one needs no care; the length is set right below.
    result = blob_new(words * 8, words * 8)
    r = <uint64_t*>result.data
    if operation >= OP_DIFF:
        others = blob_new(words * 8, words * 8)
        more = blob_new(words * 8, words * 8)
        memset(others.data, 0, words * 8)
        memset(more.data, 0, words * 8)
        o = <uint64_t*>others.data
        m = <uint64_t*>more.data
    for i in range(3, call.argc):
        slot = call.find(i)
        text = b""
        length = 0
        if slot != NULL:
            text = string_text(slot[0], scratch, &length)
        if i == 3:
            memset(result.data, 0, words * 8)
            memcpy(result.data, text, length)
        else:
            fold_in(operation, r, o, m, text, length, words)
    for i in range(words):
        if operation == OP_NOT:
            r[i] = ~r[i]
        elif operation == OP_DIFF:
            r[i] &= ~o[i]
        elif operation == OP_DIFF1:
            r[i] = o[i] & ~r[i]
        elif operation == OP_ANDOR:
            r[i] &= o[i]
        elif operation == OP_ONE:
            r[i] &= ~m[i]
    result.length = longest
    if others != NULL:
        blob_release(others)
        blob_release(more)
    slot = call.write(2)
    slot = call.db.put_plain(slot, call.argv[2].ptr, call.argv[2].len, call.hash_of(2), result.data, longest, -1)
    slot[0].flags |= FLAG_MUTATED
    blob_release(result)
    call.changed(EVENT_STRING, b"set", 2)
    reply_integer(call.out, longest)
    return 0


declare(
    "BITOP <AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE>=operation destkey key [key ...]", native(bitop),
    summary="Combine strings bit by bit and store the result.", group="bitmap", since="2.6.0", flags=WRITE | DENYOOM,
    complexity="O(N) where N is the length of the longest string", keys=("OW update", "RO access"),
)


cdef enum Overflow:
    WRAP
    SATURATE
    FAIL


cdef enum FieldKind:
    FIELD_GET
    FIELD_SET
    FIELD_ADD


cdef struct Field:
    FieldKind kind
    Overflow overflow
    bint is_signed
    int width
    uint64_t offset
    int64_t value


cdef int field_type(Call call, size_t word, Field* field) except -1:
    cdef const char* text = call.argv[word].ptr
    cdef size_t length = call.argv[word].len
    cdef long long width
    if length and text[0] == c"i":
        field.is_signed = True
    elif length and text[0] == c"u":
        field.is_signed = False
    else:
        raise CommandError(errors.BAD_FIELD_TYPE)
    if not parse_int64(text + 1, length - 1, &width) or width < 1 or width > (64 if field.is_signed else 63):
        raise CommandError(errors.BAD_FIELD_TYPE)
    field.width = <int>width
    return 0


cdef list read_fields(Call call, bint read_only):
    """The operations as (kind, overflow, signed, width, offset, value)."""
    cdef size_t i = 2
    cdef Overflow overflow = WRAP
    cdef Field field
    cdef list found = []
    cdef bint more
    while i < call.argc:
        more = call.argc - i > 2
        if call.word_is(i, b"GET", 3) and more:
            field.kind = FIELD_GET
        elif call.word_is(i, b"SET", 3) and call.argc - i > 3:
            field.kind = FIELD_SET
        elif call.word_is(i, b"INCRBY", 6) and call.argc - i > 3:
            field.kind = FIELD_ADD
        elif call.word_is(i, b"OVERFLOW", 8) and call.argc - i > 1:
            i += 1
            if call.word_is(i, b"WRAP", 4):
                overflow = WRAP
            elif call.word_is(i, b"SAT", 3):
                overflow = SATURATE
            elif call.word_is(i, b"FAIL", 4):
                overflow = FAIL
            else:
                raise CommandError(errors.BAD_OVERFLOW_TYPE)
            i += 1
            continue
        else:
            raise CommandError(errors.SYNTAX)
        field_type(call, i + 1, &field)
        bit_offset(call, i + 2, True, field.width, &field.offset)
        field.value = 0
        if field.kind != FIELD_GET:
            if read_only:
                raise CommandError(errors.BITFIELD_RO_GET)
            call.integer(i + 3, &field.value)
            i += 1
        if field.kind != FIELD_GET and (field.offset + field.width - 1) >> 3 >= <uint64_t>call.keyspace.longest_string:
            raise CommandError(errors.BAD_BIT_OFFSET)
        found.append((field.kind, overflow, field.is_signed, field.width, field.offset, field.value))
        i += 3
    return found


cdef inline int64_t extended(uint64_t raw, int width) noexcept:
    """A signed number of so many bits as one of 64."""
    if width < 64 and raw >> (width - 1) & 1:
        raw |= ~<uint64_t>0 << width
    return <int64_t>raw


cdef object fit(object wanted, bint is_signed, int width, int overflow):
    """A number of any size as the field takes it; None: it does not fit and shall not."""
    cdef object one = 1      # of Python's, as the powers need not fit a machine word
    lowest = -(one << (width - 1)) if is_signed else 0
    highest = (one << (width - 1)) - 1 if is_signed else (one << width) - 1
    if lowest <= wanted <= highest:
        return wanted
    if overflow == FAIL:
        return None
    if overflow == SATURATE:
        return highest if wanted > highest else lowest
    wanted &= (one << width) - 1
    if is_signed and wanted >> (width - 1):
        wanted -= one << width
    return wanted


cdef int run_fields(Call call, bint read_only) except -1:
    cdef list fields = read_fields(call, read_only)
    cdef Entry** slot
    cdef char scratch[24]
    cdef const char* text = b""
    cdef uint8_t* p = NULL
    cdef size_t length = 0, needed = 0
    cdef uint64_t raw, changes = 0
    cdef bint writes = False
    cdef object before, after, value
    for kind, _, _, width, offset, _ in fields:
        if kind != FIELD_GET:
            writes = True
            needed = max(needed, <size_t>((<uint64_t>offset + <int>width + 7) >> 3))
    slot = call.write(1) if writes else call.read(1)
    check_string(slot)
    if writes:
        if slot == NULL or string_length(slot[0]) < needed:
            changes += 1
        p = grown(call, slot, needed)
        slot = call.find(1)
    if slot != NULL:
        text = string_text(slot[0], scratch, &length)
        if writes:
            p = <uint8_t*>text
    reply_array(call.out, len(fields))
    for kind, overflow, is_signed, width, offset, value in fields:
        raw = get_field(<const uint8_t*>text, length, offset, width)
        # Numbers of Python's, as sums of two fields may not fit 64 bits.
        if is_signed:
            before = extended(raw, width)
        else:
            before = raw
        if kind == FIELD_GET:
            reply_integer(call.out, before)
            continue
        after = fit(value if kind == FIELD_SET else before + value, is_signed, width, overflow)
        if after is None:
            reply_null(call.out)
            continue
        set_field(p, offset, width, <uint64_t>(after & 0xFFFFFFFFFFFFFFFF))
        if after != before:
            changes += 1
        reply_integer(call.out, before if kind == FIELD_SET else after)
    if changes:
        call.changed(EVENT_STRING, b"setbit", 1)
    return 0


cdef int bitfield(Call call) except -1:
    return run_fields(call, False)

declare(
    "BITFIELD key [<GET (encoding offset)=get-block | ([OVERFLOW <WRAP | SAT "
    "| FAIL>=overflow-block] <SET (encoding offset value:integer)=set-block "
    "| INCRBY (encoding offset increment)=incrby-block>=write-operation)=write>=operation ...]",
    native(bitfield), summary="Read, set and increment integers of any width inside a string.", group="bitmap",
    since="3.2.0", flags=WRITE | DENYOOM, complexity="O(1) for each operation",
    keys="RW access update variable_flags", find_keys=bitfield_keys,
)


cdef int bitfield_ro(Call call) except -1:
    return run_fields(call, True)

declare(
    "BITFIELD_RO key [GET (encoding offset)=get-block [GET encoding offset ...]]", native(bitfield_ro),
    summary="Read integers of any width inside a string.", group="bitmap", since="6.0.0", flags=READONLY | FAST,
    complexity="O(1) for each operation",
)
