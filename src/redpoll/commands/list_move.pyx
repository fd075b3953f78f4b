"""Moving elements from one list to another, or around in one; waiting for them if there are none."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from redpoll.commands.call cimport EVENT_LIST, Call, check_type, native
from redpoll.commands.list_ends cimport count_above_zero, is_left, list_at, reply_end, reply_walk, take
from redpoll.engine.blob cimport Blob, blob_of, blob_release
from redpoll.engine.entry cimport TYPE_LIST, Entry
from redpoll.engine.list cimport (
    list_drop, list_length, list_make_room, list_peek, list_push, list_push_blob, list_takes_blob, list_walk,
)
from redpoll.engine.listpack cimport Element
from redpoll.engine.numbers cimport format_int64
from redpoll.engine.quicklist cimport (
    Quicklist, quicklist_drop, quicklist_free, quicklist_new, quicklist_peek, quicklist_push,
)
from redpoll.engine.quicklist_walk cimport Walk, walk_end, walk_get, walk_next
from redpoll.engine.table cimport table_hash
from redpoll.wire.reply cimport reply_array, reply_null, reply_null_array

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import BLOCKING, DENYOOM, WRITE
from redpoll.errors import CommandError

cdef enum:
    KEPT_BYTES = 256         # of a short element

# An element on its way from one list to the other.
cdef struct Carried:
    Blob* blob               # a long one; else NULL
    const char* text
    size_t length
    char kept[KEPT_BYTES]


cdef void pick_up(Carried* carried, const Element* element, Blob* blob) noexcept nogil:
    """An element, in a place of its own; `blob` is that of a large one, else NULL."""
    carried.blob = blob
    if blob != NULL:
        blob.references += 1
    elif element.text == NULL:
        carried.length = format_int64(carried.kept, element.integer)
        carried.text = carried.kept
        return
    elif element.length <= KEPT_BYTES:
        memcpy(carried.kept, element.text, element.length)
        carried.length = element.length
        carried.text = carried.kept
        return
    else:
        carried.blob = blob_of(element.text, element.length)
    carried.text = carried.blob.data
    carried.length = carried.blob.length


cdef void put_down(Carried* carried, Call call, Entry* e, bint front) noexcept:
    """Push it; it is gone then."""
    list_make_room(e, call.keyspace, carried.length, 1)
    if carried.blob != NULL and list_takes_blob(e, carried.length):
        list_push_blob(e, carried.blob, front)
        return
    list_push(e, carried.text, carried.length, front)
    if carried.blob != NULL:
        blob_release(carried.blob)


cdef void rotate(Call call, Entry* e, bint from_left) noexcept:
    """Move the element at one end of a list to the other."""
    cdef Carried carried
    cdef Element element
    cdef Blob* blob
    list_peek(e, from_left, &element, &blob)
    pick_up(&carried, &element, blob)
    list_drop(e, 1, from_left)
    put_down(&carried, call, e, not from_left)


# The two lists of a command, in the words 1 and 2.
cdef struct Pair:
    Entry** source           # NULL: there is none
    Entry** target
    uint64_t source_hash
    uint64_t target_hash


cdef int find_pair(Call call, Pair* pair) except -1:
    """Look both keys up. Raises WRONGTYPE for what is no list, but not for the target if there is no source."""
    pair.source_hash = call.hash_of(1)
    pair.target_hash = table_hash(&call.db.table, call.argv[2].ptr, call.argv[2].len)
    pair.source = call.write(1)
    check_type(pair.source, TYPE_LIST)
    if pair.source == NULL:
        return 0
    pair.target = call.db.write(call.argv[2].ptr, call.argv[2].len, pair.target_hash)
    check_type(pair.target, TYPE_LIST)
    # The target may just have been found to be expired, and the table moved on its removal.
    pair.source = call.find(1)
    return 0


cdef void make_target(Call call, Pair* pair) noexcept:
    if pair.target == NULL:
        pair.target = list_at(call, NULL, 2, pair.target_hash)
        # A table that grows moves its slots.
        pair.source = call.find(1)


cdef int move_one(Call call, Pair* pair, bint from_left, bint to_left) except -1:
    """Move an element and write it as the reply."""
    cdef Carried carried
    cdef Element element
    cdef Blob* blob
    reply_end(call.out, pair.source[0], from_left)
    make_target(call, pair)
    if pair.target == pair.source:
        if from_left != to_left:
            rotate(call, pair.source[0], from_left)
        call.changed(EVENT_LIST, b"lpush" if to_left else b"rpush", 2)
        call.also(EVENT_LIST, b"lpop" if from_left else b"rpop", 1)
        return 0
    list_peek(pair.source[0], from_left, &element, &blob)
    pick_up(&carried, &element, blob)
    put_down(&carried, call, pair.target[0], to_left)
    call.changed(EVENT_LIST, b"lpush" if to_left else b"rpush", 2)
    take(call, pair.source, 1, pair.source_hash, 1, from_left)
    return 0


cdef bytes side(bint left):
    return b"LEFT" if left else b"RIGHT"


# One element

cdef int move(Call call, bint from_left, bint to_left) except -1:
    cdef Pair pair
    find_pair(call, &pair)
    if pair.source == NULL:
        reply_null(call.out)
        return 0
    return move_one(call, &pair, from_left, to_left)


cdef int move_or_wait(Call call, bint from_left, bint to_left, size_t timeout_word) except -1:
    cdef int64_t timeout = call.timeout(timeout_word)
    cdef Pair pair
    find_pair(call, &pair)
    if pair.source != NULL:
        move_one(call, &pair, from_left, to_left)
        if call.keyspace.propagating:
            call.instead([b"LMOVE", call.word(1), call.word(2), side(from_left), side(to_left)])
        return 0
    if not call.may_block:
        reply_null(call.out)
        return 0
    call.block(1, 1, 1, TYPE_LIST, timeout)
    return 0


cdef int lmove(Call call) except -1:
    cdef bint from_left = is_left(call, 3)
    return move(call, from_left, is_left(call, 4))


cdef int rpoplpush(Call call) except -1:
    return move(call, False, True)


cdef int blmove(Call call) except -1:
    cdef bint from_left = is_left(call, 3)
    return move_or_wait(call, from_left, is_left(call, 4), 5)


cdef int brpoplpush(Call call) except -1:
    return move_or_wait(call, False, True, 3)

declare(
    "LMOVE source destination <LEFT | RIGHT>=wherefrom <LEFT | RIGHT>=whereto", native(lmove),
    summary="Take an element from an end of a list, put it at an end of another one, and return it.", group="list",
    since="6.2.0", flags=WRITE | DENYOOM, complexity="O(1)", keys=("RW access delete", "RW insert"),
)
declare(
    "RPOPLPUSH source destination", native(rpoplpush),
    summary="Take the last element of a list, put it before the first one of another, and return it.", group="list",
    since="1.2.0", flags=WRITE | DENYOOM, complexity="O(1)", keys=("RW access delete", "RW insert"),
    deprecated="6.2.0", replaced_by="LMOVE with RIGHT and LEFT",
)
declare(
    "BLMOVE source destination <LEFT | RIGHT>=wherefrom <LEFT | RIGHT>=whereto timeout:double", native(blmove),
    summary="As LMOVE, but wait for an element if there is none.", group="list", since="6.2.0",
    flags=WRITE | DENYOOM | BLOCKING, complexity="O(1)", keys=("RW access delete", "RW insert"),
)
declare(
    "BRPOPLPUSH source destination timeout:double", native(brpoplpush),
    summary="As RPOPLPUSH, but wait for an element if there is none.", group="list", since="2.2.0",
    flags=WRITE | DENYOOM | BLOCKING, complexity="O(1)", keys=("RW access delete", "RW insert"), deprecated="6.2.0",
    replaced_by="BLMOVE with RIGHT and LEFT", history=(("6.0.0", "`timeout` may have fractions."),),
)


# Several elements

cdef struct HowMany:
    int64_t count
    bint exactly             # all or none
    bint bulk                # they keep their order; else each goes by itself, as by LMOVE


cdef int read_how_many(Call call, size_t first, HowMany* wanted) except -1:
    wanted.count = 1
    wanted.exactly = False
    wanted.bulk = False
    if call.argc == first:
        return 0
    if call.argc != first + 3:
        raise CommandError(errors.SYNTAX)
    if call.word_is(first, b"EXACTLY", 7):
        wanted.exactly = True
    elif not call.word_is(first, b"COUNT", 5):
        raise CommandError(errors.SYNTAX)
    if call.word_is(first + 2, b"BULK", 4):
        wanted.bulk = True
    elif not call.word_is(first + 2, b"OBO", 3):
        raise CommandError(errors.SYNTAX)
    wanted.count = count_above_zero(call, first + 1, errors.COUNT_ABOVE_ZERO)
    return 0


cdef void copy_block(Call call, const Entry* source, Entry* target, uint64_t count, bint from_left, bint to_left,
                     bint turned) noexcept:
    """Push a block from an end of one list to an end of another, in its order or turned around."""
    cdef uint64_t start = 0 if from_left else list_length(source) - count
    # What is pushed to the left comes to lie the other way round.
    cdef bint backwards = to_left != turned
    cdef Walk walk
    cdef Carried carried
    cdef Element element
    list_walk(source, &walk, start + count - 1 if backwards else start, backwards)
    while True:
        walk_get(&walk, &element)
        pick_up(&carried, &element, walk.blob if walk.lp == NULL else NULL)
        put_down(&carried, call, target, to_left)
        count -= 1
        if not count:
            break
        walk_next(&walk)
    walk_end(&walk)


cdef void turn_block(Call call, Entry* e, uint64_t count, bint left) noexcept:
    """Turn a block at an end of a list around."""
    cdef Quicklist* aside = quicklist_new(-2, 0)
    cdef Carried carried
    cdef Element element
    cdef Blob* blob
    cdef uint64_t _
    for _ in range(count):
        list_peek(e, left, &element, &blob)
        pick_up(&carried, &element, blob)
        quicklist_push(aside, carried.text, carried.length, False)
        if carried.blob != NULL:
            blob_release(carried.blob)
        list_drop(e, 1, left)
    for _ in range(count):
        quicklist_peek(aside, True, &element, &blob)
        pick_up(&carried, &element, blob)
        put_down(&carried, call, e, left)
        quicklist_drop(aside, 1, True)
    quicklist_free(aside)


cdef int move_many(Call call, Pair* pair, const HowMany* wanted, bint from_left, bint to_left) except -1:
    """Move elements, which there are enough of, and reply with them in the order that they have then."""
    cdef uint64_t count = min(<uint64_t>wanted.count, list_length(pair.source[0]))
    cdef uint64_t _
    # Taken and put one by one, elements keep their order if the ends differ, else they come to lie turned around.
    cdef bint turned = from_left == to_left and not wanted.bulk
    cdef bint same
    cdef Entry* target
    cdef Walk walk
    make_target(call, pair)
    same = pair.target == pair.source
    target = pair.target[0]
    if not same:
        copy_block(call, pair.source[0], target, count, from_left, to_left, turned)
    elif turned:
        turn_block(call, target, count, to_left)
    elif from_left != to_left:
        for _ in range(count):
            rotate(call, target, from_left)
    reply_array(call.out, count)
    list_walk(target, &walk, 0 if to_left else list_length(target) - count, False)
    reply_walk(call.out, &walk, count)
    walk_end(&walk)
    call.changed(EVENT_LIST, b"lpush" if to_left else b"rpush", 2)
    if same:
        call.also(EVENT_LIST, b"lpop" if from_left else b"rpop", 1)
    else:
        take(call, pair.source, 1, pair.source_hash, count, from_left)
    return 0


cdef bint enough(const Pair* pair, const HowMany* wanted) noexcept:
    if pair.source == NULL:
        return False
    return not wanted.exactly or list_length(pair.source[0]) >= <uint64_t>wanted.count


cdef int lmovem(Call call) except -1:
    cdef bint from_left = is_left(call, 3)
    cdef bint to_left = is_left(call, 4)
    cdef HowMany wanted
    cdef Pair pair
    read_how_many(call, 5, &wanted)
    find_pair(call, &pair)
    if not enough(&pair, &wanted):
        reply_null_array(call.out)
        return 0
    return move_many(call, &pair, &wanted, from_left, to_left)


cdef int blmovem(Call call) except -1:
    cdef bint from_left = is_left(call, 3)
    cdef bint to_left = is_left(call, 4)
    cdef int64_t timeout
    cdef HowMany wanted
    cdef Pair pair
    read_how_many(call, 6, &wanted)
    timeout = call.timeout(5)
    find_pair(call, &pair)
    if not enough(&pair, &wanted):
        call.block(1, 1, 1, TYPE_LIST, timeout)
        return 0
    move_many(call, &pair, &wanted, from_left, to_left)
    if call.keyspace.propagating:
        call.instead([b"LMOVEM", call.word(1), call.word(2), side(from_left), side(to_left),
                      b"COUNT", b"%d" % wanted.count, b"BULK" if wanted.bulk else b"OBO"])
    return 0

declare(
    "LMOVEM source destination <LEFT | RIGHT>=wherefrom <LEFT | RIGHT>=whereto "
    "[<COUNT count | EXACTLY exactly>=selector <OBO | BULK>=ordering]=how-many", native(lmovem),
    summary="Take elements from an end of a list, put them at an end of another one, and return them.", group="list",
    since="8.10.0", flags=WRITE | DENYOOM, complexity="O(N) where N is the number of elements moved",
    keys=("RW access delete", "RW insert"),
)
declare(
    "BLMOVEM source destination <LEFT | RIGHT>=wherefrom <LEFT | RIGHT>=whereto timeout:double "
    "[<COUNT count | EXACTLY exactly>=selector <OBO | BULK>=ordering]=how-many", native(blmovem),
    summary="As LMOVEM, but wait for elements if there are none, or not enough for EXACTLY.", group="list",
    since="8.10.0", flags=WRITE | DENYOOM | BLOCKING, complexity="O(N) where N is the number of elements moved",
    keys=("RW access delete", "RW insert"),
)
