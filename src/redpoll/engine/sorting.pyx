"""Sorting texts, by their bytes or by numbers, without comparing them one with another where that can be helped.

A score becomes an integer of the same order, and the integers are sorted byte by byte from the lowest on (a radix
sort), passing over bytes that are the same in all: for 100,000 elements that is a handful of passes over an array of
16 bytes an element. Texts are sorted the same way eight bytes at a time: first what they all begin with is passed
over, then the next eight bytes are the key, and those that share it are sorted by what follows. All of it is stable.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memcmp, memcpy, memset

from redpoll.engine.numbers cimport format_int64, parse_bound, parse_int64

cdef extern from *:
    """
    #include <locale.h>
    #include <string.h>
    #define redpoll_bigendian(x) __builtin_bswap64(x)
    #define redpoll_fetch(p) __builtin_prefetch(p)

    static const char* redpoll_set_collation(const char* name) { return setlocale(LC_COLLATE, name); }
    """
    uint64_t redpoll_bigendian(uint64_t x) noexcept nogil
    void redpoll_fetch(const void* p) noexcept nogil
    const char* redpoll_set_collation(const char* name) noexcept nogil
    size_t strxfrm(char* to, const char* source, size_t size) noexcept nogil

cdef enum:
    BLOCK_BYTES = 65536
    FEW = 24                 # so many are sorted by insertion
    LEVELS_MOST = 60         # of texts that go on being equal; what is below is sorted by merging
    AHEAD = 8                # elements whose text is asked for before it is needed

cdef bint collating = False


# Texts

cdef char* arena_take(TextArena* arena, size_t size) noexcept nogil:
    cdef TextBlock* block
    cdef size_t room
    cdef char* taken
    # Never NULL, which would be an integer: so the first text needs a block even when it is empty.
    if size > arena.left or arena.cursor == NULL:
        room = size if size > BLOCK_BYTES else <size_t>BLOCK_BYTES
        block = <TextBlock*>malloc(sizeof(TextBlock*) + room)
        if block == NULL:
            abort()
        block.next = arena.blocks
        arena.blocks = block
        if room - size <= arena.left:
            # A block of its own for this text; the one before goes on being filled.
            return block.data
        arena.cursor = block.data
        arena.left = room
    taken = arena.cursor
    arena.cursor += size
    arena.left -= size
    return taken


cdef void arena_free(TextArena* arena) noexcept nogil:
    cdef TextBlock* block = arena.blocks
    cdef TextBlock* following
    while block != NULL:
        following = block.next
        free(block)
        block = following
    arena_init(arena)


cdef void text_copy(Text* text, const char* source, size_t length, TextArena* arena) noexcept nogil:
    cdef char* copy = arena_take(arena, length)
    memcpy(copy, source, length)
    text.text = copy
    text.number = length


cdef void text_print(Text* text, TextArena* arena) noexcept nogil:
    cdef char digits[24]
    if text.text == NULL:
        text_copy(text, digits, format_int64(digits, text.number), arena)


cdef bint text_score(const Text* text, double* score) noexcept nogil:
    cdef long long integer
    if text.text == NULL:
        score[0] = <double>text.number
        return True
    if parse_int64(text.text, text.number, &integer):
        score[0] = <double>integer
        return True
    # As the ends of ranges are read.
    return parse_bound(text.text, text.number, score)


# Locales

cdef bint collates() noexcept nogil:
    return collating


def use_collation(bytes locale):
    """Take the locale that says which text comes first; False when the system does not know it."""
    global collating
    cdef const char* name = redpoll_set_collation(locale)
    if name == NULL:
        return False
    # In these, whatever their encoding, texts are in the order of their bytes.
    collating = bytes(name) not in (b"C", b"POSIX") and not bytes(name).startswith(b"C.")
    return True


cdef void text_collated(Text* text, TextArena* arena) noexcept nogil:
    cdef char* copy
    cdef char* made
    cdef size_t size
    text_print(text, arena)
    copy = arena_take(arena, text.number + 1)
    memcpy(copy, text.text, text.number)
    copy[text.number] = 0
    # Behind that the text itself, for those that are the same there, and for what follows a NUL.
    size = strxfrm(NULL, copy, 0)
    made = arena_take(arena, size + 1 + text.number)
    strxfrm(made, copy, size + 1)
    memcpy(made + size + 1, copy, text.number)
    text.text = made
    text.number += size + 1


# By keys

cdef void insert_by_key(Ordered* order, size_t count) noexcept nogil:
    cdef Ordered one
    cdef size_t i, j
    for i in range(1, count):
        one = order[i]
        j = i
        while j and order[j - 1].key > one.key:
            order[j] = order[j - 1]
            j -= 1
        order[j] = one


cdef void order_keys(Ordered* order, Ordered* scratch, size_t count) noexcept nogil:
    cdef size_t counts[8][256]
    cdef size_t* places
    cdef Ordered* source = order
    cdef Ordered* target = scratch
    cdef Ordered* other
    cdef size_t i, sum, here
    cdef uint64_t key, varying
    cdef int byte
    cdef bint sorted_already = True
    if count <= FEW:
        insert_by_key(order, count)
        return
    varying = 0
    for i in range(1, count):
        varying |= order[i].key ^ order[0].key
        sorted_already &= order[i - 1].key <= order[i].key
    if sorted_already:
        return
    memset(counts, 0, sizeof(counts))
    for i in range(count):
        key = order[i].key
        for byte in range(8):
            counts[byte][key >> (8 * byte) & 255] += 1
    for byte in range(8):
        if not varying >> (8 * byte) & 255:
            continue
        places = counts[byte]
        sum = 0
        for i in range(256):
            here = places[i]
            places[i] = sum
            sum += here
        for i in range(count):
            here = source[i].key >> (8 * byte) & 255
            target[places[here]] = source[i]
            places[here] += 1
        other = source
        source = target
        target = other
    if source != order:
        memcpy(order, source, count * sizeof(Ordered))


cdef bint all_same(const Ordered* order, size_t count, const Text* texts) noexcept nogil:
    """Whether what has the same key are equal integers, so that nothing is left to be sorted."""
    cdef size_t i
    cdef const Text* first = &texts[order[0].index]
    if first.text != NULL:
        return False
    for i in range(1, count):
        if texts[order[i].index].text != NULL or texts[order[i].index].number != first.number:
            return False
    return True


cdef void sort_by_key(Ordered* order, Ordered* scratch, size_t count, Text* texts, TextArena* arena) noexcept nogil:
    cdef size_t i, end
    cdef size_t begin = 0
    order_keys(order, scratch, count)
    if texts == NULL:
        return
    while begin < count:
        end = begin + 1
        while end < count and order[end].key == order[begin].key:
            end += 1
        if end - begin > 1 and not all_same(order + begin, end - begin, texts):
            for i in range(begin, end):
                text_print(&texts[order[i].index], arena)
            sort_by_text(order + begin, scratch, end - begin, texts)
        begin = end


# By texts

cdef inline bint is_before(const Text* a, const Text* b, size_t depth) noexcept nogil:
    """Whether a text is before another, whose first bytes are the same."""
    cdef size_t length = a.number if a.number < b.number else b.number
    cdef int difference = memcmp(a.text + depth, b.text + depth, length - depth)
    return difference < 0 if difference else a.number < b.number


cdef void insert_by_text(Ordered* order, size_t count, const Text* texts, size_t depth) noexcept nogil:
    cdef Ordered one
    cdef size_t i, j
    for i in range(1, count):
        one = order[i]
        j = i
        while j and is_before(&texts[one.index], &texts[order[j - 1].index], depth):
            order[j] = order[j - 1]
            j -= 1
        order[j] = one


cdef void merge_by_text(Ordered* order, Ordered* scratch, size_t count, const Text* texts, size_t depth) noexcept nogil:
    cdef size_t half = count // 2
    cdef size_t left = 0
    cdef size_t right = half
    cdef size_t i
    if count <= FEW:
        insert_by_text(order, count, texts, depth)
        return
    merge_by_text(order, scratch, half, texts, depth)
    merge_by_text(order + half, scratch, count - half, texts, depth)
    memcpy(scratch, order, count * sizeof(Ordered))
    for i in range(count):
        if right == count or (left < half and not is_before(&texts[scratch[right].index],
                                                            &texts[scratch[left].index], depth)):
            order[i] = scratch[left]
            left += 1
        else:
            order[i] = scratch[right]
            right += 1


cdef inline size_t common_length(const char* a, const char* b, size_t most) noexcept nogil:
    cdef size_t i = 0
    while i < most and a[i] == b[i]:
        i += 1
    return i


cdef size_t common_depth(const Ordered* order, size_t count, const Text* texts, size_t depth) noexcept nogil:
    """How many bytes all texts have in common; they have `depth`."""
    cdef const Text* first = &texts[order[0].index]
    cdef const Text* one
    cdef size_t i, most
    cdef size_t common = first.number - depth
    for i in range(1, count):
        if i + AHEAD < count:
            redpoll_fetch(texts[order[i + AHEAD].index].text + depth)
        if not common:
            break
        one = &texts[order[i].index]
        most = one.number - depth
        common = common_length(first.text + depth, one.text + depth, common if common < most else most)
    return depth + common


cdef inline uint64_t key_at(const Text* text, size_t depth) noexcept nogil:
    """The eight bytes from a place on, as a number of the same order; what is missing is zero."""
    cdef uint64_t key = 0
    cdef size_t left = text.number - depth
    memcpy(&key, text.text + depth, 8 if left > 8 else left)
    return redpoll_bigendian(key)


cdef void sort_equals(Ordered* order, Ordered* scratch, size_t count, const Text* texts, size_t depth,
                      int level) noexcept nogil:
    """What has the same eight bytes before `depth`: those that end within them, by length, then the longer ones."""
    cdef size_t i
    cdef size_t ended = 0
    cdef size_t longer = 0
    if count <= FEW:
        # Where some end within the eight bytes, those are not all there to be passed over.
        insert_by_text(order, count, texts, depth - 8)
        return
    for i in range(count):
        if <size_t>texts[order[i].index].number <= depth:
            order[ended].index = order[i].index
            order[ended].key = texts[order[i].index].number
            ended += 1
        else:
            scratch[longer] = order[i]
            longer += 1
    memcpy(order + ended, scratch, longer * sizeof(Ordered))
    order_keys(order, scratch, ended)
    if longer > 1:
        sort_from(order + ended, scratch, longer, texts, depth, level + 1)


cdef void sort_from(Ordered* order, Ordered* scratch, size_t count, const Text* texts, size_t depth,
                    int level) noexcept nogil:
    cdef size_t i, end
    cdef size_t begin = 0
    if count <= FEW:
        insert_by_text(order, count, texts, depth)
        return
    if level > LEVELS_MOST:
        merge_by_text(order, scratch, count, texts, depth)
        return
    depth = common_depth(order, count, texts, depth)
    for i in range(count):
        if i + AHEAD < count:
            redpoll_fetch(texts[order[i + AHEAD].index].text + depth)
        order[i].key = key_at(&texts[order[i].index], depth)
    order_keys(order, scratch, count)
    while begin < count:
        end = begin + 1
        while end < count and order[end].key == order[begin].key:
            end += 1
        if end - begin > 1:
            sort_equals(order + begin, scratch, end - begin, texts, depth + 8, level)
        begin = end


cdef void sort_by_text(Ordered* order, Ordered* scratch, size_t count, const Text* texts) noexcept nogil:
    sort_from(order, scratch, count, texts, 0, 0)
