"""Options that several string commands share: conditions and times of expiry."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call, check_type
from redpoll.engine.entry cimport TYPE_STRING, Entry

cdef enum Option:
    OPTION_NX = 1
    OPTION_XX = 2
    OPTION_GET = 4
    OPTION_KEEPTTL = 8
    OPTION_PERSIST = 16
    OPTION_IFEQ = 32
    OPTION_IFNE = 64
    OPTION_IFDEQ = 128
    OPTION_IFDNE = 256
    OPTION_ENX = 512
    OPTION_EX = 1024
    OPTION_PX = 2048
    OPTION_EXAT = 4096
    OPTION_PXAT = 8192

    OPTION_EXPIRY = OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT
    COMPARISONS = OPTION_IFEQ | OPTION_IFNE | OPTION_IFDEQ | OPTION_IFDNE
    CONDITIONS = OPTION_NX | OPTION_XX | COMPARISONS
    TIMES = OPTION_KEEPTTL | OPTION_PERSIST | OPTION_EXPIRY

cdef struct Options:
    int given
    size_t expiry_word         # of the time
    size_t comparand           # the word that IFEQ and its kin compare with
    int64_t expiry             # unix milliseconds; -1: none; set by `read_expiry`

# Which option a word is; 0: none of them.
cdef int option_at(Call call, size_t word) noexcept
# Reads the options from a word on: those in `allowed` and the times of expiry. Raises the syntax error.
cdef int read_options(Call call, size_t first, int allowed, Options* options) except -1
# Sets `expiry` from the words; raises for what is no time. `name` is the command's, lower case.
cdef int read_expiry(Call call, Options* options, str name) except -1
# Whether a key's value passes IFEQ and its kin; a missing key passes the negative ones. Raises WRONGTYPE.
cdef bint condition_holds(Call call, Entry** slot, const Options* options) except -1
cdef inline int check_string(Entry** slot) except -1:
    """Raise WRONGTYPE for what is neither a string nor missing."""
    return check_type(slot, TYPE_STRING)

# Tell on the string at a key as it is now, with its expiry, instead of what a command said that made it.
cdef int say_string(Call call, size_t word) except -1
