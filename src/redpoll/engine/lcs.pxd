"""The longest common subsequence of two strings: see lcs.pyx."""

from libc.stdint cimport uint32_t

# A table of (a_length + 1) * (b_length + 1) lengths, which the caller frees with free(3); NULL: no memory.
cdef uint32_t* lcs_table(const char* a, size_t a_length, const char* b, size_t b_length) noexcept nogil
