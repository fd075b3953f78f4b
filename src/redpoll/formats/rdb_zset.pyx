"""Sorted sets in RDB.

    3     count, then member and score in turn, from the highest; a score is a byte of length and its text, or of 253:
          not a number, 254: infinity, 255: minus infinity
    5     the same, scores being doubles of 8 bytes, little endian
    12    a ziplist of member and score in turn, from the lowest, as one string
    17    a listpack of the same
"""

from libc.math cimport INFINITY, isnan
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from redpoll.engine.entry cimport (
    ENC_LISTPACK, TYPE_ZSET, Entry, entry_free_shell, entry_key, entry_key_length,
)
from redpoll.engine.listpack cimport (
    Element, listpack_first, listpack_free, listpack_get, listpack_length, listpack_next, listpack_size, listpack_text,
)
from redpoll.engine.numbers cimport parse_double
from redpoll.engine.rank_tree cimport Scored, compare_texts, member_new, member_score
from redpoll.engine.sorted_set cimport (
    Cursor, Limits as SortedLimits, Sorted, SortedSet, cursor_next, cursor_start, sorted_build, sorted_length,
)
from redpoll.engine.table cimport (
    Table, table_clear, table_find, table_hash, table_init, table_insert, table_reserve, table_walk_begin,
    table_walk_guard, table_walk_next,
)
from redpoll.formats.progress cimport Progress, progress_leave_entry, progress_set_bound
from redpoll.formats.rdb cimport RDB_ZSET, RDB_ZSET_2, RDB_ZSET_LISTPACK, RDB_ZSET_ZIPLIST
from redpoll.formats.rdb_input cimport (
    Source, Text, source_byte, source_bytes, source_count, source_fail, source_fixed64, source_text_kept,
)
from redpoll.formats.rdb_output cimport Output, put_block, put_fixed64, put_length, put_text
from redpoll.formats.rdb_packed cimport has_doubles, longest_element, read_listpack, read_ziplist
from redpoll.formats.reading cimport READ_EMPTY, READ_FAILED, READ_WHOLE, Limits, Reader, ReadResult, Value

cdef enum:
    SCORE_NOT_A_NUMBER = 253
    SCORE_INFINITY = 254
    SCORE_MINUS_INFINITY = 255
    BUCKETS_A_PIECE = 2048       # that a walk through the table looks at
    EXPECT_MOST = 1 << 20        # members that room is made for before they are there

cdef const char* TWICE = b"a member that comes twice"
cdef const char* BAD_SCORE = b"a score that is no number"
cdef const char* UNPAIRED = b"a member without a score"


# Members that are being gathered.
cdef struct Gathered:
    Scored* items                # filled from the end, as they come from the highest
    size_t room
    size_t count
    Table table                  # owns the members


cdef void gather_begin(Gathered* g, const Limits* limits, uint64_t expected) noexcept nogil:
    g.room = expected if expected < EXPECT_MOST else EXPECT_MOST
    g.items = <Scored*>malloc(g.room * sizeof(Scored))
    g.count = 0
    table_init(&g.table, limits.seed)
    table_reserve(&g.table, g.room)


cdef bint gather(Gathered* g, Source* source, const char* text, size_t length, double score) noexcept nogil:
    cdef uint64_t hash = table_hash(&g.table, text, length)
    cdef Entry* member
    if isnan(score):
        return source_fail(source, BAD_SCORE)
    if table_find(&g.table, text, length, hash) != NULL:
        return source_fail(source, TWICE)
    if g.count == g.room:
        g.room *= 2
        g.items = <Scored*>realloc(g.items, g.room * sizeof(Scored))
    member = member_new(text, length, score)
    table_insert(&g.table, member, hash)
    g.items[g.count].score = score
    g.items[g.count].member = member
    g.count += 1
    return True


cdef void gather_drop(Gathered* g) noexcept nogil:
    cdef size_t i
    for i in range(g.count):
        entry_free_shell(g.items[i].member)
    table_clear(&g.table)
    free(g.items)


cdef void sorted_limits(SortedLimits* limits, const Limits* source) noexcept nogil:
    limits.entries = source.zset_entries
    limits.bytes = source.zset_value
    limits.seed = source.seed


cdef ReadResult gather_done(Gathered* g, const Limits* limits, Value* value, bint from_highest) noexcept nogil:
    cdef Sorted z
    cdef SortedLimits sorted_limit
    cdef Scored kept
    cdef size_t i
    if from_highest:
        # Into the order that is wanted in the end, so that there is little left to sort.
        for i in range(g.count // 2):
            kept = g.items[i]
            g.items[i] = g.items[g.count - 1 - i]
            g.items[g.count - 1 - i] = kept
    sorted_limits(&sorted_limit, limits)
    sorted_build(&z, &sorted_limit, g.items, g.count, &g.table)
    free(g.items)
    value.type = TYPE_ZSET
    value.encoding = z.encoding
    value.pointer = z.value
    return READ_WHOLE


cdef bint read_score_text(Source* source, double* score) noexcept nogil:
    cdef uint8_t length
    cdef char text[SCORE_NOT_A_NUMBER]
    if not source_byte(source, &length):
        return False
    if length == SCORE_NOT_A_NUMBER:
        return source_fail(source, BAD_SCORE)
    if length >= SCORE_INFINITY:
        score[0] = INFINITY if length == SCORE_INFINITY else -INFINITY
        return True
    if not source_bytes(source, text, length):
        return False
    return parse_double(text, length, score) or source_fail(source, BAD_SCORE)


cdef ReadResult read_members(Reader* reader, bint as_text, Value* value) noexcept nogil:
    cdef Source* source = reader.source
    cdef uint64_t count, _, raw
    cdef double score
    cdef Text text
    cdef Gathered g
    if not source_count(source, &count, 2 if as_text else 9):
        return READ_FAILED
    if count == 0:
        return READ_EMPTY
    gather_begin(&g, &reader.limits, count)
    for _ in range(count):
        if not source_text_kept(source, &text):
            break
        if as_text:
            if not read_score_text(source, &score):
                break
        else:
            if not source_fixed64(source, &raw):
                break
            memcpy(&score, &raw, 8)
        if not gather(&g, source, text.text, text.length, score):
            break
    else:
        return gather_done(&g, &reader.limits, value, True)
    gather_drop(&g)
    return READ_FAILED


cdef bint element_score(const uint8_t* element, double* score) noexcept nogil:
    """The score in an element of a listpack; False: it is none."""
    cdef Element read
    listpack_get(element, &read)
    if read.text == NULL:
        score[0] = <double>read.integer
        return True
    return parse_double(read.text, read.length, score) and not isnan(score[0])


cdef bint in_order(const uint8_t* pack, bint* valid) noexcept nogil:
    """Whether members stand in their order; `valid`: all scores are numbers."""
    cdef const uint8_t* member = listpack_first(pack)
    cdef const uint8_t* following
    cdef double score
    cdef double before = -INFINITY
    cdef char scratch[2][24]
    cdef const char* text
    cdef const char* text_before = NULL
    cdef size_t length
    cdef size_t length_before = 0
    cdef int at = 0
    cdef bint ordered = True
    valid[0] = False
    while member != NULL:
        following = listpack_next(member)
        if not element_score(following, &score):
            return False
        text = listpack_text(member, scratch[at], &length)
        if text_before != NULL and (score < before or (score == before and compare_texts(
                text_before, length_before, text, length) >= 0)):
            ordered = False
        before = score
        text_before = text
        length_before = length
        at ^= 1
        member = listpack_next(following)
    valid[0] = True
    return ordered


cdef ReadResult read_packed(Reader* reader, bint ziplist, Value* value) noexcept nogil:
    cdef uint8_t* pack = read_ziplist(reader.source) if ziplist else read_listpack(reader.source)
    cdef Source* source = reader.source
    cdef const Limits* limits = &reader.limits
    cdef const uint8_t* member
    cdef const char* text
    cdef char scratch[24]
    cdef size_t length, count
    cdef bint valid, ordered
    cdef double score
    cdef Gathered g
    if pack == NULL:
        return READ_FAILED
    count = listpack_length(pack)
    if count == 0:
        listpack_free(pack)
        return READ_EMPTY
    if count & 1:
        listpack_free(pack)
        source_fail(source, UNPAIRED)
        return READ_FAILED
    ordered = in_order(pack, &valid)
    if not valid:
        listpack_free(pack)
        source_fail(source, BAD_SCORE)
        return READ_FAILED
    if ordered and count // 2 <= limits.zset_entries and longest_element(pack) <= limits.zset_value:
        if reader.careful and has_doubles(pack, 2):
            listpack_free(pack)
            source_fail(source, TWICE)
            return READ_FAILED
        value.type = TYPE_ZSET
        value.encoding = ENC_LISTPACK
        value.pointer = pack
        return READ_WHOLE
    gather_begin(&g, limits, count // 2)
    member = listpack_first(pack)
    while member != NULL:
        text = listpack_text(member, scratch, &length)
        member = listpack_next(member)
        element_score(member, &score)
        if not gather(&g, source, text, length, score):
            gather_drop(&g)
            listpack_free(pack)
            return READ_FAILED
        member = listpack_next(member)
    listpack_free(pack)
    return gather_done(&g, limits, value, False)


cdef ReadResult read_zset(Reader* reader, int rdb_type, Value* value) noexcept nogil:
    if rdb_type == RDB_ZSET or rdb_type == RDB_ZSET_2:
        return read_members(reader, rdb_type == RDB_ZSET, value)
    return read_packed(reader, rdb_type == RDB_ZSET_ZIPLIST, value)


cdef void zset_of(Sorted* z, const Progress* progress) noexcept nogil:
    z.encoding = progress.encoding
    z.value = progress.value


cdef int zset_type(Output* out, Progress* progress) noexcept nogil:
    return RDB_ZSET_LISTPACK if progress.encoding == ENC_LISTPACK else RDB_ZSET_2


cdef bint zset_begin(Output* out, Progress* progress) noexcept nogil:
    cdef Sorted z
    zset_of(&z, progress)
    if z.encoding == ENC_LISTPACK:
        put_block(out, <const char*>z.value, listpack_size(<const uint8_t*>z.value))
        return True
    progress.left = sorted_length(&z)
    put_length(out, progress.left)
    return False


cdef inline void put_scored(Output* out, const char* text, size_t length, double score) noexcept nogil:
    cdef uint64_t raw
    put_text(out, text, length)
    memcpy(&raw, &score, 8)
    put_fixed64(out, raw)


cdef void put_below_bound(void* context, Entry* member) noexcept nogil:
    cdef const Progress* progress = <const Progress*>context
    if zset_beside_bound(progress, member, -1) < 0:
        put_scored(progress.out, entry_key(member), entry_key_length(member), member_score(member))


cdef bint zset_more(Output* out, Progress* progress, size_t until) noexcept nogil:
    cdef Sorted z
    cdef Cursor cursor
    cdef size_t _
    progress.out = out
    if progress.entry == NULL:
        # Much of what is walked through may have been written by rank, so it is not the bytes alone that count.
        for _ in range(BUCKETS_A_PIECE):
            if out.length >= until:
                break
            if not table_walk_next(&progress.walk):
                return True
        return False
    zset_of(&z, progress)
    # From the highest, so that a reader that inserts in this order always inserts at the front.
    cursor_start(&cursor, &z, progress.left - 1, progress.left, True)
    while progress.left and out.length < until and cursor_next(&cursor):
        put_scored(out, cursor.text, cursor.length, cursor.score)
        progress.left -= 1
    return progress.left == 0


cdef int zset_beside_bound(const Progress* progress, const Entry* member, int otherwise) noexcept nogil:
    cdef double score = member_score(member)
    if progress.bound == NULL:
        return otherwise
    if score != progress.bound_score:
        return -1 if score < progress.bound_score else 1
    return compare_texts(entry_key(member), entry_key_length(member), progress.bound, progress.bound_length)


cdef bint zset_guard_from(Progress* progress, int64_t rank, entry_visitor visit) noexcept nogil:
    cdef Sorted z
    cdef Cursor cursor
    zset_of(&z, progress)
    if rank >= 0:
        cursor_start(&cursor, &z, rank, 1, False)
        cursor_next(&cursor)
        if not progress_set_bound(progress, cursor.text, cursor.length, cursor.score):
            return False
    table_walk_begin(&progress.walk, &(<SortedSet*>progress.value).table, visit, progress)
    return table_walk_guard(&progress.walk) and progress_leave_entry(progress)


cdef bint zset_guard(Progress* progress) noexcept nogil:
    cdef Sorted z
    zset_of(&z, progress)
    return zset_guard_from(progress, <int64_t>progress.left if progress.left < sorted_length(&z) else -1,
                           put_below_bound)
