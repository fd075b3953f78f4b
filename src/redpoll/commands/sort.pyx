"""SORT: elements of a list, set or sorted set in another order, or what patterns make of them; see sort_patterns."""

from libc.stdint cimport int64_t
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memchr, memset

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_LIST, Call, native, refuse_type
from redpoll.commands.sort_patterns cimport (
    Pattern, Patterns, pattern_read, pattern_value, patterns_begin, patterns_end, row_add, row_begin, row_fetch,
)
from redpoll.engine.entry cimport (
    ENC_LISTPACK, ENC_TABLE, TYPE_LIST, TYPE_SET, TYPE_ZSET, Entry, entry_encoding, entry_free_shell,
    entry_new, entry_set_value, entry_type, entry_value,
)
from redpoll.engine.list cimport list_length, list_make_room, list_new, list_push, list_walk
from redpoll.engine.listpack cimport Element
from redpoll.engine.member cimport MEMBER_INTEGER, Member, member_text, word_integer
from redpoll.engine.members cimport Batch
from redpoll.engine.numbers cimport format_int64
from redpoll.engine.quicklist_walk cimport Walk, walk_end, walk_get, walk_next
from redpoll.engine.set cimport Set, SetCursor, set_length, set_next, set_of
from redpoll.engine.sorted_set cimport Cursor, Sorted, cursor_next, cursor_start, sorted_length, sorted_open
from redpoll.engine.sorting cimport (
    Ordered, Text, TextArena, arena_free, arena_init, collates, score_key, sort_by_key, sort_by_text, text_collated,
    text_copy, text_print, text_score,
)
from redpoll.wire.output cimport Out
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_integer, reply_integer_text, reply_null

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, READONLY, WRITE
from redpoll.commands.key_finders import sort_keys
from redpoll.errors import CommandError

cdef enum:
    GATE_RULES = 4096        # of a connection whose user may not do all; see server/connection

# A SORT under way; `sorting_end` frees what it has.
cdef struct Sorting:
    size_t by                # the word of the pattern to sort by; 0: the elements themselves
    size_t store             # the word of the destination; 0: reply
    bint as_it_is            # no sorting: the pattern to sort by has no `*`
    bint in_script
    bint alpha
    bint descending
    int64_t offset
    int64_t limit            # below zero: none
    Patterns gets
    int type                 # of the source
    Text* elements
    size_t count
    size_t first             # which of the elements, once they are in order, are told
    size_t told
    Ordered* order
    Ordered* scratch
    TextArena arena


cdef void* room_for(size_t count, size_t size) noexcept:
    cdef void* memory = malloc(max(count, <size_t>1) * size)
    if memory == NULL:
        abort()
    return memory


cdef void sorting_end(Sorting* s) noexcept:
    patterns_end(&s.gets)
    free(s.elements)
    free(s.order)
    free(s.scratch)
    arena_free(&s.arena)


cdef bint may_read_all(Call call) except -1:
    """Patterns make any key's value known, so they are for users who may read all keys."""
    return not call.gate & GATE_RULES or call.server.access.may_read_all(call)


cdef int read_words(Call call, Sorting* s, bint may_store) except -1:
    cdef size_t i = 2
    cdef size_t left
    s.in_script = call.in_script
    s.limit = -1
    while i < call.argc:
        left = call.argc - i - 1
        if call.word_is(i, b"ASC", 3):
            s.descending = False
        elif call.word_is(i, b"DESC", 4):
            s.descending = True
        elif call.word_is(i, b"ALPHA", 5):
            s.alpha = True
        elif call.word_is(i, b"LIMIT", 5) and left >= 2:
            call.integer(i + 1, &s.offset)
            call.integer(i + 2, &s.limit)
            i += 2
        elif may_store and call.word_is(i, b"STORE", 5) and left >= 1:
            s.store = i = i + 1
        elif call.word_is(i, b"BY", 2) and left >= 1:
            i += 1
            s.by = i
            # Once a pattern says not to sort, no other one changes that.
            s.as_it_is |= not call.argv[i].len or memchr(call.argv[i].ptr, c"*", call.argv[i].len) == NULL
            if not s.as_it_is and not may_read_all(call):
                raise CommandError(errors.SORT_BY_DENIED)
        elif call.word_is(i, b"GET", 3) and left >= 1:
            i += 1
            s.gets.count += 1
            if not may_read_all(call):
                raise CommandError(errors.SORT_GET_DENIED)
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    return 0


cdef void read_gets(Call call, Sorting* s) noexcept:
    """The patterns of GET, in words that `read_words` has found good."""
    cdef Pattern* items = <Pattern*>room_for(s.gets.count, sizeof(Pattern))
    cdef size_t i = 2
    cdef size_t count = 0
    while i < call.argc:
        if call.word_is(i, b"LIMIT", 5):
            i += 2
        elif call.word_is(i, b"STORE", 5) or call.word_is(i, b"BY", 2):
            i += 1
        elif call.word_is(i, b"GET", 3):
            i += 1
            pattern_read(&items[count], &call.argv[i])
            count += 1
        i += 1
    patterns_begin(&s.gets, items, count)


# Elements

cdef void set_range(Sorting* s, size_t length) noexcept:
    """Which elements are wanted, of so many."""
    s.first = 0 if s.offset < 0 else min(<size_t>s.offset, length)
    s.told = length - s.first
    if s.limit >= 0:
        s.told = min(s.told, <size_t>s.limit)


cdef void load_list(Sorting* s, const Entry* e) noexcept nogil:
    cdef Walk walk
    cdef Element element
    cdef Text* text
    cdef size_t i
    cdef bint backwards = s.as_it_is and s.descending
    if not s.count:
        return
    # What is not sorted is taken from where it is wanted.
    i = s.first if s.as_it_is else 0
    list_walk(e, &walk, list_length(e) - 1 - i if backwards else i, backwards)
    for i in range(s.count):
        if i:
            walk_next(&walk)
        walk_get(&walk, &element)
        text = &s.elements[i]
        if element.text == NULL:
            text.text = NULL
            text.number = element.integer
        elif walk.scratch != NULL:
            text_copy(text, element.text, element.length, &s.arena)
        else:
            text.text = element.text
            text.number = element.length
    walk_end(&walk)


cdef void load_set(Sorting* s, const Entry* e) noexcept nogil:
    cdef Set source
    cdef SetCursor cursor
    cdef Batch batch
    cdef Member* member
    cdef Text* text = s.elements
    cdef const char* taken
    cdef char scratch[24]
    cdef size_t i, length
    memset(&cursor, 0, sizeof(cursor))
    set_of(&source, e)
    while True:
        set_next(&source, &cursor, &batch)
        if not batch.count:
            return
        for i in range(batch.count):
            member = &batch.members[i]
            if member.text == NULL and member.word & MEMBER_INTEGER:
                text.text = NULL
                text.number = word_integer(member.word)
            elif member.text != NULL and source.encoding == ENC_TABLE:
                text.text = member.text
                text.number = member.length
            else:
                # Its text is in the batch, or may be.
                taken = member_text(member, scratch, &length)
                text_copy(text, taken, length, &s.arena)
            text += 1


cdef void load_sorted(Sorting* s, const Entry* e) noexcept nogil:
    cdef Sorted z
    cdef Cursor cursor
    cdef size_t i = s.first if s.as_it_is else 0
    cdef bint backwards = s.as_it_is and s.descending
    if not s.count:
        return
    sorted_open(&z, e)
    cursor_start(&cursor, &z, sorted_length(&z) - 1 - i if backwards else i, s.count, backwards)
    i = 0
    while cursor_next(&cursor):
        if cursor.text == cursor.scratch:
            text_copy(&s.elements[i], cursor.text, cursor.length, &s.arena)
        else:
            s.elements[i].text = cursor.text
            s.elements[i].number = cursor.length
        i += 1


cdef int load(Sorting* s, const Entry* e) except -1:
    cdef Set members
    cdef Sorted z
    cdef size_t length
    s.type = entry_type(e)
    if s.type == TYPE_LIST:
        length = list_length(e)
    elif s.type == TYPE_SET:
        set_of(&members, e)
        length = set_length(&members)
    elif s.type == TYPE_ZSET:
        sorted_open(&z, e)
        length = sorted_length(&z)
    else:
        return refuse_type()
    set_range(s, length)
    # A set has no order of its own, and what is stored, or a script goes by, must not depend on chance.
    if s.type == TYPE_SET and s.as_it_is and (s.store or s.in_script):
        s.as_it_is = False
        s.alpha = True
        s.by = 0
    s.count = s.told if s.as_it_is and s.type != TYPE_SET else length
    s.elements = <Text*>room_for(s.count, sizeof(Text))
    if s.type == TYPE_LIST:
        load_list(s, e)
    elif s.type == TYPE_SET:
        load_set(s, e)
    else:
        load_sorted(s, e)
    if s.as_it_is and s.type != TYPE_SET:
        s.first = 0
    return 0


# Order

cdef void print_all(Text* texts, size_t count, TextArena* arena) noexcept nogil:
    cdef size_t i
    for i in range(count):
        text_print(&texts[i], arena)


cdef void collate_all(Text* texts, size_t count, TextArena* arena) noexcept nogil:
    cdef size_t i
    for i in range(count):
        text_collated(&texts[i], arena)


cdef void order_by_elements(Sorting* s) noexcept:
    """Alphabetically."""
    cdef Text* collated
    cdef size_t i
    print_all(s.elements, s.count, &s.arena)
    if s.store or not collates():
        sort_by_text(s.order, s.scratch, s.count, s.elements)
        return
    collated = <Text*>room_for(s.count, sizeof(Text))
    for i in range(s.count):
        collated[i] = s.elements[i]
    collate_all(collated, s.count, &s.arena)
    sort_by_text(s.order, s.scratch, s.count, collated)
    free(collated)


cdef void order_by_values(Sorting* s, Text* values, const char* there) noexcept:
    """Alphabetically by what the pattern found; elements without a value come first."""
    cdef size_t i, index
    cdef size_t missing = 0
    cdef size_t found = 0
    if s.type == TYPE_SET and s.store:
        # Equal values leave the order as it is, which must not be that of chance.
        print_all(s.elements, s.count, &s.arena)
        sort_by_text(s.order, s.scratch, s.count, s.elements)
    if s.descending:
        # It is read from its end; so equal values stay in their order.
        for i in range(s.count // 2):
            s.order[i], s.order[s.count - 1 - i] = s.order[s.count - 1 - i], s.order[i]
    for i in range(s.count):
        index = s.order[i].index
        if there[index]:
            text_print(&values[index], &s.arena)
            if not s.store and collates():
                text_collated(&values[index], &s.arena)
            s.scratch[found].index = index
            found += 1
        else:
            s.order[missing].index = index
            missing += 1
    for i in range(found):
        s.order[missing + i].index = s.scratch[i].index
    sort_by_text(s.order + missing, s.scratch, found, values)


cdef void find_values(Call call, Sorting* s, Text* values, char* there) noexcept:
    """What the pattern of BY stands for, with each element."""
    cdef Patterns patterns
    cdef Pattern* by = <Pattern*>room_for(1, sizeof(Pattern))
    cdef size_t i, j, count
    pattern_read(by, &call.argv[s.by])
    patterns_begin(&patterns, by, 1)
    i = 0
    while i < s.count:
        count = min(patterns.elements, s.count - i)
        row_begin(&patterns)
        for j in range(count):
            row_add(&patterns, call, j, &s.elements[i + j])
        row_fetch(&patterns, call, count)
        for j in range(count):
            there[i + j] = pattern_value(&patterns, call, j, 0, &s.elements[i + j], &values[i + j])
        i += count
    patterns_end(&patterns)


cdef bint set_keys(Sorting* s, const Text* values, const char* there) noexcept nogil:
    """Numbers to sort by; False: something is none. Nothing counts as zero."""
    cdef double score
    cdef size_t i
    for i in range(s.count):
        score = 0
        if (there == NULL or there[i]) and not text_score(&values[i], &score):
            return False
        s.order[i].key = score_key(score)
    return True


cdef int put_in_order(Call call, Sorting* s) except -1:
    cdef Text* values = NULL
    cdef char* there = NULL
    cdef size_t i
    cdef bint numbers = True
    s.order = <Ordered*>room_for(s.count, sizeof(Ordered))
    s.scratch = <Ordered*>room_for(s.count, sizeof(Ordered))
    for i in range(s.count):
        s.order[i].index = i
    if s.by:
        values = <Text*>room_for(s.count, sizeof(Text))
        there = <char*>room_for(s.count, 1)
        find_values(call, s, values, there)
    if not s.alpha:
        numbers = set_keys(s, values if s.by else s.elements, there)
        if numbers:
            sort_by_key(s.order, s.scratch, s.count, s.elements, &s.arena)
    elif s.by:
        order_by_values(s, values, there)
    else:
        order_by_elements(s)
    free(values)
    free(there)
    if not numbers:
        raise CommandError(errors.SORT_SCORES)
    return 0


cdef inline const Text* told_element(const Sorting* s, size_t i) noexcept nogil:
    """The element that comes at a place of the reply."""
    i += s.first
    if s.order == NULL:
        return &s.elements[i]
    return &s.elements[s.order[s.count - 1 - i if s.descending else i].index]


# Results

ctypedef void (*result_taker)(void* context, const Text* value) noexcept


cdef void reply_result(void* context, const Text* value) noexcept:
    cdef Out* out = <Out*>context
    if value == NULL:
        reply_null(out)
    elif value.text == NULL:
        reply_integer_text(out, value.number)
    else:
        reply_bulk(out, value.text, value.number)


cdef struct Storing:
    Entry* made
    void* keyspace


cdef void store_result(void* context, const Text* value) noexcept:
    cdef Storing* storing = <Storing*>context
    cdef char digits[24]
    cdef const char* text = b""
    cdef size_t length = 0
    if value != NULL:
        text = value.text
        length = value.number
        if text == NULL:
            length = format_int64(digits, value.number)
            text = digits
    list_make_room(storing.made, <object>storing.keyspace, length, 1)
    list_push(storing.made, text, length, False)


cdef void hand_out(Call call, Sorting* s, result_taker take, void* context) noexcept:
    cdef size_t i, j, number, count
    cdef const Text* element
    cdef Text value
    if not s.gets.count:
        for i in range(s.told):
            take(context, told_element(s, i))
        return
    i = 0
    while i < s.told:
        count = min(s.gets.elements, s.told - i)
        row_begin(&s.gets)
        for j in range(count):
            row_add(&s.gets, call, j, told_element(s, i + j))
        row_fetch(&s.gets, call, count)
        for j in range(count):
            element = told_element(s, i + j)
            for number in range(s.gets.count):
                take(context, &value if pattern_value(&s.gets, call, j, number, element, &value) else NULL)
        i += count


cdef void store(Call call, Sorting* s, size_t results) noexcept:
    cdef Storing storing
    cdef Entry** slot
    if results:
        storing.made = entry_new(TYPE_LIST, ENC_LISTPACK, b"", 0, 0, -1)
        storing.keyspace = <void*>call.keyspace
        entry_set_value(storing.made, ENC_LISTPACK, list_new())
        hand_out(call, s, store_result, &storing)
        # The destination may be the source, so it is not touched before.
        slot = call.write(s.store)
        call.db.put_value(slot, call.argv[s.store].ptr, call.argv[s.store].len, call.hash_of(s.store), TYPE_LIST,
                          entry_encoding(storing.made), entry_value(storing.made), -1)
        entry_free_shell(storing.made)
        call.changed(EVENT_LIST, b"sortstore", s.store)
    else:
        slot = call.write(s.store)
        if slot != NULL:
            call.db.remove(slot, call.hash_of(s.store))
            call.changed(EVENT_GENERIC, b"del", s.store)
    reply_integer(call.out, results)


cdef int sort_words(Call call, bint may_store) except -1:
    cdef Sorting s
    cdef Entry** slot
    cdef size_t results
    memset(&s, 0, sizeof(s))
    arena_init(&s.arena)
    read_words(call, &s, may_store)
    read_gets(call, &s)
    try:
        slot = call.read(1)
        if slot != NULL:
            load(&s, slot[0])
        if s.count and not s.as_it_is:
            put_in_order(call, &s)
        results = s.told * max(s.gets.count, <size_t>1)
        if s.store:
            store(call, &s, results)
        else:
            reply_array(call.out, results)
            hand_out(call, &s, reply_result, call.out)
    finally:
        sorting_end(&s)
    return 0


cdef int sort(Call call) except -1:
    return sort_words(call, True)

declare(
    "SORT key [BY pattern=by-pattern#1] [LIMIT offset count] [GET pattern=get-pattern#1 [GET pattern ...]] "
    "[ASC | DESC] [ALPHA=sorting] [STORE destination]",
    native(sort), summary="Sort the elements of a list, set or sorted set; may store the result.", group="generic",
    since="1.0.0", flags=WRITE | DENYOOM,
    complexity="O(N+M*log(M)) where N is the number of elements and M that of the reply",
    keys=("RO access", "RO access unknown", "OW update unknown"), find_keys=sort_keys,
    categories="set sortedset list dangerous -keyspace",
)


cdef int sort_ro(Call call) except -1:
    return sort_words(call, False)

declare(
    "SORT_RO key [BY pattern=by-pattern#1] [LIMIT offset count] [GET pattern=get-pattern#1 [GET pattern ...]] "
    "[ASC | DESC] [ALPHA=sorting]",
    native(sort_ro), summary="Sort the elements of a list, set or sorted set.", group="generic", since="7.0.0",
    flags=READONLY, complexity="O(N+M*log(M)) where N is the number of elements and M that of the reply",
    keys=("RO access", "RO access unknown"), find_keys=sort_keys, categories="set sortedset list dangerous -keyspace",
)
