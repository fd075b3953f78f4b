"""Memory from the system in pieces of 2 MiB: see mapping.pyx."""

cdef enum:
    PIECE_BYTES = 2097152

# Zeroed memory, aligned to 2 MiB; `size` is a multiple of it. NULL: there is none.
cdef void* map_memory(size_t size) noexcept nogil
cdef void unmap_memory(void* start, size_t size) noexcept nogil

# Bytes that wait to be asked for.
cdef size_t prepared_bytes() noexcept nogil
# Gives those back.
cdef void drop_prepared() noexcept nogil
# Whether memory mapped from now on asks the kernel for huge pages.
cdef void want_huge_pages(bint wanted) noexcept nogil
