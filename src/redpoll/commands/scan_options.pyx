"""The options that SCAN, HSCAN, SSCAN and ZSCAN share: see scan_options.pxd."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call

from redpoll import errors
from redpoll.errors import CommandError


cdef int read_scan_option(Call call, size_t word, const char** pattern, size_t* pattern_length,
                          int64_t* wanted) except -1:
    if word + 1 == call.argc:
        raise CommandError(errors.SYNTAX)
    if call.word_is(word, b"COUNT", 5):
        call.integer(word + 1, wanted)
        if wanted[0] < 1:
            raise CommandError(errors.SYNTAX)
    elif call.word_is(word, b"MATCH", 5):
        read_pattern(call, word + 1, pattern, pattern_length)
    else:
        raise CommandError(errors.SYNTAX)
    return 0


cdef void read_pattern(Call call, size_t word, const char** pattern, size_t* pattern_length) noexcept:
    pattern[0] = call.argv[word].ptr
    pattern_length[0] = call.argv[word].len
    if pattern_length[0] == 1 and pattern[0][0] == c"*":
        pattern[0] = NULL
