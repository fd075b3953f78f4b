"""Glob patterns as KEYS, SCAN, PSUBSCRIBE and ACL rules have them. See glob.pyx."""

cdef bint glob_match(
    const char* pattern, size_t pattern_length, const char* text, size_t text_length, bint nocase
) noexcept nogil
cdef bint is_literal(const char* pattern, size_t pattern_length) noexcept nogil
