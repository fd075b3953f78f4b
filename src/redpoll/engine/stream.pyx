"""Entries of streams; the layout of their nodes opens stream.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from redpoll.engine.entry cimport ENC_STREAM
from redpoll.engine.id_tree cimport (
    place_back, place_forward, place_id, place_set, place_value, tree_at_or_after, tree_at_or_before,
    tree_first, tree_init, tree_insert, tree_last, tree_remove,
)
from redpoll.engine.id_view cimport item_changes
from redpoll.engine.listpack cimport (
    LISTPACK_END, LISTPACK_HEADER, LISTPACK_MANY, LISTPACK_MAX, Element, listpack_get, listpack_size,
)
from redpoll.engine.listpack_element cimport (
    ELEMENT_MOST, element_integer, element_is, element_size, put_element_integer, put_element_text,
)
from redpoll.engine.memory cimport KIND_COLLECTION, KIND_OTHER, allocate, block_size, reallocate, release
from redpoll.engine.numbers cimport format_uint64
from redpoll.engine.value cimport value_free

cdef enum:
    NEAR_BUFFER = 2048           # an entry up to this size is put together on the stack
    LOOK_BACK = 8                # entries at the end of a stream that are tried first
    MANY_NODES = 64              # with more, trimming looks whether few of them stay:
    FEW = 4                      # a quarter


# What a node begins with.
cdef struct Master:
    int64_t entries
    int64_t deleted
    size_t pairs
    const uint8_t* names
    const uint8_t* first         # entry


cdef inline const uint8_t* skip(const uint8_t* p, size_t elements) noexcept nogil:
    while elements:
        p += element_size(p)
        elements -= 1
    return p


cdef inline void read_master(const uint8_t* lp, Master* master) noexcept nogil:
    cdef const uint8_t* p = lp + LISTPACK_HEADER
    master.entries = element_integer(p)
    p += element_size(p)
    master.deleted = element_integer(p)
    p += element_size(p)
    master.pairs = element_integer(p)
    p += element_size(p)
    master.names = p
    # The field names and the 0.
    master.first = skip(p, master.pairs + 1)


# The memory of nodes: a node has what it needs, but the one that is appended to has room to spare.

cdef inline size_t room_for(size_t size) noexcept nogil:
    return (size + 15) & ~<size_t>15


cdef inline size_t room_of(const Stream* s, const uint8_t* lp) noexcept nogil:
    return s.tail_room if lp == s.tail else room_for(listpack_size(lp))


cdef inline void set_size(uint8_t* lp, size_t size, size_t added) noexcept nogil:
    """A new size, and so many more elements."""
    cdef uint32_t wide = <uint32_t>size
    cdef uint16_t count
    memcpy(lp, &wide, 4)
    memcpy(&count, lp + 4, 2)
    if count != LISTPACK_MANY:
        count = <uint16_t>(count + added if count + added < LISTPACK_MANY else <size_t>LISTPACK_MANY)
        memcpy(lp + 4, &count, 2)
    lp[size - 1] = LISTPACK_END


cdef uint8_t* moved(Stream* s, uint8_t* lp, size_t room) noexcept nogil:
    """The same node in a block of another size."""
    cdef size_t before = room_of(s, lp)
    cdef uint8_t* made
    if room == before:
        return lp
    made = <uint8_t*>reallocate(lp, before, room, KIND_COLLECTION)
    s.node_bytes += block_size(room) - block_size(before)
    if lp == s.tail:
        s.tail = made
        s.tail_room = room
    return made


cdef void stream_free_node(Stream* s, uint8_t* lp) noexcept nogil:
    cdef size_t room = room_of(s, lp)
    s.node_bytes -= block_size(room)
    release(lp, room, KIND_COLLECTION)
    if lp == s.tail:
        s.tail = NULL


cdef void close_tail(Stream* s) noexcept nogil:
    """Nothing more comes into the last node."""
    cdef Place place = tree_last(&s.nodes)
    if s.tail == NULL:
        return
    item_changes(place_id(&place), s.tail)
    place_set(&place, moved(s, s.tail, room_for(listpack_size(s.tail))))
    s.tail = NULL


cdef uint8_t* extended(Stream* s, uint8_t* lp, const uint8_t* elements, size_t bytes, size_t count) noexcept nogil:
    """The last node with elements put behind its others."""
    cdef size_t size = listpack_size(lp)
    cdef size_t needed = size + bytes
    if lp != s.tail:
        s.tail_room = room_for(size)
        s.tail = lp
    if needed > s.tail_room:
        # Large ones are not moved for every entry, and have little to give back at the end.
        lp = moved(s, lp, room_for(needed + (needed >> 3 if size > 512 else 0)))
    memcpy(lp + size - 1, elements, bytes)
    set_size(lp, needed, count)
    return lp


cdef uint8_t* node_new(Stream* s, const uint8_t* elements, size_t bytes, size_t count) noexcept nogil:
    cdef size_t size = LISTPACK_HEADER + 1 + bytes
    cdef uint8_t* lp = <uint8_t*>allocate(room_for(size), KIND_COLLECTION)
    memset(lp, 0, LISTPACK_HEADER)
    memcpy(lp + LISTPACK_HEADER, elements, bytes)
    set_size(lp, size, count)
    s.node_bytes += block_size(room_for(size))
    return lp


cdef uint8_t* with_integer(Stream* s, uint8_t* lp, size_t offset, int64_t value) noexcept nogil:
    """A node with another integer in place of one."""
    cdef uint8_t element[ELEMENT_MOST]
    cdef size_t after = put_element_integer(element, value) - element
    cdef size_t before = element_size(lp + offset)
    cdef size_t size = listpack_size(lp)
    cdef size_t room = room_of(s, lp)
    cdef size_t needed = room_for(size + after - before)
    if needed > room:
        lp = moved(s, lp, needed)
    memmove(lp + offset + after, lp + offset + before, size - offset - before)
    memcpy(lp + offset, element, after)
    if lp == s.tail or needed == room:
        set_size(lp, size + after - before, 0)
        return lp
    # Smaller than its block: the room follows from the size, so it is told last.
    if needed < room:
        s.node_bytes += block_size(needed) - block_size(room)
        lp = <uint8_t*>reallocate(lp, room, needed, KIND_COLLECTION)
    set_size(lp, size + after - before, 0)
    return lp


# Making and freeing

cdef Stream* stream_new() noexcept nogil:
    cdef Stream* s = <Stream*>allocate(sizeof(Stream), KIND_COLLECTION)
    memset(s, 0, sizeof(Stream))
    tree_init(&s.nodes, False)
    return s


cdef void stream_append_node(Stream* s, StreamId master, const uint8_t* listpack) noexcept nogil:
    cdef size_t size = listpack_size(listpack)
    cdef uint8_t* lp = <uint8_t*>allocate(room_for(size), KIND_COLLECTION)
    close_tail(s)
    memcpy(lp, listpack, size)
    s.node_bytes += block_size(room_for(size))
    tree_insert(&s.nodes, master, lp)


cdef bint count_elements(const uint8_t** p, size_t elements) noexcept nogil:
    """Step over elements, as far as there are so many."""
    while elements:
        if p[0][0] == LISTPACK_END:
            return False
        p[0] += element_size(p[0])
        elements -= 1
    return True


cdef inline bint is_integer(const uint8_t* p) noexcept nogil:
    cdef Element read
    listpack_get(p, &read)
    return read.text == NULL


cdef bint stream_node_valid(StreamId master, const uint8_t* lp, uint64_t* entries, StreamId* last) noexcept nogil:
    cdef const uint8_t* p = lp + LISTPACK_HEADER
    cdef int64_t live, deleted, names, pairs, flags, seen = 0, gone = 0, words
    cdef StreamId id
    last[0] = master
    entries[0] = 0
    if p[0] == LISTPACK_END:
        return False
    live = element_integer(p)
    p += element_size(p)
    if p[0] == LISTPACK_END:
        return False
    deleted = element_integer(p)
    p += element_size(p)
    if p[0] == LISTPACK_END:
        return False
    names = element_integer(p)
    p += element_size(p)
    if live < 0 or deleted < 0 or names < 0 or not count_elements(&p, names):
        return False
    if p[0] == LISTPACK_END or element_integer(p) != 0:
        return False
    p += element_size(p)
    while p[0] != LISTPACK_END:
        flags = p[0]
        if flags > (ENTRY_DELETED | ENTRY_SAME_FIELDS):
            return False
        p += element_size(p)
        if p[0] == LISTPACK_END or not is_integer(p):
            return False
        id.ms = master.ms + <uint64_t>element_integer(p)
        p += element_size(p)
        if p[0] == LISTPACK_END or not is_integer(p):
            return False
        id.seq = master.seq + <uint64_t>element_integer(p)
        p += element_size(p)
        if seen + gone and not id_less(last[0], id):
            return False
        last[0] = id
        if flags & ENTRY_SAME_FIELDS:
            words = names
            pairs = names + 3
        else:
            if p[0] == LISTPACK_END:
                return False
            words = element_integer(p)
            p += element_size(p)
            if words < 0 or words > LISTPACK_MAX:
                return False
            words *= 2
            pairs = words + 4
        if not count_elements(&p, words) or p[0] == LISTPACK_END or element_integer(p) != pairs:
            return False
        p += element_size(p)
        if flags & ENTRY_DELETED:
            gone += 1
        else:
            seen += 1
    entries[0] = seen
    return seen == live and gone == deleted and seen + gone > 0


# Appending

cdef bint stream_next_id(const Stream* s, int64_t now_ms, StreamId* id) noexcept nogil:
    if <uint64_t>now_ms > s.last_id.ms:
        id.ms = now_ms
        id.seq = 0
        return True
    id[0] = s.last_id
    id.seq += 1
    if id.seq == 0:
        id.ms += 1
        return id.ms != 0
    return True


cdef bint has_fields(const uint8_t* lp, const Word* words, size_t pairs) noexcept nogil:
    """Whether the master entry has the same field names in the same order."""
    cdef const uint8_t* p = skip(lp + LISTPACK_HEADER, 2)
    cdef size_t i
    if <size_t>element_integer(p) != pairs:
        return False
    for i in range(pairs):
        p += element_size(p)
        if not element_is(p, words[2 * i].text, words[2 * i].length):
            return False
    return True


cdef bint is_full(const uint8_t* lp, size_t added, size_t node_bytes, size_t node_entries) noexcept nogil:
    cdef const uint8_t* p = lp + LISTPACK_HEADER
    if listpack_size(lp) + added >= node_bytes:
        return True
    return node_entries and <size_t>(element_integer(p) + element_integer(p + element_size(p))) >= node_entries


cdef uint8_t* add_to_master(Stream* s, uint8_t* lp, int64_t entries, int64_t deleted) noexcept nogil:
    """Change a node's counts; where it is then."""
    cdef uint8_t* p = lp + LISTPACK_HEADER
    # Both are one byte of seven bits unless nodes are very large.
    if p[0] < 0x80 and p[0] + entries < 0x80 and p[2] < 0x80 and p[2] + deleted < 0x80:
        p[0] += <uint8_t>entries
        p[2] += <uint8_t>deleted
        return lp
    lp = with_integer(s, lp, LISTPACK_HEADER, element_integer(p) + entries)
    if deleted:
        p = lp + LISTPACK_HEADER
        p += element_size(p)
        lp = with_integer(s, lp, p - lp, element_integer(p) + deleted)
    return lp


cdef bint stream_append(Stream* s, StreamId id, const Word* words, size_t pairs, size_t node_bytes,
                        size_t node_entries) noexcept nogil:
    cdef uint8_t near[NEAR_BUFFER]
    cdef uint8_t* buffer = near
    cdef uint8_t* to
    cdef uint8_t* lp = NULL
    cdef Place place = tree_last(&s.nodes)
    cdef StreamId master = id
    cdef size_t total = 0, most, i, elements
    cdef bint same = True
    for i in range(2 * pairs):
        total += words[i].length
        if total >= LISTPACK_MAX:
            return False
    if node_bytes == 0 or node_bytes > LISTPACK_MAX:
        node_bytes = LISTPACK_MAX
    if place.leaf != NULL:
        lp = <uint8_t*>place_value(&place)
        if is_full(lp, total, node_bytes, node_entries):
            lp = NULL
    most = total + (3 * pairs + 9) * ELEMENT_MOST
    if most > NEAR_BUFFER:
        buffer = <uint8_t*>allocate(most, KIND_OTHER)
    to = buffer
    elements = 0
    if lp == NULL:
        to = put_element_integer(to, 1)
        to = put_element_integer(to, 0)
        to = put_element_integer(to, pairs)
        for i in range(pairs):
            to = put_element_text(to, words[2 * i].text, words[2 * i].length)
        to = put_element_integer(to, 0)
        elements = pairs + 4
    else:
        master = place_id(&place)
        same = has_fields(lp, words, pairs)
    to = put_element_integer(to, ENTRY_SAME_FIELDS if same else 0)
    to = put_element_integer(to, <int64_t>(id.ms - master.ms))
    to = put_element_integer(to, <int64_t>(id.seq - master.seq))
    if same:
        for i in range(pairs):
            to = put_element_text(to, words[2 * i + 1].text, words[2 * i + 1].length)
        to = put_element_integer(to, pairs + 3)
        elements += pairs + 4
    else:
        to = put_element_integer(to, pairs)
        for i in range(2 * pairs):
            to = put_element_text(to, words[i].text, words[i].length)
        to = put_element_integer(to, 2 * pairs + 4)
        elements += 2 * pairs + 5
    if lp == NULL:
        close_tail(s)
        tree_insert(&s.nodes, id, node_new(s, buffer, to - buffer, elements))
    else:
        item_changes(master, lp)
        place_set(&place, add_to_master(s, extended(s, lp, buffer, to - buffer, elements), 1, 0))
    if buffer != near:
        release(buffer, most, KIND_OTHER)
    s.length += 1
    s.entries_added += 1
    s.last_id = id
    if s.length == 1:
        s.first_id = id
    return True


# Walking

cdef inline StreamId entry_id(const uint8_t* flags, StreamId master) noexcept nogil:
    cdef StreamId id
    flags += element_size(flags)
    id.ms = master.ms + <uint64_t>element_integer(flags)
    flags += element_size(flags)
    id.seq = master.seq + <uint64_t>element_integer(flags)
    return id


cdef inline const uint8_t* entry_end(const uint8_t* flags, size_t master_pairs) noexcept nogil:
    """Where the next entry begins."""
    cdef const uint8_t* p = skip(flags, 3)
    if element_integer(flags) & ENTRY_SAME_FIELDS:
        return skip(p, master_pairs + 1)
    return skip(p, 2 * <size_t>element_integer(p) + 2)


cdef inline const uint8_t* element_start(const uint8_t* end) noexcept nogil:
    """The element that ends here."""
    cdef size_t body = 0
    cdef size_t shift = 0
    end -= 1
    while True:
        body |= <size_t>(end[0] & 127) << shift
        if not end[0] & 128:
            break
        shift += 7
        end -= 1
    return end - body


cdef inline const uint8_t* entry_start(const uint8_t* end) noexcept nogil:
    """The entry that ends here."""
    cdef const uint8_t* p = element_start(end)
    cdef size_t elements = element_integer(p)
    while elements:
        p = element_start(p)
        elements -= 1
    return p


cdef inline void enter(Walk* walk, StreamId master_id, const uint8_t* lp) noexcept nogil:
    cdef Master master
    read_master(lp, &master)
    walk.master = master_id
    walk.master_pairs = master.pairs
    walk.master_names = master.names
    walk.entries = master.first
    walk.at = lp + listpack_size(lp) - 1 if walk.backwards else master.first


cdef void enter_node(Walk* walk) noexcept nogil:
    walk.at = NULL
    if walk.node.leaf != NULL:
        enter(walk, place_id(&walk.node), <const uint8_t*>place_value(&walk.node))


cdef void look_back(Walk* walk) noexcept nogil:
    """Readers mostly want the last few entries: find where a range begins from the end of the last node."""
    cdef const uint8_t* lp = <const uint8_t*>place_value(&walk.node)
    cdef const uint8_t* p = lp + listpack_size(lp) - 1
    cdef const uint8_t* before
    cdef int _i
    for _i in range(LOOK_BACK):
        if p == walk.entries:
            break
        before = entry_start(p)
        if id_less(entry_id(before, walk.master), walk.first):
            walk.at = p
            return
        p = before


cdef void walk_begin(Walk* walk, const Stream* s, StreamId first, StreamId last, bint backwards) noexcept nogil:
    walk.first = first
    walk.last = last
    walk.backwards = backwards
    walk.current = NULL
    walk.node = tree_at_or_before(&s.nodes, last if backwards else first)
    if walk.node.leaf == NULL and not backwards:
        walk.node = tree_first(&s.nodes)
    enter_node(walk)
    if not backwards and walk.at != NULL and walk.node.leaf == s.nodes.last \
            and walk.node.index == s.nodes.last.used - 1:
        look_back(walk)


cdef void walk_begin_node(Walk* walk, StreamId master, const uint8_t* lp, StreamId first) noexcept nogil:
    walk.first = first
    walk.last = stream_id(<uint64_t>-1, <uint64_t>-1)
    walk.backwards = False
    walk.current = NULL
    walk.node.leaf = NULL
    walk.node.index = 0
    enter(walk, master, lp)


cdef bint walk_next(Walk* walk, StreamEntry* entry) noexcept nogil:
    cdef const uint8_t* p
    cdef const uint8_t* ms
    cdef int64_t flags
    while walk.at != NULL:
        if walk.backwards:
            if walk.at == walk.entries:
                place_back(&walk.node)
                enter_node(walk)
                continue
            p = entry_start(walk.at)
            walk.at = p
        else:
            p = walk.at
            if p[0] == LISTPACK_END:
                if walk.node.leaf == NULL:
                    break
                place_forward(&walk.node)
                enter_node(walk)
                continue
        flags = element_integer(p)
        ms = p + element_size(p)
        entry.id.ms = walk.master.ms + <uint64_t>element_integer(ms)
        ms += element_size(ms)
        entry.id.seq = walk.master.seq + <uint64_t>element_integer(ms)
        entry.words = ms + element_size(ms)
        if flags & ENTRY_SAME_FIELDS:
            entry.pairs = walk.master_pairs
            entry.names = walk.master_names
            if not walk.backwards:
                walk.at = skip(entry.words, walk.master_pairs + 1)
        else:
            entry.pairs = element_integer(entry.words)
            entry.names = NULL
            entry.words += element_size(entry.words)
            if not walk.backwards:
                walk.at = skip(entry.words, 2 * entry.pairs + 1)
        if walk.backwards:
            if id_less(entry.id, walk.first):
                break
            if id_less(walk.last, entry.id):
                continue
        else:
            if id_less(walk.last, entry.id):
                break
            if id_less(entry.id, walk.first):
                continue
        if flags & ENTRY_DELETED:
            continue
        walk.current = p
        return True
    walk.at = NULL
    return False


cdef bint stream_has(const Stream* s, StreamId id) noexcept nogil:
    cdef Walk walk
    cdef StreamEntry entry
    if id_less(id, s.first_id) or id_less(s.last_id, id):
        return False
    walk_begin(&walk, s, id, id, False)
    return walk_next(&walk, &entry)


cdef StreamId stream_edge(const Stream* s, bint last) noexcept nogil:
    cdef Walk walk
    cdef StreamEntry entry
    walk_begin(&walk, s, stream_id(0, 0), stream_id(<uint64_t>-1, <uint64_t>-1), last)
    if walk_next(&walk, &entry):
        return entry.id
    return stream_id(0, 0)


# Removing

cdef void drop_node(Stream* s, const Place* place) noexcept nogil:
    item_changes(place_id(place), <uint8_t*>place_value(place))
    stream_free_node(s, <uint8_t*>place_value(place))
    tree_remove(&s.nodes, place_id(place))


cdef inline void mark_deleted(uint8_t* flags) noexcept nogil:
    # Flags are always one byte of seven bits.
    flags[0] |= ENTRY_DELETED


cdef void take_from_node(Stream* s, const Place* place, int64_t removed) noexcept nogil:
    """So many entries of a node were marked as deleted."""
    cdef uint8_t* lp = <uint8_t*>place_value(place)
    cdef Master master
    read_master(lp, &master)
    s.length -= removed
    if master.entries <= removed:
        drop_node(s, place)
        return
    place_set(place, add_to_master(s, lp, -removed, removed))


cdef bint stream_remove(Stream* s, StreamId id) noexcept nogil:
    cdef Walk walk
    cdef StreamEntry entry
    if id_less(id, s.first_id) or id_less(s.last_id, id) or s.length == 0:
        return False
    walk_begin(&walk, s, id, id, False)
    if not walk_next(&walk, &entry):
        return False
    item_changes(place_id(&walk.node), <const uint8_t*>place_value(&walk.node))
    mark_deleted(<uint8_t*>walk.current)
    take_from_node(s, &walk.node, 1)
    if id_less(s.max_deleted_id, id):
        s.max_deleted_id = id
    if id_equal(id, s.first_id):
        s.first_id = stream_edge(s, False)
    return True


cdef StreamId last_of_node(const uint8_t* lp, StreamId master) noexcept nogil:
    return entry_id(entry_start(lp + listpack_size(lp) - 1), master)


cdef inline bint is_trimmed_enough(const Stream* s, const Trim* trim, uint64_t removed, StreamId id) noexcept nogil:
    """Whether an entry and all behind it may stay; `removed` ones are still counted."""
    if trim.by == TRIM_LENGTH:
        return s.length - removed <= trim.length
    return not id_less(id, trim.id)


cdef int64_t trim_node(Stream* s, const Trim* trim, const uint8_t* lp, const Master* master,
                       StreamId master_id) noexcept nogil:
    """Mark entries of a node, from its start, as deleted; how many."""
    cdef const uint8_t* p = master.first
    cdef int64_t removed = 0
    cdef StreamId id
    item_changes(master_id, lp)
    while p[0] != LISTPACK_END:
        if not element_integer(p) & ENTRY_DELETED:
            id = entry_id(p, master_id)
            if is_trimmed_enough(s, trim, removed, id):
                break
            if trim.may_remove == NULL or trim.may_remove(trim.context, id):
                mark_deleted(<uint8_t*>p)
                removed += 1
        p = entry_end(p, master.pairs)
    return removed


cdef Place first_kept(const Stream* s, const Trim* trim) noexcept nogil:
    """The first node that may stay, if only a small part of a long stream does; its leaf is NULL otherwise."""
    cdef Place place = tree_last(&s.nodes)
    cdef Place nowhere = place
    cdef Master master
    cdef uint64_t kept = 0
    cdef size_t most = s.nodes.used // FEW
    nowhere.leaf = NULL
    while place.leaf != NULL and most:
        if trim.by == TRIM_LENGTH:
            read_master(<const uint8_t*>place_value(&place), &master)
            kept += master.entries
            if kept >= trim.length:
                return place
        elif not id_less(trim.id, place_id(&place)):
            return place
        place_back(&place)
        most -= 1
    return nowhere


cdef uint64_t cut(Stream* s, Place place) noexcept nogil:
    """Drop all nodes before a place; how many entries. They are freed by and by, as a stream of their own."""
    cdef Stream* gone = stream_new()
    cdef IdTree kept
    cdef Place at = place
    cdef Master master
    cdef uint64_t entries = 0
    cdef size_t bytes = 0
    tree_init(&kept, s.nodes.bare)
    while at.leaf != NULL:
        read_master(<const uint8_t*>place_value(&at), &master)
        entries += master.entries
        bytes += block_size(room_of(s, <const uint8_t*>place_value(&at)))
        tree_insert(&kept, place_id(&at), place_value(&at))
        place_forward(&at)
    at = tree_first(&kept)
    while at.leaf != NULL:
        tree_remove(&s.nodes, place_id(&at))
        place_forward(&at)
    gone.nodes = s.nodes
    gone.node_bytes = s.node_bytes - bytes
    value_free(ENC_STREAM, gone)
    s.nodes = kept
    s.node_bytes = bytes
    bytes = s.length - entries
    s.length = entries
    return bytes


cdef uint64_t stream_trim(Stream* s, const Trim* trim) noexcept nogil:
    cdef Place place
    cdef Master master
    cdef const uint8_t* lp
    cdef StreamId master_id
    cdef uint64_t removed = 0
    cdef int64_t here
    cdef bint whole
    if s.nodes.used > MANY_NODES and trim.limit == 0 and trim.may_remove == NULL:
        place = first_kept(s, trim)
        if place.leaf != NULL:
            removed = cut(s, place)
    place = tree_first(&s.nodes)
    while place.leaf != NULL:
        if trim.by == TRIM_LENGTH and s.length <= trim.length:
            break
        lp = <const uint8_t*>place_value(&place)
        master_id = place_id(&place)
        read_master(lp, &master)
        if trim.limit and removed + master.entries > trim.limit:
            break
        if trim.by == TRIM_LENGTH:
            whole = s.length - master.entries >= trim.length
        else:
            whole = id_less(last_of_node(lp, master_id), trim.id)
        if whole and trim.may_remove == NULL:
            drop_node(s, &place)
            s.length -= master.entries
            removed += master.entries
            place = tree_first(&s.nodes)
            continue
        if not whole and trim.roughly:
            break
        here = trim_node(s, trim, lp, &master, master_id)
        removed += here
        if here:
            take_from_node(s, &place, here)
        if not whole:
            break
        # Entries that may not go were left; go on behind them.
        place = tree_at_or_after(&s.nodes, master_id)
        if place.leaf != NULL and id_equal(place_id(&place), master_id):
            place_forward(&place)
    if removed:
        s.first_id = stream_edge(s, False) if s.length else stream_id(0, 0)
    return removed


cdef size_t id_text(char* to, StreamId id) noexcept nogil:
    cdef size_t length = format_uint64(to, id.ms)
    to[length] = c"-"
    return length + 1 + format_uint64(to + length + 1, id.seq)
