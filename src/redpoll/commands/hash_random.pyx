"""HRANDFIELD: fields drawn by chance.

Several different fields of a large hash are drawn one after another, and what came before is drawn again, as long as
that does not happen often; where a third of all or more is wanted, all are gathered and the wanted ones picked of them.
Packed hashes, and those with fields that are due and still there, are always gathered.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc

from redpoll.commands.call cimport Call, native
from redpoll.commands.hash_access cimport hash_to_read, reply_element, reply_field_value
from redpoll.engine.entry cimport ENC_FIELDS, Entry
from redpoll.engine.fields cimport (
    FieldTable, FieldValue, Hash, field_of_entry, fields_length, fields_next_due, fields_visit,
)
from redpoll.engine.keyspace cimport Keyspace, random_of
from redpoll.engine.listpack cimport Element
from redpoll.engine.table cimport table_random
from redpoll.wire.output cimport Out
from redpoll.wire.reply cimport reply_array, reply_null

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import READONLY
from redpoll.errors import CommandError


cdef struct Pair:
    Element field
    FieldValue value


cdef struct Gathering:
    Pair* pairs
    size_t count


cdef void gather(void* context, const Element* field, const FieldValue* value) noexcept nogil:
    cdef Gathering* gathering = <Gathering*>context
    gathering.pairs[gathering.count].field = field[0]
    gathering.pairs[gathering.count].value = value[0]
    gathering.count += 1


cdef int gather_all(const Hash* h, Gathering* all_pairs) except -1:
    """Every field; `pairs` is the caller's to free."""
    all_pairs.count = 0
    all_pairs.pairs = <Pair*>malloc((fields_length(h) + 1) * sizeof(Pair))
    if all_pairs.pairs == NULL:
        raise MemoryError
    fields_visit(h, gather, all_pairs)
    return 0


cdef void reply_pair(Out* out, const Element* field, const FieldValue* value, bint values) noexcept:
    if values and out.resp > 2:
        reply_array(out, 2)
    reply_element(out, field)
    if values:
        reply_field_value(out, value)


cdef void reply_entry(Out* out, const Entry* e, bint values) noexcept:
    cdef Pair pair
    field_of_entry(e, &pair.field, &pair.value)
    reply_pair(out, &pair.field, &pair.value, values)


cdef void reply_pairs_header(Out* out, uint64_t count, bint values) noexcept:
    reply_array(out, count * 2 if values and out.resp == 2 else count)


cdef bint is_drawn(const Hash* h) noexcept:
    """Whether fields are drawn straight from the table."""
    return h.encoding == ENC_FIELDS and fields_next_due(h.encoding, h.value) >= h.now


cdef Entry* drawn(Keyspace keyspace, const Hash* h) noexcept:
    return table_random(&(<FieldTable*>h.value).table, random_of, &keyspace.random_state)


cdef int one_field(Call call, const Hash* h) except -1:
    cdef Gathering all_pairs
    if is_drawn(h):
        reply_entry(call.out, drawn(call.keyspace, h), False)
        return 0
    gather_all(h, &all_pairs)
    if all_pairs.count:
        reply_element(call.out, &all_pairs.pairs[call.keyspace.random() % all_pairs.count].field)
    else:
        reply_null(call.out)
    free(all_pairs.pairs)
    return 0


cdef int with_repeats(Call call, const Hash* h, uint64_t wanted, bint values) except -1:
    cdef Gathering all_pairs
    cdef Pair* pair
    if is_drawn(h):
        reply_pairs_header(call.out, wanted, values)
        while wanted:
            reply_entry(call.out, drawn(call.keyspace, h), values)
            wanted -= 1
        return 0
    gather_all(h, &all_pairs)
    if not all_pairs.count:
        wanted = 0
    reply_pairs_header(call.out, wanted, values)
    while wanted:
        pair = &all_pairs.pairs[call.keyspace.random() % all_pairs.count]
        reply_pair(call.out, &pair.field, &pair.value, values)
        wanted -= 1
    free(all_pairs.pairs)
    return 0


cdef int of_all(Call call, const Hash* h, uint64_t wanted, bint values) except -1:
    """Different fields, by a shuffle that stops when there are enough."""
    cdef Gathering all_pairs
    cdef Pair swapped
    cdef size_t i, other
    gather_all(h, &all_pairs)
    if wanted > all_pairs.count:
        wanted = all_pairs.count
    reply_pairs_header(call.out, wanted, values)
    for i in range(wanted):
        if wanted < all_pairs.count:
            other = i + call.keyspace.random() % (all_pairs.count - i)
            swapped = all_pairs.pairs[i]
            all_pairs.pairs[i] = all_pairs.pairs[other]
            all_pairs.pairs[other] = swapped
        reply_pair(call.out, &all_pairs.pairs[i].field, &all_pairs.pairs[i].value, values)
    free(all_pairs.pairs)
    return 0


cdef int by_drawing(Call call, const Hash* h, uint64_t wanted, bint values) except -1:
    """Different fields; a set of those drawn already, open addressing, tells the ones that come again."""
    cdef size_t room = 16
    cdef size_t place
    cdef Entry** known
    cdef Entry* e
    while room < wanted * 2:
        room *= 2
    known = <Entry**>calloc(room, sizeof(Entry*))
    if known == NULL:
        raise MemoryError
    reply_pairs_header(call.out, wanted, values)
    while wanted:
        e = drawn(call.keyspace, h)
        place = (<size_t>e * <size_t>0x9E3779B97F4A7C15) >> 20 & (room - 1)
        while known[place] != NULL and known[place] != e:
            place = (place + 1) & (room - 1)
        if known[place] == NULL:
            known[place] = e
            reply_entry(call.out, e, values)
            wanted -= 1
    free(known)
    return 0


cdef int hrandfield(Call call) except -1:
    cdef Hash h
    cdef int64_t count = 0
    cdef bint values = False
    cdef Entry** slot
    if call.argc > 2:
        call.integer(2, &count)
        if count == INT64_MIN:
            raise CommandError(errors.COUNT_RANGE)
        if call.argc > 4 or call.argc == 4 and not call.word_is(3, b"WITHVALUES", 10):
            raise CommandError(errors.SYNTAX)
        if call.argc == 4:
            values = True
            if count < -(INT64_MAX // 2) or count > INT64_MAX // 2:
                raise CommandError(errors.OUT_OF_RANGE)
    slot = hash_to_read(call, 1, &h)
    if call.argc == 2:
        if slot == NULL:
            reply_null(call.out)
            return 0
        return one_field(call, &h)
    if slot == NULL or count == 0:
        reply_array(call.out, 0)
        return 0
    if count < 0:
        return with_repeats(call, &h, <uint64_t>-count, values)
    if not is_drawn(&h) or <uint64_t>count * 3 >= fields_length(&h) or count > INT64_MAX // 3:
        return of_all(call, &h, count, values)
    return by_drawing(call, &h, count, values)

declare(
    "HRANDFIELD key [count [WITHVALUES]]=options", native(hrandfield),
    summary="Return one or more random fields of a hash.", group="hash", since="6.2.0", flags=READONLY,
    complexity="O(N) where N is the number of fields returned", tips="nondeterministic_output",
)
