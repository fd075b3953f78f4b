"""Giving memory back to the system away from the loop."""

# `block` came from the C library's malloc and is no longer counted; a background thread frees it.
cdef void free_later(void* block) noexcept nogil

cdef size_t pending() noexcept nogil
