"""What commands on lists share; see list_ends.pxd."""

from libc.stdint cimport int64_t, uint64_t
from cpython.list cimport PyList_New

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_LIST, Call
from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport ENC_LISTPACK, TYPE_LIST, Entry
from redpoll.engine.list cimport (
    list_drop, list_length, list_new, list_peek, list_push, list_push_blob, list_reduce, list_takes_blob, list_walk,
)
from redpoll.engine.listpack cimport Element, listpack_size
from redpoll.engine.quicklist_walk cimport Walk, walk_end, walk_get, walk_next, walk_next_node
from redpoll.wire.direct cimport Direct, direct_integer, direct_put, direct_string
from redpoll.wire.output cimport Out
from redpoll.wire.packed cimport reply_packed
from redpoll.wire.reply cimport reply_blob

from redpoll import errors
from redpoll.errors import CommandError


cdef bint is_left(Call call, size_t word) except -1:
    if call.word_is(word, b"LEFT", 4):
        return True
    if call.word_is(word, b"RIGHT", 5):
        return False
    raise CommandError(errors.SYNTAX)


cdef int64_t count_above_zero(Call call, size_t word, object error) except -1:
    cdef int64_t count
    try:
        call.integer(word, &count)
    except CommandError:
        raise CommandError(error) from None
    if count <= 0:
        raise CommandError(error)
    return count


cdef Entry** list_at(Call call, Entry** slot, size_t word, uint64_t hash) noexcept:
    if slot != NULL:
        return slot
    return call.db.put_value(NULL, call.argv[word].ptr, call.argv[word].len, hash, TYPE_LIST, ENC_LISTPACK, list_new(),
                             -1)


cdef void push_word(Call call, Entry* e, size_t word, bint front) noexcept:
    cdef Blob* blob
    if call.long_count and list_takes_blob(e, call.argv[word].len):
        blob = call.take_blob(word)
        if blob != NULL:
            list_push_blob(e, blob, front)
            return
    list_push(e, call.argv[word].ptr, call.argv[word].len, front)


cdef void reply_end(Out* out, const Entry* e, bint front) noexcept nogil:
    cdef Element element
    cdef Blob* blob
    list_peek(e, front, &element, &blob)
    reply_element(out, &element, blob)


cdef void reply_from_end(Out* out, const Entry* e, uint64_t count, bint front) noexcept nogil:
    cdef Walk walk
    if count:
        list_walk(e, &walk, 0 if front else list_length(e) - 1, not front)
        reply_walk(out, &walk, count)
        walk_end(&walk)


cdef void take(Call call, Entry** slot, size_t word, uint64_t hash, uint64_t count, bint front) noexcept:
    list_drop(slot[0], count, front)
    tell_taken(call, slot, word, hash, front)


cdef void tell_taken(Call call, Entry** slot, size_t word, uint64_t hash, bint front) noexcept:
    if list_length(slot[0]):
        list_reduce(slot[0])
        call.changed(EVENT_LIST, b"lpop" if front else b"rpop", word)
        return
    call.db.remove(slot, hash)
    call.changed(EVENT_LIST, b"lpop" if front else b"rpop", word)
    call.also(EVENT_GENERIC, b"del", word)


cdef void reply_walk(Out* out, Walk* walk, uint64_t count) noexcept nogil:
    cdef Element element
    while True:
        if walk.lp != NULL and not walk.backwards:
            count -= reply_packed(out, &walk.element, walk.lp + listpack_size(walk.lp) - 1, count)
            if not count or not walk_next_node(walk):
                return
            continue
        if walk.lp == NULL:
            reply_blob(out, walk.blob)
        else:
            walk_get(walk, &element)
            reply_element(out, &element, NULL)
        count -= 1
        if not count:
            return
        walk_next(walk)


cdef list walk_values(Direct direct, Walk* walk, uint64_t count):
    cdef list made = PyList_New(count)
    cdef Element element
    cdef uint64_t i
    for i in range(count):
        if i:
            walk_next(walk)
        if walk.lp == NULL:
            direct_put(made, i, direct_string(direct, walk.blob.data, walk.blob.length))
            continue
        walk_get(walk, &element)
        if element.text != NULL:
            direct_put(made, i, direct_string(direct, element.text, element.length))
        else:
            direct_put(made, i, direct_integer(direct, element.integer))
    return made
