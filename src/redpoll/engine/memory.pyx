"""The counting allocator.

Blocks of up to 1,024 bytes come from slabs: 64 KiB, aligned to 64 KiB, each cut into blocks of
one size class (steps of 8 bytes up to 256, then of 32), with a 64-byte header that holds the
slab's own free list. An address leads to its slab by masking, the size that the caller tells
leads to the class, so a block has no header of its own. Slabs are cut from arenas of 2 MiB,
aligned to 2 MiB so that the kernel can back one by a single huge page: random access to
millions of entries is bound by the TLB, and as nothing here ever forks to save, huge pages
have no copy-on-write price.

An arena all of whose slabs are empty is spare, and so is what a large array of lines leaves, in pieces of an arena's
size. A page that comes from the system has to be zeroed by the kernel, and whatever was given back may be about to be
built again: so what is spare is used first, and goes back by and by once it was not wanted for a second.

Where most blocks of many slabs are free, blocks can be moved together: `evacuation_begin` keeps the
fullest slabs of each class, as many as its blocks need, and lets nothing new into the others.
Whoever knows what points to a block has it moved by `relocate`. A slab that becomes empty goes
back to its arena, and `purge_slabs` gives the pages of such slabs to the system though their arena
is in use, which costs the arena its huge page.

Larger blocks come from the C library. Everything is counted by what it really occupies, so
`used_memory` needs no estimate.
"""

from libc.stdint cimport uint32_t, uintptr_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free, malloc, qsort, realloc
from libc.string cimport memcpy, memset

from redpoll.engine.mapping cimport (
    PIECE_BYTES, drop_prepared, map_memory, prepared_bytes, unmap_memory, want_huge_pages,
)

cdef extern from "<stdlib.h>" nogil:
    void* aligned_alloc(size_t alignment, size_t size)

cdef extern from "<sys/mman.h>" nogil:
    int madvise(void* start, size_t size, int advice)
    int MADV_DONTNEED

cdef extern from "<malloc.h>" nogil:
    int malloc_trim(size_t pad)

cdef enum:
    SLAB_BYTES = 65536
    SLAB_HEADER = 64
    ARENA_BYTES = PIECE_BYTES
    SLABS_PER_ARENA = 32
    SMALL_MAX = 1024
    CLASSES = 57        # 32 of 8-byte steps, 24 of 32-byte steps, and none for 0
    C_LIBRARY_OVERHEAD = 16
    UNLISTED = 0        # values of `Slab.listed`
    LISTED = 1
    LEAVING = 2
    SPARE_SHARE = 16    # of the arenas that nobody wanted, one in so many goes back to the system at a time
    SPARE_CALLS = 40    # of `return_some`, after which an arena that was spare all the time is not wanted

cdef struct Arena:
    char* start
    uint32_t free_mask       # a bit for every slab that is not in use
    uint32_t purged_mask     # a bit for every one of those whose pages the system has
    Arena* previous          # in the list of arenas with a free slab
    Arena* next

cdef struct Slab:
    void* free               # list through the blocks
    char* fresh              # blocks from here to the end were never used
    uint32_t used
    uint32_t capacity
    uint32_t size_class
    uint32_t listed          # in the class's list of slabs with room, or in that of slabs that are to be emptied
    Slab* previous
    Slab* next
    Arena* arena

cdef Slab* rooms[CLASSES]    # slabs with room, by class; the head serves
cdef Arena* arenas           # arenas with a free slab
cdef Arena* spare            # empty arenas: one is kept, so that a size that swings does not map and unmap
cdef size_t spare_count
cdef size_t spare_least      # of `spare_count`, since this was looked at last
cdef size_t spare_unwanted   # that may go
cdef unsigned int spare_calls
cdef size_t counted[KINDS]
cdef size_t arena_count
cdef size_t class_slabs[CLASSES]
cdef Slab* leaving           # slabs that are to be emptied


cdef void out_of_memory(size_t size) noexcept nogil:
    fprintf(stderr, "redpoll: out of memory, %zu bytes wanted\n", size)
    abort()


cdef inline uint32_t class_of(size_t size) noexcept nogil:
    if size <= 256:
        return <uint32_t>((size + 7) >> 3) if size else 1
    return <uint32_t>(32 + ((size - 256 + 31) >> 5))


cdef inline size_t class_bytes(uint32_t size_class) noexcept nogil:
    return size_class << 3 if size_class <= 32 else 256 + ((size_class - 32) << 5)


cdef size_t block_size(size_t size) noexcept nogil:
    """What a block of `size` bytes really occupies."""
    if size <= SMALL_MAX:
        return class_bytes(class_of(size))
    return (size + C_LIBRARY_OVERHEAD + 15) & ~<size_t>15


cdef void* map_pieces(size_t size) noexcept nogil:
    cdef void* start = map_memory(size)
    if start == NULL:
        out_of_memory(size)
    return start


cdef Arena* new_arena(char* start) noexcept nogil:
    global arena_count
    cdef Arena* arena = <Arena*>malloc(sizeof(Arena))
    if arena == NULL:
        out_of_memory(sizeof(Arena))
    arena.start = start
    arena_count += 1
    return arena


cdef Arena* take_spare() noexcept nogil:
    """An empty arena, whose bytes are whatever they were; or NULL."""
    global spare, spare_count, spare_least
    cdef Arena* arena = spare
    if arena == NULL:
        return NULL
    spare = arena.next
    spare_count -= 1
    if spare_count < spare_least:
        spare_least = spare_count
    return arena


cdef void keep_spare(Arena* arena) noexcept nogil:
    global spare, spare_count
    arena.next = spare
    spare = arena
    spare_count += 1


cdef Slab* new_slab(uint32_t size_class) noexcept nogil:
    global arenas
    cdef Arena* arena = arenas
    cdef Slab* slab
    cdef uint32_t index
    cdef size_t size = class_bytes(size_class)
    if arena == NULL:
        arena = take_spare()
        if arena == NULL:
            arena = new_arena(<char*>map_pieces(ARENA_BYTES))
        arena.free_mask = <uint32_t>0xFFFFFFFF
        arena.purged_mask = 0
        arena.previous = NULL
        arena.next = NULL
        arenas = arena
    index = 0
    while not (arena.free_mask >> index) & 1:
        index += 1
    arena.free_mask &= ~(<uint32_t>1 << index)
    arena.purged_mask &= ~(<uint32_t>1 << index)
    if arena.free_mask == 0:
        arenas = arena.next
        if arenas != NULL:
            arenas.previous = NULL
    slab = <Slab*>(arena.start + index * SLAB_BYTES)
    slab.free = NULL
    slab.fresh = <char*>slab + SLAB_HEADER
    slab.used = 0
    slab.capacity = <uint32_t>((SLAB_BYTES - SLAB_HEADER) / size)
    slab.size_class = size_class
    slab.arena = arena
    class_slabs[size_class] += 1
    return slab


cdef void give_back(Slab* slab) noexcept nogil:
    """An empty slab returns to its arena."""
    global arenas
    cdef Arena* arena = slab.arena
    cdef uint32_t index = <uint32_t>((<char*>slab - arena.start) // SLAB_BYTES)
    class_slabs[slab.size_class] -= 1
    if arena.free_mask == 0:
        arena.previous = NULL
        arena.next = arenas
        if arenas != NULL:
            arenas.previous = arena
        arenas = arena
    arena.free_mask |= <uint32_t>1 << index
    if arena.free_mask == <uint32_t>0xFFFFFFFF:
        if arena.previous != NULL:
            arena.previous.next = arena.next
        else:
            arenas = arena.next
        if arena.next != NULL:
            arena.next.previous = arena.previous
        keep_spare(arena)


cdef inline void enlist(Slab* slab) noexcept nogil:
    cdef Slab* head = rooms[slab.size_class]
    # Behind the head: the head goes on filling up, so that nearly empty slabs get the time to empty.
    slab.listed = LISTED
    if head == NULL:
        slab.previous = NULL
        slab.next = NULL
        rooms[slab.size_class] = slab
    else:
        slab.previous = head
        slab.next = head.next
        if head.next != NULL:
            head.next.previous = slab
        head.next = slab


cdef inline void delist(Slab* slab) noexcept nogil:
    slab.listed = UNLISTED
    if slab.previous != NULL:
        slab.previous.next = slab.next
    else:
        rooms[slab.size_class] = slab.next
    if slab.next != NULL:
        slab.next.previous = slab.previous


cdef void leave(Slab* slab) noexcept nogil:
    """Take a slab out of the list of those that are to be emptied."""
    global leaving
    slab.listed = UNLISTED
    if slab.previous != NULL:
        slab.previous.next = slab.next
    else:
        leaving = slab.next
    if slab.next != NULL:
        slab.next.previous = slab.previous


cdef int fuller(const void* one, const void* other) noexcept nogil:
    cdef uint32_t a = (<Slab**>one)[0].used
    cdef uint32_t b = (<Slab**>other)[0].used
    return (a < b) - (a > b)


cdef void choose_leaving(uint32_t size_class) noexcept nogil:
    """Keep the fullest slabs of a class with room, as many as hold what is in all of them."""
    global leaving
    cdef Slab* slab = rooms[size_class]
    cdef Slab** sorted_slabs
    cdef size_t count = 0, used = 0, kept, i
    while slab != NULL:
        count += 1
        used += slab.used
        slab = slab.next
    if count < 2:
        return
    kept = used // rooms[size_class].capacity + 1
    if kept >= count:
        return
    sorted_slabs = <Slab**>malloc(count * sizeof(Slab*))
    if sorted_slabs == NULL:
        return
    slab = rooms[size_class]
    for i in range(count):
        sorted_slabs[i] = slab
        slab = slab.next
    qsort(sorted_slabs, count, sizeof(Slab*), fuller)
    rooms[size_class] = NULL
    # Each goes behind the head, so the fullest but one of those that are kept comes last.
    enlist(sorted_slabs[0])
    i = kept - 1
    while i:
        enlist(sorted_slabs[i])
        i -= 1
    for i in range(kept, count):
        slab = sorted_slabs[i]
        slab.listed = LEAVING
        slab.previous = NULL
        slab.next = leaving
        if leaving != NULL:
            leaving.previous = slab
        leaving = slab
    free(sorted_slabs)


cdef bint evacuation_begin() noexcept nogil:
    cdef uint32_t size_class
    if leaving != NULL:
        return True
    for size_class in range(1, CLASSES):
        choose_leaving(size_class)
    return leaving != NULL


cdef void evacuation_end() noexcept nogil:
    cdef Slab* slab
    while leaving != NULL:
        slab = leaving
        leave(slab)
        if slab.used == 0:
            give_back(slab)
        elif slab.used < slab.capacity:
            enlist(slab)


cdef void* relocate(void* block, size_t size, Kind kind) noexcept nogil:
    cdef Slab* slab
    cdef void* moved
    if size > SMALL_MAX:
        return NULL
    slab = <Slab*>(<uintptr_t>block & ~<uintptr_t>(SLAB_BYTES - 1))
    if slab.listed != LEAVING:
        return NULL
    moved = allocate(size, kind)
    memcpy(moved, block, size)
    release(block, size, kind)
    return moved


cdef size_t purge_slabs(size_t most) noexcept nogil:
    cdef Arena* arena = arenas
    cdef uint32_t wanted, index
    cdef size_t purged = 0
    while arena != NULL and purged < most:
        wanted = arena.free_mask & ~arena.purged_mask
        for index in range(SLABS_PER_ARENA):
            if (wanted >> index) & 1:
                madvise(arena.start + index * SLAB_BYTES, SLAB_BYTES, MADV_DONTNEED)
                purged += 1
        arena.purged_mask |= wanted
        arena = arena.next
    return purged


cdef size_t slack_memory() noexcept nogil:
    cdef size_t room = 0
    cdef uint32_t size_class
    cdef Slab* slab
    for size_class in range(1, CLASSES):
        slab = rooms[size_class]
        while slab != NULL:
            room += (slab.capacity - slab.used) * class_bytes(size_class)
            slab = slab.next
    return room


cdef size_t in_slabs(uint32_t size_class) noexcept nogil:
    """Blocks of a class in use: full slabs are in no list, so those with room tell what is missing."""
    cdef size_t room = 0
    cdef Slab* slab = rooms[size_class]
    while slab != NULL:
        room += slab.capacity - slab.used
        slab = slab.next
    slab = leaving
    while slab != NULL:
        if slab.size_class == size_class:
            room += slab.capacity - slab.used
        slab = slab.next
    return class_slabs[size_class] * ((SLAB_BYTES - SLAB_HEADER) // class_bytes(size_class)) - room


cdef void* allocate(size_t size, Kind kind) noexcept nogil:
    """A block of at least `size` bytes, not zeroed; aligned to 8, to 64 when `size` is a power of two from 64."""
    cdef uint32_t size_class
    cdef Slab* slab
    cdef void* block
    if size > SMALL_MAX:
        block = malloc(size)
        if block == NULL:
            out_of_memory(size)
        counted[<int>kind] += block_size(size)
        return block
    size_class = class_of(size)
    slab = rooms[size_class]
    if slab == NULL:
        slab = new_slab(size_class)
        enlist(slab)
    block = slab.free
    if block != NULL:
        slab.free = (<void**>block)[0]
    else:
        block = slab.fresh
        slab.fresh += class_bytes(size_class)
    slab.used += 1
    if slab.used == slab.capacity:
        delist(slab)
    counted[<int>kind] += class_bytes(size_class)
    return block


cdef void release(void* block, size_t size, Kind kind) noexcept nogil:
    """Give back a block of `size` bytes, as they were asked for."""
    cdef Slab* slab
    counted[<int>kind] -= block_size(size)
    if size > SMALL_MAX:
        free(block)
        return
    slab = <Slab*>(<uintptr_t>block & ~<uintptr_t>(SLAB_BYTES - 1))
    (<void**>block)[0] = slab.free
    slab.free = block
    slab.used -= 1
    if slab.listed != LISTED:
        if slab.listed == UNLISTED:
            enlist(slab)
        elif slab.used == 0:
            leave(slab)
            give_back(slab)
    elif slab.used == 0 and (slab.previous != NULL or slab.next != NULL):
        # The last slab of a class stays, so that one block taken and given back costs no new slab.
        delist(slab)
        give_back(slab)


cdef void* reallocate(void* block, size_t old_size, size_t new_size, Kind kind) noexcept nogil:
    cdef void* moved
    if old_size > SMALL_MAX and new_size > SMALL_MAX:
        moved = realloc(block, new_size)
        if moved == NULL:
            out_of_memory(new_size)
        counted[<int>kind] += block_size(new_size) - block_size(old_size)
        return moved
    if block_size(old_size) == block_size(new_size) and new_size <= SMALL_MAX and old_size <= SMALL_MAX:
        return block
    moved = allocate(new_size, kind)
    memcpy(moved, block, old_size if old_size < new_size else new_size)
    release(block, old_size, kind)
    return moved


cdef size_t lines_rounded(size_t size) noexcept nogil:
    if size >= ARENA_BYTES:
        return (size + ARENA_BYTES - 1) & ~<size_t>(ARENA_BYTES - 1)
    return (size + 63) & ~<size_t>63


cdef void* allocate_lines(size_t size, Kind kind) noexcept nogil:
    global arena_count
    cdef void* lines
    cdef Arena* arena
    if size <= SMALL_MAX:
        lines = allocate(size, kind)
        memset(lines, 0, size)
        return lines
    size = lines_rounded(size)
    counted[<int>kind] += size
    if size == ARENA_BYTES and spare != NULL:
        arena = take_spare()
        lines = arena.start
        free(arena)
        arena_count -= 1
        memset(lines, 0, size)
        return lines
    if size >= ARENA_BYTES:
        return map_pieces(size)
    lines = aligned_alloc(64, size)
    if lines == NULL:
        out_of_memory(size)
    memset(lines, 0, size)
    return lines


cdef void release_lines(void* lines, size_t size, Kind kind) noexcept nogil:
    if size <= SMALL_MAX:
        release(lines, size, kind)
        return
    size = lines_rounded(size)
    counted[<int>kind] -= size
    if size < ARENA_BYTES:
        free(lines)
        return
    while size:
        size -= ARENA_BYTES
        keep_spare(new_arena(<char*>lines + size))


cdef void count(ptrdiff_t bytes, Kind kind) noexcept nogil:
    counted[<int>kind] += bytes


cdef size_t used_by(Kind kind) noexcept nogil:
    return counted[<int>kind]


cdef size_t used_memory() noexcept nogil:
    cdef size_t total = 0
    cdef int kind
    for kind in range(KINDS):
        total += counted[<int>kind]
    return total


def use_huge_pages(bint wanted):
    """Whether memory mapped from now on asks the kernel for huge pages."""
    want_huge_pages(wanted)


def statistics():
    """Bytes in use by kind, as a dictionary, for INFO and MEMORY STATS."""
    return {
        "entries": counted[<int>KIND_ENTRY],
        "tables": counted[<int>KIND_TABLE],
        "strings": counted[<int>KIND_STRING],
        "collections": counted[<int>KIND_COLLECTION],
        "expiry": counted[<int>KIND_EXPIRY],
        "clients": counted[<int>KIND_CLIENT],
        "other": counted[<int>KIND_OTHER],
    }


def used() -> int:
    """Bytes in use, over all kinds."""
    return used_memory()


def slack() -> int:
    """Bytes of free blocks in slabs that others of their blocks keep in use."""
    return slack_memory()


def mapped() -> int:
    """Bytes mapped for what is in use, room in slabs and arenas included."""
    cdef size_t small = 0
    cdef uint32_t size_class
    for size_class in range(1, CLASSES):
        small += in_slabs(size_class) * class_bytes(size_class)
    return used_memory() - small + arena_count * ARENA_BYTES + prepared_bytes()


def classes() -> list:
    """(block size, slabs, blocks in use, blocks free in the slabs) of every size class with slabs."""
    cdef uint32_t size_class
    cdef size_t size, used
    cdef list found = []
    for size_class in range(1, CLASSES):
        if class_slabs[size_class]:
            size = class_bytes(size_class)
            used = in_slabs(size_class)
            found.append((size, class_slabs[size_class], used,
                          class_slabs[size_class] * ((SLAB_BYTES - SLAB_HEADER) // size) - used))
    return found


cdef void unmap_spare(size_t most) noexcept nogil:
    global arena_count
    cdef Arena* arena
    while spare_count and most:
        arena = take_spare()
        unmap_memory(arena.start, ARENA_BYTES)
        free(arena)
        arena_count -= 1
        most -= 1


cdef void return_some() noexcept nogil:
    """Give back some of what nobody wanted for a while; to be called now and then."""
    global spare_calls, spare_least, spare_unwanted
    cdef size_t least = spare_least
    cdef size_t most
    spare_calls += 1
    if spare_calls >= SPARE_CALLS:
        spare_calls = 0
        spare_unwanted = spare_least - 1 if spare_least else 0
        spare_least = least = spare_count
    if not spare_unwanted:
        return
    most = 1 + spare_unwanted // SPARE_SHARE
    if most >= spare_count:
        # One is kept, so that a size that swings does not map and unmap.
        most = spare_count - 1 if spare_count else 0
    spare_unwanted -= min(most, spare_unwanted)
    unmap_spare(most)
    # What went back was not wanted by anybody.
    spare_least = least - min(most, least)


cdef bint has_to_return() noexcept nogil:
    return spare_count > 1


def trim() -> None:
    """Give back to the system what is kept for use again."""
    unmap_spare(<size_t>-1)
    drop_prepared()
    malloc_trim(0)
