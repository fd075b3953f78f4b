"""The options that SCAN, HSCAN, SSCAN and ZSCAN share."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call

# Reads COUNT or MATCH and what follows it, which stand at a word. A pattern that every text matches becomes NULL.
# Raises the syntax error for anything else.
cdef int read_scan_option(Call call, size_t word, const char** pattern, size_t* pattern_length,
                          int64_t* wanted) except -1
# A pattern, or NULL for one that every text matches.
cdef void read_pattern(Call call, size_t word, const char** pattern, size_t* pattern_length) noexcept
