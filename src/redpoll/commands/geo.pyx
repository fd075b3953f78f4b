"""Places as members of sorted sets: adding them, where they are, how far apart."""

from libc.stdint cimport uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free, malloc

from redpoll.commands.call cimport Call, native
from redpoll.commands.sorted_set cimport COUNT_CHANGED, open_sorted, put_members
from redpoll.engine.geohash cimport (
    GEO_TEXT_SIZE, Place, distance_between, geohash_decode, geohash_encode, geohash_text, place_is_valid,
)
from redpoll.engine.numbers cimport format_uint64, parse_double
from redpoll.engine.sorted_set cimport ONLY_EXISTING, ONLY_NEW, Sorted, sorted_score
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_double, reply_null, reply_null_array

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, READONLY, WRITE
from redpoll.errors import CommandError


cdef int read_place(Call call, size_t word, Place* place) except -1:
    if not (parse_double(call.argv[word].ptr, call.argv[word].len, &place.longitude)
            and parse_double(call.argv[word + 1].ptr, call.argv[word + 1].len, &place.latitude)):
        raise CommandError(errors.NOT_A_FLOAT)
    if not place_is_valid(place.longitude, place.latitude):
        raise CommandError(errors.invalid_place(place.longitude, place.latitude))
    return 0


cdef double read_unit(Call call, size_t word) except -1:
    if call.word_is(word, b"M", 1):
        return 1
    if call.word_is(word, b"KM", 2):
        return 1000
    if call.word_is(word, b"FT", 2):
        return 0.3048
    if call.word_is(word, b"MI", 2):
        return 1609.34
    raise CommandError(errors.GEO_UNIT)


cdef void reply_place(Call call, Place place) noexcept:
    reply_array(call.out, 2)
    reply_double(call.out, place.longitude)
    reply_double(call.out, place.latitude)


cdef void reply_distance(Call call, double distance) noexcept:
    """With four decimals, as a text in RESP3 too."""
    cdef char text[400]
    cdef double scaled = distance * 10000
    cdef uint64_t whole, rest
    cdef size_t length
    # What is far from a tie when rounded is printed by integers; the rest, and what is huge, by the C library.
    if 0 <= scaled < 1e15:
        whole = <uint64_t>(scaled + 0.5)
        if -0.499 < scaled - <double>whole < 0.499:
            rest = whole % 10000
            length = format_uint64(text, whole // 10000)
            text[length] = c"."
            text[length + 1] = <char>(48 + rest // 1000)
            text[length + 2] = <char>(48 + rest // 100 % 10)
            text[length + 3] = <char>(48 + rest // 10 % 10)
            text[length + 4] = <char>(48 + rest % 10)
            reply_bulk(call.out, text, length + 5)
            return
    reply_bulk(call.out, text, snprintf(text, sizeof(text), b"%.4f", distance))


cdef int geoadd(Call call) except -1:
    cdef int options = 0
    cdef size_t first = 2
    cdef size_t count, i
    cdef double* scores
    cdef Place place
    while first < call.argc:
        if call.word_is(first, b"NX", 2):
            options |= ONLY_NEW
        elif call.word_is(first, b"XX", 2):
            options |= ONLY_EXISTING
        elif call.word_is(first, b"CH", 2):
            options |= COUNT_CHANGED
        else:
            break
        first += 1
    count = (call.argc - first) // 3
    if 3 * count != call.argc - first or (options & ONLY_NEW and options & ONLY_EXISTING):
        raise CommandError(errors.SYNTAX)
    if not count:
        raise CommandError(errors.SYNTAX)
    scores = <double*>malloc(count * sizeof(double))
    if scores == NULL:
        raise MemoryError
    try:
        for i in range(count):
            read_place(call, first + 3 * i, &place)
            scores[i] = <double>geohash_encode(place.longitude, place.latitude)
        put_members(call, first + 2, 3, count, options, scores)
    finally:
        free(scores)
    return 0

declare(
    "GEOADD key [NX | XX] [CH=change] longitude latitude member [longitude latitude member ...]", native(geoadd),
    summary="Add places to a sorted set, or move those that are there.", group="geo", since="3.2.0",
    flags=WRITE | DENYOOM, keys="RW update",
    complexity="O(log N) for each place added, where N is the number of members in the sorted set",
    added={"6.2.0": "CH condition"},
)


cdef int geopos(Call call) except -1:
    cdef Sorted z
    cdef double score
    cdef size_t i
    cdef bint there = open_sorted(call.read(1), &z)
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        if there and sorted_score(&z, call.argv[i].ptr, call.argv[i].len, &score):
            reply_place(call, geohash_decode(score))
        else:
            reply_null_array(call.out)
    return 0

declare(
    "GEOPOS key [member [member ...]]", native(geopos), summary="Return longitude and latitude of members.",
    group="geo", since="3.2.0", flags=READONLY, complexity="O(N) where N is the number of members asked for",
)


cdef int geohash(Call call) except -1:
    cdef Sorted z
    cdef double score
    cdef char text[GEO_TEXT_SIZE]
    cdef size_t i
    cdef bint there = open_sorted(call.read(1), &z)
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        if there and sorted_score(&z, call.argv[i].ptr, call.argv[i].len, &score):
            geohash_text(score, text)
            reply_bulk(call.out, text, GEO_TEXT_SIZE)
        else:
            reply_null(call.out)
    return 0

declare(
    "GEOHASH key [member [member ...]]", native(geohash), summary="Return the geohashes of members.", group="geo",
    since="3.2.0", flags=READONLY, complexity="O(N) where N is the number of members asked for",
)


cdef int geodist(Call call) except -1:
    cdef Sorted z
    cdef double unit = 1
    cdef double score, other
    cdef Place a, b
    if call.argc == 5:
        unit = read_unit(call, 4)
    elif call.argc > 5:
        raise CommandError(errors.SYNTAX)
    if not (open_sorted(call.read(1), &z) and sorted_score(&z, call.argv[2].ptr, call.argv[2].len, &score)
            and sorted_score(&z, call.argv[3].ptr, call.argv[3].len, &other)):
        reply_null(call.out)
        return 0
    a = geohash_decode(score)
    b = geohash_decode(other)
    reply_distance(call, distance_between(a.longitude, a.latitude, b.longitude, b.latitude) / unit)
    return 0

declare(
    "GEODIST key member1 member2 [M | KM | FT | MI]", native(geodist),
    summary="Return the distance between two members.", group="geo", since="3.2.0", flags=READONLY,
    complexity="O(1)",
)
