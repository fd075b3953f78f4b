"""The counting allocator: see memory.pyx for how it works.

Sizes are told at release, so blocks carry no headers. Nothing here takes a lock: the
thread that owns the keyspace is the only caller.
"""

cdef enum Kind:
    KIND_ENTRY       # keyspace and collection entries
    KIND_TABLE       # buckets and directories
    KIND_STRING      # long string values
    KIND_COLLECTION  # listpacks, nodes and what else lists, sets, hashes, sorted sets and streams are made of
    KIND_EXPIRY      # the index of keys by time of expiry
    KIND_CLIENT      # connections and their buffers
    KIND_OTHER
    KINDS

cdef void* allocate(size_t size, Kind kind) noexcept nogil
cdef void release(void* block, size_t size, Kind kind) noexcept nogil
cdef void* reallocate(void* block, size_t old_size, size_t new_size, Kind kind) noexcept nogil
cdef size_t block_size(size_t size) noexcept nogil

# Zeroed cache lines, aligned to 64 bytes (a size that is a power of two, or above 1,024), from 2 MiB on
# mapped and aligned to 2 MiB; for buckets.
cdef void* allocate_lines(size_t size, Kind kind) noexcept nogil
cdef void release_lines(void* lines, size_t size, Kind kind) noexcept nogil

# For memory that others hold (connection buffers): counted, not managed.
cdef void count(ptrdiff_t bytes, Kind kind) noexcept nogil

# Gives back to the system some of the memory that has become free, if there is enough of it; called now and then.
cdef void return_some() noexcept nogil
cdef bint has_to_return() noexcept nogil

cdef size_t used_memory() noexcept nogil
cdef size_t used_by(Kind kind) noexcept nogil

# Moving blocks together, see memory.pyx. Whether there is anything to move; from then until `evacuation_end` nothing
# new comes into the slabs that are to be emptied.
cdef bint evacuation_begin() noexcept nogil
cdef void evacuation_end() noexcept nogil
# The block's new place if it had to leave its slab, and NULL if it stays; what pointed to it is the caller's to change.
cdef void* relocate(void* block, size_t size, Kind kind) noexcept nogil
# Gives the pages of about `most` free slabs to the system; how many.
cdef size_t purge_slabs(size_t most) noexcept nogil
# Bytes of free blocks in slabs that others of their blocks keep in use.
cdef size_t slack_memory() noexcept nogil
