"""Strings as rows of bits, and of integers of any width."""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_STRING, Call, native
from redpoll.commands.options cimport check_string
from redpoll.engine.bits cimport (
    COMBINE_AND, COMBINE_ANDOR, COMBINE_DIFF, COMBINE_DIFF1, COMBINE_NOT, COMBINE_ONE, COMBINE_OR, COMBINE_XOR, Bits,
    Combination, combine, count_bits, count_ones, find_bit, get_field, set_field,
)
from redpoll.engine.blob cimport Blob, blob_new, blob_release
from redpoll.engine.entry cimport EMBED_MAX, FLAG_MUTATED, Entry, string_length, string_text
from redpoll.engine.numbers cimport parse_int64
from redpoll.wire.reply cimport reply_array, reply_integer, reply_null

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.commands.key_finders import bitfield_keys
from redpoll.errors import CommandError

cdef extern from *:
    ctypedef long long int128 "__int128"


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


cdef uint8_t* grown(Call call, Entry** slot, size_t length, bint* changed) except NULL:
    """The string at the first key, to be changed in place, at least so long; whether that changed it already."""
    cdef size_t before = 0
    if slot == NULL:
        slot = call.db.put_plain(slot, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), b"", 0, -1)
    else:
        before = string_length(slot[0])
    changed[0] = length > before
    return <uint8_t*>call.db.edit_text(slot, max(before, length))


cdef int setbit(Call call) except -1:
    cdef uint64_t offset
    cdef Entry** slot
    cdef uint8_t* p
    cdef uint8_t bit, before
    cdef bint wanted, changed
    bit_offset(call, 2, False, 0, &offset)
    if call.argv[3].len != 1 or call.argv[3].ptr[0] not in (c"0", c"1"):
        raise CommandError(errors.NOT_A_BIT)
    wanted = call.argv[3].ptr[0] == c"1"
    slot = call.write(1)
    check_string(slot)
    p = grown(call, slot, (offset >> 3) + 1, &changed) + (offset >> 3)
    bit = <uint8_t>(1 << (7 - (offset & 7)))
    before = p[0]
    p[0] = before | bit if wanted else before & ~bit
    if changed or p[0] != before:
        call.changed(EVENT_STRING, b"setbit", 1)
    reply_integer(call.out, before & bit != 0)
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
    reply_integer(call.out, offset >> 3 < length and text[offset >> 3] >> (7 - (offset & 7)) & 1)
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


cdef Combination combination_of(Call call) except? COMBINE_AND:
    if call.word_is(1, b"AND", 3):
        return COMBINE_AND
    if call.word_is(1, b"OR", 2):
        return COMBINE_OR
    if call.word_is(1, b"XOR", 3):
        return COMBINE_XOR
    if call.word_is(1, b"NOT", 3):
        return COMBINE_NOT
    if call.word_is(1, b"DIFF", 4):
        return COMBINE_DIFF
    if call.word_is(1, b"DIFF1", 5):
        return COMBINE_DIFF1
    if call.word_is(1, b"ANDOR", 5):
        return COMBINE_ANDOR
    if call.word_is(1, b"ONE", 3):
        return COMBINE_ONE
    raise CommandError(errors.SYNTAX)


cdef struct Source:
    Entry* entry
    char scratch[24]


cdef int read_sources(Call call, Source* sources, Bits* bits, size_t* longest) except -1:
    cdef size_t i
    cdef Entry** slot
    longest[0] = 0
    for i in range(call.argc - 3):
        slot = call.read(i + 3)
        check_string(slot)
        bits[i].length = 0
        bits[i].text = NULL
        if slot != NULL:
            bits[i].text = string_text(slot[0], sources[i].scratch, &bits[i].length)
            longest[0] = max(longest[0], bits[i].length)
    return 0


cdef void put_result(Call call, Combination how, const Bits* bits, size_t length) noexcept:
    cdef Blob* result
    cdef Entry** slot
    if not length:
        slot = call.write(2)
        if slot != NULL:
            call.db.remove(slot, call.hash_of(2))
            call.changed(EVENT_GENERIC, b"del", 2)
        return
    # The target may be one of the sources, so it is looked up once they are read.
    result = blob_new(length, length)
    combine(how, <uint8_t*>result.data, length, bits, call.argc - 3)
    slot = call.write(2)
    if length > EMBED_MAX:
        slot = call.db.put_blob(slot, call.argv[2].ptr, call.argv[2].len, call.hash_of(2), result, -1)
    else:
        slot = call.db.put_plain(slot, call.argv[2].ptr, call.argv[2].len, call.hash_of(2), result.data, length, -1)
        blob_release(result)
    slot[0].flags |= FLAG_MUTATED
    call.changed(EVENT_STRING, b"set", 2)


cdef int bitop(Call call) except -1:
    cdef Combination how = combination_of(call)
    cdef size_t longest
    cdef Source* sources
    cdef Bits* bits
    if how == COMBINE_NOT and call.argc != 4:
        raise CommandError(errors.BITOP_NOT_ONE)
    if COMBINE_DIFF <= how <= COMBINE_ANDOR and call.argc < 5:
        raise CommandError(errors.bitop_needs_two(call.word(1).decode().upper()))
    sources = <Source*>malloc((call.argc - 3) * (sizeof(Source) + sizeof(Bits)))
    if sources == NULL:
        raise MemoryError
    bits = <Bits*>(sources + call.argc - 3)
    try:
        read_sources(call, sources, bits, &longest)
        put_result(call, how, bits, longest)
    finally:
        free(sources)
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


cdef size_t read_fields(Call call, Field* fields) except? 0:
    """The operations; returns how many there are."""
    cdef size_t i = 2, count = 0, left
    cdef Overflow overflow = WRAP
    cdef Field* field
    while i < call.argc:
        left = call.argc - i - 1
        field = &fields[count]
        if left >= 2 and call.word_is(i, b"GET", 3):
            field.kind = FIELD_GET
        elif left >= 3 and call.word_is(i, b"SET", 3):
            field.kind = FIELD_SET
        elif left >= 3 and call.word_is(i, b"INCRBY", 6):
            field.kind = FIELD_ADD
        elif left >= 1 and call.word_is(i, b"OVERFLOW", 8):
            overflow = overflow_of(call, i + 1)
            i += 2
            continue
        else:
            raise CommandError(errors.SYNTAX)
        field_type(call, i + 1, field)
        bit_offset(call, i + 2, True, field.width, &field.offset)
        field.overflow = overflow
        if field.kind != FIELD_GET:
            call.integer(i + 3, &field.value)
            i += 1
        i += 3
        count += 1
    return count


cdef Overflow overflow_of(Call call, size_t word) except? WRAP:
    if call.word_is(word, b"WRAP", 4):
        return WRAP
    if call.word_is(word, b"SAT", 3):
        return SATURATE
    if call.word_is(word, b"FAIL", 4):
        return FAIL
    raise CommandError(errors.BAD_OVERFLOW_TYPE)


cdef inline int64_t extended(uint64_t raw, int width) noexcept:
    """A signed number of so many bits as one of 64."""
    cdef int unused = 64 - width
    return <int64_t>(raw << unused) >> unused


cdef bint fit(const Field* field, int128 wanted, uint64_t* raw) noexcept:
    """A number of any size as the bits that the field takes; False: it does not fit and shall not."""
    cdef int128 one = 1
    cdef int128 highest = (one << (field.width - field.is_signed)) - 1
    cdef int128 lowest = -highest - 1 if field.is_signed else <int128>0
    if wanted > highest or wanted < lowest:
        if field.overflow == FAIL:
            return False
        if field.overflow == SATURATE:
            wanted = highest if wanted > highest else lowest
    raw[0] = <uint64_t>wanted & (~<uint64_t>0 >> (64 - field.width))
    return True


cdef enum Outcome:
    LEFT                     # nothing was written
    REWRITTEN                # with what was there
    CHANGED


cdef Outcome run_field(Call call, const Field* field, const uint8_t* text, size_t length, uint8_t* p) noexcept:
    """Do and answer one operation."""
    cdef uint64_t raw = get_field(text, length, field.offset, field.width)
    cdef uint64_t made
    cdef int128 before = extended(raw, field.width) if field.is_signed else <int64_t>raw
    cdef int128 wanted
    if field.kind == FIELD_GET:
        reply_integer(call.out, <int64_t>before)
        return LEFT
    if field.kind == FIELD_ADD:
        wanted = before + field.value
    elif field.is_signed:
        wanted = field.value
    else:
        # As Redis: what is negative for an unsigned field is very large.
        wanted = <uint64_t>field.value
    if not fit(field, wanted, &made):
        reply_null(call.out)
        return LEFT
    set_field(p, field.offset, field.width, made)
    if field.kind == FIELD_SET:
        reply_integer(call.out, <int64_t>before)
    else:
        reply_integer(call.out, extended(made, field.width) if field.is_signed else <int64_t>made)
    return CHANGED if made != raw else REWRITTEN


cdef int run_fields(Call call, const Field* fields, size_t count, bint read_only) except -1:
    cdef Entry** slot
    cdef char scratch[24]
    cdef const char* text = b""
    cdef uint8_t* p = NULL
    cdef size_t i, length = 0, needed = 0
    cdef uint64_t changes = 0
    cdef bint lengthened = False
    cdef Outcome outcome
    for i in range(count):
        if fields[i].kind != FIELD_GET:
            needed = max(needed, <size_t>((fields[i].offset + fields[i].width + 7) >> 3))
    if needed and read_only:
        raise CommandError(errors.BITFIELD_RO_GET)
    slot = call.write(1) if needed else call.read(1)
    check_string(slot)
    if needed:
        p = grown(call, slot, needed, &lengthened)
        slot = call.find(1)
    if slot != NULL:
        text = string_text(slot[0], scratch, &length)
    reply_array(call.out, count)
    for i in range(count):
        outcome = run_field(call, &fields[i], <const uint8_t*>text, length, p)
        if outcome == CHANGED or (outcome == REWRITTEN and lengthened):
            changes += 1
    if changes:
        call.changed(EVENT_STRING, b"setbit", 1)
        call.keyspace.dirty += changes - 1
    return 0


cdef int with_fields(Call call, bint read_only) except -1:
    cdef Field few[16]
    cdef Field* fields = few
    cdef size_t most = call.argc // 3
    if most > 16:
        fields = <Field*>malloc(most * sizeof(Field))
        if fields == NULL:
            raise MemoryError
    try:
        run_fields(call, fields, read_fields(call, fields), read_only)
    finally:
        if fields != few:
            free(fields)
    return 0


cdef int bitfield(Call call) except -1:
    return with_fields(call, False)

declare(
    "BITFIELD key [<GET (encoding offset)=get-block | ([OVERFLOW <WRAP | SAT "
    "| FAIL>=overflow-block] <SET (encoding offset value:integer)=set-block "
    "| INCRBY (encoding offset increment)=incrby-block>=write-operation)=write>=operation ...]",
    native(bitfield), summary="Read, set and increment integers of any width inside a string.", group="bitmap",
    since="3.2.0", flags=WRITE | DENYOOM, complexity="O(1) for each operation",
    keys="RW access update variable_flags", find_keys=bitfield_keys,
)


cdef int bitfield_ro(Call call) except -1:
    return with_fields(call, True)

declare(
    "BITFIELD_RO key [GET (encoding offset)=get-block [GET encoding offset ...]]", native(bitfield_ro),
    summary="Read integers of any width inside a string.", group="bitmap", since="6.0.0", flags=READONLY | FAST,
    complexity="O(1) for each operation",
)
