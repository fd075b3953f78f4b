"""Listpacks; their layout opens listpack.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove

from redpoll.engine.listpack_element cimport (
    ELEMENT_MOST, back_size, body_size, element_size, write_back, write_integer, write_text_head,
)
from redpoll.engine.memory cimport KIND_COLLECTION, allocate, block_size, reallocate, release
from redpoll.engine.numbers cimport format_int64, parse_int64


cdef inline void set_size(uint8_t* lp, uint32_t size) noexcept nogil:
    memcpy(lp, &size, 4)


cdef inline uint32_t told_length(const uint8_t* lp) noexcept nogil:
    return lp[4] | (<uint32_t>lp[5] << 8)


cdef inline void set_length(uint8_t* lp, size_t length) noexcept nogil:
    if length > LISTPACK_MANY:
        length = LISTPACK_MANY
    lp[4] = <uint8_t>length
    lp[5] = <uint8_t>(length >> 8)


# Making and freeing

cdef uint8_t* listpack_new() noexcept nogil:
    cdef uint8_t* lp = <uint8_t*>allocate(LISTPACK_HEADER + 1, KIND_COLLECTION)
    set_size(lp, LISTPACK_HEADER + 1)
    set_length(lp, 0)
    lp[LISTPACK_HEADER] = LISTPACK_END
    return lp


cdef void listpack_free(uint8_t* lp) noexcept nogil:
    release(lp, listpack_capacity(listpack_size(lp)), KIND_COLLECTION)


cdef uint8_t* listpack_from(const char* bytes, size_t size) noexcept nogil:
    cdef uint8_t* lp = <uint8_t*>allocate(listpack_capacity(size), KIND_COLLECTION)
    memcpy(lp, bytes, size)
    return lp


cdef uint8_t* listpack_copy(const uint8_t* lp) noexcept nogil:
    return listpack_from(<const char*>lp, listpack_size(lp))


cdef size_t listpack_memory(const uint8_t* lp) noexcept nogil:
    return block_size(listpack_capacity(listpack_size(lp)))


cdef inline uint8_t* resized(uint8_t* lp, size_t before, size_t after) noexcept nogil:
    before = listpack_capacity(before)
    after = listpack_capacity(after)
    return lp if before == after else <uint8_t*>reallocate(lp, before, after, KIND_COLLECTION)


# Reading

cdef size_t listpack_length(const uint8_t* lp) noexcept nogil:
    cdef size_t length = told_length(lp)
    cdef const uint8_t* p
    if length != LISTPACK_MANY:
        return length
    length = 0
    p = lp + LISTPACK_HEADER
    while p[0] != LISTPACK_END:
        p += element_size(p)
        length += 1
    return length


cdef const uint8_t* listpack_next(const uint8_t* element) noexcept nogil:
    element += element_size(element)
    return NULL if element[0] == LISTPACK_END else element


cdef inline const uint8_t* element_before(const uint8_t* p) noexcept nogil:
    """The element that ends right before `p`."""
    cdef size_t body = 0
    cdef size_t shift = 0
    cdef size_t bytes = 1
    p -= 1
    while True:
        body |= <size_t>(p[0] & 127) << shift
        if not p[0] & 128:
            break
        shift += 7
        bytes += 1
        p -= 1
    return p - body


cdef const uint8_t* listpack_previous(const uint8_t* lp, const uint8_t* element) noexcept nogil:
    return NULL if element == lp + LISTPACK_HEADER else element_before(element)


cdef const uint8_t* listpack_last(const uint8_t* lp) noexcept nogil:
    cdef const uint8_t* end = lp + listpack_size(lp) - 1
    return NULL if end == lp + LISTPACK_HEADER else element_before(end)


cdef const uint8_t* listpack_at(const uint8_t* lp, int64_t index) noexcept nogil:
    cdef int64_t length = told_length(lp)
    cdef const uint8_t* p
    cdef bint known = length != LISTPACK_MANY
    if known:
        if index < -length or index >= length:
            return NULL
        # The nearer end is where to begin.
        if index >= 0 and index > length // 2:
            index -= length
        elif index < 0 and -index > length // 2:
            index += length
    if index >= 0:
        p = listpack_first(lp)
        while index and p != NULL:
            p = listpack_next(p)
            index -= 1
        return p
    p = listpack_last(lp)
    while index < -1 and p != NULL:
        p = listpack_previous(lp, p)
        index += 1
    return p


cdef const char* listpack_text(const uint8_t* element, char* scratch, size_t* length) noexcept nogil:
    cdef Element read
    listpack_get(element, &read)
    if read.text == NULL:
        length[0] = format_int64(scratch, read.integer)
        return scratch
    length[0] = read.length
    return read.text


cdef bint listpack_equals(const uint8_t* element, const char* text, size_t length) noexcept nogil:
    cdef Element read
    cdef long long parsed
    listpack_get(element, &read)
    if read.text != NULL:
        return read.length == length and memcmp(read.text, text, length) == 0
    return parse_int64(text, length, &parsed) and read.integer == parsed


cdef inline bint same_integer(const uint8_t* p, const uint8_t* head, size_t size) noexcept nogil:
    """Whether two bodies of integers are the same that begin with the same byte. `size` is that of both."""
    cdef uint64_t one, other
    if size == 9:
        memcpy(&one, p + 1, 8)
        memcpy(&other, head + 1, 8)
        return one == other
    while size > 1:
        size -= 1
        if p[size] != head[size]:
            return False
    return True


cdef const uint8_t* listpack_find(const uint8_t* p, const char* text, size_t length, size_t step) noexcept nogil:
    # The body that the text would have is compared as bytes: no element needs decoding.
    cdef uint8_t head[9]
    cdef size_t head_size, _
    cdef long long integer
    cdef bint is_integer = parse_int64(text, length, &integer)
    if p == NULL:
        return NULL
    head_size = write_integer(head, integer) if is_integer else write_text_head(head, length)
    while True:
        if p[0] == head[0]:
            if is_integer:
                if same_integer(p, head, head_size):
                    return p
            elif ((head_size == 1 or memcmp(p, head, head_size) == 0)
                    # Texts of one list begin alike more often than they end so.
                    and (not length or p[head_size + length - 1] == <uint8_t>text[length - 1])
                    and memcmp(p + head_size, text, length) == 0):
                return p
        for _ in range(step):
            p += element_size(p)
            if p[0] == LISTPACK_END:
                return NULL


cdef size_t listpack_count_equal(const uint8_t* lp, const char* text, size_t length) noexcept nogil:
    cdef size_t total = 0
    cdef const uint8_t* found = listpack_find(listpack_first(lp), text, length, 1)
    while found != NULL:
        total += 1
        found = listpack_next(found)
        if found != NULL:
            found = listpack_find(found, text, length, 1)
    return total


# Changing

cdef void listpack_prepare(Prepared* element, const char* text, size_t length) noexcept nogil:
    cdef long long integer
    cdef size_t body
    if parse_int64(text, length, &integer):
        element.head_size = write_integer(element.head, integer)
        element.text_size = 0
    else:
        element.head_size = write_text_head(element.head, length)
        element.text_size = length
    element.text = text
    body = element.head_size + element.text_size
    element.total = body + back_size(body)


cdef void listpack_write(uint8_t* to, const Prepared* element) noexcept nogil:
    cdef size_t body = element.head_size + element.text_size
    memcpy(to, element.head, element.head_size)
    memcpy(to + element.head_size, element.text, element.text_size)
    write_back(to + body, body)


cdef bint listpack_fits(const uint8_t* lp, size_t text_bytes, size_t elements) noexcept nogil:
    return (text_bytes < LISTPACK_MAX and elements < LISTPACK_MAX // ELEMENT_MOST
            and listpack_size(lp) + text_bytes + elements * ELEMENT_MOST < LISTPACK_MAX)


cdef size_t listpack_cost(const char* text, size_t length) noexcept nogil:
    cdef uint8_t head[9]
    cdef long long integer
    cdef size_t body
    if parse_int64(text, length, &integer):
        body = write_integer(head, integer)
    else:
        body = write_text_head(head, length) + length
    return body + back_size(body)


cdef uint8_t* put_body(uint8_t* lp, const uint8_t* element, const uint8_t* head, size_t head_size,
                       const char* text, size_t text_size, Place place, const uint8_t** made) noexcept nogil:
    """Open a gap at an element (NULL: at the end) and write one there. `text` must not lie in the listpack."""
    cdef size_t size = listpack_size(lp)
    cdef size_t body = head_size + text_size
    cdef size_t total = body + back_size(body)
    cdef size_t replaced = 0
    cdef size_t offset, after
    cdef uint8_t* p
    cdef uint32_t length = told_length(lp)
    if element == NULL:
        offset = size - 1
    else:
        offset = element - lp
        if place == AFTER:
            offset += element_size(element)
        elif place == REPLACE:
            replaced = element_size(element)
    after = size + total - replaced
    if after > size:
        lp = resized(lp, size, after)
    p = lp + offset
    if total != replaced:
        memmove(p + total, p + replaced, size - offset - replaced)
    if after < size:
        lp = resized(lp, size, after)
        p = lp + offset
    memcpy(p, head, head_size)
    if text_size:
        memcpy(p + head_size, text, text_size)
    write_back(p + body, body)
    set_size(lp, <uint32_t>after)
    if not replaced and length != LISTPACK_MANY:
        set_length(lp, length + 1)
    if made != NULL:
        made[0] = p
    return lp


cdef uint8_t* listpack_put(uint8_t* lp, const uint8_t* element, const char* text, size_t length, Place place,
                           const uint8_t** made) noexcept nogil:
    cdef uint8_t head[9]
    cdef long long integer
    if parse_int64(text, length, &integer):
        return put_body(lp, element, head, write_integer(head, integer), NULL, 0, place, made)
    return put_body(lp, element, head, write_text_head(head, length), text, length, place, made)


cdef uint8_t* listpack_put_integer(uint8_t* lp, const uint8_t* element, int64_t value, Place place,
                                   const uint8_t** made) noexcept nogil:
    cdef uint8_t head[9]
    return put_body(lp, element, head, write_integer(head, value), NULL, 0, place, made)


cdef uint8_t* listpack_append(uint8_t* lp, const char* text, size_t length) noexcept nogil:
    return listpack_put(lp, NULL, text, length, BEFORE, NULL)


cdef inline size_t write_element(uint8_t* to, const char* text, size_t length) noexcept nogil:
    """A whole element of a text; how many bytes it takes."""
    cdef long long integer
    cdef size_t body
    if parse_int64(text, length, &integer):
        body = write_integer(to, integer)
    else:
        body = write_text_head(to, length)
        memcpy(to + body, text, length)
        body += length
    return body + write_back(to + body, body)


cdef uint8_t* listpack_append_pair(uint8_t* lp, const char* text, size_t length, const char* other,
                                   size_t other_length) noexcept nogil:
    cdef size_t size = listpack_size(lp)
    cdef size_t after = size + listpack_cost(text, length) + listpack_cost(other, other_length)
    cdef uint32_t elements = told_length(lp)
    cdef uint8_t* p
    lp = resized(lp, size, after)
    p = lp + size - 1
    p += write_element(p, text, length)
    p += write_element(p, other, other_length)
    p[0] = LISTPACK_END
    set_size(lp, <uint32_t>after)
    if elements != LISTPACK_MANY:
        set_length(lp, elements + 2)
    return lp


cdef void listpack_begin(uint8_t* room) noexcept nogil:
    set_size(room, LISTPACK_HEADER + 1)
    set_length(room, 0)
    room[LISTPACK_HEADER] = LISTPACK_END


cdef void listpack_add(uint8_t* lp, const char* text, size_t length) noexcept nogil:
    cdef size_t size = listpack_size(lp)
    cdef uint32_t elements = told_length(lp)
    size += write_element(lp + size - 1, text, length)
    lp[size - 1] = LISTPACK_END
    set_size(lp, <uint32_t>size)
    if elements != LISTPACK_MANY:
        set_length(lp, elements + 1)


cdef uint8_t* listpack_append_integer(uint8_t* lp, int64_t value) noexcept nogil:
    return listpack_put_integer(lp, NULL, value, BEFORE, NULL)


cdef uint8_t* listpack_prepend(uint8_t* lp, const char* text, size_t length) noexcept nogil:
    return listpack_put(lp, listpack_first(lp), text, length, BEFORE, NULL)


cdef uint8_t* listpack_remove(uint8_t* lp, const uint8_t* element, size_t count,
                              const uint8_t** following) noexcept nogil:
    cdef size_t size = listpack_size(lp)
    cdef size_t offset = element - lp
    cdef const uint8_t* end = element
    cdef size_t removed = 0
    cdef size_t after
    cdef uint32_t length = told_length(lp)
    while removed < count and end[0] != LISTPACK_END:
        end += element_size(end)
        removed += 1
    after = size - (end - element)
    memmove(lp + offset, end, size - (end - lp))
    lp = resized(lp, size, after)
    set_size(lp, <uint32_t>after)
    if length != LISTPACK_MANY:
        set_length(lp, length - removed)
    else:
        recount(lp)
    if following != NULL:
        following[0] = NULL if lp[offset] == LISTPACK_END else lp + offset
    return lp


cdef uint8_t* listpack_remove_equal(uint8_t* lp, const char* text, size_t length, size_t skip, size_t most,
                                    size_t* removed) noexcept nogil:
    cdef size_t size = listpack_size(lp)
    cdef size_t elements = listpack_length(lp)
    cdef size_t after
    cdef const uint8_t* end = lp + size - 1
    cdef const uint8_t* rest = lp + LISTPACK_HEADER      # what was not yet looked at
    cdef uint8_t* kept = lp + LISTPACK_HEADER            # where what stays goes
    cdef const uint8_t* found = listpack_find(listpack_first(lp), text, length, 1)
    cdef const uint8_t* behind
    removed[0] = 0
    while found != NULL and removed[0] < most:
        behind = found + element_size(found)
        if skip:
            skip -= 1
            found = behind
        else:
            removed[0] += 1
        # Found ones that stay move with what is before them.
        memmove(kept, rest, found - rest)
        kept += found - rest
        rest = behind
        found = NULL if behind == end else listpack_find(behind, text, length, 1)
    if not removed[0]:
        return lp
    memmove(kept, rest, end + 1 - rest)
    kept += end + 1 - rest
    after = kept - lp
    lp = resized(lp, size, after)
    listpack_tell(lp, <uint32_t>after, elements - removed[0])
    return lp


cdef void recount(uint8_t* lp) noexcept nogil:
    """Make a count that was too large to be told true again."""
    set_length(lp, LISTPACK_MANY)
    set_length(lp, listpack_length(lp))


cdef uint8_t* listpack_join(uint8_t* lp, const uint8_t* other) noexcept nogil:
    cdef size_t size = listpack_size(lp)
    cdef size_t added = listpack_size(other) - LISTPACK_HEADER - 1
    cdef size_t length = listpack_length(lp) + listpack_length(other)
    lp = resized(lp, size, size + added)
    memcpy(lp + size - 1, other + LISTPACK_HEADER, added + 1)
    set_size(lp, <uint32_t>(size + added))
    set_length(lp, length)
    return lp


cdef uint8_t* listpack_split(uint8_t* lp, const uint8_t* element, uint8_t** rest) noexcept nogil:
    cdef size_t size = listpack_size(lp)
    cdef size_t offset = element - lp
    cdef size_t moved = size - offset - 1
    cdef uint8_t* made = <uint8_t*>allocate(listpack_capacity(LISTPACK_HEADER + 1 + moved), KIND_COLLECTION)
    memcpy(made + LISTPACK_HEADER, element, moved + 1)
    set_size(made, <uint32_t>(LISTPACK_HEADER + 1 + moved))
    recount(made)
    lp[offset] = LISTPACK_END
    lp = resized(lp, size, offset + 1)
    set_size(lp, <uint32_t>(offset + 1))
    recount(lp)
    rest[0] = made
    return lp


# Checking

cdef bint listpack_valid(const char* bytes, size_t size) noexcept nogil:
    cdef const uint8_t* lp = <const uint8_t*>bytes
    cdef size_t at = LISTPACK_HEADER
    cdef size_t body, back, count, i
    cdef uint8_t first
    cdef uint8_t expected[5]
    if size < LISTPACK_HEADER + 1 or listpack_size(lp) != size or lp[size - 1] != LISTPACK_END:
        return False
    count = 0
    # The end byte is the last; each element has to end before it.
    while at < size - 1:
        first = lp[at]
        if first == LISTPACK_END or first > 0xF4:
            return False
        # Bytes of the encoding that say how long it is, before they are read.
        if first >= 0xF0 and first != 0xF0:
            body = body_size(lp + at)
        elif first == 0xF0:
            if size - 1 - at < 5:
                return False
            body = body_size(lp + at)
        elif first >= 0xE0:
            if size - 1 - at < 2:
                return False
            body = body_size(lp + at)
        else:
            body = body_size(lp + at)
        back = back_size(body)
        if body > size or body + back > size - 1 - at:
            return False
        write_back(expected, body)
        for i in range(back):
            if lp[at + body + i] != expected[i]:
                return False
        at += body + back
        count += 1
    return told_length(lp) == LISTPACK_MANY or told_length(lp) == count
