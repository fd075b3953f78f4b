# Replies counted and skipped, wherever the bytes are cut.

from libc.stdint cimport int64_t

cdef enum:
    ERROR_ROOM = 480


cdef struct Skipper:
    int64_t left          # values still missing in the reply under way; 0 between replies
    int64_t skip          # bytes of a payload still to come, with its line end
    int64_t number        # the length or count being read
    int64_t errors        # replies that were errors
    int state             # what the next byte is, see skipper.pyx
    int error_size        # of the first error's text
    char kind
    bint negative, push, capturing
    char error[ERROR_ROOM]


cdef void skipper_reset(Skipper* skipper) noexcept nogil
# The number of replies that ended in these bytes, or -1 if this is no RESP.
cdef int64_t skip_replies(Skipper* skipper, const char* data, size_t size) noexcept nogil
